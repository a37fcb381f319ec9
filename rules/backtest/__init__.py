"""What a rule table would have said of days that were recorded."""
