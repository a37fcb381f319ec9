"""Whatever rosters, silences, outages, findings, waits and restarts come in whatever order, the promises of duty hold."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from alerts.check import CheckState, Conflict, Outcome
from alerts.delivery import DeliveryState
from alerts.duty.gaps import NO_ROSTER
from alerts.duty.handovers import NotYours
from alerts.duty.hush import held_back, read_hush
from alerts.duty.silence import NEVER_SILENT, SilenceKind, SilenceReason
from alerts.duty.tables import duty_gap, duty_now, handover, outage, outage_home
from alerts.duty.tick import DutyTick
from alerts.rows import load_check
from alerts.tables import check, delivery
from ingest.clock import DAY, HOUR, MINUTE, SECOND
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import finding
from tests.alerts.duty_parts import Office, make_office

RULES = [RuleKey.MOTION, RuleKey.CANNOT_VERIFY, RuleKey.HEAT, RuleKey.SOS]
LOGINS = ["kim", "lee", "night", "gu"]
STEPS = [
    "find",
    "find",
    "take",
    "resolve",
    "wait",
    "wait",
    "silence",
    "lift",
    "shift",
    "unshift",
    "absent",
    "turn",
    "sign",
    "die",
]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Duty(RuleBasedStateMachine):
    """An office in memory, and what must be true of it after every turn of its ticks."""

    def __init__(self) -> None:
        super().__init__()
        self.office: Office = make_office("sqlite://").staff()
        self.homes = [*self.office.homes(11), *self.office.homes(2, "dong-2")]
        self.ended: set[str] = set()
        self.unseen: set[str] = set()  # opened while nobody was there to be told: a gap that every page shows
        self.office.pass_home(0)

    @rule(step=st.sampled_from(STEPS), data=st.data())
    def happen(self, step: str, data: st.DataObject) -> None:
        getattr(self, step)(data.draw)
        self.office.pass_home(10 * SECOND)

    def find(self, draw: Draw) -> None:
        verb = draw(st.sampled_from([Verb.RAISED, Verb.RAISED, Verb.CLEARED]))
        home, level = draw(st.sampled_from(self.homes)), draw(st.sampled_from(list(Level)))
        dong = "dong-" + home.split("-")[1]
        found = finding(draw(st.sampled_from(RULES)), level, verb, at=self.office.clock.home, household=home, dong=dong)
        self.office.take(found)

    def take(self, draw: Draw) -> None:
        open_ones = self.office.desk.checks(dong=None, states=(CheckState.OPEN,), limit=50)
        if open_ones:
            self.office.desk.acknowledge(draw(st.sampled_from(open_ones)).id, actor=draw(st.sampled_from(LOGINS)), dong=None)

    def resolve(self, draw: Draw) -> None:
        found = self.office.desk.checks(dong=None, states=(CheckState.OPEN, CheckState.ACKNOWLEDGED), limit=50)
        if found:
            one = draw(st.sampled_from(found))
            self.office.desk.resolve(one.id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
            self.ended.add(one.id)

    def wait(self, draw: Draw) -> None:
        self.office.pass_home(draw(st.sampled_from([MINUTE, 10 * MINUTE, HOUR, 9 * HOUR, DAY])))

    def silence(self, draw: Draw) -> None:
        kind = draw(st.sampled_from(list(SilenceKind)))
        target = {
            SilenceKind.HOUSEHOLD: draw(st.sampled_from(self.homes)),
            SilenceKind.DEVICE: "gw-1-1",
            SilenceKind.RULE: draw(st.sampled_from([RuleKey.MOTION, RuleKey.HEAT])),
            SilenceKind.DONG: "dong-1",
        }[kind]
        ends_at = self.office.clock.home + draw(st.sampled_from([5 * MINUTE, 4 * HOUR]))
        self.office.silences.lay(kind, target, ends_at=ends_at, reason=SilenceReason.TEST, author="kim", dong=None)

    def lift(self, draw: Draw) -> None:
        if standing := self.office.silences.now(dong=None):
            self.office.silences.lift(draw(st.sampled_from(standing)).id, by="lee", dong=None)

    def shift(self, draw: Draw) -> None:
        desk = draw(st.sampled_from(["dong", "night", "supervisor"]))
        dong = draw(st.sampled_from(["dong-1", "dong-2"]))
        place = {"position": draw(st.integers(1, 3)), "dong": dong if desk == "dong" else None}
        self.office.rota.add_shift(desk=desk, login=draw(st.sampled_from(LOGINS)), by="gu", **place)

    def unshift(self, draw: Draw) -> None:
        if shifts := self.office.rota.rows().shifts:
            self.office.rota.remove_shift(draw(st.sampled_from(shifts)).id, by="gu")

    def absent(self, draw: Draw) -> None:
        login, substitute = draw(st.permutations(LOGINS))[:2]
        now = self.office.clock.home
        try:
            self.office.rota.add_absence(login=login, from_at=now, until_at=now + DAY, substitute=substitute, by="gu")
        except Conflict:
            assert login in {one.login for one in self.office.rota.rows().absences}

    def turn(self, draw: Draw) -> None:
        count = draw(st.integers(1, 11))
        since = self.office.clock.home
        self.office.turn(*self.homes[:count], heard=draw(st.booleans()), since=since)

    def sign(self, draw: Draw) -> None:
        sheets = self.office.handovers.recent(dong=None)
        if sheets:
            with contextlib.suppress(Conflict, NotYours):
                self.office.handovers.sign(draw(st.sampled_from(sheets)).id, by=draw(st.sampled_from(LOGINS)), dong=None)

    def die(self, draw: Draw) -> None:
        """The process that had duty is gone; another takes over when its lease is over."""
        office = self.office
        office.duty = DutyTick(office.engine, office.clock, office.desk, office.words, f"next-{draw(st.integers(0, 9))}")
        office.clock.machine += 5 * SECOND

    @invariant()
    def one_open_check_per_subject_and_none_is_settled_by_itself(self) -> None:
        rows = self.office.rows(check)
        assert max(Counter(row.subject for row in rows if row.state != CheckState.RESOLVED).values(), default=1) == 1
        assert {row.id for row in rows if row.state == CheckState.RESOLVED} == self.ended

    @invariant()
    def every_open_check_was_told_unless_it_is_held_back_now(self) -> None:
        told = {row.check_id for row in self.office.rows(delivery) if row.state != DeliveryState.WITHDRAWN}
        told |= {row.check_id for row in self.office.rows(outage_home) if row.told_at is not None}  # in a digest
        rows, roster, now = self.office.rows(check), self.office.rota.rows(), self.office.clock.home
        with self.office.engine.begin() as connection:
            for row in rows:
                if row.state != CheckState.OPEN or row.id in told:
                    continue
                if not (roster.rostered(row.dong_code, now) or roster.supervisors(row.dong_code, now)):
                    self.unseen.add(row.id)
                if row.id in self.unseen:  # whoever comes finds it on the handover's sheet and is told at its next try
                    continue
                found = load_check(connection, row.id)
                assert found is not None and held_back(connection, found, read_hush(connection, self.office.clock.home))
                assert not any(alert.rule in NEVER_SILENT and found.level is Level.DANGER for alert in found.alerts)

    @invariant()
    def a_home_is_in_one_open_outage_at_most_and_it_had_enough_of_them(self) -> None:
        lasting = {row.id for row in self.office.rows(outage) if row.ended_at is None}
        homes = Counter(row.household_id for row in self.office.rows(outage_home) if row.outage_id in lasting)
        assert max(homes.values(), default=1) == 1
        assert all(row.lost >= 10 for row in self.office.rows(outage))

    @invariant()
    def the_one_who_answers_is_known_and_where_nobody_does_there_is_a_gap(self) -> None:
        rows, now = self.office.rota.rows(), self.office.clock.home
        first = {row.dong_code: row.login for row in self.office.rows(duty_now)}
        gaps = {row.dong_code for row in self.office.rows(duty_gap) if row.closed_at is None}
        for dong in ("dong-1", "dong-2"):
            turn = rows.rostered(dong, now) or rows.supervisors(dong, now)
            assert not turn or first[dong] == turn[0].login
            assert (dong in gaps or NO_ROSTER in gaps) == (not rows.rostered(dong, now))

    @invariant()
    def a_sheet_is_signed_or_overtaken_or_escalated_in_time(self) -> None:
        for row in self.office.rows(handover):
            done = row.signed_at or row.overtaken_at or row.escalated_at
            assert done or self.office.clock.home < row.due_at + 10 * SECOND

    def teardown(self) -> None:
        self.office.engine.dispose()


def like(examples: int, steps: int) -> settings:
    """So many histories of so many steps, the same ones each time."""
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )


class TestDuty(Duty.TestCase):  # type: ignore[misc, name-defined]
    """What fits into the daily run."""

    settings = like(6, 30)


@pytest.mark.long
class TestDutyForLong(Duty.TestCase):  # type: ignore[misc, name-defined]
    """What does not."""

    settings = like(1_000, 100)
