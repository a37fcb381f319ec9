"""What a machine can carry: measured with real brokers, real stores and a real site, on 127.0.0.1 alone."""
