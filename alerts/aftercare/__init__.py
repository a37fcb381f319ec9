"""What follows a check: visits, referrals to care, contact plans, and the case that holds them together."""
