"""Proves that SOS, smoke and gas are told at once, always, and end only when staff settle them."""

from __future__ import annotations

import pytest

from ingest.clock import DAY, HOUR
from ingest.reading import Signal
from rules.finding import Level, RuleKey, Verb
from tests.rules.rule_parts import HOME, START, Days, home_with, link_down, reading, resolved

URGENT = [(Signal.SOS, RuleKey.SOS), (Signal.SMOKE, RuleKey.SMOKE), (Signal.GAS, RuleKey.GAS)]


@pytest.mark.parametrize(("signal", "rule"), URGENT)
def test_an_urgent_message_is_danger_at_once(signal: Signal, rule: RuleKey) -> None:
    days = Days(home_with(Signal.SOS))
    days.engine.advance(START + 1_001)
    [said] = days.engine.fold([reading(1_001, signal)])
    assert (said.rule, said.level, said.verb, said.at) == (rule, Level.DANGER, Verb.RAISED, START + 1_001)
    assert said.household_id == HOME


def test_every_live_message_is_an_episode_of_its_own() -> None:
    days = Days([*home_with(Signal.SOS), reading(1, Signal.SOS), reading(2, Signal.SOS)])
    said = days.until(10)
    assert len({one.episode for one in said}) == len({one.finding_id for one in said}) == 2


def test_zero_is_no_alarm() -> None:
    assert Days([*home_with(Signal.SMOKE), reading(1, Signal.SMOKE, 0.0)]).until(HOUR) == []


def test_a_device_nobody_claimed_is_told_to_its_dong() -> None:
    [said] = Days([reading(1, Signal.SOS, home=None, name="stray-1")]).until(10)
    assert said.household_id is None and said.dong_code == "dong-1" and said.evidence.device_id == "stray-1"


def test_an_alarm_without_credit_and_in_an_outage_is_told_all_the_same() -> None:
    days = Days([*home_with(Signal.SOS), link_down(1), reading(2, Signal.SOS, credible=False, observed_at=5)])
    [said] = days.until(10)
    assert said.evidence.since == START + 2


def test_it_ends_only_when_staff_settle_its_rule() -> None:
    days = Days([*home_with(Signal.SOS), reading(1, Signal.SOS)])
    days.until(DAY)
    days.feed([resolved(DAY, "safe_by_phone", RuleKey.MOTION)])
    assert [one for one in days.until(DAY + HOUR) if one.rule is RuleKey.SOS] == []
    days.feed([resolved(DAY + HOUR, "emergency_119", RuleKey.SOS)])
    assert [(one.verb, one.level) for one in days.until(DAY + 2 * HOUR) if one.rule is RuleKey.SOS] == [
        (Verb.CLEARED, Level.DANGER)
    ]


def test_what_ends_it_names_the_episode_that_it_ends() -> None:
    days = Days([*home_with(Signal.SOS), reading(HOUR, Signal.SOS)])
    [raised] = [one for one in days.until(2 * HOUR) if one.rule is RuleKey.SOS]
    days.feed([resolved(3 * HOUR, "emergency_119", RuleKey.SOS)])
    [cleared] = [one for one in days.until(4 * HOUR) if one.rule is RuleKey.SOS]
    assert cleared.episode == raised.episode and cleared.finding_id != raised.finding_id
    assert (cleared.evidence.since, cleared.evidence.value) == (START + HOUR, 2.0 * HOUR)
    assert cleared.evidence.rule_version == raised.evidence.rule_version == days.engine.table.version


def test_a_check_that_gathers_several_alarms_ends_each_of_them() -> None:
    days = Days([*home_with(Signal.SOS, Signal.SMOKE, Signal.GAS)])
    days.feed([reading(1, Signal.SOS), reading(2, Signal.SMOKE), reading(3, Signal.GAS)])
    days.feed([resolved(HOUR, "emergency_119", RuleKey.SOS, RuleKey.SMOKE, RuleKey.GAS)])
    cleared = [one.rule for one in days.until(2 * HOUR) if one.verb is Verb.CLEARED]
    assert sorted(set(cleared) & {RuleKey.SOS, RuleKey.SMOKE, RuleKey.GAS}) == [RuleKey.GAS, RuleKey.SMOKE, RuleKey.SOS]


def test_what_is_settled_in_the_moment_it_was_told_lasted_for_nothing() -> None:
    days = Days([*home_with(Signal.SOS), reading(HOUR, Signal.SOS), resolved(HOUR, "emergency_119", RuleKey.SOS)])
    assert [one.evidence.value for one in days.until(2 * HOUR) if one.rule is RuleKey.SOS] == [1.0, 0.0]


def test_it_says_the_value_and_the_entry_it_rests_on() -> None:
    [said] = Days([*home_with(Signal.GAS), reading(1, Signal.GAS, 412.5, offset=77)]).until(10)
    assert (said.evidence.value, said.evidence.offset, said.evidence.device_id) == (412.5, 77, "pir-1")
