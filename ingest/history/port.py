"""What a store of past readings promises to those who draw charts; it need not know SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ingest.clock import DAY, Millis
from ingest.journal.port import NotNow
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal

RAW_KEPT: Millis = 90 * DAY
HOURS_KEPT: Millis = 5 * 366 * DAY


class Bucket(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All readings of one signal with `start <= observed_at < start + width`; min and max keep every peak."""

    start: Millis
    count: int
    mean: float
    min: float
    max: float


class HourPart(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Credible readings of one device, signal and hour that came in one stretch of the journal.

    An hour has one part, and one more for each ten minutes in which readings of it came late. Who takes the same journal
    makes the same parts; `first` tells those of one hour apart.
    """

    dong_code: DongCode
    household_id: HouseholdId
    device_id: DeviceId
    signal: Signal
    hour: Millis  # when the hour begins
    first: int  # journal offset of the first reading in it
    count: int
    total: float
    min: float
    max: float


class HistoryUnavailable(NotNow):
    """The store cannot answer or take readings now; nothing else may wait for it."""


class HistoryStopped(HistoryUnavailable):
    """The store refuses us as a whole (key, bucket): a person must mend that. Nothing is dropped until then."""


class History(Protocol):
    """Readings by household, signal and observed time. Safe to use from several threads."""

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings; writing one again (same offset and index) changes nothing.

        What is written again of a message is all of it. Raises HistoryUnavailable.
        """
        ...

    def write_hours(self, parts: Sequence[HourPart], rolled_to: Millis) -> None:
        """Keep these parts of hours, then note that every hour ending at `rolled_to` or before is there in parts.

        Writing a part again changes nothing. Raises HistoryUnavailable.
        """
        ...

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets over `start <= observed_at < end`, empty ones left out, oldest first.

        Buckets of an hour and more are whole hours long, begin at whole hours and come from the roll-up; the first one
        is cut at `start`. Raises HistoryUnavailable; ValueError unless start < end and points > 0.
        """
        ...

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last reading of each signal by observed time: (observed_at, value)."""
        ...

    def prune(self, raw_before: Millis, hours_before: Millis) -> int:
        """Forget readings received before `raw_before` and hours that began before `hours_before`; how many rows went.

        0 where the store sees to that itself.
        """
        ...

    def close(self) -> None:
        """Give up the store."""
        ...
