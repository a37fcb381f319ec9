"""The command: settings, the wiring of all stages, and what an operator types."""
