"""The rules at work: readings and facts folded into the state, findings made of it on a grid of home time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np

from ingest.clock import SECOND, Millis
from ingest.facts import (
    DeviceEnrolled,
    DeviceRemoved,
    Fact,
    HouseholdEnded,
    HouseholdEnrolled,
    HouseholdGraded,
    HouseholdLimit,
    LinkDown,
    LinkUp,
    RulesApplied,
    RunStarted,
    RunStopped,
    SeasonDeclared,
    SeasonEnded,
)
from ingest.reading import HouseholdId, Reading, Rejection
from ingest.readings import Readings
from rules.absence import STILL, Absence
from rules.baseline.gaps import Gaps
from rules.baseline.prior import Prior, shipped
from rules.batch import Batch
from rules.columns import NEVER, UNSET, Ints, Rows, by_parts
from rules.commissioning import Commissioning
from rules.composite import Composite
from rules.device import DeviceHealth
from rules.directory import Directory
from rules.explain import explain
from rules.finding import Finding, Level, RuleKey, Verb
from rules.life import fold_life
from rules.limits_in_force import LimitsInForce, take_limits
from rules.observability import Blind, Sight, Sights
from rules.outage import OutageBook, Said
from rules.outlook import Evening, HearingTurn, look_ahead
from rules.rhythm import Rhythm
from rules.roll import BITS
from rules.seen import HomeSeen
from rules.staff import Staff
from rules.state import State
from rules.table import RuleTable, read_table
from rules.threshold import Thresholds
from rules.trend import Trend, TrendNote
from rules.trend_store import day_of
from rules.urgent import raise_urgent, urgent_among

Item: TypeAlias = Reading | Rejection | Fact
STEP: Millis = 10 * SECOND
"""The grid of home time on which rules are evaluated, aligned to the epoch."""


class Engine:
    """Folds what happened, says what it means. Not safe to use from two threads.

    `fold` and `advance` together decide alike however the items are split into batches, as long as `advance` is
    called with the receive time of an item before it is folded.
    """

    def __init__(self, table: RuleTable, prior: Prior | None = None) -> None:
        """`table` holds until the journal says otherwise (RulesApplied); `prior`: what is known of homes in general.

        None: what is shipped.
        """
        self._initial = table
        self._prior = shipped() if prior is None else prior
        self._state = State()
        self._next: Millis | None = None  # when something is due next; None: to be found, which takes a look at every home
        self._said = Said()
        self._notes: list[TrendNote] = []
        self._directory = Directory()
        self._use(table)

    def _use(self, table: RuleTable) -> None:
        """From here on these rules hold, with the limits that season and households ask for at the last grid point."""
        self._table = table
        self._limits = limits = LimitsInForce(table, self._state, self._state.evaluated)
        self._rhythm = Rhythm(table, self._prior)
        self._absence = Absence(limits, self._rhythm)
        self._thresholds = Thresholds(limits)
        self._composite = Composite(limits, self._absence)
        self._commissioning = Commissioning(table)
        self._outages = OutageBook(table, self._said)
        self._devices = DeviceHealth(table, self._outages)
        self._staff = Staff(
            table,
            self._absence,
            self._thresholds,
            self._composite,
            self._devices,
            self._commissioning,
            self._outages,
            self._rhythm,
        )
        self._thresholds.adopt(self._state)
        self._devices.adopt(self._state)
        self._rhythm.adopt(self._state)
        self._trend = Trend(table)

    @property
    def table(self) -> RuleTable:
        """The rules in force."""
        return self._table

    @property
    def limits(self) -> LimitsInForce:
        """The limits in force, by profile."""
        return self._limits

    @property
    def households(self) -> int:
        """How many are looked after."""
        homes = self._state.households
        return int(np.count_nonzero(homes.active[: len(homes)]))

    def gaps(self, household_id: HouseholdId) -> Gaps:
        """What has been learnt of how long this home is still; KeyError for one that is not looked after."""
        return self._rhythm.gaps(self._state, self._state.households.row(household_id))

    def knows(self, household_id: HouseholdId) -> bool:
        """Whether this home is looked after."""
        return self._state.households.find(household_id) is not None

    def at_home(self, household_id: HouseholdId) -> bool:
        """Whether somebody counts as at home there: no door was the last to be heard of; KeyError as above."""
        return not self._absence.inferred_away(self._state, self._state.households.row(household_id))

    def first_alert(self, household_id: HouseholdId, at: Millis) -> Millis | None:
        """How long after `at` stillness at home comes to 경보 if nothing happens: 0 where it has, None where nobody is."""
        state, home = self._state, self._state.households.row(household_id)
        standing = [one.level for rule, one in state.episodes.of(household_id) if rule in STILL]
        if max(standing, default=0) >= Level.WARNING:
            return 0
        ahead = [reached for rule, _, reached in self._absence.ahead(state, home, at) if rule in STILL]
        return min((due - at for reached in ahead for level, due in reached if level >= Level.WARNING), default=None)

    def branch(self) -> Engine:
        """Another engine that stands where this one does and goes its own way."""
        other = Engine(self._initial, self._prior)
        other.restore(self.snapshot())
        return other

    def standing(self) -> list[tuple[str, RuleKey, Level]]:
        """What holds now, by household id or `device:<id>`, and rule."""
        return self._state.episodes.standing()

    def explain(self, household_id: HouseholdId) -> HomeSeen:
        """What the rules see of this home at the last grid point; KeyError for one that is not looked after."""
        home = self._state.households.row(household_id)
        return explain(self._state, self._limits, self._absence, self._thresholds, self._composite, self._devices, home)

    def sights(self) -> Sights:
        """Which homes could not be observed when the rules were last evaluated, and why."""
        state, homes = self._state, self._state.households
        ours, found = state.observability.sights(BITS)
        unheard = np.flatnonzero((homes.active[: len(homes)] > 0) & (homes.heard_from[: len(homes)] == UNSET))
        known = {home: Sight(cause=Blind.NOT_COMMISSIONED, since=int(homes.enrolled_at[home])) for home in unheard.tolist()}
        named = {homes.ids[home]: sight for home, sight in (found | known).items() if homes.active[home]}
        return Sights(at=state.evaluated or 0, ours=ours, homes=named)

    def fold(self, items: Iterable[Readings | Item]) -> list[Finding]:
        """Take these items in order; findings of urgent signals and staff facts alone, the others wait for the grid."""
        findings: list[Finding] = []
        batch = Batch(self._state, self._table.caught_up)
        for item in _in_columns(items):
            if isinstance(item, Readings):
                findings += self._take(batch, item)
            elif isinstance(item, Rejection):
                self._state.heard_at = max(self._state.heard_at, item.received_at)
                batch.add_rejection(item)
            else:
                self._fold_batch(batch)
                batch = Batch(self._state, self._table.caught_up)
                self._state.heard_at = max(self._state.heard_at, item.at)
                findings += self._fold_fact(item)
        self._fold_batch(batch)
        self._next = None
        return findings

    def _take(self, batch: Batch, readings: Readings) -> list[Finding]:
        """Put the readings into the batch; what is urgent among them is a finding at once."""
        self._state.heard_at = max(self._state.heard_at, int(readings.received_at.max()))
        batch.add(readings, *self._directory.rows(self._state, readings))
        version = self._table.version
        return [finding for one in urgent_among(readings) for finding in raise_urgent(self._state, one, version)]

    def begin_run(self) -> None:
        """A process of ours begins to listen: unless it is known how the last one ended, what lies between was unheard.

        Called before `advance` to the receive time of RunStarted, so that the gap is not taken for silence.
        """
        if self._outages.run_began(self._state):
            self._reschedule_all()

    def advance(self, now: Millis) -> list[Finding]:
        """Evaluate every grid point up to `now` (home time) that has not been; those where nothing is due are skipped."""
        last = now - now % STEP
        if last != self._state.evaluated and self._thresholds.settle_samples(self._state):
            self._next = None
        if self._state.evaluated is None:
            self._state.evaluated = last
            self._state.trend_closed = day_of(last) - 1
            self._change_limits(self._table)
            return []
        findings: list[Finding] = []
        while self._state.evaluated < last and (due := self._due()) <= last:
            point = max(self._state.evaluated + STEP, -(-due // STEP) * STEP)
            findings += self._evaluate(point)
            self._state.evaluated = point
        self._state.evaluated = max(self._state.evaluated, last)
        return findings

    def evening(self, at: Millis) -> Evening:
        """What the night after `at`, a 17:00 in Seoul that was just evaluated, may bring."""
        return look_ahead(self._state, self._absence, at)

    def take_notes(self) -> list[TrendNote]:
        """What differs in homes from week to week, noted since this was last asked."""
        notes, self._notes = self._notes, []
        return notes

    @property
    def evaluated(self) -> Millis | None:
        """The last grid point."""
        return self._state.evaluated

    def turns(self, now: Millis) -> list[HearingTurn]:
        """Whom we have stopped or begun to hear since this was last asked, up to home time `now`."""
        return self._outages.turns(self._state, now)

    def snapshot(self) -> bytes:
        """The state as bytes; with the journal after it, it gives what the whole journal gives, to the last bit."""
        return self._state.dump()

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or (None) from nothing. ValueError for a snapshot this version cannot read."""
        self._state, self._said = State() if state is None else State.load(state), Said()
        self._notes = []
        self._directory.forget()
        kept = self._state
        self._use(read_table(kept.table) if kept.table else self._initial)
        names = list(kept.episodes.subjects())
        devices = [name.removeprefix("device:") for name in names if name.startswith("device:")]
        kept.devices.dirty[kept.devices.ids.find_all(devices)] = 1
        kept.households.dirty[kept.households.find_all([name for name in names if not name.startswith("device:")])] = 1
        kept.households.dirty[kept.households.asked_at > NEVER] = 1
        self._look_again()

    def _look_again(self) -> None:
        """Find anew when each home and device must be looked at; those with something open or held at once."""
        kept = self._state
        self._reschedule_all()
        held = kept.climates.device[kept.climates.watched(kept.climates.rows())]
        homes = kept.devices.household[held]
        kept.households.due[homes[homes >= 0]] = 0
        kept.households.due[: len(kept.households)][kept.households.away_until[: len(kept.households)] > NEVER] = 0
        self._next = None

    def _change_limits(self, table: RuleTable) -> None:
        self._use(table)
        self._look_again()

    def _fold_batch(self, batch: Batch) -> None:
        if batch.empty:
            return
        batch.close()
        homes = self._devices.fold(self._state, batch)
        self._rhythm.fold(self._state, batch)
        fold_life(self._state, batch, self._absence.shortest, self._absence.heard_again_at(self._state))
        self._thresholds.take_samples(self._state, batch.climate)
        self._trend.fold(self._state, batch)
        if batch.status:
            homes |= self._outages.take_status(self._state, batch)
        if homes:
            self._reschedule(np.array(sorted(homes), dtype=np.int64))

    def _fold_fact(self, fact: Fact) -> list[Finding]:
        self._thresholds.settle_samples(self._state)
        if isinstance(fact, LinkUp | LinkDown | RunStarted | RunStopped):
            if isinstance(fact, RunStarted):
                self.begin_run()
            if self._outages.take_fact(self._state, fact):
                self._reschedule_all()
            return []
        if isinstance(fact, RulesApplied | SeasonDeclared | SeasonEnded | HouseholdLimit):
            self._thresholds.close(self._state, self._limited(fact), fact.at)
            self._change_limits(take_limits(self._state, fact, self._table))
            return []
        findings, homes = self._staff.take(self._state, fact)
        if isinstance(fact, HouseholdEnrolled | HouseholdGraded | DeviceEnrolled | DeviceRemoved):
            self._thresholds.close(self._state, sorted(homes), fact.at)
        if isinstance(fact, HouseholdEnrolled | HouseholdEnded | DeviceEnrolled | DeviceRemoved):
            self._directory.look_again()
        if isinstance(fact, HouseholdEnrolled | HouseholdGraded | HouseholdEnded):
            self._limits.place_grades(self._state, homes)
            if any(home in self._state.own for home in homes):
                self._use(self._table)
        if homes:
            self._reschedule(np.array(sorted(homes), dtype=np.int64))
        return findings

    def _limited(self, fact: RulesApplied | SeasonDeclared | SeasonEnded | HouseholdLimit) -> list[int] | None:
        """The homes whose limits it may change; None: all."""
        if not isinstance(fact, HouseholdLimit):
            return None
        home = self._state.households.find(fact.household_id)
        return [] if home is None else [home]

    def _reschedule_all(self) -> None:
        self._reschedule_homes(self._state.households.rows())
        devices = self._state.devices
        rows = devices.rows()
        pending = devices.due[rows] == 0
        devices.due[rows] = np.where(pending, 0, self._device_bounds(rows))
        self._next = None

    def _reschedule(self, rows: Rows) -> None:
        """An event changed more than a sign of life does: find anew when these homes and their devices must be looked at."""
        self._reschedule_homes(rows)
        for home in rows.tolist():
            for device in self._state.standing(home):
                self._state.devices.due[device] = 0

    def _reschedule_homes(self, rows: Rows) -> None:
        homes = self._state.households
        look = (homes.due[rows] == 0) | (homes.dirty[rows] > 0)
        homes.due[rows] = np.where(look, 0, self._home_bounds(rows))

    def _device_bounds(self, rows: Rows) -> Ints:
        return by_parts(lambda part: self._devices.lower_bounds(self._state, part), rows)

    def _home_bounds(self, rows: Rows) -> Ints:
        return by_parts(self._lower_bounds, rows)

    def _lower_bounds(self, rows: Rows) -> Ints:
        absent = self._absence.lower_bounds(self._state, rows)
        bounds = np.minimum(absent, self._commissioning.lower_bounds(self._state, rows))
        np.minimum(bounds, self._state.households.fit_at[rows], out=bounds)
        return np.where(self._state.households.active[rows] > 0, bounds, UNSET)

    def _due(self) -> Millis:
        """When something is due next: found once for all that was folded since it was last asked."""
        if self._next is None:
            self._next = self._soonest()
        return self._next

    def _soonest(self) -> Millis:
        state = self._state
        homes, devices = len(state.households), len(state.devices)
        first = int(state.households.due[:homes].min()) if homes else UNSET
        return min(
            self._limits.until, self._trend.due(state), first, int(state.devices.due[:devices].min()) if devices else UNSET
        )

    def _evaluate(self, point: Millis) -> list[Finding]:
        state, findings = self._state, list[Finding]()
        if point >= self._limits.until:
            state.evaluated = point
            self._thresholds.close(state, None, point)
            self._change_limits(self._table)
        if point >= self._trend.due(state):
            self._notes += self._trend.run(state, point)
        devices = state.devices
        rows = np.flatnonzero(devices.due[: len(devices)] <= point)
        if len(rows):
            devices.due[rows] = bounds = self._device_bounds(rows)
            for device in rows[bounds <= point].tolist():
                findings += self._judge_device(device, point)
        homes = state.households
        rows = np.flatnonzero(homes.due[: len(homes)] <= point)
        if len(rows):
            homes.due[rows] = bounds = np.where(self._stirred(rows), 0, self._home_bounds(rows))
            for home in rows[bounds <= point].tolist():
                findings += self._judge_home(home, point)
        self._next = None
        return findings

    def _stirred(self, rows: Rows) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Homes that the lower bounds do not tell of: something is open, held or declared there.

        A town that is heard again all at once is looked at home by home only where this says so: an SOS must not wait for it.
        """
        homes, climates = self._state.households, self._state.climates
        stirred = homes.dirty[rows] > 0
        asked = np.flatnonzero((homes.due[rows] == 0) & ~stirred)
        if len(asked):
            looked_at = np.zeros(len(homes) + 1, dtype=bool)  # the last one: of sensors that stand nowhere
            looked_at[rows[asked]] = True
            stands_in = self._state.devices.household[climates.device[: len(climates)]]
            held = stands_in[climates.watched(np.flatnonzero(looked_at[stands_in]))]
            stirred[asked] = (homes.away_until[rows[asked]] > NEVER) | np.isin(rows[asked], held)
        return np.asarray(stirred)

    def _judge_home(self, home: int, point: Millis) -> list[Finding]:
        homes = self._state.households
        if not homes.active[home]:
            homes.due[home] = UNSET
            return []
        self._rhythm.fit_due(self._state, home, point)
        findings, due = self._absence.judge(self._state, home, point)
        told, held_due = self._thresholds.judge(self._state, home, point)
        findings += told
        ended = {one.rule: one.evidence.withdrawn for one in told if one.verb is Verb.CLEARED}
        told, both_due = self._composite.judge(self._state, home, point, ended)
        findings += told
        told, next_due = self._commissioning.judge(self._state, home, point)
        findings += told
        homes.due[home] = min(due, held_due, both_due, next_due, int(self._state.households.fit_at[home]))
        watched = held_due < UNSET or homes.asked_at[home] > NEVER
        homes.dirty[home] = 1 if watched or self._state.episodes.of(homes.ids[home]) else 0
        return findings

    def _judge_device(self, device: int, point: Millis) -> list[Finding]:
        devices = self._state.devices
        findings, due, changed = self._devices.judge(self._state, device, point)
        devices.due[device] = due
        if changed:
            self._reschedule(devices.household[[device]].astype(np.int64))
        devices.dirty[device] = 1 if self._state.episodes.of(f"device:{devices.ids[device]}") else 0
        return findings


def _in_columns(items: Iterable[Readings | Item]) -> Iterator[Readings | Rejection | Fact]:
    """The same in the same order, single readings that follow each other together."""
    single: list[Reading] = []
    for item in items:
        if isinstance(item, Reading):
            single.append(item)
            continue
        if single:
            yield Readings.of(single)
            single = []
        if not isinstance(item, Readings) or len(item):
            yield item
    if single:
        yield Readings.of(single)
