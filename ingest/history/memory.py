"""A history in memory, for tests and for what need not be kept."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from ingest.clock import Millis
from ingest.history.port import Bucket, HistoryUnavailable, HourPart
from ingest.history.span import Sum, span_of
from ingest.reading import DeviceId, HouseholdId, Reading, Signal


class MemoryHistory:
    """Implements History; nothing outlives the object."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: dict[tuple[HouseholdId, Signal], dict[tuple[int, int], Reading]] = defaultdict(dict)
        self._kept: dict[tuple[int, int], tuple[HouseholdId, Signal]] = {}
        self._open = True
        self.hours: dict[tuple[HouseholdId, DeviceId, Signal, Millis, int], HourPart] = {}
        self.rolled_to: Millis | None = None

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
        """At most `points` equal buckets of credible readings, all of them kept: the roll-up can be held against this."""
        span = span_of(start, end, points)
        heard = self._credible(household_id, signal)
        return list(
            span.buckets(
                Sum((one.observed_at - span.origin) // span.width, 1, one.value, one.value, one.value)
                for one in heard
                if start <= one.observed_at < end
            )
        )

    def write_hours(self, parts: Sequence[HourPart], rolled_to: Millis) -> None:
        """Keep these parts to be looked at; no chart needs them here."""
        with self._lock:
            self._check()
            for part in parts:
                self.hours[part.household_id, part.device_id, part.signal, part.hour, part.first] = part
            self.rolled_to = rolled_to

    def prune(self, raw_before: Millis, hours_before: Millis) -> int:
        """Nothing goes: all of it goes with the process."""
        return 0

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
