"""How long a home is usually still, and when it is still for too long for this home."""
