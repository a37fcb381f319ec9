"""The personal baseline at work: pauses gathered, settled into a home's habits, and made into its limits each night."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import AwayDeclared, AwayEnded, CheckResolved
from rules.baseline.fit import fit, usual_minutes
from rules.baseline.gaps import BINS, DAYS, SHORTEST, Bytes, Gaps, bin_of, no_gaps
from rules.baseline.prior import Prior
from rules.batch import Batch
from rules.columns import UNSET, Ints, Rows, by_parts
from rules.pauses import LEAST, NONE, SLOTS, Pause, mended, seconds
from rules.roll import MOTION_BIT
from rules.state import State
from rules.table import RuleTable
from rules.told import note_booked, note_day, take_back

UNIT: Millis = 5 * MINUTE
"""Of a fitted limit; 255 of them mean never."""

SEOUL_OFFSET: Millis = 9 * HOUR  # no summer time since 1988
SPACING: Millis = 10 * SECOND
"""Between the nightly fits of neighbouring homes."""

NOT_WELL = frozenset({"emergency_119", "death_found", "hospital", "away"})
"""Outcomes of a check that say the pause before it was no rest at home; every other one is a habit to be learnt."""

_UNCERTAIN = 2
"""Whole days after the one in which a pause began: what falls into it in the second, and comes a day late, still cuts it."""

_REMEMBERED: Millis = (2 + _UNCERTAIN) * DAY
_HALF_A_DAY: Millis = 12 * HOUR


class _Event(NamedTuple):
    """Row in Households, seconds, and kind (0 motion, 1 enter, 2 door)."""

    home: int
    at: int
    kind: int


class _Gap(NamedTuple):
    """A pause while at home, as far as it was observed. ms UTC, ms."""

    start: Millis
    length: Millis
    censored: bool  # ended by blindness


class Rhythm:
    """The personal baseline of one table, over one state. The same events give the same limits, in whatever order they come."""

    def __init__(self, table: RuleTable, prior: Prior) -> None:
        self._door_gap = table.door_gap // SECOND
        self._personal = table.personal
        self.used = table.personal.used
        self._prior = prior
        self._rates = (table.personal.check_rate, table.personal.alert_rate)
        self._unknown = _of_others(prior, self._rates)
        self._in_a_row = max(1, self._personal.refit_within // SPACING)

    # ------------------------------------------------------------------ limits

    def limits(self, state: State, rows: Rows, start: Ints) -> tuple[Ints, Ints]:
        """Milliseconds after `start` (ms UTC, by row) at which check and alert speak; UNSET: never."""
        if not self.used:
            never = np.full(len(rows), UNSET, dtype=np.int64)
            return never, never
        place = (start + SEOUL_OFFSET) % DAY // (DAY // BINS)
        habit = state.households.habit[rows].astype(np.int64)
        own = habit >= 0
        check, alert = (self._level(state, level * BINS + place, habit, own) for level in (0, 1))
        return check, alert

    def _level(self, state: State, place: Ints, habit: Rows, own: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Ints:
        units = self._unknown[place].astype(np.int64)
        units[own] = state.habits.limits[place[own], habit[own]]
        return np.where(units == 255, UNSET, np.maximum(units * UNIT, self._personal.shortest))

    def usual(self, state: State, home: int, start: Millis) -> Millis:
        """The longest that this home is usually still from this time of day on; 0 while it is not known well enough."""
        habit = int(state.households.habit[home])
        if habit < 0 or state.habits.fitted_days[habit] < self._personal.from_day:
            return 0
        minutes = usual_minutes(self.gaps(state, home), bin_of(start))
        return SHORTEST if minutes is None else minutes * MINUTE  # none is known: it never was still for as long

    def gaps(self, state: State, home: int) -> Gaps:
        """All that is known of the home's pauses, settled or not."""
        habit = self._habit(state, home)
        pauses = state.habits.pauses(habit)
        last = int(state.habits.last_day[habit])
        unsettled = {day for pause in pauses if (day := _day(pause.start)) > last}
        days = int(state.habits.days[habit]) + sum(self._observed(state, home, day) for day in unsettled)
        return state.habits.row(habit).gaps(min(days, DAYS), self._gaps(state, home, pauses))

    # ------------------------------------------------------------------ folding

    def fold(self, state: State, batch: Batch) -> None:
        """Take the signs of life of a batch, before the newest of them are noted."""
        if self.used:
            for home, events in _odd_events(state, batch):
                self._fold_home(state, home, events)

    def _fold_home(self, state: State, home: int, events: list[_Event]) -> None:
        homes = state.households
        latest = [seconds(int(column[home])) for column in (homes.last_motion, homes.last_enter, homes.last_door)]
        known, first = state.habits.pauses(int(homes.habit[home])), int(homes.first_event[home])
        for _, at, kind in events:
            top = max(latest)
            if first == NONE:
                first = at
            elif at >= top:
                known += [Pause(at, *latest)] if at - top >= LEAST else []
            else:
                known = mended(known, at, kind)
                if at < first:
                    known = self._before_all(state, home, first, at, kind) + known
                    first = at
            latest[kind] = max(latest[kind], at)
            homes.first_event[home] = first
            while len(known) > SLOTS:
                self._settle(state, home, known.pop(0))
        if known or homes.habit[home] >= 0:
            state.habits.put(self._habit(state, home), known)
        if min(event.at for event in events) * SECOND < int(homes.fit_at[home]) - DAY:
            homes.fit_at[home] = homes.due[home] = 0  # the last fit did not know of it

    def _before_all(self, state: State, home: int, first: int, at: int, kind: int) -> list[Pause]:
        habit = int(state.households.habit[home])
        if first - at < LEAST or (habit >= 0 and state.habits.last_day[habit]):
            return []  # too short, or the days before the first were counted already
        return [Pause(first, NONE, NONE, NONE).knowing(at, kind)]

    # ------------------------------------------------------------------ facts

    def begin(self, state: State, home: int, at: Millis) -> None:
        """The home is looked after from `at` on."""
        if self.used and state.households.fit_at[home] == UNSET:
            state.households.fit_at[home] = self._next_fit(np.array([home]), at)[0]

    def adopt(self, state: State) -> None:
        """These rules hold from here on: the homes have their turns as they say."""
        homes, count = state.households, len(state.households)
        if state.evaluated is None:
            return
        due = by_parts(partial(self._next_fit, after=state.evaluated), homes.rows())
        looked_after = homes.active[:count] > 0
        at_once = self.used & (homes.fit_at[:count] == 0)
        homes.fit_at[:count] = np.where(at_once, 0, np.where(looked_after & self.used, due, UNSET))

    def take(self, state: State, home: int, fact: AwayDeclared | AwayEnded | CheckResolved) -> None:
        """Note the spans of time whose pauses say nothing of the home's habits."""
        spans = state.left_out.setdefault(home, [])
        if isinstance(fact, AwayDeclared):
            spans.append((fact.at, int(state.households.away_until[home])))
        elif isinstance(fact, AwayEnded):
            spans[:] = [(start, min(end, max(start, fact.at))) for start, end in spans]
        else:
            if fact.outcome not in NOT_WELL:
                state.told.pop(home, None)
            elif take_back(state, home, fact.at):
                state.households.fit_at[home] = state.households.due[home] = 0  # the last fit rested on what was told

    # ------------------------------------------------------------------ the night

    def fit_due(self, state: State, home: int, at: Millis) -> None:
        """Fit the home's limits anew where it is time to, or where what the last fit rested on has changed."""
        homes = state.households
        if int(homes.fit_at[home]) > at:
            return
        homes.fit_at[home] = self._next_fit(np.array([home]), at)[0]
        if homes.first_event[home] == NONE:
            return
        fitted_at = int(homes.fit_at[home]) - DAY
        today = _day(fitted_at // SECOND)
        habit = self._habit(state, home)
        known = state.habits.pauses(habit)
        while known and _day(known[0].start) < today - _UNCERTAIN:
            self._settle(state, home, known.pop(0))
        state.habits.put(habit, known)
        self._count_days(state, home, habit, today - _UNCERTAIN - 1)
        self._fit_habit(state, home, habit, [one for one in known if one.until * SECOND <= fitted_at], today)
        self._forget(state, home, at)

    def _fit_habit(self, state: State, home: int, habit: int, known: list[Pause], today: int) -> None:
        observed = {day for day in range(int(state.habits.last_day[habit]) + 1, today) if self._observed(state, home, day)}
        days = min(DAYS, int(state.habits.days[habit]) + len(observed))
        state.habits.fitted_days[habit] = days
        if days < self._personal.from_day:
            state.habits.limits[:, habit] = self._unknown
            return
        counts = {*observed, today - 1}
        unsettled = self._gaps(state, home, [one for one in known if _day(one.start) in counts])
        gaps = state.habits.row(habit).gaps(days, unsettled)
        state.habits.limits[:, habit] = fit(gaps, self._prior, self._rates).limits.reshape(2 * BINS)

    def _next_fit(self, homes: Rows, after: Millis) -> Ints:
        """The first moment after this at which each home has its turn: every night, one home after another."""
        turn = self._personal.refit_at - SEOUL_OFFSET + homes % self._in_a_row * SPACING
        return np.asarray((after - turn) // DAY * DAY + DAY + turn)

    # ------------------------------------------------------------------ habits

    def _settle(self, state: State, home: int, pause: Pause) -> None:
        """The pause is certain enough: from now on it is a gap of its day."""
        habit, day = self._habit(state, home), _day(pause.start)
        self._count_days(state, home, habit, day)
        if self._observed(state, home, day):
            for gap in self._gaps(state, home, [pause]):
                state.habits.row(habit).append(*gap)
                note_booked(state, home, pause, gap)

    def _count_days(self, state: State, home: int, habit: int, upto: int) -> None:
        habits = state.habits
        first = max(int(habits.last_day[habit]) + 1, _day(int(state.households.first_event[home])))
        for day in range(first, upto + 1):
            if self._observed(state, home, day):
                habits.row(habit).open_day()
                habits.days[habit] = min(DAYS, int(habits.days[habit]) + 1)
                note_day(state, home)
        habits.last_day[habit] = max(upto, int(habits.last_day[habit]))

    def _observed(self, state: State, home: int, day: int) -> bool:
        """Whether of this Seoul day no more than half was blind, away or before the first sign of life."""
        start = day * DAY - SEOUL_OFFSET
        end = start + DAY
        lost = state.observability.blind_between(home, start, end, MOTION_BIT)
        for left, returned in [(start, int(state.households.first_event[home]) * SECOND), *state.left_out.get(home, [])]:
            lost += max(0, min(returned, end) - max(left, start))
        return lost <= _HALF_A_DAY

    def _gaps(self, state: State, home: int, pauses: list[Pause]) -> list[_Gap]:
        """Those of the pauses that were spent at home, as far as they were observed."""
        found = []
        for pause in pauses:
            start, end = pause.start * SECOND, pause.until * SECOND
            away = pause.door > NONE and pause.motion <= pause.door + self._door_gap and pause.enter < pause.door
            if away or any(left < end and start <= back for left, back in state.left_out.get(home, [])):
                continue
            blind = state.observability.first_blind(home, start, end, MOTION_BIT)
            length = end - start if blind is None else blind - start
            if length >= SHORTEST:
                found.append(_Gap(start, length, blind is not None))
        return found

    def _habit(self, state: State, home: int) -> int:
        habit = int(state.households.habit[home])
        if habit < 0:
            habit = state.habits.add()
            state.habits.home[habit] = home
            state.habits.limits[:, habit] = self._unknown
            state.households.habit[home] = habit
        return habit

    def _forget(self, state: State, home: int, at: Millis) -> None:
        """Let go of spans that no unsettled pause and no day still to be counted can touch."""
        homes = state.households
        last = max(int(homes.last_motion[home]), int(homes.last_enter[home]), int(homes.last_door[home]))
        kept = [span for span in state.left_out.pop(home, []) if span[1] >= min(last, at - _REMEMBERED)]
        if kept:
            state.left_out[home] = kept


@lru_cache(maxsize=16)
def _of_others(prior: Prior, rates: tuple[float, float]) -> Bytes:
    """The limits of a home of which nothing is known."""
    return fit(no_gaps(), prior, rates).limits.reshape(2 * BINS)


def _odd_events(state: State, batch: Batch) -> Iterator[tuple[int, list[_Event]]]:
    """The events of each home where one ends a pause or comes late: what comes within moments of the last changes nothing."""
    kinds = (batch.motion, batch.enter, batch.door)
    rows = np.concatenate([one for one, _ in kinds])
    if not len(rows):
        return
    homes = state.households
    at = np.concatenate([one for _, one in kinds]) // SECOND
    kind = np.repeat(np.arange(3), [len(one) for one, _ in kinds])
    top = np.maximum(np.maximum(homes.last_motion[rows], homes.last_enter[rows]), homes.last_door[rows]) // SECOND
    odd = (at < top) | (at - top >= LEAST)
    if not odd.any():
        return
    chosen = np.flatnonzero(np.isin(rows, rows[odd]))
    chosen = chosen[np.argsort(rows[chosen], kind="stable")]
    events = map(_Event, rows[chosen].tolist(), at[chosen].tolist(), kind[chosen].tolist())
    for home, group in groupby(events, key=lambda event: event.home):
        yield home, list(group)


def _day(at: int) -> int:
    """The Seoul day of an instant in seconds, in days since 1970."""
    return (at * SECOND + SEOUL_OFFSET) // DAY
