"""The gateway of the demo rings nobody and answers as the real ones do: later, to the desk, once."""

from __future__ import annotations

from alerts.attempt import Answer
from alerts.channels.rehearsal import Rehearsal
from alerts.check import CheckState, Outcome
from alerts.outbox import Sender
from alerts.policy import Policy
from ingest.clock import MINUTE
from rules.finding import Level
from tests.alerts.alert_parts import WEBHOOK, Book, finding, make_site

POLICY = Policy(routes=(WEBHOOK,), channels=("call",))


def test_a_resident_who_answers_settles_the_check_and_one_who_does_not_comes_to_the_officer() -> None:
    site = make_site("sqlite://", POLICY)
    calls = Rehearsal(site.clock, lambda person: Answer.WELL if person == "resident:hh-1" else Answer.NO_ANSWER)
    sender = Sender(site.engine, site.clock, {"call": calls})
    site.take(finding(household="hh-1"), finding(household="hh-2", level=Level.WARNING))
    assert sender.turn() == 2
    assert calls.turn(site.desk.answer) == 0
    site.clock.home += MINUTE
    assert calls.turn(site.desk.answer) == 2
    assert calls.turn(site.desk.answer) == 0
    (settled,) = site.desk.checks(dong=None, household="hh-1")
    assert (settled.state, settled.outcome) == (CheckState.RESOLVED, Outcome.SAFE_BY_AUTOMATIC_CALL)
    for _ in range(2):
        site.pass_home(5 * MINUTE)
    site.sender.turn()
    assert site.book.kinds == ["opened"]
    (left,) = site.desk.checks(dong=None, household="hh-2")
    assert left.rung == "officer"


def test_the_same_call_taken_up_again_rings_once() -> None:
    site = make_site("sqlite://", POLICY)
    calls, told = Rehearsal(site.clock, lambda person: Answer.NO_KEY), Book()
    site.take(finding())
    Sender(site.engine, site.clock, {"call": told}).turn()
    for _ in range(2):  # as a sender does that died before it could settle
        calls.send(told.given[0])
    site.clock.home += MINUTE
    assert calls.turn(site.desk.answer) == 1
