"""Readings sorted into columns by what they mean to the rules."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ingest.clock import MINUTE, SECOND, Millis
from ingest.dating import YEAR_2020
from ingest.reading import Reason, Rejection, Signal
from ingest.readings import SIGNALS, Floats, Ints, Mask, Readings
from rules.columns import UNSET, Rows
from rules.samples import Samples
from rules.state import State
from rules.twins import without_life_of_twins

Column: TypeAlias = Ints | Floats | Mask
_NO_ROWS: Rows = np.zeros(0, dtype=np.int64)
LEFT, CAME_HOME = 2.0, 3.0
"""What a door says that can tell."""

_MOTION, _STATUS = Signal.MOTION.code, Signal.STATUS.code
_DOOR, _CALL, _STEPS = Signal.DOOR.code, Signal.CALL.code, Signal.STEPS.code
_TEMPERATURE, _HUMIDITY = Signal.TEMPERATURE.code, Signal.HUMIDITY.code
_NO_NUMBER = -1

SURELY_BACK: Millis = MINUTE
"""From so long after it was said to be offline on, what a gateway says itself shows that it is not."""

SILENT_REASONS = frozenset({Reason.RETAINED, Reason.DUPLICATE, Reason.UNKNOWN_DEVICE})
"""Rejections that say nothing of the device: the broker or the network spoke, or nobody we know."""


class Moments(NamedTuple):
    """Rows and instants (ms UTC) side by side, in the order of the journal."""

    rows: Rows
    at: Ints


NO_MOMENTS = Moments(_NO_ROWS, _NO_ROWS)


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


class Batch:
    """What a run of readings and rejections says, ids already rows: first added, then closed and read."""

    def __init__(self, state: State, caught_up: Millis) -> None:
        self._state = state
        self._device_of = state.devices.ids.find
        self._enrolled = state.devices
        self._caught_up = caught_up
        self._parts: list[tuple[Readings, Rows, Rows]] = []
        self._refused: list[tuple[int, Millis, int]] = []  # device row, when, messages

    @property
    def empty(self) -> bool:
        """Whether nothing was added."""
        return not (self._parts or self._refused)

    def add(self, readings: Readings, homes: Rows, devices: Rows) -> None:
        """Readings with their rows in Households and Devices; one of a home or device that has none is left out."""
        self._parts.append((readings, homes, devices))

    def add_rejection(self, rejection: Rejection) -> None:
        """Count it against its device, where it says something of it."""
        device = None if rejection.device_id is None else self._device_of(rejection.device_id)
        if device is not None and rejection.messages and rejection.reason not in SILENT_REASONS:
            self._refused.append((device, rejection.received_at, rejection.messages))

    def close(self) -> None:
        """Nothing is added any more."""
        readings = Readings.join([part for part, _, _ in self._parts])
        home = _one_after_other([homes for _, homes, _ in self._parts])
        device = _one_after_other([devices for _, _, devices in self._parts])
        if len(home) and (home.min() < 0 or device.min() < 0):
            known = (home >= 0) & (device >= 0)
            readings, home, device = readings.where(known), home[known], device[known]
        refused = np.array(self._refused, dtype=np.int64).reshape(-1, 3)
        self.rejected = Moments(refused[:, 0], refused[:, 1])  # device rows, by receive time
        self.rejected_messages = refused[:, 2]  # beside `rejected`
        self._sort(readings, home, device)

    def _sort(self, readings: Readings, home: Rows, device: Rows) -> None:
        code, value = readings.signal, readings.value
        counts = np.bincount(code, minlength=len(SIGNALS)).tolist()
        self.status = self._states(readings, device, counts)  # device row, ms UTC, online; in the order of the journal
        self.battery, self.link = (self._percents(one, counts, readings, device) for one in (Signal.BATTERY, Signal.LINK))
        # What is read once more came long ago: it says nothing of the clock of its device, nor that it speaks now.
        heard, again = readings.credible, readings.again
        skewed = readings.skewed & ~again
        self.faulty = NO_MOMENTS  # device rows: wrongly dated, by receive time
        doubtful = _NO_ROWS
        if not heard.all():
            doubtful = np.flatnonzero(~heard & ~again & (code != _STATUS))
            observed, received = readings.observed_at[doubtful], readings.received_at[doubtful]
            doubtful = doubtful[observed < self._earliest(device[doubtful], received)]
        undated = skewed | again
        if counts[_STATUS]:  # offline is the broker's word; of the gateway's own its clock and number say nothing
            state = code == _STATUS
            heard, undated = heard & ~(state & (value <= 0)), undated | state
        if len(doubtful) or skewed.any():
            faulty = heard & skewed & (code != _STATUS)
            faulty[doubtful] = True
            self.faulty = Moments(device[faulty], readings.received_at[faulty])
        others = Moments(device[doubtful], readings.received_at[doubtful]), self.rejected
        if not heard.all():
            readings, home, device, undated = readings.where(heard), home[heard], device[heard], undated[heard]
        self._sort_heard(readings, home, device, undated)
        live = ~readings.again
        told = Moments(device[live], readings.received_at[live])
        self.reports = joined(told, *others)  # device rows: any live message, by receive time

    def _states(self, readings: Readings, device: Rows, counts: list[int]) -> list[tuple[int, Millis, bool]]:
        """What was said of gateways, and that one which is said to be offline speaks itself, fresh and not right after that.

        A will that is told after its gateway has come back would leave the home dark for good.
        """
        received, code = readings.received_at, readings.signal
        columns = (readings.offset, device, received, readings.value > 0)
        told = self._told(Signal.STATUS, counts, code, *columns)
        offline = self._enrolled.offline_since[device]
        gone = np.flatnonzero((offline < UNSET) & (code != _STATUS))
        if len(gone):
            fresh = received[gone] - readings.observed_at[gone] < self._caught_up
            sure = fresh & readings.credible[gone] & ~readings.again[gone] & (received[gone] >= offline[gone] + SURELY_BACK)
            told += [(int(readings.offset[one]), int(device[one]), int(received[one]), True) for one in gone[sure].tolist()]
            told.sort(key=lambda one: one[0])
        return [(row, at, online) for _, row, at, online in told]

    def _sort_heard(self, readings: Readings, home: Rows, device: Rows, undated: Mask) -> None:
        """What can be believed, signal by signal; those that nobody told of cost nothing."""
        received, observed, value = readings.received_at, readings.observed_at, readings.value
        code = without_life_of_twins(self._state, device, readings.signal, observed)
        counts = np.bincount(code, minlength=len(SIGNALS)).tolist()
        lag = received - observed
        timely = lag < self._caught_up
        self.heard = Moments(home, observed)  # household rows: any credible reading
        self.heard_received = received  # beside `heard`: when it came
        self.fresh = Moments(home[timely], received[timely])  # household rows: not late, by receive time
        self.health = Health(device, received, lag)
        if undated.any():
            dated = ~undated
            self.health = Health(device[dated], received[dated], lag[dated])
        self.numbers = self._numbers(readings, device, timely & (code != _STATUS) if counts[_STATUS] else timely)
        moved = np.flatnonzero((code == _MOTION) & (value > 0)) if counts[_MOTION] else _NO_ROWS
        self.motion = Moments(home[moved], observed[moved])
        self.movers = device[moved]  # beside `motion`
        self.enter = self.door = NO_MOMENTS
        signs: list[Moments] = []
        if counts[_DOOR]:
            door = np.flatnonzero(code == _DOOR)
            said = value[door]
            came = said == CAME_HOME
            self.enter, self.door = (Moments(home[one], observed[one]) for one in (door[came], door[~came]))
            told = door[came | (said == LEFT)]
            signs.append(Moments(home[told], observed[told]))
        for signal in (_CALL, _STEPS):
            some = np.flatnonzero((code == signal) & (value > 0)) if counts[signal] else _NO_ROWS
            signs.append(Moments(home[some], observed[some]))
        self.call = signs[-2]
        self.life = joined(*signs)  # other signs of life than motion and plain doors
        self.sims = self._told(Signal.SIM, counts, code, device, value, observed // SECOND)  # device row, which card, s UTC
        self.phone = self._told(Signal.PHONE, counts, code, home, observed, value > 0)  # household row, when, on
        climate = _NO_ROWS
        if counts[_TEMPERATURE] or counts[_HUMIDITY]:
            climate = np.flatnonzero((code == _TEMPERATURE) | (code == _HUMIDITY))
        self.climate = Samples(home, device, value, observed, readings.offset, code == _TEMPERATURE).chosen(climate)

    @staticmethod
    def _told(signal: Signal, counts: list[int], code: Ints, *columns: Column) -> list[tuple[Any, ...]]:
        """What the readings of this signal say, reading by reading."""
        if not counts[signal.code]:
            return []
        mine = code == signal.code
        return list(zip(*(column[mine].tolist() for column in columns), strict=True))

    @staticmethod
    def _percents(signal: Signal, counts: list[int], readings: Readings, device: Rows) -> list[tuple[int, float, int]]:
        """Device row, percent, and as of when (s UTC); what is wrongly dated holds as of when it came."""
        if not counts[signal.code]:
            return []
        mine = np.flatnonzero(readings.signal == signal.code)
        observed, received = readings.observed_at[mine], readings.received_at[mine]
        at = np.where(readings.credible[mine], np.minimum(observed, received), received) // SECOND
        return list(zip(device[mine].tolist(), readings.value[mine].tolist(), at.tolist(), strict=True))

    def _earliest(self, device: Rows, received: Ints) -> Ints:
        """Before which a time of the device is a fault of its clock: see ingest.dating.earliest_believable."""
        enrolled = self._enrolled.enrolled_at[device]
        enrolled = np.where(enrolled < UNSET, enrolled, YEAR_2020)
        return np.where(received >= YEAR_2020, np.maximum(enrolled, YEAR_2020), enrolled)

    def _numbers(self, readings: Readings, device: Rows, timely: Mask) -> Numbers:
        """Of readings that are not late; what a reading shares with the one before it is said once."""
        boot, seq = readings.boot, readings.seq
        told = np.flatnonzero(timely & (boot > _NO_NUMBER) & (seq > _NO_NUMBER))
        columns = (device[told], boot[told], seq[told], readings.received_at[told])
        new = np.ones(len(told), dtype=bool)
        if len(told):
            new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
        return Numbers(*(column[new] for column in columns))


def joined(*parts: Moments) -> Moments:
    """One after the other."""
    some = [part for part in parts if len(part.rows)]
    if len(some) < 2:
        return some[0] if some else NO_MOMENTS
    return Moments(np.concatenate([part.rows for part in some]), np.concatenate([part.at for part in some]))


def _one_after_other(parts: list[Rows]) -> Rows:
    return parts[0] if len(parts) == 1 else np.concatenate([_NO_ROWS, *parts])
