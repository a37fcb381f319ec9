"""Proves that the rules as a consumer of the journal say the same however they are stopped, and take nothing false for life."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
from msgspec import structs
from prometheus_client import REGISTRY

from ingest.clock import HOUR, MINUTE, Millis, VirtualClock
from ingest.decode import Decoder
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Message
from ingest.journal.runner import Runner
from ingest.reading import Signal
from ingest.wire import Payload, Topic, encode
from rules.consumer import BRISK_S, RulesConsumer
from rules.engine import STEP, Engine
from rules.finding import Finding, RuleKey, Verb
from rules.observability import Blind
from tests.rules.rule_parts import DONG, HOME, START, TABLE, device, enrolled, link_down, link_up, run_started, told


def say(at: Millis, signal: Signal, value: float, seq: int, *, t: Millis | None = None, retain: bool = False) -> Message:
    """A native message that reached us at `at`, dated `t` by the device."""
    return Message(
        received_at=START + at,
        source="mqtt",
        topic=str(Topic(DONG, HOME, "pir-1", signal.value)),
        payload=encode(Payload(t=(START + (at if t is None else t)) / 1000, boot=1, seq=seq, v=value)),
        retain=retain,
    )


class Site:
    """A journal, a clock, and the rules reading the one by the other."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.clock = VirtualClock(START)
        self.cursors = MemoryCursors()
        self.findings: list[Finding] = []
        self.restart()
        self.journal.append([run_started(0), link_up(0), enrolled(), device("pir-1", Signal.MOTION)])

    def restart(self) -> None:
        """What was not committed is forgotten."""
        self.consumer = RulesConsumer(Engine(TABLE), Decoder(), self._keep)
        self.runner = Runner(self.journal, self.cursors, self.consumer, self.clock)

    def until(self, at: Millis) -> Site:
        """Let home time reach `at`."""
        self.clock.advance_to(START + at)
        self.runner.catch_up()
        return self

    def _keep(self, findings: Sequence[Finding]) -> None:
        self.findings += findings


def test_which_homes_cannot_be_observed_is_known_at_the_head_of_the_journal() -> None:
    site = Site()
    assert site.consumer.sights is None
    unheard = site.until(MINUTE).consumer.sights
    assert unheard is not None and unheard.homes["hh-1"].cause is Blind.NOT_COMMISSIONED
    site.journal.append([say(2 * MINUTE, Signal.MOTION, 1, 1)])
    heard = site.until(3 * MINUTE).consumer.sights
    assert heard is not None and (heard.at, heard.of("hh-1")) == (START + 3 * MINUTE, None)


def test_wrong_12_after_messages_that_cannot_be_read_the_next_one_is_read_all_the_same() -> None:
    site = Site()
    rubbish = [b"", b"\xff", b"{", b"[1]", b"null", b'{"v": "much"}', b'{"v": 1e999}', b"\x00" * 5_000]
    topic = say(MINUTE, Signal.MOTION, 1, 1)
    bad = [structs.replace(topic, payload=payload) for payload in rubbish]
    site.journal.append([*bad, say(2 * MINUTE, Signal.MOTION, 1, 9)])
    assert told(site.until(9 * HOUR).findings, RuleKey.MOTION) == [("motion", "raised", 1, pytest.approx(8 + 2 / 60, abs=1e-4))]


def test_wrong_4_a_home_of_which_no_rows_come_any_more_is_told_by_time_alone() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1)])
    said = site.until(25 * HOUR).findings
    assert {one.rule for one in said} >= {RuleKey.MOTION, RuleKey.CANNOT_VERIFY}


def test_a_message_becomes_a_finding_when_nothing_follows_it() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1)])
    assert told(site.until(9 * HOUR).findings) == [("motion", "raised", 1, pytest.approx(8 + 1 / 60, abs=1e-4))]


def test_wrong_6_a_restart_between_any_two_turns_changes_no_finding() -> None:
    steady, broken = Site(), Site()
    for hour in range(40):
        if hour in (3, 20, 36):
            message = say(hour * HOUR, Signal.MOTION, 1, hour)
            steady.journal.append([message])
            broken.journal.append([message])
        steady.until(hour * HOUR)
        broken.until(hour * HOUR)
        broken.restart()
    assert steady.findings == broken.findings and len(steady.findings) == 8


def test_reading_the_whole_journal_again_gives_the_same_findings() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1)])
    site.until(30 * HOUR)
    first, site.findings = site.findings, []
    site.cursors = MemoryCursors()
    site.restart()
    assert site.until(30 * HOUR).findings == first


def test_wrong_1_a_crash_of_ours_is_not_silence_of_the_homes() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1)])
    site.until(HOUR)
    site.restart()
    site.journal.append([run_started(20 * HOUR), link_up(20 * HOUR + MINUTE)])
    site.until(20 * HOUR + 2 * MINUTE)
    assert {one.verb for one in site.findings} == {Verb.UNDETERMINED}
    site.journal.append([say(20 * HOUR + 3 * MINUTE, Signal.MOTION, 1, 2)])
    assert site.until(21 * HOUR).findings[-1].verb is Verb.CLEARED


def test_wrong_3_retained_and_repeated_messages_and_keepalives_are_no_life() -> None:
    site = Site()
    first = say(MINUTE, Signal.MOTION, 1, 1)
    site.journal.append([first])
    site.journal.append([replace_received(first, 5 * HOUR)])
    site.journal.append([say(6 * HOUR, Signal.MOTION, 1, 2, retain=True), say(7 * HOUR, Signal.HEARTBEAT, 1, 3)])
    assert told(site.until(9 * HOUR).findings) == [("motion", "raised", 1, pytest.approx(8 + 1 / 60, abs=1e-4))]


def test_wrong_10_occupancy_false_is_a_timer_running_out_and_not_a_person() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1), say(5 * HOUR, Signal.MOTION, 0, 2)])
    assert told(site.until(9 * HOUR).findings) == [("motion", "raised", 1, pytest.approx(8 + 1 / 60, abs=1e-4))]


def test_many_findings_of_one_outage_are_none_of_silence() -> None:
    site = Site()
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1), link_down(2 * HOUR), link_up(7 * HOUR)])
    site.journal.append([say(7 * HOUR, Signal.MOTION, 1, 2, t=6 * HOUR)])
    assert RuleKey.MOTION not in {one.rule for one in site.until(12 * HOUR).findings}


def replace_received(message: Message, at: Millis) -> Message:
    """The same message once more, later."""
    return Message(received_at=START + at, source=message.source, topic=message.topic, payload=message.payload, dup=True)


def many_homes(count: int) -> Site:
    """A site that gives way after two findings, with so many homes, all still since the first minute, and a button."""
    site = Site()
    site.consumer.give_way(2)
    for number in range(count):
        home = f"hh-m{number}"
        site.journal.append([enrolled(home), device(f"pir-m{number}", Signal.MOTION, home=home)])
    site.journal.append([device("sos-1", Signal.SOS)])
    site.until(MINUTE)
    site.journal.append([still_since(number) for number in range(count)])
    return site


def still_since(number: int) -> Message:
    """The last motion of one of many homes."""
    moved = say(MINUTE, Signal.MOTION, 1, 1)
    return structs.replace(moved, topic=str(Topic(DONG, f"hh-m{number}", f"pir-m{number}", "motion")))


def button(at: Millis, seq: int) -> Message:
    """Somebody pressed."""
    return structs.replace(say(at, Signal.SOS, 1, seq), topic=str(Topic(DONG, HOME, "sos-1", "sos")))


def test_an_sos_goes_past_all_findings_that_wait_to_be_handed_on() -> None:
    site = many_homes(9)
    site.until(9 * HOUR)
    still_ones = [each for each in site.findings if each.rule is RuleKey.MOTION]
    assert 0 < len(still_ones) <= 4  # the others wait
    site.findings.clear()
    site.journal.append([button(9 * HOUR, 1)])
    site.until(9 * HOUR + 1_000)
    assert [site.findings[0].rule, len(site.findings) <= 4] == [RuleKey.SOS, True]
    for second in range(2, 10):
        site.until(9 * HOUR + second * 1_000)
    raised = [each.household_id for each in still_ones + site.findings if each.rule is RuleKey.MOTION]
    assert sorted(home for home in raised if home) == [f"hh-m{number}" for number in range(9)]


def test_what_waits_to_be_handed_on_outlives_the_process() -> None:
    site = many_homes(9)
    site.until(9 * HOUR)
    before = len(site.findings)
    site.restart()
    site.until(9 * HOUR + 1_000)
    assert before < len(site.findings)
    raised = [each.household_id for each in site.findings if each.rule is RuleKey.MOTION]
    assert sorted(home for home in raised if home) == [f"hh-m{number}" for number in range(9)]


def test_what_cannot_be_observed_is_found_anew_once_a_grid_step_and_not_at_every_turn() -> None:
    site = Site().until(3 * MINUTE)
    first = site.consumer.sights
    assert site.until(3 * MINUTE + 1).consumer.sights is first is not None
    assert site.until(3 * MINUTE + STEP).consumer.sights is not first


def test_what_was_read_is_counted_by_its_kind() -> None:
    def counted(kind: str) -> float:
        return REGISTRY.get_sample_value("anbu_rules_items_total", {"kind": kind}) or 0.0

    site = Site().until(MINUTE)
    before = {kind: counted(kind) for kind in ("reading", "rejection", "fact")}
    bad = structs.replace(say(2 * MINUTE, Signal.MOTION, 1, 3), payload=b"{")
    site.journal.append([say(2 * MINUTE, Signal.MOTION, 1, 1), say(2 * MINUTE, Signal.MOTION, 1, 2), bad, link_up(2 * MINUTE)])
    site.until(3 * MINUTE)
    assert {kind: counted(kind) - before[kind] for kind in before} == {"reading": 2, "rejection": 1, "fact": 1}


def test_while_a_running_site_evaluates_others_get_a_turn_soon_and_afterwards_all_is_as_before() -> None:
    class Watched(Engine):
        intervals: list[float]

        def advance(self, now: Millis) -> list[Finding]:
            self.intervals.append(sys.getswitchinterval())
            if len(self.intervals) == 3:
                raise RuntimeError("once")
            return super().advance(now)

    usual = sys.getswitchinterval()
    engine = Watched(TABLE)
    engine.intervals = []
    consumer = RulesConsumer(engine, Decoder(), lambda findings: None)
    consumer.at_head(START)
    consumer.give_way()
    consumer.at_head(START + MINUTE)
    with pytest.raises(RuntimeError, match="once"):
        consumer.at_head(START + 2 * MINUTE)
    assert engine.intervals == [usual, pytest.approx(BRISK_S), pytest.approx(BRISK_S)]
    assert sys.getswitchinterval() == usual


def test_what_is_read_in_one_go_is_evaluated_at_each_grid_point_between() -> None:
    """After nine seconds of a step, and in the middle of the next: the limit that lies between them is told all the same."""
    site = Site()
    beat = say(8 * HOUR + MINUTE - 1_000, Signal.HEARTBEAT, 1, 2)
    site.journal.append([say(MINUTE, Signal.MOTION, 1, 1), beat, say(8 * HOUR + MINUTE + 5_000, Signal.MOTION, 1, 3)])
    said = [one for one in site.until(9 * HOUR).findings if one.rule is RuleKey.MOTION]
    assert [(one.verb, one.at - START - 8 * HOUR - MINUTE) for one in said] == [(Verb.RAISED, 0), (Verb.CLEARED, STEP)]
