"""What an operator types, one module a command: its options here, its work imported when it runs (docs/adr/0002)."""
