"""Whatever findings, requests, waits and re-readings come in whatever order, the promises about checks hold after each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import select

from alerts.check import Check, CheckState, Condition, Conflict, DueKind, Outcome
from alerts.delivery import DeliveryState, Permanent, Sent, Temporary
from alerts.policy import Policy
from alerts.tables import alert, check, delivery, due, transition
from alerts.tables import finding as finding_rows
from ingest.clock import DAY, MINUTE
from rules.finding import DEVICE, Finding, Level, RuleKey, Verb
from tests.alerts.alert_parts import WEBHOOK, finding, make_site

POLICY = Policy(routes=(WEBHOOK,))
RULES = [RuleKey.MOTION, RuleKey.HEAT, RuleKey.SOS, RuleKey.DEVICE_SILENT]
VERBS = [Verb.RAISED, Verb.RAISED, Verb.RAISED, Verb.CLEARED, Verb.UNDETERMINED]
ACTORS = st.sampled_from(["kim", "lee"])
STEPS = ["find", "find", "find", "again", "acknowledge", "acknowledge", "note", "resolve", "wait", "wait", "send"]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Stored(NamedTuple):
    """All rows there are, table by table."""

    checks: Sequence[Any]
    alerts: Sequence[Any]
    transitions: Sequence[Any]
    dues: Sequence[Any]
    deliveries: Sequence[Any]
    findings: Sequence[Any]


TABLES = (check, alert, transition, due, delivery, finding_rows)


def alerts_by_check(now: Stored) -> dict[str, list[Any]]:
    found = defaultdict(list)
    for row in now.alerts:
        found[row.check_id].append(row)
    return found


def one_open_check_per_subject_and_one_open_alert_per_subject_and_rule(now: Stored) -> None:
    checks = Counter(row.subject for row in now.checks if row.state != CheckState.RESOLVED)
    alerts = Counter((row.subject, row.rule) for row in now.alerts if row.closed_at is None)
    assert not checks or max(checks.values()) == 1
    assert not alerts or max(alerts.values()) == 1
    assert not any(RuleKey(row.rule) in DEVICE for row in now.alerts)
    over = {row.id for row in now.checks if row.state == CheckState.RESOLVED}
    assert all((row.closed_at is not None) == (row.check_id in over) for row in now.alerts)


def levels_never_fall(now: Stored, before: dict[str, int]) -> dict[str, int]:
    after = {row.id: row.level for row in (*now.checks, *now.alerts)}
    assert all(after[number] >= level for number, level in before.items())
    highest = {number: max(row.level for row in rows) for number, rows in alerts_by_check(now).items()}
    assert highest == {row.id: row.level for row in now.checks}
    return after


def a_check_is_raised_while_one_of_its_alerts_is(now: Stored) -> None:
    alerts = alerts_by_check(now)
    for row in now.checks:
        held = {one.condition for one in alerts[row.id]}
        assert (row.condition == Condition.RAISED) == (Condition.RAISED in held)
        assert (row.condition == Condition.CLEARED) == (held == {Condition.CLEARED})
    assert all((row.cleared_at is not None) == (row.condition == Condition.CLEARED) for row in now.alerts)


def an_open_check_has_a_next_due_time_or_is_exhausted(now: Stored) -> None:
    dues = {row.check_id: row for row in now.dues}
    assert len(dues) == len(now.dues)
    newest = {row.check_id: row.action for row in now.transitions if row.action in ("exhausted", "opened", "expired")}
    for row in now.checks:
        kind = dues[row.id].kind if row.id in dues else None
        if row.state == CheckState.RESOLVED:
            assert kind is None
        elif row.state == CheckState.ACKNOWLEDGED:
            assert kind == DueKind.ACKNOWLEDGEMENT_EXPIRES
        elif kind is None:
            assert newest[row.id] == "exhausted"
        else:
            assert kind == DueKind.RUNG
        assert kind is None or dues[row.id].version == row.version


def every_change_of_state_has_its_transition(now: Stored) -> None:
    paths = defaultdict(list)
    for row in now.transitions:
        paths[row.check_id].append(row)
    for row in now.checks:
        path = paths[row.id]
        assert path[0].old is None
        assert [step.new for step in path[:-1]] == [step.old for step in path[1:]]
        assert path[-1].new == row.state
        assert row.version == len(path)


def an_open_check_was_told_and_one_that_is_over_is_not_told_any_more(now: Stored) -> None:
    told = {row.check_id for row in now.deliveries if row.state != DeliveryState.WITHDRAWN}
    assert {row.id for row in now.checks if row.state == CheckState.OPEN} <= told
    waiting = {row.check_id for row in now.deliveries if row.state == DeliveryState.WAITING}
    assert not waiting & {row.id for row in now.checks if row.state == CheckState.RESOLVED}


class Checks(RuleBasedStateMachine):
    """A site in memory, and what must be true of it after every step.

    One rule draws what happens: several rules would be switched off at random, and the long paths through a check
    (raised, taken, expired, taken again, ended, raised anew) need all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.site = make_site("sqlite://", POLICY)
        self.taken: list[Finding] = []
        self.levels: dict[str, int] = {}
        self.ended: set[str] = set()

    @rule(step=st.sampled_from(STEPS), data=st.data())
    def happen(self, step: str, data: st.DataObject) -> None:
        getattr(self, step)(data.draw)

    def find(self, draw: Draw) -> None:
        found = [
            finding(
                draw(st.sampled_from(RULES)),
                draw(st.sampled_from(list(Level))),
                draw(st.sampled_from(VERBS)),
                at=self.site.clock.home,
                household=draw(st.sampled_from(["hh-1", "hh-2"])),
                episode=draw(st.sampled_from(["e1", "e2"])),
            )
            for _ in range(draw(st.integers(1, 3)))
        ]
        self.taken += found
        self.site.take(*found)

    def again(self, draw: Draw) -> None:
        before = self._stored()
        self.site.take(*self.taken[draw(st.integers(0, 20)) :])
        assert self._stored() == before

    def acknowledge(self, draw: Draw) -> None:
        if (found := self._some(draw)) is None:
            return
        actor = draw(ACTORS)
        free = found.state is CheckState.OPEN or (found.state is CheckState.ACKNOWLEDGED and found.owner == actor)
        try:
            after = self.site.desk.acknowledge(found.id, actor=actor, dong=None, version=found.version)
        except Conflict:
            assert not free
        else:
            assert free
            assert (after.state, after.owner) == (CheckState.ACKNOWLEDGED, actor)

    def note(self, draw: Draw) -> None:
        if (found := self._some(draw)) is not None:
            after = self.site.desk.note(found.id, actor=draw(ACTORS), dong=None, text="메모")
            assert (after.state, after.due, after.owner) == (found.state, found.due, found.owner)

    def resolve(self, draw: Draw) -> None:
        if (found := self._some(draw)) is None:
            return
        outcome = draw(st.sampled_from(list(Outcome)))
        back = self.site.clock.home + DAY if outcome is Outcome.AWAY else None
        try:
            self.site.desk.resolve(found.id, actor=draw(ACTORS), dong=None, outcome=outcome, text="말", returns_at=back)
        except Conflict:
            assert found.state is CheckState.RESOLVED
        else:
            assert found.id not in self.ended
            self.ended.add(found.id)

    def wait(self, draw: Draw) -> None:
        length = draw(st.sampled_from([MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 240 * MINUTE, DAY]))
        self.site.clock.home += length
        self.site.clock.machine += length
        self.site.tick.run()
        assert self.site.tick.run() == 0

    def send(self, draw: Draw) -> None:
        answers = [Sent(), Temporary(error="down"), Permanent(error="status 401"), RuntimeError("defect")]
        self.site.book.answers = [draw(st.sampled_from(answers))]
        given = len(self.site.book.given)
        self.site.sender.turn()
        assert not {each.check_id for each in self.site.book.given[given:]} & self.ended

    def _some(self, draw: Draw) -> Check | None:
        found = self.site.desk.checks(dong=None)
        return draw(st.sampled_from(found)) if found else None

    def _stored(self) -> Stored:
        with self.site.engine.begin() as connection:
            return Stored(*(connection.execute(select(table)).all() for table in TABLES))

    @invariant()
    def promises_hold(self) -> None:
        now = self._stored()
        one_open_check_per_subject_and_one_open_alert_per_subject_and_rule(now)
        self.levels = levels_never_fall(now, self.levels)
        assert {row.id for row in now.checks if row.state == CheckState.RESOLVED} == self.ended, "only people resolve"
        assert {row.id for row in now.findings} == {each.finding_id for each in self.taken}, "every finding is kept, once"
        a_check_is_raised_while_one_of_its_alerts_is(now)
        an_open_check_has_a_next_due_time_or_is_exhausted(now)
        every_change_of_state_has_its_transition(now)
        an_open_check_was_told_and_one_that_is_over_is_not_told_any_more(now)

    def teardown(self) -> None:
        self.site.engine.dispose()


TestChecks = Checks.TestCase
TestChecks.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
