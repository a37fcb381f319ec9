"""Whatever findings, requests, waits and re-readings come in whatever order, the promises about checks hold after each."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from alert_parts import WEBHOOK, Site, finding, make_site
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerts.check import Check, CheckState, Condition, Conflict, DueKind, Outcome
from alerts.delivery import DeliveryState, Permanent, Sent, Temporary
from alerts.policy import Pace, Policy
from alerts.tables import alert, check, delivery, due, transition
from alerts.tables import finding as finding_rows
from ingest.clock import DAY, MINUTE
from rules.finding import ABSENCE, DEVICE, Finding, Level, RuleKey, Verb

POLICY = Policy(
    routes=(WEBHOOK,),
    caution=Pace(acknowledgement=None, remind_every=240 * MINUTE, reminders=3),
    warning=Pace(acknowledgement=60 * MINUTE, remind_every=30 * MINUTE, reminders=2),
    danger=Pace(acknowledgement=15 * MINUTE, remind_every=5 * MINUTE, reminders=3),
)
RULES = sorted([*list(ABSENCE)[:3], RuleKey.HEAT, RuleKey.SOS, RuleKey.DEVICE_SILENT])
ACTORS = st.sampled_from(["kim", "lee"])
WAITS = st.sampled_from([MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 240 * MINUTE, DAY])


class Checks(RuleBasedStateMachine):
    """A site in memory, and what must be true of it."""

    site: Site

    @initialize()
    def begin(self) -> None:
        self.site = make_site("sqlite://", POLICY)
        self.taken: list[Finding] = []
        self.levels: dict[str, int] = {}
        self.ended: set[str] = set()

    @rule(
        households=st.lists(st.sampled_from(["hh-1", "hh-2"]), min_size=1, max_size=3),
        which=st.sampled_from(RULES),
        level=st.sampled_from(Level),
        verb=st.sampled_from(Verb),
        episode=st.sampled_from(["e1", "e2", "e3"]),
    )
    def find(self, households: list[str], which: RuleKey, level: Level, verb: Verb, episode: str) -> None:
        found = [finding(which, level, verb, at=self.site.clock.home, household=each, episode=episode) for each in households]
        self.taken += found
        self.site.take(*found)

    @precondition(lambda self: self.taken)
    @rule(data=st.data())
    def read_again(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.taken) - 1))
        before = [self.site.rows(table) for table in (check, alert, transition, delivery, due, finding_rows)]
        self.site.take(*self.taken[start:])
        assert [self.site.rows(table) for table in (check, alert, transition, delivery, due, finding_rows)] == before

    @rule(data=st.data(), actor=ACTORS)
    def acknowledge(self, data: st.DataObject, actor: str) -> None:
        found = self._some(data)
        if found is None:
            return
        free = found.state is CheckState.OPEN or (found.state is CheckState.ACKNOWLEDGED and found.owner == actor)
        try:
            after = self.site.desk.acknowledge(found.id, actor=actor, dong=None, version=found.version)
        except Conflict:
            assert not free
        else:
            assert free
            assert (after.state, after.owner) == (CheckState.ACKNOWLEDGED, actor)

    @rule(data=st.data(), actor=ACTORS)
    def note(self, data: st.DataObject, actor: str) -> None:
        found = self._some(data)
        if found is not None:
            after = self.site.desk.note(found.id, actor=actor, dong=None, text="메모")
            assert (after.state, after.due, after.owner) == (found.state, found.due, found.owner)

    @rule(data=st.data(), actor=ACTORS, outcome=st.sampled_from(Outcome))
    def resolve(self, data: st.DataObject, actor: str, outcome: Outcome) -> None:
        found = self._some(data)
        if found is None:
            return
        back = self.site.clock.home + DAY if outcome is Outcome.AWAY else None
        try:
            self.site.desk.resolve(found.id, actor=actor, dong=None, outcome=outcome, text="말", returns_at=back)
        except Conflict:
            assert found.state is CheckState.RESOLVED
        else:
            assert found.id not in self.ended
            self.ended.add(found.id)

    @rule(length=WAITS)
    def wait(self, length: int) -> None:
        self.site.clock.home += length
        self.site.clock.machine += length
        self.site.tick.run()
        assert self.site.tick.run() == 0

    @rule(answer=st.sampled_from([Sent(), Temporary(error="down"), Permanent(error="status 401"), RuntimeError("defect")]))
    def send(self, answer: Any) -> None:
        self.site.book.answers = [answer]
        given = len(self.site.book.given)
        self.site.sender.turn()
        assert not {each.check_id for each in self.site.book.given[given:]} & self.ended

    def _some(self, data: st.DataObject) -> Check | None:
        found = self.site.desk.checks(dong=None)
        return data.draw(st.sampled_from(found)) if found else None

    @invariant()
    def one_open_check_per_subject_and_one_open_alert_per_subject_and_rule(self) -> None:
        checks = Counter(row.subject for row in self.site.rows(check) if row.state != CheckState.RESOLVED)
        alerts = Counter((row.subject, row.rule) for row in self.site.rows(alert) if row.closed_at is None)
        assert not checks or max(checks.values()) == 1
        assert not alerts or max(alerts.values()) == 1
        assert not any(RuleKey(row.rule) in DEVICE for row in self.site.rows(alert))

    @invariant()
    def levels_never_fall_and_a_check_has_the_highest_of_its_alerts(self) -> None:
        for table in (check, alert):
            for row in self.site.rows(table):
                assert row.level >= self.levels.get(row.id, 0)
                self.levels[row.id] = row.level
        for each in self.site.desk.checks(dong=None):
            assert each.level == max(one.level for one in each.alerts)

    @invariant()
    def nothing_but_people_resolves(self) -> None:
        assert {row.id for row in self.site.rows(check) if row.state == CheckState.RESOLVED} == self.ended

    @invariant()
    def a_check_is_raised_while_one_of_its_alerts_is(self) -> None:
        for each in self.site.desk.checks(dong=None):
            held = {one.condition for one in each.alerts}
            assert (each.condition is Condition.RAISED) == (Condition.RAISED in held)
            assert (each.condition is Condition.CLEARED) == (held == {Condition.CLEARED})
            assert all((one.cleared_at is not None) == (one.condition is Condition.CLEARED) for one in each.alerts)

    @invariant()
    def an_open_check_has_a_next_due_time_or_is_exhausted(self) -> None:
        for each in self.site.desk.checks(dong=None):
            if each.state is CheckState.RESOLVED:
                assert each.due is None
            elif each.state is CheckState.ACKNOWLEDGED:
                assert each.due is not None and each.due.kind is DueKind.ACKNOWLEDGEMENT_EXPIRES
            elif each.due is None:
                assert each.reminders == POLICY.pace(each.level).reminders
                assert "exhausted" in {row.action for row in self.site.rows(transition) if row.check_id == each.id}
            else:
                assert each.due.kind is DueKind.REMIND_OPEN
        owners = Counter(row.check_id for row in self.site.rows(due))
        assert not owners or max(owners.values()) == 1

    @invariant()
    def every_change_of_state_has_its_transition(self) -> None:
        paths = defaultdict(list)
        for row in self.site.rows(transition):
            paths[row.check_id or row.ticket_id].append(row)
        for row in self.site.rows(check):
            path = paths[row.id]
            assert path[0].old is None
            assert [step.new for step in path[:-1]] == [step.old for step in path[1:]]
            assert path[-1].new == row.state
            assert row.version == len(path)

    @invariant()
    def every_finding_is_recorded_once(self) -> None:
        assert {row.id for row in self.site.rows(finding_rows)} == {each.finding_id for each in self.taken}

    @invariant()
    def an_open_check_was_told_or_is_about_to_be_or_has_failed_visibly(self) -> None:
        told = {row.check_id for row in self.site.rows(delivery) if row.state != DeliveryState.WITHDRAWN}
        assert {row.id for row in self.site.rows(check) if row.state == CheckState.OPEN} <= told

    @invariant()
    def nothing_waits_for_a_check_that_is_over(self) -> None:
        waiting = {row.check_id for row in self.site.rows(delivery) if row.state == DeliveryState.WAITING}
        assert not waiting & self.ended

    def teardown(self) -> None:
        self.site.engine.dispose()


TestChecks = Checks.TestCase
TestChecks.settings = settings(
    max_examples=30, stateful_step_count=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
