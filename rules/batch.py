"""Readings sorted into columns by what they mean to the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ingest.clock import Millis
from ingest.dating import YEAR_2020, earliest_believable
from ingest.reading import Reading, Reason, Rejection, Signal
from rules.columns import UNSET, Ints, Rows
from rules.state import State

_MOTION, _STATUS, _BATTERY, _LINK = Signal.MOTION, Signal.STATUS, Signal.BATTERY, Signal.LINK
LEFT, CAME_HOME = 2.0, 3.0
"""What a door says that can tell."""

SILENT_REASONS = frozenset({Reason.RETAINED, Reason.DUPLICATE, Reason.UNKNOWN_DEVICE})
"""Rejections that say nothing of the device: the broker or the network spoke, or nobody we know."""


class Moments(NamedTuple):
    """Rows and instants (ms UTC) side by side, in the order of the journal."""

    rows: Rows
    at: Ints


class Health(NamedTuple):
    """What readings say of the clock of their devices, as columns: device rows, when received, how long after observed."""

    rows: Rows
    received: Ints
    lag: Ints


class Numbers(NamedTuple):
    """How devices count, as columns: device rows, boot, seq, when received. The records of a pack share theirs."""

    rows: Rows
    boot: Ints
    seq: Ints
    received: Ints


_NO_MOMENTS = Moments(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))


@dataclass(slots=True)
class _Gathered:
    """Moments while they are gathered."""

    rows: list[int] = field(default_factory=list)
    at: list[Millis] = field(default_factory=list)

    def add(self, row: int, at: Millis) -> None:
        """One more."""
        self.rows.append(row)
        self.at.append(at)

    def closed(self) -> Moments:
        """As arrays."""
        return Moments(_ints(self.rows), _ints(self.at)) if self.rows else _NO_MOMENTS


@dataclass(slots=True)
class Samples:
    """Samples of one kind, no two of the same home, as columns."""

    home: list[int] = field(default_factory=list)  # row in Households
    device: list[int] = field(default_factory=list)  # row in Devices
    value: list[float] = field(default_factory=list)
    at: list[Millis] = field(default_factory=list)  # ms UTC
    offset: list[int] = field(default_factory=list)


class Turns:
    """Humidity and temperature samples in journal order: the n-th of each home in the n-th turn, so that a turn's samples
    concern different homes and may be folded together."""

    def __init__(self) -> None:
        self.humidity: list[Samples] = []
        self.air: list[Samples] = []
        self._of: dict[int, int] = {}

    def add(self, home: int, device: int, reading: Reading) -> None:
        """One more."""
        turn = self._of.get(home, 0)
        self._of[home] = turn + 1
        if turn == len(self.air):
            self.air.append(Samples())
            self.humidity.append(Samples())
        samples = (self.air if reading.signal is Signal.TEMPERATURE else self.humidity)[turn]
        samples.home.append(home)
        samples.device.append(device)
        samples.value.append(reading.value)
        samples.at.append(reading.observed_at)
        samples.offset.append(reading.offset)


class Batch:
    """What a run of readings and rejections says, ids already rows: first added one by one, then closed and read.

    Whatever every reading says is gathered in columns, which cost a tenth of objects.
    """

    def __init__(self, state: State, caught_up: Millis) -> None:
        self._home_of = state.households.index.get
        self._device_of = state.devices.index.get
        self._enrolled = state.devices
        self._caught_up = caught_up
        self.size = 0
        self._home: list[int] = []  # this and the five below: of each credible reading
        self._device: list[int] = []
        self._observed: list[Millis] = []
        self._received: list[Millis] = []
        self._boot: list[int] = []  # -1: it has none
        self._seq: list[int] = []
        self._undated: list[int] = []  # places of those that say nothing of the device's clock
        self._moved: list[int] = []  # places of motions
        self._reports = _Gathered()
        self._enter, self._door, self._call, self._life = _Gathered(), _Gathered(), _Gathered(), _Gathered()
        self._faulty, self._rejected = _Gathered(), _Gathered()
        self.phone: list[tuple[int, Millis, bool]] = []  # household row, when, on
        self.status: list[tuple[int, Millis, bool]] = []  # device row, received, online
        self.battery: list[tuple[int, float]] = []  # device row, percent
        self.link: list[tuple[int, float]] = []  # device row, percent
        self.sims: list[tuple[int, float]] = []  # device row, which card
        self.turns = Turns()

    def close(self) -> None:
        """Nothing is added any more."""
        home, device, received = _ints(self._home), _ints(self._device), _ints(self._received)
        observed = _ints(self._observed)
        lag = received - observed
        timely = lag < self._caught_up
        self.heard = Moments(home, observed)  # household rows: any credible reading
        self.heard_received = received  # beside `heard`: when it came
        self.fresh = Moments(home[timely], received[timely])  # household rows: not late, by receive time
        reports = self._reports.closed()
        self.reports = Moments(  # device rows: any live message, by receive time
            np.concatenate((device, reports.rows)), np.concatenate((received, reports.at))
        )
        dated = np.ones(len(lag), dtype=bool)
        dated[self._undated] = False
        self.health = Health(device[dated], received[dated], lag[dated])
        self.numbers = self._numbers(device, received, timely)
        moved = _ints(self._moved)
        self.motion = Moments(home[moved], observed[moved])
        self.movers = device[moved]  # beside `motion`
        self.enter, self.door, self.call = self._enter.closed(), self._door.closed(), self._call.closed()
        self.life = self._life.closed()  # other signs of life than motion and plain doors
        self.faulty = self._faulty.closed()  # device rows: wrongly dated, by receive time
        self.rejected = self._rejected.closed()  # device rows, by receive time

    def _numbers(self, device: Rows, received: Ints, timely: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Numbers:
        """Of readings that are not late; what a reading shares with the one before it is said once."""
        boot, seq = _ints(self._boot), _ints(self._seq)
        told = np.flatnonzero(timely & (boot >= 0) & (seq >= 0))
        columns = (device[told], boot[told], seq[told], received[told])
        new = np.ones(len(told), dtype=bool)
        new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
        return Numbers(*(column[new] for column in columns))

    def keep_motions(self, kept: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> None:
        """Let only these of `motion` be motions."""
        self.motion = Moments(self.motion.rows[kept], self.motion.at[kept])

    def add_rejection(self, rejection: Rejection) -> None:
        """Count it against its device, where it says something of it."""
        self.size += 1
        device = None if rejection.device_id is None else self._device_of(rejection.device_id)
        if device is not None and rejection.reason not in SILENT_REASONS:
            self._reports.add(device, rejection.received_at)
            self._rejected.add(device, rejection.received_at)

    def add(self, reading: Reading) -> None:
        """Sort the reading in; one of a household or device that is not looked after is left out."""
        self.size += 1
        home, device = self._home_of(reading.household_id or ""), self._device_of(reading.device_id)
        if home is None or device is None:
            return
        signal, value = reading.signal, reading.value
        if signal is _MOTION:
            if self._hear(home, device, reading) and value > 0:
                self._moved.append(len(self._home) - 1)
        elif signal is _STATUS:
            self._add_status(home, device, reading)
        else:
            if signal is _BATTERY:
                self.battery.append((device, value))
            elif signal is _LINK:
                self.link.append((device, value))
            if self._hear(home, device, reading):
                self._add_meaning(home, device, reading)

    def _hear(self, home: int, device: int, reading: Reading) -> bool:
        """Whether the reading is credible; it is then gathered, else counted against its device."""
        received, observed, boot, seq = reading.received_at, reading.observed_at, reading.boot, reading.seq
        if not reading.credible:
            if observed < earliest_believable(self._enrolled_at(device), received):
                self._reports.add(device, received)
                self._faulty.add(device, received)
            return False
        if reading.skewed:
            self._faulty.add(device, received)
            self._undated.append(len(self._home))
        self._home.append(home)
        self._device.append(device)
        self._observed.append(observed)
        self._received.append(received)
        self._boot.append(-1 if boot is None else boot)
        self._seq.append(-1 if seq is None else seq)
        return True

    def _add_meaning(self, home: int, device: int, reading: Reading) -> None:
        signal, value, at = reading.signal, reading.value, reading.observed_at
        if signal is Signal.TEMPERATURE or signal is Signal.HUMIDITY:
            self.turns.add(home, device, reading)
        elif signal is Signal.DOOR:
            (self._enter if value == CAME_HOME else self._door).add(home, at)
            if value in (LEFT, CAME_HOME):
                self._life.add(home, at)
        elif signal is Signal.CALL:
            if value > 0:
                self._call.add(home, at)
                self._life.add(home, at)
        elif signal is Signal.STEPS:
            if value > 0:
                self._life.add(home, at)
        elif signal is Signal.SIM:
            self.sims.append((device, value))
        elif signal is Signal.PHONE:
            self.phone.append((home, at, value > 0))

    def _add_status(self, home: int, device: int, reading: Reading) -> None:
        """State even when retained; online and live is a report of the gateway, offline is the broker's word."""
        online = reading.value > 0
        self.status.append((device, reading.received_at, online))
        if online and reading.credible:
            self._undated.append(len(self._home))
            self._home.append(home)
            self._device.append(device)
            self._observed.append(reading.observed_at)
            self._received.append(reading.received_at)
            self._boot.append(-1)
            self._seq.append(-1)

    def _enrolled_at(self, device: int) -> Millis:
        at = int(self._enrolled.enrolled_at[device])
        return at if at < UNSET else YEAR_2020


def _ints(values: list[int]) -> Ints:
    return np.array(values, dtype=np.int64)
