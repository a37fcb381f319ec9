"""Proves that a device set aside, or held to its rate, becomes one ticket, that its home stays watched, and its SOS a finding."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingest.clock import HOUR, MINUTE
from ingest.decode import Decoder
from ingest.facts import LinkUp, MessageReread, MessagesLeftOut
from ingest.set_aside import MOST_REJECTIONS
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import Finding, RuleKey, Verb
from rules.table import load_table
from tests.ingest.entry_parts import NOON, Log, body, enrolled_home, topic


def findings(log: Log) -> list[Finding]:
    found: list[Finding] = []
    consumer = RulesConsumer(Engine(load_table(None)), Decoder(), found.extend)
    consumer.restore(None)
    consumer.take(log.entries)
    consumer.at_head(log.at)
    return found


@pytest.fixture
def log() -> Log:
    begun = Log()
    begun.fact(LinkUp(fact_id="up", at=NOON, source="mqtt"))
    enrolled_home(begun, devices=("pir-1", "th-1"), at=NOON)
    begun.say(topic("pir-1", "motion"), body(v=1))
    return begun


def misbehave(log: Log) -> None:
    for _ in range(MOST_REJECTIONS):
        log.say(topic("th-1", "humidity"), body(v=101))


def flood(log: Log) -> None:
    for number in range(12):
        log.at += 5_000
        on = topic("th-1", "temperature")
        log.fact(MessagesLeftOut(fact_id=f"left-{number}", at=log.at, topic=on, messages=100, since=log.at - 5_000))


def flood_for_a_moment(log: Log) -> None:
    log.at += 5_000
    left_out = MessagesLeftOut(fact_id="left", at=log.at, topic=topic("th-1", "temperature"), messages=399, since=log.at - 5_000)
    log.fact(left_out)


@pytest.mark.parametrize("act", [misbehave, flood, flood_for_a_moment])
def test_it_is_one_ticket_of_that_device(log: Log, act: Callable[[Log], None]) -> None:
    act(log)
    log.at += MINUTE
    raised = [one for one in findings(log) if one.verb is Verb.RAISED]
    assert [(one.rule, one.evidence.device_id) for one in raised] == [(RuleKey.DEVICE_REJECTED, "th-1")]


def test_the_ticket_stays_while_the_device_is_set_aside_and_is_over_once_it_behaves(log: Log) -> None:
    misbehave(log)
    for _ in range(11):
        log.say(topic("th-1", "humidity"), body(v=40), after=5 * MINUTE)
    assert not any(one.verb is Verb.CLEARED for one in findings(log)), "what it says meanwhile is not taken"
    for _ in range(14):
        log.say(topic("th-1", "humidity"), body(v=40), after=5 * MINUTE)
    cleared = [one for one in findings(log) if one.verb is Verb.CLEARED]
    assert [(one.rule, one.evidence.device_id) for one in cleared] == [(RuleKey.DEVICE_REJECTED, "th-1")]


def test_what_is_read_again_and_still_cannot_be_taken_is_no_conduct_of_now(log: Log) -> None:
    on, what = topic("th-1", "humidity"), body(v=101)
    for number in range(12):
        fact_id = f"again-{number}"
        fact = MessageReread(fact_id=fact_id, at=log.at, of=number, received_at=NOON, source="mqtt", topic=on, payload=what)
        log.fact(fact)
    log.at += MINUTE
    assert [one.rule for one in findings(log)] == []


def test_a_button_pressed_on_it_is_a_finding_and_the_homes_silence_counts_on(log: Log) -> None:
    misbehave(log)
    log.say(topic("th-1", "sos"), body(v=1))
    log.at += 25 * HOUR
    rules = {one.rule for one in findings(log) if one.verb is Verb.RAISED}
    assert rules == {RuleKey.DEVICE_REJECTED, RuleKey.SOS, RuleKey.CANNOT_VERIFY}
