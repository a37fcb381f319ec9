"""REST under /api/v1, and what machines ask: health, metrics, the live stream."""
