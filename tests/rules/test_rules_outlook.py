"""What the rules hand on besides findings: tonight's deadlines at 17:00, and whom we hear no more, however it is read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis, VirtualClock, parse_local
from ingest.decode import Decoder
from ingest.facts import AwayDeclared, RulesApplied
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Message
from ingest.journal.runner import Runner
from ingest.reading import Signal
from ingest.wire import Payload, Topic, encode
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import Finding, Level, RuleKey, Verb
from rules.outlook import MADE_AT, Evening, HearingTurn, Told, evenings
from rules.table import DEFAULT
from tests.rules.rule_parts import DONG, HOME, START, TABLE, device, enrolled, link_down, link_up, run_started

FIVE = 8 * HOUR
"""17:00 in Seoul of the first day, counted from START (09:00 in Seoul)."""


class Site:
    """A journal, a clock, and the rules reading the one by the other."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.clock = VirtualClock(START)
        self.cursors = MemoryCursors()
        self.findings: list[Finding] = []
        self.told: list[Told] = []
        self.failing = False
        self.number = 0
        self.restart()
        gateway = device("gw-1", Signal.STATUS, Signal.HEARTBEAT)
        self.journal.append([run_started(0), link_up(0), enrolled(), device("pir-1", Signal.MOTION), gateway])

    def restart(self) -> None:
        consumer = RulesConsumer(Engine(TABLE), Decoder(), self.findings.extend, self._keep)
        self.runner = Runner(self.journal, self.cursors, consumer, self.clock)

    def say(self, at: Millis, signal: Signal, value: float = 1.0, name: str = "pir-1") -> Site:
        self.number += 1
        body = {"online": value > 0} if signal is Signal.STATUS else {"v": value}
        payload = encode(Payload(t=(START + at) / 1000, boot=1, seq=self.number, **body))
        topic = str(Topic(DONG, HOME, name, signal.value))
        self.until(at)
        self.journal.append([Message(received_at=START + at, source="mqtt", topic=topic, payload=payload)])
        return self

    def until(self, at: Millis) -> Site:
        self.clock.advance_to(START + at)
        self.runner.catch_up()
        return self

    @property
    def evenings(self) -> list[Evening]:
        return [one for one in self.told if isinstance(one, Evening)]

    @property
    def turns(self) -> list[tuple[str | None, bool, Millis, Millis]]:
        turns = [one for one in self.told if isinstance(one, HearingTurn)]
        return [(one.device_id, one.heard, one.since - START, one.at - START) for one in turns]

    def _keep(self, told: Sequence[Told]) -> None:
        if self.failing:
            raise OSError("the store is away")
        self.told += told


def test_at_five_the_levels_that_fall_in_the_night_are_handed_on() -> None:
    site = Site().say(2 * HOUR, Signal.MOTION).until(FIVE)
    [evening] = site.evenings
    assert evening.at == START + FIVE
    assert [(one.rule, one.level, one.due_at - START - 2 * HOUR, one.since - START) for one in evening.ahead] == [
        (RuleKey.MOTION, Level.CAUTION, 8 * HOUR, 2 * HOUR),
        (RuleKey.MOTION, Level.WARNING, 12 * HOUR, 2 * HOUR),
    ]


def test_what_was_announced_for_the_night_is_what_the_night_brings() -> None:
    site = Site().say(2 * HOUR, Signal.MOTION).until(30 * HOUR)
    raised = {(one.rule, one.level): one.at for one in site.findings if one.verb is Verb.RAISED}
    for one in site.evenings[0].ahead:
        assert 0 <= raised[one.rule, one.level] - one.due_at < 10 * SECOND


def test_a_home_that_was_seen_a_short_while_ago_is_not_on_the_list() -> None:
    site = Site().say(5 * HOUR, Signal.MOTION).until(FIVE)
    assert [one.ahead for one in site.evenings] == [()]


def test_a_declared_absence_takes_a_home_off_the_list() -> None:
    site = Site().say(2 * HOUR, Signal.MOTION)
    away = AwayDeclared(fact_id="a", at=START + 3 * HOUR, household_id=HOME, returns_at=START + 5 * DAY, reason="travel")
    site.journal.append([away])
    assert [one.ahead for one in site.until(FIVE).evenings] == [()]


def test_a_blind_home_is_on_the_list_by_what_would_fall_due_if_it_were_seen() -> None:
    site = Site().say(2 * HOUR, Signal.MOTION).say(3 * HOUR, Signal.STATUS, 0, "gw-1").until(FIVE)
    assert [(one.rule, one.level) for one in site.evenings[0].ahead] == [
        (RuleKey.MOTION, Level.CAUTION),
        (RuleKey.MOTION, Level.WARNING),
    ]


def test_every_evening_is_handed_on_once_however_often_the_rules_are_stopped() -> None:
    steady, broken = Site().say(2 * HOUR, Signal.MOTION), Site().say(2 * HOUR, Signal.MOTION)
    for hour in range(3, 80):
        steady.until(hour * HOUR)
        broken.until(hour * HOUR)
        broken.restart()
    assert len(steady.evenings) == 3 and broken.told == steady.told


def test_a_store_that_is_away_gets_it_when_it_is_back() -> None:
    site = Site().say(2 * HOUR, Signal.MOTION).say(3 * HOUR, Signal.STATUS, 0, "gw-1").until(3 * HOUR + MINUTE)
    site.failing = True
    with pytest.raises(OSError, match="away"):
        site.until(FIVE + MINUTE)
    site.failing = False
    site.restart()
    site.until(FIVE + 2 * MINUTE)
    assert len(site.evenings) == 1 and len(site.turns) == 1


def test_every_five_in_the_afternoon_between_two_instants_is_found() -> None:
    five = parse_local("2026-01-12T17:00:00")
    assert list(evenings(five - 1, five)) == [five]
    assert list(evenings(five, five + DAY)) == [five + DAY]
    assert list(evenings(five - DAY, five + DAY - 1)) == [five]
    assert list(evenings(None, five)) == []
    assert five % DAY == MADE_AT


def test_a_gateway_that_falls_silent_and_comes_back_is_told_of_with_the_last_sign_of_life() -> None:
    site = Site().say(HOUR, Signal.MOTION).say(2 * HOUR, Signal.STATUS, 0, "gw-1").say(3 * HOUR, Signal.STATUS, 1, "gw-1")
    site.until(3 * HOUR + MINUTE)
    assert site.turns == [("gw-1", False, 2 * HOUR, 2 * HOUR), ("gw-1", True, 2 * HOUR, 3 * HOUR)]
    first = site.told[0]
    assert isinstance(first, HearingTurn)
    assert [(home.household_id, home.quiet_since) for home in first.homes] == [(HOME, START + HOUR)]


def test_another_rule_table_loses_nothing_that_was_to_be_handed_on() -> None:
    site = Site().say(2 * HOUR, Signal.STATUS, 0, "gw-1")
    table = DEFAULT.read_text(encoding="utf-8").replace('version = "default-1"', 'version = "other-1"')
    site.journal.append([RulesApplied(fact_id="r", at=START + 2 * HOUR, version="other-1", table=table)])
    assert site.until(2 * HOUR + MINUTE).turns == [("gw-1", False, 2 * HOUR, 2 * HOUR)]


def test_a_home_that_was_never_alive_says_so() -> None:
    site = Site().say(2 * HOUR, Signal.STATUS, 0, "gw-1").until(2 * HOUR + MINUTE)
    first = site.told[0]
    assert isinstance(first, HearingTurn) and first.homes[0].quiet_since is None


def test_our_own_link_is_told_of_after_two_minutes_with_every_home_and_a_reconnect_is_not() -> None:
    site = Site().say(HOUR, Signal.MOTION)
    site.journal.append([link_down(2 * HOUR), link_up(2 * HOUR + MINUTE), link_down(3 * HOUR)])
    assert site.until(3 * HOUR + MINUTE).turns == []
    site.until(3 * HOUR + 2 * MINUTE)
    assert site.turns == [(None, False, 3 * HOUR, 3 * HOUR)]
    site.restart()
    site.until(3 * HOUR + 3 * MINUTE)  # told again by the new process, of the same outage
    site.journal.append([link_up(4 * HOUR)])
    assert site.until(4 * HOUR).turns[-1] == (None, True, 3 * HOUR, 4 * HOUR)
    assert {turn[2] for turn in site.turns} == {3 * HOUR}
    last = site.told[0]
    assert isinstance(last, HearingTurn) and [home.household_id for home in last.homes] == [HOME]


def test_a_run_that_ended_without_a_word_is_an_outage_of_our_own_from_the_last_we_heard() -> None:
    site = Site().say(HOUR, Signal.MOTION).until(HOUR + MINUTE)
    site.clock.advance_to(START + 5 * HOUR)
    site.journal.append([run_started(5 * HOUR), link_up(5 * HOUR + SECOND)])
    site.until(5 * HOUR + MINUTE)
    assert site.turns == [(None, False, HOUR, HOUR), (None, True, HOUR, 5 * HOUR + SECOND)]
