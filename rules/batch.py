"""Readings sorted into columns by what they mean to the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np

from ingest.clock import Millis
from ingest.dating import YEAR_2020, earliest_believable
from ingest.reading import Reading, Reason, Rejection, Signal
from rules.columns import UNSET, Ints, Rows
from rules.state import State

LEFT, CAME_HOME = 2.0, 3.0
"""What a door says that can tell."""

SILENT_REASONS = frozenset({Reason.RETAINED, Reason.DUPLICATE, Reason.UNKNOWN_DEVICE})
"""Rejections that say nothing of the device: the broker or the network spoke, or nobody we know."""


@dataclass(slots=True)
class Moments:
    """Rows and instants (ms UTC) side by side."""

    rows: list[int] = field(default_factory=list)
    at: list[Millis] = field(default_factory=list)

    def add(self, row: int, at: Millis) -> None:
        """One more."""
        self.rows.append(row)
        self.at.append(at)

    def arrays(self) -> tuple[Rows, Ints]:
        """As arrays."""
        return np.array(self.rows, dtype=np.int64), np.array(self.at, dtype=np.int64)


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
    """What a run of readings and rejections says, ids already rows; the order within a column is the journal's."""

    def __init__(self, state: State, caught_up: Millis) -> None:
        self._homes = state.households.index
        self._devices = state.devices.index
        self._enrolled = state.devices
        self._caught_up = caught_up
        self.size = 0
        self.heard = Moments()  # household rows: any credible reading
        self.heard_received: list[Millis] = []  # beside `heard`: when it came
        self.reports = Moments()  # device rows: any live message, by receive time
        self.motion = Moments()
        self.movers: list[int] = []  # device rows, beside `motion`
        self.enter = Moments()
        self.door = Moments()
        self.call = Moments()
        self.life = Moments()  # other signs of life than motion and plain doors
        self.fresh = Moments()  # household rows: a reading that is not late, by receive time
        self.phone: list[tuple[int, Millis, bool]] = []  # household row, when, on
        self.status: list[tuple[int, Millis, bool]] = []  # device row, received, online
        self.battery: list[tuple[int, float]] = []  # device row, percent
        self.link: list[tuple[int, float]] = []  # device row, percent
        self.faulty = Moments()  # device rows: wrongly dated, by receive time
        # Flat, three and four to a reading: numpy takes one long list far sooner than many small tuples.
        self.lags: list[int] = []  # device row, received, how long after it was observed
        self.numbers: list[int] = []  # of readings that are not late: device row, boot, seq, received
        self.sims: list[tuple[int, float]] = []  # device row, which card
        self.rejected = Moments()  # device rows, by receive time
        self.turns = Turns()

    def add_rejection(self, rejection: Rejection) -> None:
        """Count it against its device, where it says something of it."""
        self.size += 1
        device = None if rejection.device_id is None else self._devices.get(rejection.device_id)
        if device is not None and rejection.reason not in SILENT_REASONS:
            self.reports.add(device, rejection.received_at)
            self.rejected.add(device, rejection.received_at)

    def add(self, reading: Reading) -> None:
        """Sort the reading in; one of a household or device that is not looked after is left out."""
        self.size += 1
        home = self._homes.get(reading.household_id or "")
        device = self._devices.get(reading.device_id)
        if home is None or device is None:
            return
        if reading.signal is Signal.STATUS:
            self._add_status(home, device, reading)
            return
        if reading.signal is Signal.BATTERY:
            self.battery.append((device, reading.value))
        elif reading.signal is Signal.LINK:
            self.link.append((device, reading.value))
        if not reading.credible:
            if reading.observed_at < earliest_believable(self._enrolled_at(device), reading.received_at):
                self.reports.add(device, reading.received_at)
                self.faulty.add(device, reading.received_at)
            return
        if reading.skewed:
            self.faulty.add(device, reading.received_at)
        self.reports.add(device, reading.received_at)
        self._hear(home, reading)
        self._add_health(device, reading)
        self._add_meaning(home, device, reading)

    def keep_motions(self, kept: Sequence[bool]) -> None:
        """Let only these of `motion` be motions."""
        if not all(kept):
            self.motion = Moments(list(compress(self.motion.rows, kept)), list(compress(self.motion.at, kept)))

    def _add_health(self, device: int, reading: Reading) -> None:
        """How late it came, and in which order the device counts."""
        lag = reading.received_at - reading.observed_at
        if not reading.skewed:
            self.lags += (device, reading.received_at, lag)
        if reading.boot is None or reading.seq is None or lag >= self._caught_up:
            return
        number = [device, reading.boot, reading.seq, reading.received_at]
        if self.numbers[-4:] != number:  # the records of a pack share theirs
            self.numbers += number

    def _add_meaning(self, home: int, device: int, reading: Reading) -> None:
        signal, value, at = reading.signal, reading.value, reading.observed_at
        if signal is Signal.MOTION:
            if value > 0:
                self.motion.add(home, at)
                self.movers.append(device)
        elif signal is Signal.TEMPERATURE or signal is Signal.HUMIDITY:
            self.turns.add(home, device, reading)
        elif signal is Signal.DOOR:
            (self.enter if value == CAME_HOME else self.door).add(home, at)
            if value in (LEFT, CAME_HOME):
                self.life.add(home, at)
        elif signal is Signal.CALL:
            if value > 0:
                self.call.add(home, at)
                self.life.add(home, at)
        elif signal is Signal.STEPS:
            if value > 0:
                self.life.add(home, at)
        elif signal is Signal.SIM:
            self.sims.append((device, value))
        elif signal is Signal.PHONE:
            self.phone.append((home, at, value > 0))

    def _add_status(self, home: int, device: int, reading: Reading) -> None:
        """State even when retained; online and live is a report of the gateway, offline is the broker's word."""
        online = reading.value > 0
        self.status.append((device, reading.received_at, online))
        if online and reading.credible:
            self.reports.add(device, reading.received_at)
            self._hear(home, reading)

    def _hear(self, home: int, reading: Reading) -> None:
        self.heard.add(home, reading.observed_at)
        self.heard_received.append(reading.received_at)
        if reading.received_at - reading.observed_at < self._caught_up:
            self.fresh.add(home, reading.received_at)

    def _enrolled_at(self, device: int) -> Millis:
        at = int(self._enrolled.enrolled_at[device])
        return at if at < UNSET else YEAR_2020
