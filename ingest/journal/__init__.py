"""The append-only record of everything that happened, and the named cursors that read it."""
