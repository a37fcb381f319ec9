"""Proves what the end of an automatic call means, that a lost one lets the next channel go, and that told twice is once."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from alerts.attempt import Answer
from alerts.call import CallAnswers, CallResult, answer_of
from alerts.check import NotFound
from alerts.delivery import Message, Receipt
from alerts.policy import Policy
from alerts.tables import delivery
from alerts.telling import NAMED, Telling, tell_people
from ingest.clock import SECOND
from rules.finding import Level
from tests.alerts.alert_parts import Site

ASK = Telling(key="k", kind="ask", level=Level.DANGER, dong="dong-1", code="A", path="/", channels=("call", "message"))


def asked(site: Site) -> None:
    """A resident is called, and written to should that fail."""
    with site.engine.begin() as connection:
        now = site.clock.home_now()
        tell_people(connection, ASK, ["resident:hh-1"], Policy(), home_now=now, machine_now=site.clock.machine_now())


@pytest.mark.parametrize(
    ("result", "key", "answer"),
    [
        (CallResult.ANSWERED, "1", Answer.WELL),
        (CallResult.ANSWERED, "2", Answer.HELP),
        (CallResult.ANSWERED, "3", Answer.NO_KEY),
        (CallResult.ANSWERED, None, Answer.NO_KEY),
        (CallResult.NO_ANSWER, "1", Answer.NO_ANSWER),
        (CallResult.BUSY, None, Answer.NO_ANSWER),
        (CallResult.FAILED, None, Answer.UNREACHABLE),
    ],
)
def test_each_end_of_a_call_has_one_meaning(result: CallResult, key: str | None, answer: Answer) -> None:
    assert answer_of(result, key) is answer


def test_a_call_nobody_answered_lets_the_next_channel_go_at_once_and_is_told_of(site: Site) -> None:
    asked(site)
    told: list[tuple[str, Answer]] = []
    calls = CallAnswers(site.engine, site.clock, lambda number, answer: told.append((number, answer)))
    call, message = sorted(site.rows(delivery), key=lambda row: row.rank)
    assert (call.channel, message.channel) == ("call", "message") and message.due_at > site.clock.machine_now()
    site.clock.machine += SECOND
    assert calls.take(call.id, CallResult.NO_ANSWER, None) is True
    after, then = sorted(site.rows(delivery), key=lambda row: row.rank)
    assert (after.receipt, after.receipt_at, then.due_at) == (Receipt.LOST, site.clock.machine, site.clock.machine)
    assert told == [(call.telling, Answer.NO_ANSWER)]


def test_an_answered_call_is_received_and_a_later_word_changes_no_receipt_but_is_handed_on(site: Site) -> None:
    asked(site)
    told: list[Answer] = []
    calls = CallAnswers(site.engine, site.clock, lambda _, answer: told.append(answer))
    call, before = sorted(site.rows(delivery), key=lambda row: row.rank)
    assert calls.take(call.id, CallResult.ANSWERED, "1")
    site.clock.machine += SECOND
    assert calls.take(call.id, CallResult.FAILED, None)
    after, message = sorted(site.rows(delivery), key=lambda row: row.rank)
    assert (after.receipt, after.receipt_at) == (Receipt.DELIVERED, site.clock.machine - SECOND)
    assert message.due_at == before.due_at and told == [Answer.WELL, Answer.UNREACHABLE]


def test_what_is_no_call_of_ours_is_not_taken(site: Site) -> None:
    asked(site)
    calls = CallAnswers(site.engine, site.clock, lambda *_: pytest.fail("handed on"))
    _, message = sorted(site.rows(delivery), key=lambda row: row.rank)
    assert not calls.take("unknown", CallResult.ANSWERED, "1") and not calls.take(message.id, CallResult.ANSWERED, "1")


def test_a_call_that_asked_nobodys_well_being_has_its_receipt_all_the_same(site: Site) -> None:
    asked(site)

    def unknown(number: str, answer: Answer) -> None:
        raise NotFound("no such call")

    call = next(row for row in site.rows(delivery) if row.channel == "call")
    assert CallAnswers(site.engine, site.clock, unknown).take(call.id, CallResult.ANSWERED, None)
    assert next(row for row in site.rows(delivery) if row.channel == "call").receipt == Receipt.DELIVERED


def test_a_telling_of_many_checks_names_the_first_codes_and_how_many_more(site: Site) -> None:
    codes = tuple(f"A-{number}" for number in range(NAMED + 3))
    telling = replace(ASK, kind="digest", channels=("email",), codes=codes, key="many")
    with site.engine.begin() as connection:
        now = site.clock.home_now()
        tell_people(connection, telling, ["kim"], Policy(), home_now=now, machine_now=site.clock.machine_now())
    (row,) = site.rows(delivery)
    message = msgspec.json.decode(row.body, type=Message)
    assert (message.codes, message.more, message.kind, message.code) == (codes[:NAMED], 3, "digest", "A")
    assert (message.link, message.at, message.level) == ("http://127.0.0.1:8080/", "2026-01-12T09:00:00+09:00", "danger")


def test_a_channel_is_given_the_person_meant_and_the_number_of_the_telling(site: Site) -> None:
    with site.engine.begin() as connection:
        now = site.clock.home_now()
        telling = replace(ASK, kind="visit_due", channels=("webhook",), key="one")
        (number,) = tell_people(connection, telling, ["kim"], Policy(), home_now=now, machine_now=site.clock.machine_now())
    site.clock.machine += SECOND
    site.sender.turn()
    (given,) = site.book.given
    assert (given.id, given.telling, given.person, given.recipient) == (number, number, "kim", "kim")
    assert (given.rank, given.attempts, given.check_id, given.level) == (0, 1, "", Level.DANGER)
