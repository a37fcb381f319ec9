"""For how long a temperature or humidity has been beyond its limit."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingest.clock import MINUTE, Millis
from ingest.reading import DeviceId
from rules.apparent import felt_heat
from rules.batch import Batch, Samples
from rules.columns import UNSET, Floats, Ints, Rows, Small
from rules.episodes import OpenEpisode, make_finding
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.limits import Breach, Channel, Threshold, ThresholdLimit
from rules.limits_in_force import LimitsInForce
from rules.state import HIGHS, State

CHANNELS = tuple(Channel)
HALF_HOUR: Millis = 30 * MINUTE
RULES: dict[RuleKey, tuple[Channel, ...]] = {
    RuleKey.HEAT: (Channel.HEAT,),
    RuleKey.COLD: (Channel.COLD,),
    RuleKey.HUMIDITY: (Channel.DRY, Channel.DAMP),
    RuleKey.TEMPERATURE_FALL: (Channel.TEMPERATURE_FALL,),
    RuleKey.FROZEN: (Channel.FROZEN,),
}


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


class Thresholds:
    """The threshold rules with the limits in force, over one state.

    Each sensor holds its own dwell; a home is as badly off as its worst sensor. A sample older than the last of its
    sensor says nothing new and is left out.
    """

    def __init__(self, limits: LimitsInForce) -> None:
        self._table = limits.table
        self._limits = limits
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

    def fold(self, state: State, batch: Batch) -> None:
        """Take the samples in journal order; a device that speaks of climate for the first time gets its row."""
        for device in batch.climate_devices:
            if state.devices.climate[device] < 0:
                row = state.climates.add(state.devices.ids[device])
                state.climates.device[row] = device
                state.devices.climate[device] = row
        for humidity, air in batch.turns:
            if len(humidity.home):
                self._fold_humidity(state, self._columns(state, humidity))
            if len(air.home):
                self._fold_air(state, self._columns(state, air))

    def _columns(self, state: State, samples: Samples) -> _Samples:
        home, device, value, at, offset = samples
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
        was = on[sensor]
        if was.any() or _breaches(bounds.breach, samples.value, bounds.first[homes.profile[samples.home]]).any():
            now = self._levels(state, place, bounds, samples, was)
            on[sensor] = now
            home = samples.home
            homes.due[home[(now != was) | ((now > 0) & (homes.dirty[home] > 0))]] = 0
        else:
            climates.since[3 * place : 3 * place + 3, sensor] = UNSET
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

    def judge(self, state: State, home: int, at: Millis) -> tuple[list[Finding], Millis]:
        """The findings of this home at grid point `at`, and when its standing ones can become undetermined."""
        sensors = [int(state.devices.climate[device]) for device in state.homes.get(home, [])]
        sensors = [sensor for sensor in sensors if sensor >= 0]
        findings: list[Finding] = []
        due = UNSET
        for rule, channels in RULES.items():
            told, next_due = self._judge(state, home, rule, channels, sensors, at)
            findings += told
            due = min(due, next_due)
        return findings, due

    def _judge(
        self, state: State, home: int, rule: RuleKey, channels: tuple[Channel, ...], sensors: list[int], at: Millis
    ) -> tuple[list[Finding], Millis]:
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, rule)
        breaches = [
            (int(state.climates.on[CHANNELS.index(channel), sensor]), self.fresh_until(state, sensor, channel), sensor, channel)
            for channel in channels
            for sensor in sensors
            if state.climates.on[CHANNELS.index(channel), sensor]
        ]
        if not breaches:
            return (self.clear(state, home, rule, episode, at, sensors) if episode is not None else []), UNSET
        due = min((until + 1 for _, until, _, _ in breaches if until >= at), default=UNSET)
        told = [breach for breach in breaches if self._told_from(breach[3], breach[0], at) <= at]
        later = [self._told_from(channel, level, at) for level, _, _, channel in breaches]
        due = min([due, *(one for one in later if one > at)])
        fresh = max(until for _, until, _, _ in breaches) >= at
        if not told and (episode is None or (episode.undetermined and fresh)):
            return [], due
        findings: list[Finding] = []
        level, _, sensor, channel = max(told or breaches)
        evidence = self._evidence(state, sensor, channel, level)
        if episode is None or (episode.undetermined and fresh):
            episode = OpenEpisode(str(at), evidence.since, 0)
            state.episodes.put(subject.name, rule, episode)
        if told and level > episode.level:
            episode.level = level
            findings.append(make_finding(subject, rule, episode.key, Verb.RAISED, level, at=at, evidence=evidence))
        if not fresh and not episode.undetermined:
            episode.undetermined = True
            findings.append(make_finding(subject, rule, episode.key, Verb.UNDETERMINED, episode.level, at=at, evidence=evidence))
        return findings, due

    def _told_from(self, channel: Channel, level: int, at: Millis) -> Millis:
        """When a level held at `at` is told: from the rule's next active hour on; a danger is told at any hour."""
        hours = self._table.hours.get(channel)
        return at if hours is None or level == Level.DANGER else hours.next(at)

    def clear(
        self, state: State, home: int, rule: RuleKey, episode: OpenEpisode, at: Millis, sensors: list[int]
    ) -> list[Finding]:
        """End this episode of the rule with its one CLEARED; the newest sample is its evidence."""
        subject = state.subject(home)
        state.episodes.drop(subject.name, rule)
        samples = [(one, sensor) for one in RULES[rule] for sensor in sensors]
        newest = max(samples, key=lambda one: int(state.climates.sampled_at[CHANNELS.index(one[0]), one[1]]), default=None)
        evidence = Evidence(since=episode.start, rule_version=self._table.version)
        if newest is not None:
            evidence = self._evidence(state, newest[1], newest[0], episode.level, since=episode.start)
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, episode.level, at=at, evidence=evidence)]

    def needed(self, limit: ThresholdLimit) -> Millis:
        """How long a value must have held, tolerance taken off."""
        return round(limit.dwell * (1.0 - self._table.dwell_tolerance))

    def settle(self, state: State, home: int, rule: RuleKey, at: Millis) -> None:
        """Staff settled its check: what stands stays so, a rise above what holds now is told anew."""
        name = state.households.ids[home]
        episode = state.episodes.get(name, rule)
        if episode is None:
            return
        sensors = [int(state.devices.climate[device]) for device in state.homes.get(home, [])]
        held = [int(state.climates.on[CHANNELS.index(one), sensor]) for one in RULES[rule] for sensor in sensors if sensor >= 0]
        level = min(episode.level, max(held, default=episode.level) or episode.level)
        state.episodes.put(name, rule, OpenEpisode(f"{at}s", episode.start, level, episode.undetermined))

    def fresh_until(self, state: State, sensor: int, channel: Channel) -> Millis:
        """Until when the sensor's last sample says something (ms UTC)."""
        gap = self._gap(state, state.climates.device[[sensor]].astype(np.int64))
        return int(state.climates.sampled_at[CHANNELS.index(channel), sensor]) + int(gap[0])

    def _evidence(self, state: State, sensor: int, channel: Channel, level: int, *, since: Millis | None = None) -> Evidence:
        place, climates = CHANNELS.index(channel), state.climates
        home = int(state.devices.household[int(climates.device[sensor])])
        limit = self._limits.threshold(state, home, channel).limit(level)
        begun = int(climates.since[3 * place + level - 1, sensor])
        if begun == UNSET:
            begun = int(climates.sampled_at[place, sensor])
        return Evidence(
            since=begun if since is None else since,
            limit=limit.raise_at if since is None else limit.clear_at,
            value=round(float(climates.value[place, sensor]), 1),
            dwell=limit.dwell,
            rule_version=self._table.version,
            offset=int(climates.offset[place, sensor]),
            device_id=DeviceId(state.devices.ids[int(climates.device[sensor])]),
        )


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
