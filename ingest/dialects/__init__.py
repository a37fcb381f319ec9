"""The languages devices speak: one file for each, all behind the port in `ingest.dialects.port` (docs/dialects.md)."""
