"""How samples of temperature and humidity are held against their limits: for how long each sensor has been beyond them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingest.clock import MINUTE, Millis
from rules.apparent import felt_heat
from rules.batch import by_turns
from rules.columns import UNSET, Floats, Ints, Rows, Small
from rules.device_rows import HIGHS
from rules.limits import Breach, Channel, Threshold, ThresholdLimit
from rules.limits_in_force import LimitsInForce
from rules.samples import Samples
from rules.state import State

CHANNELS = tuple(Channel)
HALF_HOUR: Millis = 30 * MINUTE


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
    """The dwells of every sensor with the limits in force, over one state.

    What comes between two grid points is taken in the order in which it was observed, in whatever order it came. A sample
    that is then older than the last of its sensor says nothing new and is left out.
    """

    def __init__(self, limits: LimitsInForce) -> None:
        self._table = limits.table
        tolerance = self._table.dwell_tolerance
        self._bounds = {channel: _Bounds.of(limits.thresholds[channel], tolerance) for channel in Channel}

    def adopt(self, state: State) -> None:
        """The limits changed: a level that is no more is held as the one below it. A dwell that runs goes on."""
        climates, count = state.climates, len(state.climates)
        for place, channel in enumerate(CHANNELS):
            there = {level for level, _, _, _ in self._bounds[channel].levels}
            for level in (3, 2, 1):
                if level not in there:
                    on = climates.on[place, :count]
                    on[on == level] = level - 1
                    climates.since[3 * place + level - 1, :count] = UNSET

    def settle(self, state: State) -> bool:
        """Take the samples that wait, in their order; whether there were any."""
        samples = state.waiting.take()
        if samples is None:
            return False
        for device in np.unique(samples.device).tolist():
            if state.devices.climate[device] < 0:
                row = state.climates.add()
                state.climates.device[row] = device
                state.devices.climate[device] = row
        for turn in by_turns(samples.home):
            air = samples.air[turn]
            for which, fold in ((turn[~air], self._fold_humidity), (turn[air], self._fold_air)):
                if len(which):
                    fold(state, self._columns(state, samples.chosen(which)))
        return True

    def _columns(self, state: State, samples: Samples) -> _Samples:
        home, device, value, at, offset, _ = samples
        return _Samples(home, state.devices.climate[device].astype(np.int64), value, at, offset, self._gap(state, device))

    def _gap(self, state: State, device: Rows) -> Ints:
        interval = state.devices.interval[device]
        return np.asarray(self._table.gap_reports * np.where(interval > 0, interval, self._table.report_interval))

    def _fold_humidity(self, state: State, samples: _Samples) -> None:
        for row, column in ((samples.sensor, state.climates), (samples.home, state.households)):
            newer = samples.at > column.humidity_at[row]
            column.humidity[row[newer]] = samples.value[newer]
            column.humidity_at[row[newer]] = samples.at[newer]
        self._hold(state, Channel.DRY, samples)
        self._hold(state, Channel.DAMP, samples)

    def _fold_air(self, state: State, samples: _Samples) -> None:
        """The sensor's own humidity where it is fresh, else the home's, else none."""
        climates, homes = state.climates, state.households
        oldest = samples.at - self._table.humidity_max_age
        elsewhere = np.where(homes.humidity_at[samples.home] >= oldest, homes.humidity[samples.home], np.nan)
        own = climates.humidity_at[samples.sensor] >= oldest
        humidity = np.where(own, climates.humidity[samples.sensor], elsewhere)
        self._hold(state, Channel.HEAT, samples._replace(value=felt_heat(samples.value, humidity)))
        self._hold(state, Channel.COLD, samples)
        self._hold(state, Channel.FROZEN, samples)
        self._hold(state, Channel.TEMPERATURE_FALL, samples._replace(value=_fallen(state, samples)))

    def _hold(self, state: State, channel: Channel, samples: _Samples) -> None:
        climates, homes, place = state.climates, state.households, CHANNELS.index(channel)
        sampled_at, on = climates.sampled_at[place], climates.on[place]
        new = samples.at > sampled_at[samples.sensor]
        if not new.all():
            samples = _Samples(*(column[new] for column in samples))
        sensor = samples.sensor
        bounds = self._bounds[channel]
        was, runs = on[sensor], climates.since[3 * place : 3 * place + 3]
        ran = (runs[:, sensor] < UNSET).any(axis=0)
        if was.any() or _breaches(bounds.breach, samples.value, bounds.first[homes.profile[samples.home]]).any():
            now = self._levels(state, place, bounds, samples, was)
            on[sensor] = now
            changed = (now != was) | (ran != (runs[:, sensor] < UNSET).any(axis=0))
            home = samples.home
            homes.due[home[changed | ((now > 0) & (homes.dirty[home] > 0))]] = 0
        else:
            runs[:, sensor] = UNSET
            homes.due[samples.home[ran]] = 0
        sampled_at[sensor] = samples.at
        climates.value[place][sensor] = samples.value
        climates.offset[place][sensor] = samples.offset

    def _levels(self, state: State, place: int, bounds: _Bounds, samples: _Samples, was: Small) -> Small:
        """The level each sensor holds after its sample; the dwells move on."""
        climates, sensor, value, at = state.climates, samples.sensor, samples.value, samples.at
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


def _fallen(state: State, samples: _Samples) -> Floats:
    """How far the air lies below its highest in this half hour and the two before it (C); the half hours are the clock's."""
    climates, sensor = state.climates, samples.sensor
    half = samples.at // HALF_HOUR
    newest = climates.high_slot[sensor]
    for back in range(HIGHS):
        stale = half - back > newest
        if stale.any():
            place = (half - back) % HIGHS
            climates.high[place[stale], sensor[stale]] = np.nan
    climates.high_slot[sensor] = np.maximum(half, newest)
    known = half > newest - HIGHS
    place = (half % HIGHS)[known]
    climates.high[place, sensor[known]] = np.fmax(climates.high[place, sensor[known]], samples.value[known])
    return np.asarray(np.round(np.fmax.reduce(climates.high[:, sensor]) - samples.value, 2))


def _breaches(breach: Breach, value: Floats, limit: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    if breach is Breach.AT_OR_ABOVE:
        return np.asarray(value >= limit)
    return np.asarray(value > limit if breach is Breach.ABOVE else value < limit)


def _reaches(breach: Breach, value: Floats, limit: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Whether the value is back at the limit from which on it is well."""
    return np.asarray(value >= limit if breach is Breach.BELOW else value <= limit)
