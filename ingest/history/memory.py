"""A history in memory, for tests and for what need not be kept."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from ingest.clock import Millis
from ingest.history.port import Bucket, HistoryUnavailable
from ingest.reading import HouseholdId, Reading, Signal


class MemoryHistory:
    """Implements History; nothing outlives the object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: dict[tuple[HouseholdId, Signal], dict[tuple[int, int], Reading]] = defaultdict(dict)
        self._kept: dict[tuple[int, int], tuple[HouseholdId, Signal]] = {}
        self._open = True

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings; of one offset and index the last one written counts."""
        with self._lock:
            self._check()
            for reading in readings:
                if reading.household_id is None:
                    continue
                key, series = (reading.offset, reading.index), (reading.household_id, reading.signal)
                before = self._kept.get(key)
                if before is not None:
                    del self._readings[before][key]
                self._kept[key] = series
                self._readings[series][key] = reading

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets of credible readings."""
        width = bucket_width(start, end, points)
        buckets: dict[int, list[float]] = defaultdict(list)
        for reading in self._credible(household_id, signal):
            if start <= reading.observed_at < end:
                buckets[(reading.observed_at - start) // width].append(reading.value)
        return [
            Bucket(
                start=start + number * width,
                count=len(values),
                mean=sum(values) / len(values),
                min=min(values),
                max=max(values),
            )
            for number, values in sorted(buckets.items())
        ]

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last credible reading of each signal; of equal times the one that came last."""
        found: dict[Signal, tuple[Millis, float]] = {}
        for signal in Signal:
            readings = self._credible(household_id, signal)
            if readings:
                last = max(readings, key=lambda reading: (reading.observed_at, reading.offset, reading.index))
                found[signal] = (last.observed_at, last.value)
        return found

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._open = False
            self._readings.clear()
            self._kept.clear()

    def _credible(self, household_id: HouseholdId, signal: Signal) -> list[Reading]:
        with self._lock:
            self._check()
            return [reading for reading in self._readings.get((household_id, signal), {}).values() if reading.credible]

    def _check(self) -> None:
        if not self._open:
            raise HistoryUnavailable("the history is closed")


def bucket_width(start: Millis, end: Millis, points: int) -> Millis:
    """The width of equal buckets that cover the range with at most `points`; ValueError for an empty range or none."""
    if start >= end or points <= 0:
        raise ValueError(f"a series needs start < end and points > 0, not {start}, {end} and {points}")
    return -((start - end) // points)
