"""`anbu backtest`: what a rule table would have said of recorded days."""
