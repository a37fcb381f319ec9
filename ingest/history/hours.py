"""The stage that rolls readings of the journal up into hours, the same for every store.

It looks at the clock of the journal alone: at every ten minutes of receive time the hours that ended ten minutes before
are handed on, late readings of older ones as parts of their own. So a journal read again makes the same parts, and
writing them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from ingest.clock import HOUR, MINUTE, Millis
from ingest.decoding import Decoding
from ingest.history.port import History, HourPart
from ingest.journal.port import Entry
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal

GRID: Millis = 10 * MINUTE
FLUSH_AT = 5_000
"""Parts gathered before they are written without waiting for the next commit."""


class _Open(msgspec.Struct, array_like=True, gc=False):
    """An hour of one device and signal that is still being added to."""

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
    """The hours that are still being added to, one sum for each device and signal."""

    def __init__(self) -> None:
        self._open: dict[_Key, _Open] = {}

    def add(self, reading: Reading) -> None:
        """Take a reading in, if it is credible and of a household."""
        value, household_id = reading.value, reading.household_id
        if household_id is None or not reading.credible:
            return
        key = (household_id, reading.device_id, reading.signal, reading.observed_at // HOUR * HOUR)
        held = self._open.get(key)
        if held is None:
            self._open[key] = _Open(reading.dong_code, reading.offset, 1, value, value, value)
            return
        held.count += 1
        held.total += value
        if value < held.min:
            held.min = value
        elif value > held.max:
            held.max = value

    def close(self, until: Millis) -> list[HourPart]:
        """The hours that ended at `until` or before, which are forgotten here."""
        ended = [key for key in self._open if key[3] + HOUR <= until]
        return [_part(key, self._open.pop(key)) for key in ended]

    def snapshot(self) -> list[_Held]:
        """All of them."""
        return [(*key, one) for key, one in self._open.items()]

    def restore(self, held: list[_Held]) -> None:
        """These instead of what there is."""
        self._open = {(HouseholdId(row[0]), DeviceId(row[1]), Signal(row[2]), row[3]): row[4] for row in held}


def _part(key: _Key, held: _Open) -> HourPart:
    household_id, device_id, signal, hour = key
    return HourPart(
        dong_code=DongCode(held.dong_code),
        household_id=household_id,
        device_id=device_id,
        signal=signal,
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
        for entry, items in self._decoder.read(entries):
            if entry.received_at >= self._grid + GRID:
                self._close(entry.received_at)
            for item in items:
                if isinstance(item, Reading):
                    self._open.add(item)
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
