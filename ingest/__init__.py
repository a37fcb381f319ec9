"""What happened: messages and facts, made durable before anyone is told, and read back as readings."""
