"""The stage that rolls readings of the journal up into hours, the same for every store.

It looks at the clock of the journal alone: at every ten minutes of receive time the hours that ended ten minutes before
are handed on, late readings of older ones as parts of their own. So a journal read again makes the same parts, and
writing them again changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TypeAlias

import msgspec
import numpy as np

from ingest.clock import HOUR, MINUTE, Millis
from ingest.decoding import Decoding
from ingest.history.port import History, HourPart
from ingest.journal.port import Entry
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.readings import SIGNALS, Ints, Readings, Whose

GRID: Millis = 10 * MINUTE
FLUSH_AT = 5_000
"""Parts gathered before they are written without waiting for the next commit."""


_ROOM = 64
_NEW = -1
_HOUR_BITS = 24
"""Hours since 1970 take 19 of them until 2029."""


class _Open(msgspec.Struct, array_like=True, gc=False):
    """An hour of one device and signal that is still being added to, as it is committed."""

    dong_code: str
    first: int
    count: int
    total: float
    min: float
    max: float


_Held: TypeAlias = tuple[str, str, str, int, _Open]  # household, device, signal, hour


class _State(msgspec.Struct, array_like=True):
    decoder: bytes
    grid: int
    open: list[_Held]


_Key: TypeAlias = tuple[HouseholdId, DeviceId, Signal, Millis]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class OpenHours:
    """The hours that are still being added to, one sum for each device and signal; sums are columns, `[row]`.

    Values are added one by one in the order of the journal, so that the sums are the same to the last bit however the journal
    is cut into batches.
    """

    def __init__(self) -> None:
        self._places: Sequence[Whose] = ()
        self._rows: dict[int, int] = {}  # by place of these, signal and hour
        self._known: dict[_Key, int] = {}  # row, by what is the same whatever the places are
        self._heads: list[tuple[str, int]] = []  # dong and first offset
        self._count: Ints = np.zeros(_ROOM, dtype=np.int64)
        self._total, self._min, self._max = np.zeros(_ROOM), np.full(_ROOM, np.inf), np.full(_ROOM, -np.inf)

    def add(self, readings: Readings) -> None:
        """Take in those that are credible; all are of households."""
        readings = readings.where(readings.credible)
        if readings.places is not self._places:
            self._places, self._rows = readings.places, {}
        series = (readings.place * len(SIGNALS) + readings.signal) << _HOUR_BITS | readings.observed_at // HOUR
        packed, first, which = np.unique(series, return_index=True, return_inverse=True)
        rows = [self._rows.get(key, _NEW) for key in packed.tolist()]
        new = [place for place, row in enumerate(rows) if row == _NEW]
        for place in sorted(new, key=first.__getitem__):  # in the order of the journal, whatever the numbers are
            rows[place] = self._rows[int(packed[place])] = self._begin(readings[int(first[place])])
        at = np.array(rows, dtype=np.int64)[which]
        np.add.at(self._count, at, 1)
        np.add.at(self._total, at, readings.value)
        np.minimum.at(self._min, at, readings.value)
        np.maximum.at(self._max, at, readings.value)

    def close(self, until: Millis) -> list[HourPart]:
        """The hours that ended at `until` or before, which are forgotten here."""
        held = self.snapshot()
        ended = [one for one in held if one[3] + HOUR <= until]
        if ended:
            self.restore([one for one in held if one[3] + HOUR > until])
        return [_part(*one) for one in ended]

    def snapshot(self) -> list[_Held]:
        """All of them."""
        total, low, high = (column.tolist() for column in (self._total, self._min, self._max))
        count = self._count.tolist()
        return [(*key, _Open(*self._heads[row], count[row], total[row], low[row], high[row])) for key, row in self._known.items()]

    def restore(self, held: list[_Held]) -> None:
        """These instead of what there is."""
        self._places, self._rows, self._known, self._heads = (), {}, {}, []
        self._count[:], self._total[:], self._min[:], self._max[:] = 0, 0.0, np.inf, -np.inf
        for household, device, signal, hour, one in held:
            row = self._row((HouseholdId(household), DeviceId(device), Signal(signal), hour), one.dong_code, one.first)
            self._count[row], self._total[row], self._min[row], self._max[row] = one.count, one.total, one.min, one.max

    def _begin(self, reading: Reading) -> int:
        assert reading.household_id is not None
        key = (reading.household_id, reading.device_id, reading.signal, reading.observed_at // HOUR * HOUR)
        row = self._known.get(key)
        return self._row(key, reading.dong_code, reading.offset) if row is None else row

    def _row(self, key: _Key, dong_code: str, first: int) -> int:
        row = self._known[key] = len(self._heads)
        self._heads.append((dong_code, first))
        if row == len(self._count):
            self._count = np.concatenate((self._count, np.zeros(row, dtype=np.int64)))
            self._total = np.concatenate((self._total, np.zeros(row)))
            self._min = np.concatenate((self._min, np.full(row, np.inf)))
            self._max = np.concatenate((self._max, np.full(row, -np.inf)))
        return row


def _part(household_id: str, device_id: str, signal: str, hour: Millis, held: _Open) -> HourPart:
    return HourPart(
        dong_code=DongCode(held.dong_code),
        household_id=HouseholdId(household_id),
        device_id=DeviceId(device_id),
        signal=Signal(signal),
        hour=hour,
        first=held.first,
        count=held.count,
        total=held.total,
        min=held.min,
        max=held.max,
    )


class HoursConsumer:
    """Implements Consumer. Holds an entry for each series of the hour that runs; HistoryUnavailable goes up."""

    def __init__(self, history: History, decoder: Decoding, name: str = "history-hours") -> None:
        self._name = name
        self._history = history
        self._decoder = decoder
        self._open = OpenHours()
        self._grid: Millis = 0  # the last grid point looked at
        self._done: list[HourPart] = []
        self._written_to: Millis | None = None  # the mark last written by this process

    @property
    def name(self) -> str:
        """The cursor's name: each store has one of its own."""
        return self._name

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state."""
        past = _decoder.decode(state) if state is not None else None
        self._decoder.restore(past.decoder if past else None)
        self._grid = past.grid if past else 0
        self._open.restore(past.open if past else [])
        self._done.clear()
        self._written_to = None

    def take(self, entries: Sequence[Entry]) -> None:
        """Add up credible readings of households; write the hours that ended meanwhile when many wait."""
        decoded = self._decoder.read(entries)
        received, readings, start = [entry.received_at for entry in entries], decoded.readings, 0
        while start < len(entries):
            if received[start] >= self._grid + GRID:
                self._close(received[start])
            end = bisect_left(received, self._grid + GRID, lo=start)
            first, last = np.searchsorted(readings.offset, (entries[start].offset, entries[end - 1].offset + 1)).tolist()
            self._open.add(readings[first:last])
            start = end
        if len(self._done) >= FLUSH_AT:
            self._flush()

    def at_head(self, now: Millis) -> None:
        """Close what ended, whether or not anything arrives."""
        if now >= self._grid + GRID:
            self._close(now)

    def state(self) -> bytes | None:
        """The hours that run, once everything that ended is durable. Raises HistoryUnavailable."""
        self._flush()
        return _encoder.encode(_State(self._decoder.snapshot(), self._grid, self._open.snapshot()))

    def _close(self, now: Millis) -> None:
        """Look at the last grid point at or before `now`; those skipped would have closed nothing else."""
        self._grid = now // GRID * GRID
        self._done += self._open.close(self._grid - GRID)

    def _flush(self) -> None:
        rolled_to = (self._grid - GRID) // HOUR * HOUR
        if self._done or (self._written_to is not None and rolled_to > self._written_to):
            self._history.write_hours(self._done, rolled_to)
            self._done.clear()
            self._written_to = rolled_to
