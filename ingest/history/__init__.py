"""Past readings for charts and reports; alerting never waits for it."""
