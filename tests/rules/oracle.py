"""The rules once more, as slow and plain as can be: dictionaries and loops, every home looked at on every grid point.

Nothing here is shared with the engine but the nouns, the table and the formula of the apparent temperature. It leaves
out what is told of devices, though not what their silence and their stuck motions do to a home, and knows only enrolments at the
start. One file, so that all rules can be read at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ingest.clock import SEOUL, to_datetime
from ingest.facts import (
    AwayDeclared,
    AwayEnded,
    CheckResolved,
    DeviceEnrolled,
    HouseholdEnded,
    HouseholdEnrolled,
    HouseholdLimit,
    LinkDown,
    LinkUp,
    RulesApplied,
    RunStarted,
    SeasonDeclared,
    SeasonEnded,
)
from ingest.reading import Reading, Signal
from rules.apparent import felt_heat
from rules.limits import Breach, Channel, DeviceLimits, Grade, Season, ThresholdLimit, Tighter
from rules.table import RulesWrong, RuleTable, read_table
from tests.rules.habit_oracle import Learner, Past, slot_before
from tests.rules.habit_oracle import limits as limits_of

STEP = 10_000
ABSENCES = ("motion", "personal", "call", "phone", "cannot_verify", "away")
WEATHER = ("heat", "cold", "humidity", "temperature_fall", "frozen")
COMPOSITES = ("motion_phone", "heat_inactive", "cold_inactive", "away_motion")
Told = tuple[str, str, str, int, int, int, float, str]
"""Household, rule, verb, level, at, since, coverage, why it is withdrawn."""


@dataclass
class Home:
    """What is known of one home."""

    enrolled: int
    motions: list[int] = field(default_factory=list)
    enters: list[int] = field(default_factory=list)
    doors: list[int] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    lives: list[int] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    restarts: list[int] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    phone_on: list[int] = field(default_factory=list)
    phone_off: list[int] = field(default_factory=list)
    heard_first: int | None = None
    away: int | None = None
    away_since: int = 0
    sensors: dict[str, list[list[int | None]]] = field(default_factory=dict)
    dark: bool = False
    well: bool = False
    gateway: list[list[int | None]] = field(default_factory=list)
    open: dict[str, dict[str, Any]] = field(default_factory=dict)
    settled: dict[str, int] = field(default_factory=dict)
    halved: tuple[int, frozenset[str]] = (-1, frozenset())
    asked: tuple[int, str] | None = None
    answers: list[int] = field(default_factory=list)
    air: Air = field(default_factory=lambda: Air())
    air_closed: Air = field(default_factory=lambda: Air())
    samples: list[Reading] = field(default_factory=list)
    own: dict[tuple[str, int], float] = field(default_factory=dict)
    row: int = 0
    past: Past = field(default_factory=Past)
    fitted: tuple[tuple[int, ...], list[list[int]]] | None = None
    ended: bool = False


@dataclass
class Span:
    """In which a home was badly off without a break."""

    since: int
    until: int | None
    peak: int


@dataclass
class Air:
    """What is known of the air of one home."""

    sensors: dict[tuple[str, Channel], Sensor] = field(default_factory=dict)
    humidity: dict[str, tuple[int, float]] = field(default_factory=dict)
    last_humidity: tuple[int, float] | None = None
    airs: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    last: dict[tuple[str, bool], int] = field(default_factory=dict)
    spans: dict[str, list[Span]] = field(default_factory=dict)


@dataclass
class Sensor:
    """One channel of one climate sensor."""

    channel: Channel
    interval: int
    last: int | None = None
    since: dict[int, int] = field(default_factory=dict)
    on: int = 0


class Run(NamedTuple):
    """A run of motions that no person makes, in seconds: its first motion, its last, and when it is over."""

    since: int
    until: int
    over: int


def newest_run(motions: Iterable[int], limits: DeviceLimits) -> Run:
    """The newest such run of these motions of one sensor (ms UTC), the whole past walked through in order."""
    pause = limits.stuck_pause // 1000
    cells: dict[int, list[int]] = {}
    for second in sorted({at // 1000 for at in motions}):
        cells.setdefault(second // pause, []).append(second)
    run, last, pace, busy, paced, odd = Run(0, 0, 0), None, 0, 0, 0, False
    for told in cells.values():
        first, end = told[0], told[-1]
        gap = 90_000 if last is None else min(first - last, 90_000)
        if gap > pause:
            busy = first
        if gap == 90_000 or odd or abs(gap - pace) > max(1, 0.02 * pace):
            paced = last if last is not None and gap < 90_000 else first
        pace, last, odd = gap, end, 0 < end - first < 0.98 * gap
        lasts = run.since > 0 and min(busy, paced) <= run.since
        if run.since and not lasts:
            run = run._replace(over=min(run.over, first))
        steady = 1000 * (first - paced) >= max(limits.stuck_paced, 980 * limits.stuck_times * gap)
        long = 1000 * (first - busy) >= limits.stuck_on
        if not lasts and steady:
            run = Run(min(busy, paced) if long else paced, 0, 0)
        elif not lasts and 1000 * (end - busy) >= limits.stuck_on:
            run = Run(busy, 0, 0)
        elif not lasts:
            continue
        left = odd and busy > run.since
        run = Run(run.since, first if left else end, first if left else end + max(pause, 2 * gap))
    return run


@dataclass
class Teller:
    """What is known of one device."""

    report: int = 0
    silent: int | None = None
    motions: list[int] = field(default_factory=list)
    run: Run = field(default_factory=lambda: Run(0, 0, 0))
    stuck: int | None = None

    def believed(self) -> list[int]:
        """All of its motions but those that its newest run which no person makes goes on with."""
        since, until, _ = self.run
        return [since * 1000 if at // 1000 == since else at for at in self.motions if not since < at // 1000 <= until]


class Oracle:
    """Fed like the engine; `said` gathers what it would tell."""

    def __init__(self, table: RuleTable) -> None:
        self.table = table
        self.declared: dict[str, tuple[int, int]] = {}
        self.homes: dict[str, Home] = {}
        self.signals: dict[str, set[str]] = {}
        self.devices: dict[str, DeviceEnrolled] = {}
        self.tellers: dict[str, Teller] = {}
        self.samples: list[Reading] = []
        self.link: list[list[int | None]] = []
        self.heard_at: int | None = None
        self.point: int | None = None
        self.said: list[Told] = []

    # ------------------------------------------------------------------ feeding

    def advance(self, now: int) -> None:
        last = now - now % STEP
        if last != self.point:
            self.take_samples()
        if self.point is None:
            self.point = last
        while self.point + STEP <= last:
            self.point += STEP
            turns = [edge for season, edges in self.declared.items() if season != "autumn" for edge in edges]
            if any(self.point - STEP < edge <= self.point for edge in turns):
                self.close_airs(self.homes)
            for name, home in self.homes.items():
                if not home.ended:
                    self.judge_devices(name, home, self.point)
            for name, home in self.homes.items():
                if not home.ended:
                    self.judge(name, home, self.point)

    def fold(self, item: Any) -> None:
        if isinstance(item, Reading):
            self.heard_at = max(item.received_at, self.heard_at or 0)
            self.take(item)
            return
        self.take_samples()
        if isinstance(item, RulesApplied | SeasonDeclared | SeasonEnded):
            self.close_airs(self.homes)
        if isinstance(item, RunStarted):
            self.begin_run()
            self.lose_link(item.at)
        elif isinstance(item, LinkDown):
            self.lose_link(item.at)
        elif isinstance(item, LinkUp):
            if self.link and self.link[-1][1] is None:
                self.link[-1][1] = max(item.at, self.link[-1][0] or 0)
        elif isinstance(item, RulesApplied | SeasonDeclared | SeasonEnded):
            self.take_rules(item)
        elif isinstance(item, HouseholdEnrolled):
            self.homes[item.household_id] = Home(enrolled=item.at, row=len(self.homes))
            self.signals[item.household_id] = set()
        elif isinstance(item, DeviceEnrolled):
            self.devices[item.device_id] = item
            self.tellers[item.device_id] = Teller(report=item.at)
            self.signals[item.household_id] |= set(item.signals)
        elif not self.homes[item.household_id].ended:
            self.take_staff(item, self.homes[item.household_id])
        self.heard_at = max(item.at, self.heard_at or 0)

    def begin_run(self) -> None:
        if self.heard_at is not None:
            self.lose_link(self.heard_at)

    def lose_link(self, at: int) -> None:
        if self.link and self.link[-1][1] is None:
            return
        for home in self.homes.values():
            if not home.dark:
                self.note_well(home, at)
        self.link.append([max(at, (self.link[-1][1] or 0) if self.link else 0), None])

    def note_well(self, home: Home, at: int) -> None:
        if not self.lately(home, at):
            home.well = not any(home.open.get(rule, {}).get("level", 0) for rule in ABSENCES)

    def lately(self, home: Home, at: int) -> bool:
        """Whether an outage that was more than a moment has just ended."""
        spans = [(start or 0, end) for start, end in [*self.link, *home.gateway] if end is not None]
        return any(end - start >= self.table.caught_up and at < end + self.table.settle for start, end in spans)

    def take_rules(self, fact: Any) -> None:
        if isinstance(fact, SeasonDeclared):
            self.declared[fact.season] = (fact.at, fact.until)
        elif isinstance(fact, SeasonEnded):
            self.declared.pop(fact.season, None)
        else:
            try:
                self.table = read_table(fact.table)
            except RulesWrong:
                return
            for channel, sensor in [
                (one, sensor) for home in self.homes.values() for (_, one), sensor in home.air.sensors.items()
            ]:
                there = [level for level, limit in enumerate(self.table.thresholds[channel].levels, 1) if limit is not None]
                sensor.since = {level: at for level, at in sensor.since.items() if level in there}
                sensor.on = max([level for level in there if level <= sensor.on], default=0)
            for name, home in self.homes.items():
                for rule in WEATHER:
                    if not self.held(name, rule):
                        self.note_span(home.air, rule, 0, self.point or 0)
            self.close_airs(self.homes)

    def asked(self) -> list[Tighter]:
        """What the grade and the seasons of this grid point ask, in this order."""
        point = self.point or 0
        seasons = [name for name, (start, end) in sorted(self.declared.items()) if name != "autumn" and start <= point < end]
        return [self.table.grades[Grade.ORDINARY], *(self.table.seasons[Season(name)].tighter for name in seasons)]

    def limits(self, home: Home, rule: str) -> list[int | None]:
        found: list[int | None] = []
        for level, limit in enumerate(getattr(self.table.everybody, rule), 1):
            for one in self.asked() if limit is not None and rule != "away" else []:
                own = one.absences.get(rule, (None, None, None))[level - 1]
                limit = min(limit, round(limit * one.factor), own or limit)
            if limit is not None and (rule, level) in home.own:
                limit = min(limit, round(home.own[rule, level]))
            found.append(limit)
        return found

    def threshold(self, home: Home, channel: Channel, level: int, limit: ThresholdLimit) -> ThresholdLimit:
        """The limit of everybody with what is more careful for this home now."""
        careful = max if self.table.thresholds[channel].breach is Breach.BELOW else min
        for one in self.asked():
            own = one.thresholds.get(channel, (None, None, None))[level - 1] or limit
            limit = ThresholdLimit(
                raise_at=careful(limit.raise_at, own.raise_at),
                clear_at=careful(limit.clear_at, own.clear_at),
                dwell=min(limit.dwell, own.dwell),
            )
        moved = careful(home.own.get((channel, level), limit.raise_at), limit.raise_at) - limit.raise_at
        return ThresholdLimit(raise_at=limit.raise_at + moved, clear_at=limit.clear_at + moved, dwell=limit.dwell)

    def told_now(self, section: str, level: int, at: int) -> bool:
        """Whether the rule has no active hours, or is within them; a danger is told at any hour."""
        hours = self.table.hours.get(section)
        if hours is None or level == 3:
            return True
        clock = to_datetime(at).astimezone(SEOUL)
        return hours.start <= (clock.hour * 3600 + clock.minute * 60 + clock.second) * 1000 < hours.end

    def take_staff(self, fact: Any, home: Home) -> None:
        if isinstance(fact, HouseholdLimit):
            self.close_airs([fact.household_id])
            home.own.pop((fact.rule, fact.level), None)
            if fact.limit is not None and fact.level > 0:
                home.own[fact.rule, fact.level] = fact.limit
            return
        if isinstance(fact, HouseholdEnded):
            home.ended = True
            for rule in sorted(home.open):
                self.tell(fact.household_id, home, rule, "cleared", fact.at)
            return
        if isinstance(fact, AwayDeclared):
            if home.away is None or fact.at >= home.away:
                home.away_since = fact.at
            home.away = min(fact.returns_at, fact.at + self.table.longest_away)
            home.past.declare(fact.at, home.away)
        elif isinstance(fact, AwayEnded):
            home.past.come_back(fact.at)
            if home.away is not None:
                home.restarts.append(min(fact.at, home.away))
            home.away = None
        elif isinstance(fact, CheckResolved):
            home.asked = None
            home.past.resolve(fact.at, fact.outcome, self.learner(home).events)
            if "sos" in fact.rules and "sos" in home.open:
                self.tell(fact.household_id, home, "sos", "cleared", fact.at)
            for rule in COMPOSITES:
                if rule in fact.rules and rule in home.open:
                    del home.open[rule]
                    home.settled[rule] = fact.at
            for rule in WEATHER:
                if rule in fact.rules and rule in home.open:
                    held = max([one.on for one in self.held(fact.household_id, rule)], default=0)
                    episode = home.open[rule]
                    episode["level"] = min(episode["level"], held or episode["level"])
                    if held:
                        home.air.spans[rule][-1].peak = held
                    self.close_airs([fact.household_id])
            if not fact.outcome.startswith("safe_"):
                for rule in ABSENCES:
                    if rule in fact.rules and rule in home.open:
                        del home.open[rule]
                        home.settled[rule] = fact.at
                return
            home.lives.append(fact.at)
            home.restarts.append(fact.at)
            if fact.outcome == "safe_by_automatic_call":
                home.halved = (fact.at, frozenset(fact.rules))
        starts = self.starts(fact.household_id, home)
        for rule in ABSENCES:
            if rule in home.open and home.open[rule]["start"] != starts.get(rule):
                self.tell(fact.household_id, home, rule, "cleared", fact.at)

    def take(self, reading: Reading) -> None:
        name = str(reading.household_id)
        home, at, value, signal = self.homes[name], reading.observed_at, reading.value, reading.signal
        if signal is Signal.SOS:
            since = at if reading.credible else reading.received_at
            if not home.ended:
                home.open["sos"] = {"start": since, "level": 3, "und": False}
            self.said.append((name, "sos", "raised", 3, reading.received_at, since, 1.0, ""))
        if home.ended:
            return
        if signal is Signal.STATUS:
            self.take_status(home, reading.received_at, value > 0)
            if value > 0 and reading.credible:
                self.hear(name, home, reading)
            return
        if not reading.credible:
            return
        self.hear(name, home, reading)
        if signal is Signal.MOTION and value > 0:
            self.take_motion(name, home, self.tellers[reading.device_id], at)
        elif signal is Signal.DOOR:
            (home.enters if value == 3 else home.doors).append(at)
            if value > 1:
                home.lives.append(at)
                home.answers.append(at)
        elif signal is Signal.CALL and value > 0:
            home.calls.append(at)
            home.lives.append(at)
            home.answers.append(at)
        elif signal is Signal.STEPS and value > 0:
            home.lives.append(at)
            home.answers.append(at)
        elif signal is Signal.PHONE:
            (home.phone_on if value > 0 else home.phone_off).append(at)
        elif signal in (Signal.TEMPERATURE, Signal.HUMIDITY):
            self.samples.append(reading)

    def take_status(self, home: Home, at: int, online: bool) -> None:
        if online == (not home.dark):
            return
        home.dark = not online
        if online:
            home.gateway[-1][1] = max(at, home.gateway[-1][0] or 0)
            return
        if not (self.link and self.link[-1][1] is None):
            self.note_well(home, at)
        home.gateway.append([max(at, (home.gateway[-1][1] or 0) if home.gateway else 0), None])

    def hear(self, name: str, home: Home, reading: Reading) -> None:
        home.heard.append(reading.observed_at)
        home.heard_first = min(reading.received_at, home.heard_first or reading.received_at)
        if reading.received_at - reading.observed_at < self.table.caught_up:
            home.fresh.append(reading.received_at)
        teller = self.tellers[reading.device_id]
        teller.report = max(teller.report, reading.received_at)
        teller.silent = None
        self.settle_sensors(name, home, reading.received_at)

    def take_motion(self, name: str, home: Home, teller: Teller, at: int) -> None:
        """A run of motions without a pause, or all at one pace, for longer than people last, is a sensor that is stuck."""
        before, was = teller.believed(), teller.run
        teller.motions.append(at)
        teller.run = run = newest_run(teller.motions, self.table.device)
        if teller.stuck is not None and run.since != was.since:
            teller.stuck = None
            self.settle_sensors(name, home, 1000 * (was.over if run.since > was.until else was.since), ["motion"])
        if run.since and teller.stuck is None and (run.since != was.since or run.until > was.until):
            teller.stuck = run.since * 1000
            answered = [life for life in home.answers if home.asked and life > home.asked[0]]
            if answered and min(answered) > teller.stuck:
                home.answers = []
            self.settle_sensors(name, home, teller.stuck)
        mine = [self.tellers[one] for one, enrolled in self.devices.items() if enrolled.household_id == name]
        home.motions = [one for each in mine for one in each.believed()]
        home.answers += [one for one in teller.believed() if one not in before]

    def settle_sensors(self, name: str, home: Home, at: int, signals: Sequence[str] = ("motion", "call", "phone")) -> None:
        for signal in signals:
            doubts = []
            for device, enrolled in self.devices.items():
                if enrolled.household_id == name and signal in enrolled.signals:
                    teller = self.tellers[device]
                    stuck = teller.stuck if signal == "motion" else None
                    doubts.append(min(one for one in (teller.silent, stuck, 2**62) if one is not None))
            spans = home.sensors.setdefault(signal, [])
            lasts = bool(spans) and spans[-1][1] is None
            blind = bool(doubts) and max(doubts) < 2**62
            if blind and not lasts:
                spans.append([max(max(doubts), (spans[-1][1] or 0) if spans else 0), None])
            elif lasts and not blind and at > (spans[-1][0] or 0):
                spans[-1][1] = at
            elif lasts and not blind:
                del spans[-1]

    def judge_devices(self, name: str, home: Home, at: int) -> None:
        for device, enrolled in self.devices.items():
            teller = self.tellers[device]
            if enrolled.household_id != name:
                continue
            if enrolled.report_interval_s and home.heard_first is not None and teller.silent is None:
                since = max(teller.report, home.heard_first)
                limit = self.table.device.silence(enrolled.report_interval_s * 1000)
                if at > since and at - since - self.outages(home, since, at) >= limit:
                    teller.silent = since
            if teller.stuck is not None and at >= 1000 * teller.run.over:
                teller.stuck = None
                self.settle_sensors(name, home, 1000 * teller.run.over, ["motion"])
        self.settle_sensors(name, home, at)

    def close_airs(self, names: Iterable[str]) -> None:
        """What has been judged so far stays as it is."""
        for name in names:
            home = self.homes[name]
            home.air_closed, home.samples = deepcopy(home.air), []

    def take_samples(self) -> None:
        """All of a home that came since its past was closed, those that waited among them, in the order they were observed."""
        order = list(self.devices)
        for name, home in self.homes.items():
            came = [one for one in self.samples if one.household_id == name]
            closed = home.air_closed.last
            came = [one for one in came if one.observed_at > closed.get((one.device_id, one.signal is Signal.TEMPERATURE), -1)]
            if came:
                home.air = deepcopy(home.air_closed)
                home.samples += came
            for one in sorted(
                home.samples if came else [],
                key=lambda one: (
                    one.observed_at,
                    one.signal is Signal.TEMPERATURE,
                    order.index(one.device_id),
                    one.value,
                    one.offset,
                ),
            ):
                if home.air.last.get((one.device_id, one.signal is Signal.TEMPERATURE)) != one.observed_at:
                    self.take_sample(home, one)
        self.samples = []

    def take_sample(self, home: Home, reading: Reading) -> None:
        at, value, air = reading.observed_at, reading.value, home.air
        air.last[reading.device_id, reading.signal is Signal.TEMPERATURE] = at
        if reading.signal is Signal.HUMIDITY:
            if reading.device_id not in air.humidity or at > air.humidity[reading.device_id][0]:
                air.humidity[reading.device_id] = (at, value)
            if air.last_humidity is None or at > air.last_humidity[0]:
                air.last_humidity = (at, value)
            for channel in (Channel.DRY, Channel.DAMP):
                self.hold(home, reading, channel, value)
            return
        humidity = float("nan")
        for seen in (air.humidity.get(reading.device_id), air.last_humidity):
            if seen is not None and at >= seen[0] >= at - self.table.humidity_max_age:
                humidity = seen[1]
                break
        self.hold(home, reading, Channel.HEAT, float(felt_heat(np.array([value]), np.array([humidity]))[0]))
        self.hold(home, reading, Channel.COLD, value)
        self.hold(home, reading, Channel.FROZEN, value)
        half = at // 1_800_000
        airs = air.airs.setdefault(reading.device_id, [])
        airs.append((half, float(np.float32(value))))
        highest = max(one for slot, one in airs if half - 3 < slot)
        self.hold(home, reading, Channel.TEMPERATURE_FALL, round(highest - value, 2))

    def hold(self, home: Home, reading: Reading, channel: Channel, value: float) -> None:
        interval = self.devices[reading.device_id].report_interval_s * 1000 or self.table.report_interval
        sensor = home.air.sensors.setdefault((reading.device_id, channel), Sensor(channel, interval))
        at = reading.observed_at
        if sensor.last is not None and at <= sensor.last:
            return
        rule = self.table.thresholds[channel]
        broken = sensor.last is None or at - sensor.last > self.table.gap_reports * interval
        level_now = 0
        for level, base in enumerate(rule.levels, 1):
            if base is None:
                continue
            limit = self.threshold(home, channel, level, base)
            below = rule.breach is Breach.BELOW
            breach = value < limit.raise_at if below else value > limit.raise_at
            breach = breach or (rule.breach is Breach.AT_OR_ABOVE and value == limit.raise_at)
            if not breach:
                sensor.since.pop(level, None)
            elif broken or level not in sensor.since:
                sensor.since[level] = at
            held = breach and at - sensor.since[level] >= round(limit.dwell * (1 - self.table.dwell_tolerance))
            well = value >= limit.clear_at if below else value <= limit.clear_at
            if held or (sensor.on >= level and not well):
                level_now = level
        sensor.on, sensor.last = level_now, at
        told_as = "humidity" if channel in (Channel.DRY, Channel.DAMP) else channel.value
        self.note_span(home.air, told_as, max(one.on for one in self.of_rule(home, told_as)), at)

    def note_span(self, air: Air, rule: str, worst: int, at: int) -> None:
        spans = air.spans.setdefault(rule, [])
        lasts = bool(spans) and spans[-1].until is None
        if worst and not lasts:
            spans.append(Span(at, None, worst))
        elif lasts:
            spans[-1].peak = max(spans[-1].peak, worst)
            spans[-1].until = None if worst else at

    # ------------------------------------------------------------------ judging

    def outages(self, home: Home, start: int, end: int, signal: str = "") -> int:
        """Blind milliseconds in [start, end], edge by edge."""
        every = [*self.link, *home.gateway, *home.sensors.get(signal, [])]
        spans = [(s or 0, end if e is None else e) for s, e in every]
        edges = sorted({start, end, *(min(max(edge, start), end) for span in spans for edge in span)})
        return sum(b - a for a, b in pairwise(edges) if any(s <= a and b <= e for s, e in spans))

    def blind(self, home: Home, signal: str = "") -> bool:
        sensors = home.sensors.get(signal, [])
        return home.dark or (bool(sensors) and sensors[-1][1] is None) or bool(self.link and self.link[-1][1] is None)

    def gone(self, home: Home) -> bool:
        if not home.doors:
            return False
        door = max(home.doors)
        if any(start <= door + self.table.door_gap < (end or 2**62) for start, end in home.sensors.get("motion", [])):
            return False  # nobody could have been seen
        inside = home.motions and max(home.motions) > door + self.table.door_gap
        return not inside and not (home.enters and max(home.enters) >= door)

    def starts(self, name: str, home: Home) -> dict[str, int]:
        signals = self.signals[name]
        floor = max([*home.restarts, home.away or 0])
        found = {"cannot_verify": max(floor, home.enrolled, self.alive(name, home))}
        if home.heard:
            heard = min(home.heard)
            if "motion" in signals and not self.gone(home):
                found["motion"] = max([floor, home.enrolled, heard, *home.motions, *home.enters])
                if self.table.personal.used:
                    found["personal"] = found["motion"]
            if "call" in signals:
                found["call"] = max([floor, home.enrolled, heard, *home.calls])
        off = [one for one in home.phone_off if one > max(home.phone_on, default=0)]
        if "phone" in signals and off:
            found["phone"] = max(floor, min(off), home.enrolled)
        if home.away is not None and self.alive(name, home) < home.away:
            found["away"] = home.away
        return found

    def alive(self, name: str, home: Home) -> int:
        """A door counts where it was opened from inside, soon after the last motion; without a motion sensor any does."""
        moved, door = max(home.motions, default=0), max(home.doors, default=0)
        inside = "motion" not in self.signals[name] or moved >= door - self.table.door_inside
        return max([moved, door if inside else 0, *home.lives])

    def ended_by(self, name: str, home: Home, rule: str, start: int | None) -> int:
        if start is not None:
            return start
        if rule in ("motion", "personal") and self.gone(home):
            return max(home.doors)
        if rule == "phone" and home.phone_on:
            return max(home.phone_on)
        return self.alive(name, home) if rule == "away" else 2**62

    def verify_limits(self, name: str, home: Home, at: int) -> list[int | None]:
        normal = self.limits(home, "cannot_verify")[2] or 0
        if home.heard and "motion" not in self.signals[name]:
            slower = {"call": self.limits(home, "call")[2], "phone": self.limits(home, "phone")[2]}
            normal = max([slower[one] or 0 for one in slower if one in self.signals[name]], default=normal)
            normal = min(normal, round(home.own.get(("cannot_verify", 3), normal)))
        lately = self.lately(home, at)
        if self.gone(home) or (home.well and (self.blind(home) or lately)):
            _, warning, danger = self.limits(home, "cannot_verify_excused")
            return [None, max(warning or 0, normal), max(danger or 0, normal)]
        return [None, None, normal]

    def judge(self, name: str, home: Home, at: int) -> None:
        starts = self.starts(name, home)
        waits = not (self.link and self.link[-1][1] is None) and any(
            end - start >= self.table.caught_up and at < end + self.table.settle and max(home.fresh, default=0) < end
            for start, end in self.link
        )
        for rule in ABSENCES:
            start = starts.get(rule)
            if rule in home.open and home.open[rule]["start"] != start:
                late = self.ended_by(name, home, rule, start) < home.open[rule]["told"]
                self.tell(name, home, rule, "cleared", at, "late_data" if late else "")
            if start is not None and not waits:
                self.judge_absence(name, home, rule, start, at)
        self.judge_alive(name, home, at)
        for rule in WEATHER:
            self.judge_threshold(name, home, rule, at)
        self.judge_composites(name, home, starts.get("motion"), at, waits)
        self.judge_commissioning(name, home, at)

    def judge_composites(self, name: str, home: Home, still: int | None, at: int, waits: bool) -> None:
        holds: dict[str, tuple[int, int]] = {}
        motion, phone = home.open.get("motion", {}), home.open.get("phone", {})
        if motion.get("level") and phone.get("level"):
            holds["motion_phone"] = (min(3, 1 + max(motion["level"], phone["level"])), max(motion["start"], phone["start"]))
        for rule, weather in (("heat_inactive", "heat"), ("cold_inactive", "cold")):
            if weather in home.open and still is not None:
                since = max(still, home.settled.get(rule, still))
                limit = self.table.inactive[rule]
                for one in self.asked():
                    limit = min(limit, round(limit * one.factor), one.inactive.get(rule, limit))
                limit = min(limit, round(home.own.get((rule, 1), limit)))
                stands = rule in home.open and home.open[rule]["start"] == since
                if stands or (not waits and at > since and at - since - self.outages(home, since, at, "motion") >= limit):
                    holds[rule] = (min(3, 1 + home.open[weather]["level"]), since)
        moved = max(home.motions, default=0)
        after = max(home.away_since + self.table.away_motion, home.settled.get("away_motion", 0) + 1)
        if home.away is not None and home.away > at and moved >= after:
            holds["away_motion"] = (1, home.away_since)
        for rule in COMPOSITES:
            level, since = holds.get(rule, (0, 0))
            weather = rule.removesuffix("_inactive")
            ended = [one[7] for one in self.said if one[:3] == (name, weather, "cleared") and one[4] == at]
            if rule in home.open and (home.open[rule]["start"] != since or ended):
                late = rule != "away_motion" and home.open[rule]["start"] < (still or 2**62) < home.open[rule]["told"]
                late = late or "late_data" in ended
                self.tell(name, home, rule, "cleared", at, "late_data" if late else "")
            if level > home.open.get(rule, {}).get("level", 0):
                home.open.setdefault(rule, {"start": since, "told": at, "und": False})["level"] = level
                blind = 0 if rule == "away_motion" or at <= since else self.outages(home, since, at, "motion")
                coverage = round(1 - blind / (at - since), 4) if at > since else 1.0
                told_since = moved if rule == "away_motion" else since
                self.said.append((name, rule, "raised", level, at, told_since, coverage, ""))

    def judge_alive(self, name: str, home: Home, at: int) -> None:
        if home.asked is None:
            return
        asked, rule = home.asked
        after = [life for life in home.answers if life > asked]
        newest = max([*home.lives, *home.motions], default=0)
        if after and newest - min(after) >= 60_000:
            home.asked = None
            self.said.append((name, rule, "alive", 1, at, min(after), 1.0, ""))

    def judge_absence(self, name: str, home: Home, rule: str, start: int, at: int) -> None:
        counted = rule in ("motion", "personal", "call", "phone")
        if rule == "cannot_verify":
            limits = self.verify_limits(name, home, at)
        else:
            limits = self.personal(home, start, at) if rule == "personal" else self.limits(home, rule)
        if start == home.halved[0] and rule in home.halved[1]:
            least = self.table.personal.shortest if rule == "personal" else 0
            limits = [None if limit is None else max(limit // 2, least) for limit in limits]
        since = max(start, home.settled.get(rule, start))
        elapsed = at - since
        signal = {"motion": "motion", "personal": "motion", "call": "call"}.get(rule, "")
        if not counted:
            life = [one for one in ("motion", "call") if one in self.signals[name]]
            signal = min(life, key=lambda one: self.outages(home, start, at, one) if at > start else 0, default="")
        observed = elapsed - self.outages(home, since, at, signal) if counted and at > since else elapsed
        there = [(level, limit) for level, limit in enumerate(limits, 1) if limit is not None and self.told_now(rule, level, at)]
        reached = max([level for level, limit in there if observed >= limit], default=0)
        missing = max([level for level, limit in there if elapsed >= limit], default=0)
        level = home.open.get(rule, {}).get("level", 0)
        coverage = 1.0 if at <= start else round(1 - self.outages(home, start, at, signal) / (at - start), 4)
        coverage = coverage if home.heard or at <= start else 0.0
        if reached > level:
            home.open.setdefault(rule, {"start": start, "und": False, "told": at})["level"] = reached
            self.said.append((name, rule, "raised", reached, at, start, coverage, ""))
            home.asked = (at, rule)
            home.answers = []
            if rule in ("motion", "personal") and start not in home.past.told:
                home.past.told.append(start)
        level = home.open.get(rule, {}).get("level", 0)
        doubt = counted and rule != "personal" and self.blind(home, signal) and missing > max(level, reached)
        if doubt and not home.open.get(rule, {}).get("und", False):
            home.open.setdefault(rule, {"start": start, "level": 0, "told": at})["und"] = True
            self.said.append((name, rule, "undetermined", missing, at, start, coverage, ""))

    def learner(self, home: Home) -> Learner:
        """What is known of the home's rhythm."""

        def blind(start: int, end: int) -> list[tuple[int, int]]:
            """Stretches of [start, end] that could not be observed, edge by edge."""
            every = [*self.link, *home.gateway, *home.sensors.get("motion", [])]
            spans = [(s or 0, 2**62 if e is None else e) for s, e in every]
            edges = sorted({start, end, *(min(max(edge, start), end) for span in spans for edge in span)})
            return [(a, b) for a, b in pairwise(edges) if any(s <= a and b <= e for s, e in spans)]

        return Learner((home.motions, home.enters, home.doors), home.past, blind, self.table.door_gap)

    def personal(self, home: Home, start: int, at: int) -> list[int | None]:
        """The home's own limits as of its last nightly turn, where they are tighter than those of the motion rule."""
        personal = self.table.personal
        known = (slot_before(at, home.row), len(home.motions), len(home.enters), len(home.doors), len(home.past.spans))
        if home.fitted is None or home.fitted[0] != known:
            gaps, days = self.learner(home).gaps(known[0])
            rates = (personal.check_rate, personal.alert_rate)
            home.fitted = known, limits_of(tuple(gaps), days, personal.from_day, rates)
        place = (start + 32_400_000) % 86_400_000 // 600_000
        own = [level[place] for level in home.fitted[1]]
        found: list[int | None] = []
        for units, official in zip(own, self.limits(home, "motion"), strict=False):
            limit = max(units * 300_000, personal.shortest)
            found.append(limit if units < 255 and (official is None or limit < official) else None)
        return [*found, None]

    def of_rule(self, home: Home, rule: str) -> list[Sensor]:
        channels = (Channel.DRY, Channel.DAMP) if rule == "humidity" else (Channel(rule),)
        return [one for (_, channel), one in home.air.sensors.items() if channel in channels]

    def held(self, name: str, rule: str) -> list[Sensor]:
        return [one for one in self.of_rule(self.homes[name], rule) if one.on]

    def judge_threshold(self, name: str, home: Home, rule: str, at: int) -> None:
        held = self.held(name, rule)
        running = self.running(home, rule)
        doubts = [level for level, missed in running if missed <= at]
        spans = home.air.spans.get(rule, [])
        span = spans[-1] if held else None
        if rule in home.open:
            told = home.open[rule]
            if span is None:
                over = told["level"] > 0 or not running
            else:
                over = told["level"] > 0 and (told["told"] < span.since or told["level"] > span.peak)
            if over:
                ends = [2**62 if one.until is None else one.until for one in spans]
                right = [one for one, end in zip(spans, ends, strict=True) if one.since <= told["told"] <= end]
                was = any(one.peak >= told["level"] for one in right)
                self.tell(name, home, rule, "cleared", at, "" if was or not told["level"] else "late_data")
        if not held and not doubts:
            return
        fresh = any((one.last or 0) + self.table.gap_reports * one.interval >= at for one in held)
        level = span.peak if span and any(self.told_now(one.channel, span.peak, at) for one in held) else 0
        if not level and (fresh or not doubts) and (rule not in home.open or (home.open[rule]["und"] and fresh)):
            return
        if rule not in home.open or (home.open[rule]["und"] and fresh):
            home.open[rule] = {"start": None, "level": 0, "und": False, "told": at}
        episode = home.open[rule]
        if level > episode["level"]:
            episode["told"] = episode["told"] if episode["level"] else at
            episode["level"] = level
            self.said.append((name, rule, "raised", level, at, 0, 1.0, ""))
        if not fresh and not episode["und"]:
            episode["und"] = True
            doubt = max([episode["level"], *doubts, *([] if level else [one.on for one in held])])
            self.said.append((name, rule, "undetermined", doubt, at, 0, 1.0, ""))

    def running(self, home: Home, rule: str) -> list[tuple[int, int]]:
        """Levels towards which a breach runs, each with when it would be told, were its sensor never heard again."""
        found = []
        for sensor in self.of_rule(home, rule):
            for level, since in sensor.since.items():
                base = self.table.thresholds[sensor.channel].levels[level - 1]
                if base is not None and level > sensor.on:
                    dwell = self.threshold(home, sensor.channel, level, base).dwell
                    stale = (sensor.last or 0) + self.table.gap_reports * sensor.interval + 1
                    missed = max(since + round(dwell * (1 - self.table.dwell_tolerance)), stale)
                    while not self.told_now(sensor.channel, level, missed):
                        missed += 1000 - missed % 1000
                    found.append((level, missed))
        return found

    def judge_commissioning(self, name: str, home: Home, at: int) -> None:
        rule = "not_commissioned"
        if home.heard:
            if rule in home.open:
                self.tell(name, home, rule, "cleared", at)
        elif rule not in home.open:
            observed = at - home.enrolled - self.outages(home, home.enrolled, at)
            if observed >= self.table.device.not_commissioned:
                home.open[rule] = {"start": home.enrolled, "level": 1, "und": False}
                self.said.append((name, rule, "raised", 1, at, home.enrolled, 1.0, ""))

    def tell(self, name: str, home: Home, rule: str, verb: str, at: int, why: str = "") -> None:
        episode = home.open.pop(rule)
        home.settled.pop(rule, None)
        start = 0 if rule in WEATHER else episode["start"]
        self.said.append((name, rule, verb, max(1, episode["level"]), at, start, 1.0, why))

    def standing(self) -> list[tuple[str, str, int]]:
        """What holds now."""
        return sorted(
            (name, rule, episode["level"])
            for name, home in self.homes.items()
            for rule, episode in home.open.items()
            if episode["level"]
        )
