"""How many days a trend looks at."""

from __future__ import annotations

RECENT, PAST = 7, 28
"""A week is held against the four before it: as many of each day of the week on both sides."""
