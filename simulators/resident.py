"""How one person who lives alone spends a day: asleep, at table, at rest, out, on the telephone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from random import Random

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis

SEOUL_OFFSET: Millis = 9 * HOUR  # no summer time since 1988


class Room(StrEnum):
    """Where a movement happens."""

    LIVING = "living"
    BED = "bed"
    BATH = "bath"


class Doing(StrEnum):
    """What a stretch of the day is spent on."""

    SLEEP = "sleep"
    WASH = "wash"
    MEAL = "meal"
    REST = "rest"
    NAP = "nap"
    OUT = "out"


class CallKind(StrEnum):
    """Who rang whom, and whether it was answered."""

    IN = "in"
    OUT = "out"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What stays the same from day to day; times of day in minutes after local midnight."""

    wakes: float
    goes_to_bed: float
    lunch: float
    dinner: float
    rests_minutes: float  # the longest stretch in a chair without a movement worth seeing
    toilet_minutes: float  # between visits while awake
    morning_outing: float  # chance
    afternoon_outing: float  # chance
    senior_centre: float  # chance that a weekday morning outing leads there
    nap: float  # chance
    calls_out: float  # a day
    calls_in: float  # a day
    restless_night: float  # chance of a second visit to the toilet


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """One stretch of the day, `start` <= t < `end`."""

    start: Millis
    end: Millis
    doing: Doing


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """All a resident does from one local midnight to the next; each list is in order of time."""

    spells: tuple[Spell, ...]
    movements: tuple[tuple[Millis, Room], ...]
    doors: tuple[tuple[Millis, bool], ...]  # True opened, False closed
    calls: tuple[tuple[Millis, CallKind], ...]


def local_day(at: Millis) -> int:
    """The number of the local (Asia/Seoul) day the instant lies in."""
    return (at + SEOUL_OFFSET) // DAY


def day_start(day: int) -> Millis:
    """The local midnight a day begins with."""
    return day * DAY - SEOUL_OFFSET


def draw_habits(seed: str) -> Habits:
    """The habits of one resident; the same seed gives the same person."""
    rng = Random(f"{seed}/habits")
    return Habits(
        wakes=rng.uniform(320, 415),
        goes_to_bed=rng.uniform(1_290, 1_400),
        lunch=rng.uniform(715, 765),
        dinner=rng.uniform(1_065, 1_130),
        rests_minutes=rng.uniform(12, 26),
        toilet_minutes=rng.uniform(110, 180),
        morning_outing=rng.uniform(0.15, 0.7),
        afternoon_outing=rng.uniform(0.2, 0.75),
        senior_centre=rng.uniform(0.0, 0.6),
        nap=rng.uniform(0.1, 0.7),
        calls_out=rng.uniform(0.4, 2.0),
        calls_in=rng.uniform(0.4, 2.0),
        restless_night=rng.uniform(0.2, 0.9),
    )


def plan_day(habits: Habits, seed: str, day: int) -> DayPlan:
    """The day of that number; days are drawn apart from each other, so any of them can be planned alone.

    A well resident is never unseen for 7 hours: bed is at 21:10 or later, the toilet is visited between 01:00 and 02:50,
    rising is at 07:20 or earlier, outings stay under 5 hours, and coming home shows as the door and a movement more than
    90 s after it.
    """
    rng = Random(f"{seed}/day/{day}")
    plan = _Plan(habits, rng, day_start(day))
    plan.night_before_waking()
    for spell in _spells(habits, rng, day):
        plan.live(spell)
    plan.calls_of_the_day(must_ring=day % 2 == 0)
    return plan.finish()


def _spells(habits: Habits, rng: Random, day: int) -> list[Spell]:
    """The waking day and what follows it until midnight, without gap."""
    midnight = day_start(day)
    wakes = _clamp(rng.gauss(habits.wakes, 15), 300, 440)
    bed = _clamp(rng.gauss(habits.goes_to_bed, 20), 1_270, 1_425)
    washed = wakes + rng.uniform(8, 16)
    breakfast = washed + rng.uniform(5, 20)
    fixed = [(wakes, washed, Doing.WASH), (breakfast, breakfast + rng.uniform(20, 40), Doing.MEAL)]
    back = _morning(habits, rng, day, fixed)
    lunch = max(back + 15, rng.gauss(habits.lunch, 12))
    fixed.append((lunch, lunch + rng.uniform(20, 45), Doing.MEAL))
    free = fixed[-1][1]
    if rng.random() < habits.nap:
        nap = free + rng.uniform(10, 40)
        fixed.append((nap, nap + rng.uniform(25, 80), Doing.NAP))
        free = fixed[-1][1]
    if rng.random() < habits.afternoon_outing and free < 960:
        leaves = max(free + 20, rng.uniform(870, 960))
        fixed.append((leaves, min(leaves + rng.uniform(25, 100), 1_045), Doing.OUT))
        free = fixed[-1][1]
    dinner = max(free + 10, rng.gauss(habits.dinner, 10))
    fixed.append((dinner, dinner + rng.uniform(25, 50), Doing.MEAL))
    fixed.append((bed - 12, bed, Doing.WASH))
    fixed.append((bed, DAY / MINUTE, Doing.SLEEP))
    return _filled(fixed, midnight)


def _morning(habits: Habits, rng: Random, day: int, fixed: list[tuple[float, float, Doing]]) -> float:
    """Adds the morning outing, if there is one; the minute from which the resident is free."""
    weekday = (day + 3) % 7 < 5  # day 0, 1 January 1970, was a Thursday
    if rng.random() >= habits.morning_outing:
        return fixed[-1][1]
    leaves = rng.uniform(545, 620)
    lasts = rng.uniform(140, 270) if weekday and rng.random() < habits.senior_centre else rng.uniform(30, 85)
    fixed.append((leaves, leaves + lasts, Doing.OUT))
    return leaves + lasts


def _filled(fixed: list[tuple[float, float, Doing]], midnight: Millis) -> list[Spell]:
    """The fixed spells (in minutes) with rest in every hole between them, as instants."""
    spells: list[Spell] = []
    at = fixed[0][0]
    for start, end, doing in fixed:
        if start > at:
            spells.append(_spell(midnight, at, start, Doing.REST))
        spells.append(_spell(midnight, start, end, doing))
        at = end
    return spells


def _spell(midnight: Millis, start: float, end: float, doing: Doing) -> Spell:
    return Spell(start=midnight + round(start * MINUTE), end=midnight + round(end * MINUTE), doing=doing)


def _clamp(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


_MEAL_MINUTES = (0.6, 3.0)
_WASH_MINUTES = (0.8, 2.5)


class _Plan:
    """The day as far as it has been lived."""

    def __init__(self, habits: Habits, rng: Random, midnight: Millis) -> None:
        self._habits = habits
        self._rng = rng
        self._midnight = midnight
        self._spells: list[Spell] = []
        self._movements: list[tuple[Millis, Room]] = []
        self._doors: list[tuple[Millis, bool]] = []
        self._calls: list[tuple[Millis, CallKind]] = []
        self._toilet_due = 0.0  # minutes of rest until the next visit

    def night_before_waking(self) -> None:
        """The part of the night after midnight: one visit to the toilet surely, perhaps a second."""
        visits = [self._rng.uniform(60, 170)]
        if self._rng.random() < self._habits.restless_night:
            visits.append(self._rng.uniform(205, 285))
        for minute in visits:
            self._toilet(self._midnight + round(minute * MINUTE), back_to=Room.BED)

    def live(self, spell: Spell) -> None:
        """Adds the movements and doors of one spell."""
        if not self._spells:
            self._spells.append(Spell(start=self._midnight, end=spell.start, doing=Doing.SLEEP))
        self._spells.append(spell)
        if spell.doing is Doing.OUT:
            self._out(spell)
        elif spell.doing is Doing.MEAL:
            self._stir(spell, Room.LIVING, _MEAL_MINUTES)
        elif spell.doing is Doing.WASH:
            self._stir(spell, Room.BATH, _WASH_MINUTES)
        elif spell.doing is Doing.REST:
            self._rest(spell)
        else:  # NAP and SLEEP: seen lying down, then not before getting up
            self._move(spell.start, Room.BED)

    def calls_of_the_day(self, *, must_ring: bool) -> None:
        """Calls between 8 and 21 h; on every second day at least one is made, so that 2 days never pass without."""
        rng = self._rng
        kinds = [CallKind.OUT] * _poisson(rng, self._habits.calls_out)
        kinds += [CallKind.IN if rng.random() < 0.8 else CallKind.MISSED for _ in range(_poisson(rng, self._habits.calls_in))]
        if must_ring and CallKind.OUT not in kinds:
            kinds.append(CallKind.OUT)
        self._calls = sorted((self._midnight + round(rng.uniform(480, 1_260) * MINUTE), kind) for kind in kinds)

    def finish(self) -> DayPlan:
        """The whole day, in order of time."""
        return DayPlan(
            spells=tuple(self._spells),
            movements=tuple(sorted(self._movements)),
            doors=tuple(sorted(self._doors)),
            calls=tuple(self._calls),
        )

    def _move(self, at: Millis, room: Room) -> None:
        self._movements.append((at, room))

    def _toilet(self, at: Millis, *, back_to: Room) -> None:
        self._move(at, Room.BATH)
        self._move(at + round(self._rng.uniform(1.2, 4.0) * MINUTE), back_to)

    def _stir(self, spell: Spell, room: Room, every: tuple[float, float]) -> None:
        at = spell.start
        while at < spell.end:
            self._move(at, room)
            at += round(self._rng.uniform(*every) * MINUTE)

    def _rest(self, spell: Spell) -> None:
        at = spell.start + round(self._rng.uniform(0.5, 3.0) * MINUTE)
        while at < spell.end - 5 * MINUTE:  # a visit to the toilet ends before the spell does
            pause = self._rng.uniform(2.0, self._habits.rests_minutes)
            if self._toilet_due <= 0:
                self._toilet(at, back_to=Room.LIVING)
                self._toilet_due = self._habits.toilet_minutes * self._rng.uniform(0.7, 1.3)
                pause = max(pause, 6.0)
            else:
                self._move(at, Room.LIVING)
            at += round(pause * MINUTE)
            self._toilet_due -= pause

    def _out(self, spell: Spell) -> None:
        rng = self._rng
        self._move(spell.start - round(rng.uniform(10, 40) * SECOND), Room.LIVING)
        self._doors += [(spell.start, True), (spell.start + round(rng.uniform(6, 20) * SECOND), False)]
        closed = spell.end + round(rng.uniform(6, 20) * SECOND)
        self._doors += [(spell.end, True), (closed, False)]
        self._move(closed + round(rng.uniform(3, 15) * SECOND), Room.LIVING)
        self._move(closed + round(rng.uniform(100, 170) * SECOND), Room.LIVING)
        self._toilet_due = 0.0


def _poisson(rng: Random, mean: float) -> int:
    """How many arrivals of rate `mean` fall into one unit of time."""
    count, waited = 0, rng.expovariate(mean)
    while waited < 1.0:
        count += 1
        waited += rng.expovariate(mean)
    return count
