"""Who has duty when, what they hand over, what tonight will bring, and what is held back or gathered for them."""
