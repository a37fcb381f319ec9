"""How samples of temperature and humidity are held against their limits: for how long each sensor has been beyond them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import numpy as np

from ingest.clock import MINUTE, Millis
from rules.apparent import felt_heat
from rules.columns import NEVER, UNSET, Floats, Ints, Rows, Small
from rules.device_rows import AIR, HIGHS, Climates
from rules.finding import RuleKey
from rules.limits import Breach, Channel, Threshold, ThresholdLimit
from rules.limits_in_force import LimitsInForce
from rules.samples import Samples
from rules.spans import Proof, Spans
from rules.state import State
from rules.turns import by_turns

CHANNELS = tuple(Channel)
HALF_HOUR: Millis = 30 * MINUTE


RULES: dict[RuleKey, tuple[Channel, ...]] = {
    RuleKey.HEAT: (Channel.HEAT,),
    RuleKey.COLD: (Channel.COLD,),
    RuleKey.HUMIDITY: (Channel.DRY, Channel.DAMP),
    RuleKey.TEMPERATURE_FALL: (Channel.TEMPERATURE_FALL,),
    RuleKey.FROZEN: (Channel.FROZEN,),
}
_RULE_OF = {channel: rule for rule, channels in RULES.items() for channel in channels}


class Ledger(NamedTuple):
    """What samples are folded into."""

    climates: Climates
    spans: Spans
    humidity: Floats  # by household row, percent: the last of any sensor of the home
    humidity_at: Ints  # by household row, ms UTC
    due: Ints  # by household row: 0 is written where there is something to be judged
    devices_due: Ints  # by device row, likewise


class _Samples(NamedTuple):
    """Samples of different homes as columns: household and climate rows, unit values, ms UTC, journal offsets, ms."""

    home: Rows
    sensor: Rows
    value: Floats
    at: Ints
    offset: Ints
    gap: Ints  # a longer silence before the sample breaks a dwell


class _Bounds(NamedTuple):
    """One threshold as columns by profile; the levels that are there, in the order of their gravity."""

    breach: Breach
    first: Floats  # what does not breach this breaches no level
    levels: list[tuple[int, Floats, Floats, Ints]]  # level, raise_at, clear_at, ms of a dwell that count as held

    @classmethod
    def of(cls, profiles: list[Threshold], tolerance: float) -> _Bounds:
        """Every profile has the levels of everybody."""
        levels = []
        for level in range(1, 4):
            limits = [one.levels[level - 1] for one in profiles]
            there = [limit for limit in limits if limit is not None]
            if there:
                held = np.array([round(limit.dwell * (1.0 - tolerance)) for limit in there], dtype=np.int64)
                raised = np.array([limit.raise_at for limit in there])
                cleared = np.array([limit.clear_at for limit in there])
                levels.append((level, raised, cleared, held))
        raises = np.stack([raised for _, raised, _, _ in levels])
        first = raises.max(axis=0) if profiles[0].breach is Breach.BELOW else raises.min(axis=0)
        return cls(profiles[0].breach, first, levels)


class Dwells:
    """The dwells of every sensor with the limits in force, folded sample by sample in the order of their time."""

    def __init__(self, limits: LimitsInForce) -> None:
        self._table = limits.table
        tolerance = self._table.dwell_tolerance
        self._bounds = {channel: _Bounds.of(limits.thresholds[channel], tolerance) for channel in Channel}

    def adopt(self, state: State) -> None:
        """The limits changed: a level that is no more is held as the one below it. A dwell that runs goes on."""
        lowered = False
        for climates, (place, channel) in product((state.climates, state.before), enumerate(CHANNELS)):
            there = {level for level, _, _, _ in self._bounds[channel].levels}
            on = climates.on[place, : len(climates)]
            for level in (3, 2, 1):
                if level not in there:
                    lowered = lowered or bool((on == level).any())
                    on[on == level] = level - 1
                    climates.since[3 * place + level - 1, : len(climates)] = UNSET
        if lowered:
            for climates, spans in ((state.climates, state.spans), (state.before, state.spans_before)):
                end_unheld(state, climates, spans, spans.homes(), state.evaluated or NEVER)

    def fold(self, state: State, ledger: Ledger, samples: Samples) -> None:
        """Take these samples of devices that have a row in the ledger's climates: each home's in their order, none twice."""
        for turn in by_turns(samples.home):
            air = samples.air[turn]
            for which, fold in ((turn[~air], self._fold_humidity), (turn[air], self._fold_air)):
                if len(which):
                    fold(state, ledger, self._columns(state, samples.chosen(which)))

    def _columns(self, state: State, samples: Samples) -> _Samples:
        home, device, value, at, offset, _ = samples
        return _Samples(home, state.devices.climate[device].astype(np.int64), value, at, offset, self._gap(state, device))

    def _gap(self, state: State, device: Rows) -> Ints:
        interval = state.devices.interval[device]
        return np.asarray(self._table.gap_reports * np.where(interval > 0, interval, self._table.report_interval))

    def _fold_humidity(self, state: State, ledger: Ledger, samples: _Samples) -> None:
        climates = ledger.climates
        for row, humidity, humidity_at in (
            (samples.sensor, climates.humidity, climates.humidity_at),
            (samples.home, ledger.humidity, ledger.humidity_at),
        ):
            newer = samples.at > humidity_at[row]
            humidity[row[newer]] = samples.value[newer]
            humidity_at[row[newer]] = samples.at[newer]
        self._hold(state, ledger, Channel.DRY, samples)
        self._hold(state, ledger, Channel.DAMP, samples)

    def _fold_air(self, state: State, ledger: Ledger, samples: _Samples) -> None:
        """The sensor's own humidity where it is fresh, else the home's, else none."""
        self._fold_flat(state, ledger, samples)
        climates, at, oldest = ledger.climates, samples.at, samples.at - self._table.humidity_max_age
        own_at, home_at = climates.humidity_at[samples.sensor], ledger.humidity_at[samples.home]
        elsewhere = np.where((home_at >= oldest) & (home_at <= at), ledger.humidity[samples.home], np.nan)
        humidity = np.where((own_at >= oldest) & (own_at <= at), climates.humidity[samples.sensor], elsewhere)
        self._hold(state, ledger, Channel.HEAT, samples._replace(value=felt_heat(samples.value, humidity)))
        self._hold(state, ledger, Channel.COLD, samples)
        self._hold(state, ledger, Channel.FROZEN, samples)
        self._hold(state, ledger, Channel.TEMPERATURE_FALL, samples._replace(value=_fallen(climates, samples)))

    def _fold_flat(self, state: State, ledger: Ledger, samples: _Samples) -> None:
        """Whether a sensor still tells the same temperature to the last digit."""
        climates, sensor, longest = ledger.climates, samples.sensor, self._table.device.stuck_flat
        was, other = climates.flat(sensor, longest), samples.value != climates.value[AIR, sensor]
        climates.flat_since[sensor[other]] = samples.at[other]
        now = ~other & (samples.at - climates.flat_since[sensor] >= longest)
        ledger.devices_due[climates.device[sensor[was != now]]] = 0

    def _hold(self, state: State, ledger: Ledger, channel: Channel, samples: _Samples) -> None:
        climates, homes, place = ledger.climates, state.households, CHANNELS.index(channel)
        sampled_at, on, sensor = climates.sampled_at[place], climates.on[place], samples.sensor
        bounds = self._bounds[channel]
        was, runs = on[sensor], climates.since[3 * place : 3 * place + 3]
        ran = (runs[:, sensor] < UNSET).any(axis=0)
        if was.any() or _breaches(bounds.breach, samples.value, bounds.first[homes.profile[samples.home]]).any():
            now = self._levels(state, climates, place, bounds, samples, was)
            on[sensor] = now
            home = samples.home
            for one in np.flatnonzero(now != was).tolist():
                self._note(state, ledger, channel, samples, one)
            changed = (now != was) | (ran != (runs[:, sensor] < UNSET).any(axis=0))
            ledger.due[home[changed | ((now > 0) & (homes.dirty[home] > 0))]] = 0
        else:
            runs[:, sensor] = UNSET
            ledger.due[samples.home[ran]] = 0
        sampled_at[sensor] = samples.at
        climates.value[place][sensor] = samples.value
        climates.offset[place][sensor] = samples.offset

    def _note(self, state: State, ledger: Ledger, channel: Channel, samples: _Samples, one: int) -> None:
        """The sensor of this sample has come to another level: so may have its home."""
        home, sensor, at = int(samples.home[one]), int(samples.sensor[one]), int(samples.at[one])
        climates, place, rule = ledger.climates, CHANNELS.index(channel), _RULE_OF[channel]
        level = worst_held(state, climates, home, rule)
        if not level:
            ledger.spans.end(home, rule, at)
            return
        begun = int(climates.since[3 * place + level - 1, sensor])
        proof = Proof(sensor, place, round(float(samples.value[one]), 2), begun, int(samples.offset[one]))
        ledger.spans.hold(home, rule, level, at, proof)

    def _levels(self, state: State, climates: Climates, place: int, bounds: _Bounds, samples: _Samples, was: Small) -> Small:
        """The level each sensor holds after its sample; the dwells move on."""
        sensor, value, at = samples.sensor, samples.value, samples.at
        profile = state.households.profile[samples.home]
        broken = at - climates.sampled_at[place, sensor] > samples.gap
        now = np.zeros_like(was)
        for level, raise_at, clear_at, needed in bounds.levels:
            since = climates.since[3 * place + level - 1, sensor]
            start = np.where(broken | (since == UNSET), at, since)
            start = np.where(_breaches(bounds.breach, value, raise_at[profile]), start, UNSET)
            climates.since[3 * place + level - 1, sensor] = start
            held = at - start >= needed[profile]
            kept = (was >= level) & ~_reaches(bounds.breach, value, clear_at[profile])
            now[held | kept] = level
        return now

    def needed(self, limit: ThresholdLimit) -> Millis:
        """How long a value must have held, tolerance taken off."""
        return round(limit.dwell * (1.0 - self._table.dwell_tolerance))

    def fresh_until(self, state: State, sensor: int, channel: Channel) -> Millis:
        """Until when the sensor's last sample says something (ms UTC)."""
        gap = self._gap(state, state.climates.device[[sensor]].astype(np.int64))
        return int(state.climates.sampled_at[CHANNELS.index(channel), sensor]) + int(gap[0])


def sensors_of(state: State, home: int) -> list[int]:
    """The climate rows of the home's devices."""
    rows = (int(state.devices.climate[device]) for device in state.standing(home))
    return [row for row in rows if row >= 0]


def worst_held(state: State, climates: Climates, home: int, rule: RuleKey) -> int:
    """The gravest level that a sensor of the home holds."""
    places, sensors = [CHANNELS.index(channel) for channel in RULES[rule]], sensors_of(state, home)
    return max((int(climates.on[place, sensor]) for place in places for sensor in sensors), default=0)


def end_unheld(state: State, climates: Climates, spans: Spans, homes: Iterable[int], at: Millis) -> None:
    """Something else than a sample changed what is held in these homes: end the spans in which nothing is any more."""
    for home, rule in product(homes, RULES):
        if spans.current(home, rule) is not None and not worst_held(state, climates, home, rule):
            spans.end(home, rule, at)


def _fallen(climates: Climates, samples: _Samples) -> Floats:
    """How far the air lies below its highest in this half hour and the two before it (C); the half hours are the clock's."""
    sensor, half = samples.sensor, samples.at // HALF_HOUR
    newest = climates.high_slot[sensor]
    for back in range(HIGHS):
        stale = half - back > newest
        if stale.any():
            place = (half - back) % HIGHS
            climates.high[place[stale], sensor[stale]] = np.nan
    climates.high_slot[sensor] = half
    place = half % HIGHS
    climates.high[place, sensor] = np.fmax(climates.high[place, sensor], samples.value)
    return np.asarray(np.round(np.fmax.reduce(climates.high[:, sensor]) - samples.value, 2))


def _breaches(breach: Breach, value: Floats, limit: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if breach is Breach.AT_OR_ABOVE:
        return np.asarray(value >= limit)
    return np.asarray(value > limit if breach is Breach.ABOVE else value < limit)


def _reaches(breach: Breach, value: Floats, limit: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether the value is back at the limit from which on it is well."""
    return np.asarray(value >= limit if breach is Breach.BELOW else value <= limit)
