"""What a store of past readings promises to those who draw charts; it need not know SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ingest.clock import Millis
from ingest.reading import HouseholdId, Reading, Signal


class Bucket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All readings of one signal with `start <= observed_at < start + width`; min and max keep every peak."""

    start: Millis
    count: int
    mean: float
    min: float
    max: float


class HistoryUnavailable(Exception):
    """The store cannot answer or take readings now; nothing else may wait for it."""


class History(Protocol):
    """Readings by household, signal and observed time. Safe to use from several threads."""

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings; writing one again (same offset and index) changes nothing. Raises HistoryUnavailable."""
        ...

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets over `start <= observed_at < end`, empty ones left out, oldest first.

        Raises HistoryUnavailable; ValueError unless start < end and points > 0.
        """
        ...

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last reading of each signal by observed time: (observed_at, value)."""
        ...

    def close(self) -> None:
        """Give up the store."""
        ...
