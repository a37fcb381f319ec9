"""What we do: alerts, checks, tickets, what is due, and what is sent to whom."""
