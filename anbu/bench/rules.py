"""How the rules bear many households: a sweep, a fold, a snapshot, and the same sweep by a plain dictionary in the same run."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from ingest.clock import HOUR, MINUTE, SECOND, Clock, Millis
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.readings import CREDIBLE, Gathered, Ints, Readings, Whose
from rules.device_rows import Devices
from rules.engine import STEP, Engine
from rules.household_rows import Households
from rules.limits import Grade
from rules.movements import Movements
from rules.pauses import Habits
from rules.state import State
from rules.table import RuleTable, load_table
from rules.trend_store import Trends, day_of

HOUSEHOLDS = (10_000, 100_000, 1_000_000, 10_000_000)
READINGS = 100_000
MOST_SENSORS = 1_000_000
"""Above as many households the others have none: memory, not time, is what a sensor costs here."""

NOW: Millis = 1_763_791_200_000
"""2025-11-22T15:00 in Seoul: by day, and no home has its nightly turn."""

SEEN_WITHIN: Millis = 50 * MINUTE
"""When each home was last seen to move: within this before NOW, as a town by day is."""

_SWEEPS = 20
_FOLDS = 3
T = TypeVar("T")


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """One number of households. Times are means of a few runs, on one core."""

    sweep_ms: float  # all absence rules at one grid point (10 s of home time)
    fold_ms: float  # of 100,000 readings of random homes, as the decoder hands them on: columns
    bytes_per_household: float  # arrays of a household, its trends included
    bytes_per_device: float  # of a motion sensor, its recent motions included
    bytes_per_habit: float  # what the personal baseline keeps of a home that has had a pause
    snapshot_s: float
    restore_s: float
    dict_ratio: float  # the same sweep over a dictionary of deadlines: so many times as long
    dict_fold_ratio: float  # the same readings into that dictionary, every deadline moved
    sensors: int


def run_rules(counts: Sequence[int], clock: Clock, progress: Callable[[str], None]) -> dict[str, Sizes]:
    """The figures by number of households."""
    found = {}
    for count in counts:
        progress(f"{count:,} ...")
        found[str(count)] = measure(count, load_table(None), clock)
        gc.collect()
    return found


def measure(count: int, table: RuleTable, clock: Clock) -> Sizes:
    """A town of so many homes, each with its motion sensor."""
    sensors = min(count, MOST_SENSORS)
    places = _places(sensors)
    readings = [_motions(places, place) for place in range(_FOLDS)]
    dict_sweep, dict_fold = _by_dictionary(count, table, [list(one) for one in readings], clock)
    gc.collect()
    raw, engine = town(count, sensors), Engine(table)
    began = clock.monotonic()
    engine.restore(raw)
    restored = clock.monotonic()
    del raw
    gc.collect()
    snapshot_began = clock.monotonic()
    engine.snapshot()
    snapshot_s = clock.monotonic() - snapshot_began
    engine.advance(NOW)  # what stood when the snapshot was taken is judged anew once
    sweep = _mean(clock, engine.advance, [NOW + place * STEP for place in range(1, _SWEEPS + 1)])
    engine.fold(_everybody(places))
    fold = _mean(clock, engine.fold, [[one] for one in readings])
    return Sizes(
        sweep_ms=round(sweep * 1000, 4),
        fold_ms=round(fold * 1000, 2),
        bytes_per_household=Households().bytes_per_row() + Trends().bytes_per_row(),
        bytes_per_device=Devices().bytes_per_row() + Movements().bytes_per_row(),
        bytes_per_habit=Habits().bytes_per_row(),
        snapshot_s=round(snapshot_s, 6),
        restore_s=round(restored - began, 6),
        dict_ratio=round(dict_sweep / sweep, 2),
        dict_fold_ratio=round(dict_fold / fold, 2),
        sensors=sensors,
    )


def town(count: int, sensors: int) -> bytes:
    """The snapshot of such a town, evaluated up to NOW."""
    state, chance = State(), np.random.default_rng(1)
    homes, devices = state.households, state.devices
    homes.add(count)
    homes.ids.add_all([f"hh-{number}" for number in range(count)])
    homes.dongs.add("dong-1")
    rows = homes.rows()
    seen = NOW - chance.integers(0, SEEN_WITHIN, count)
    seen[: _SWEEPS + 1] = NOW + np.arange(_SWEEPS + 1) * STEP - 8 * HOUR  # one home after another comes to its limit
    homes.active[rows] = 1
    homes.grade[rows] = tuple(Grade).index(Grade.ORDINARY)
    for column in (homes.enrolled_at, homes.heard_from, homes.commissioned_at, homes.motion_from):
        column[rows] = NOW - 30 * 24 * HOUR
    for column in (homes.last_motion, homes.last_life, homes.fresh_at):
        column[rows] = seen
    homes.first_event[rows] = (NOW - 30 * 24 * HOUR) // SECOND
    homes.fit_at[rows] = NOW + 12 * HOUR
    devices.add(sensors)
    devices.ids.add_all([f"pir-{number}" for number in range(sensors)])
    told = devices.rows()
    devices.household[told] = told
    devices.enrolled_at[told] = NOW - 30 * 24 * HOUR
    devices.signals[told] = 1
    for column in (devices.last_report, devices.moved_at):
        column[told] = seen[:sensors]
    runs = state.movements.now
    devices.movement[told] = state.movements.add(told)
    for column in (runs.last, runs.first, runs.busy_since):
        column[told] = seen[:sensors] // SECOND
    state.evaluated = state.heard_at = NOW - STEP
    state.trends.add(count)
    state.trend_closed = day_of(NOW) - 1
    return state.dump()


def _places(sensors: int) -> list[Whose]:
    """The places of all sensors, as a decoder that has read of them hands them on."""
    dong = DongCode("dong-1")
    return [
        Whose(device_id=DeviceId(f"pir-{home}"), household_id=HouseholdId(f"hh-{home}"), dong_code=dong)
        for home in range(sensors)
    ]


def _everybody(places: list[Whose]) -> Iterator[Readings]:
    """A motion of each: what is new about a device that has never spoken is not what is measured."""
    for start in range(0, len(places), READINGS):
        yield _moved(places, np.arange(start, min(start + READINGS, len(places))), NOW + _SWEEPS * STEP, seq=0)


def _motions(places: list[Whose], turn: int) -> Readings:
    """Motions of random homes, as they come within a few seconds."""
    chance = np.random.default_rng(turn)
    return _moved(places, chance.integers(0, len(places), READINGS), NOW + (_SWEEPS + turn + 1) * STEP, seq=turn + 1)


def _moved(places: list[Whose], which: Ints, at: Millis, *, seq: int) -> Readings:
    gathered, number = Gathered(), np.arange(len(which))
    gathered.add_all(
        np.zeros_like(number),
        which,
        np.full_like(number, Signal.MOTION.code),
        at + number // 100,
        np.full_like(number, CREDIBLE),
        np.ones(len(which)),
        offset=1,
        received_at=at + READINGS // 100,
        boot=1,
        seq=seq,
    )
    return gathered.close(places)


class Deadlines:
    """What the absence rules would be as a dictionary: by household the deadline of each rule."""

    def __init__(self, table: RuleTable, last: dict[str, Millis]) -> None:
        limits = table.profile(Grade.ORDINARY).absence
        self._firsts = [
            min(one for one in getattr(limits, rule) if one is not None)
            for rule in ("motion", "call", "phone", "cannot_verify", "away")
        ]
        self._of = {name: [at + first for first in self._firsts] for name, at in last.items()}

    def sweep(self, now: Millis) -> list[str]:
        """Whose deadline has passed."""
        return [name for name, deadlines in self._of.items() if min(deadlines) <= now]

    def fold(self, readings: Sequence[Reading]) -> None:
        """Move the deadlines of the readings' homes."""
        firsts, of = self._firsts, self._of
        for reading in readings:
            name = str(reading.household_id)
            if reading.signal is Signal.MOTION and reading.value > 0 and reading.observed_at + firsts[0] > of[name][0]:
                of[name] = [reading.observed_at + first for first in firsts]


def _by_dictionary(count: int, table: RuleTable, readings: Sequence[Sequence[Reading]], clock: Clock) -> tuple[float, float]:
    """Seconds of a sweep and of a fold."""
    deadlines = Deadlines(table, {f"hh-{number}": NOW for number in range(count)})
    return _mean(clock, deadlines.sweep, [NOW, NOW + STEP]), _mean(clock, deadlines.fold, readings)


def _mean(clock: Clock, work: Callable[[T], object], over: Sequence[T]) -> float:
    """Seconds that the work takes on one of these."""
    began = clock.monotonic()
    for one in over:
        work(one)
    return (clock.monotonic() - began) / len(over)
