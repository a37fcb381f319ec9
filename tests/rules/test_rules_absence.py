"""Proves the absence rows of the default table: motion, call, phone, cannot verify and away, with what suspends them."""

from __future__ import annotations

import pytest

from ingest.clock import DAY, HOUR, MINUTE, SECOND
from ingest.facts import AwayDeclared, AwayEnded, DeviceRemoved, HouseholdEnded, HouseholdGraded
from ingest.reading import DeviceId, Signal
from rules.engine import STEP
from rules.finding import Level, RuleKey, Verb
from rules.table import DEFAULT, read_table
from tests.rules.rule_parts import (
    HOME,
    START,
    Days,
    device,
    enrolled,
    every,
    home_with,
    link_down,
    link_up,
    living,
    motion,
    raised,
    reading,
    resolved,
    told,
)


def away(at: int, returns_at: int) -> AwayDeclared:
    return AwayDeclared(fact_id=f"a{at}", at=START + at, household_id=HOME, returns_at=START + returns_at, reason="travel")


def levels(*hours: float) -> list[tuple[Level, int]]:
    return [(level, int(hour * HOUR)) for level, hour in zip(Level, hours, strict=True)]


def test_no_motion_while_at_home_is_raised_at_eight_twelve_and_twentyfour_hours() -> None:
    said = Days([*home_with(Signal.MOTION), motion(0)]).until(30 * HOUR)
    assert raised(said, RuleKey.MOTION) == levels(8, 12, 24)
    first = next(one for one in said if one.rule is RuleKey.MOTION)
    assert (first.evidence.since, first.evidence.limit, first.evidence.value) == (START, 8 * HOUR, 8 * HOUR)
    assert first.evidence.coverage == 1.0 and first.evidence.rule_version.startswith("default-1+")


def test_motion_clears_once_and_a_new_absence_is_a_new_episode() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    first = days.until(9 * HOUR)
    days.feed([motion(9 * HOUR + 1), motion(9 * HOUR + 2)])
    cleared = days.until(10 * HOUR)
    assert told(cleared) == [("motion", "cleared", 1, pytest.approx(9 + STEP / HOUR, abs=1e-4))]
    again = days.until(18 * HOUR)
    assert [one.level for one in again] == [Level.CAUTION]
    assert cleared[0].episode == first[0].episode != again[0].episode


def test_several_levels_passed_at_once_raise_only_the_highest() -> None:
    days = Days(home_with(Signal.MOTION))
    days.feed([motion(0, received=30 * HOUR)])
    assert raised(days.until(31 * HOUR), RuleKey.MOTION) == [(Level.DANGER, 30 * HOUR + STEP)]


def test_no_call_is_raised_at_three_four_and_five_days_from_enrolment_on() -> None:
    items = [*home_with(Signal.MOTION, Signal.CALL), *living(60, 0, 6 * DAY)]
    assert raised(Days(items).until(6 * DAY), RuleKey.CALL) == levels(72, 96, 120)


def test_a_call_answered_or_dialled_restarts_the_call_clock_and_a_missed_one_does_not() -> None:
    items = [*home_with(Signal.CALL), motion(0), reading(DAY, Signal.CALL, 2.0), reading(2 * DAY, Signal.CALL_MISSED, 3.0)]
    items += [reading(2 * DAY, Signal.CALL, 0.0)]
    assert raised(Days(items).until(5 * DAY), RuleKey.CALL) == [(Level.CAUTION, 4 * DAY), (Level.WARNING, 5 * DAY)]


def test_a_home_without_a_device_that_counts_calls_has_no_call_rule() -> None:
    said = Days([*home_with(Signal.MOTION), *living(60, 0, 6 * DAY)]).until(6 * DAY)
    assert said == []


def test_a_phone_off_is_raised_at_twelve_twentyfour_and_fortyeight_hours() -> None:
    items = [*home_with(Signal.PHONE), *(reading(at, Signal.PHONE, -float(at > 0)) for at in every(60, 0, 50 * HOUR))]
    assert raised(Days(items).until(50 * HOUR), RuleKey.PHONE) == levels(12, 24, 48)


def test_a_phone_switched_on_again_clears() -> None:
    days = Days([*home_with(Signal.PHONE), reading(0, Signal.PHONE, 0.0)])
    assert raised(days.until(13 * HOUR), RuleKey.PHONE) == [(Level.CAUTION, 12 * HOUR)]
    days.feed([reading(13 * HOUR, Signal.PHONE, 1.0)])
    assert [one.verb for one in days.until(40 * HOUR) if one.rule is RuleKey.PHONE] == [Verb.CLEARED]


def test_a_phone_that_is_on_proves_no_life() -> None:
    items = [*home_with(Signal.PHONE), *(reading(at, Signal.PHONE, 1.0) for at in every(60, 0, 50 * HOUR))]
    assert raised(Days(items).until(50 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 48 * HOUR)]


def test_cannot_verify_is_danger_at_twentyfour_hours_at_home() -> None:
    said = Days([*home_with(Signal.MOTION), motion(0)]).until(60 * HOUR)
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 24 * HOUR)]


@pytest.mark.parametrize(("again_s", "at_home"), [(65, False), (90, False), (100, False), (111, True), (125, True)])
def test_wrong_10_a_pir_that_is_blind_for_a_minute_takes_nobody_who_left_for_at_home(again_s: int, at_home: bool) -> None:
    """Triggered at 0 s, a door at 20 s: what the PIR tells when it sees again may still be the leaving; later it is somebody."""
    left = [motion(0), reading(20 * SECOND, Signal.DOOR, 1.0), motion(again_s * SECOND)]
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), *left])
    days.until(5 * MINUTE)
    assert days.engine.at_home(HOME) is at_home


def test_inferred_away_suspends_motion_and_cannot_verify_warns_at_one_day_and_is_danger_at_two() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), motion(0), reading(HOUR, Signal.DOOR, 1.0)])
    days.feed([motion(HOUR + 90 * SECOND)])
    said = days.until(60 * HOUR)
    base = HOUR + 90 * SECOND
    assert raised(said, RuleKey.MOTION) == []
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.WARNING, base + 24 * HOUR), (Level.DANGER, base + 48 * HOUR)]


def test_motion_later_than_the_door_gap_says_somebody_is_at_home() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), reading(0, Signal.DOOR, 1.0), motion(91 * SECOND)])
    assert raised(days.until(9 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR + 100 * SECOND)]


@pytest.mark.parametrize(("door", "expected"), [(2.0, []), (3.0, [(Level.CAUTION, 10 * HOUR)])])
def test_a_door_that_can_tell_left_from_came_home_is_believed(door: float, expected: list[tuple[Level, int]]) -> None:
    items = [*home_with(Signal.MOTION, Signal.DOOR), motion(0), reading(2 * HOUR, Signal.DOOR, door)]
    assert raised(Days(items).until(11 * HOUR), RuleKey.MOTION) == expected


def test_leaving_after_the_absence_was_raised_clears_it_but_the_net_stays() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), motion(0)])
    assert len(days.until(9 * HOUR)) == 1
    days.feed([reading(9 * HOUR, Signal.DOOR, 1.0)])
    assert told(days.until(34 * HOUR), RuleKey.MOTION, RuleKey.CANNOT_VERIFY) == [
        ("motion", "cleared", 1, 9.0028),
        ("cannot_verify", "raised", 2, 24.0),
    ]


def test_a_declared_absence_suspends_every_clock_until_the_return_time() -> None:
    days = Days([*home_with(Signal.MOTION, Signal.CALL, Signal.PHONE), motion(0), reading(0, Signal.PHONE, 0.0)])
    days.feed([away(HOUR, 10 * DAY)])
    assert days.until(10 * DAY) == []


def test_a_resident_who_is_not_back_is_raised_two_six_and_twelve_hours_after_the_return_time() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), away(HOUR, 2 * DAY)])
    said = days.until(2 * DAY + 13 * HOUR)
    assert raised(said, RuleKey.AWAY) == levels(50, 54, 60)
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 56 * HOUR), (Level.WARNING, 60 * HOUR)]


def test_life_after_the_return_time_ends_the_away_rule() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), away(HOUR, 2 * DAY), motion(2 * DAY + 3 * HOUR)])
    said = days.until(2 * DAY + 10 * HOUR)
    assert told(said) == [("away", "raised", 1, 50.0), ("away", "cleared", 1, 51.0028)]


def test_a_declaration_clears_what_stands_and_its_end_starts_the_clocks_anew() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([away(9 * HOUR, 4 * DAY)])
    assert told(days.until(2 * DAY)) == [("motion", "cleared", 1, 9.0)]
    days.feed([AwayEnded(fact_id="e", at=START + 2 * DAY, household_id=HOME)])
    assert told(days.until(2 * DAY + 9 * HOUR)) == [("motion", "raised", 1, 56.0)]


def test_an_absence_longer_than_fourteen_days_ends_by_itself() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), away(0, 300 * DAY)])
    assert raised(days.until(15 * DAY), RuleKey.AWAY)[0] == (Level.CAUTION, 14 * DAY + 2 * HOUR)


def test_a_check_settled_as_safe_is_a_sign_of_life_and_clears_at_once() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    assert len(days.until(24 * HOUR)) == 4
    days.feed([resolved(25 * HOUR, "safe_by_phone", RuleKey.MOTION)])
    said = days.until(25 * HOUR)
    assert [(one.rule, one.verb, one.at) for one in said] == [
        (RuleKey.MOTION, Verb.CLEARED, START + 25 * HOUR),
        (RuleKey.CANNOT_VERIFY, Verb.CLEARED, START + 25 * HOUR),
    ]
    assert raised(days.until(50 * HOUR), RuleKey.MOTION) == [
        (Level.CAUTION, 33 * HOUR),
        (Level.WARNING, 37 * HOUR),
        (Level.DANGER, 49 * HOUR),
    ]


def test_a_check_settled_without_a_sign_of_life_is_raised_anew_when_its_limit_has_passed_again() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    first = days.until(24 * HOUR)
    days.feed([resolved(25 * HOUR, "device_fault", RuleKey.MOTION, RuleKey.CANNOT_VERIFY)])
    again = days.until(50 * HOUR)
    assert all(one.verb is Verb.RAISED for one in again)
    assert raised(again, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 49 * HOUR)]
    assert {one.finding_id for one in first}.isdisjoint(one.finding_id for one in again)
    assert all(one.evidence.since == START for one in again)


def test_a_late_sign_of_life_clears_a_finding_raised_in_ignorance() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    assert raised(days.until(9 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR)]
    days.feed([motion(5 * HOUR, received=9 * HOUR)])
    assert told(days.until(14 * HOUR)) == [("motion", "cleared", 1, 9.0028), ("motion", "raised", 1, 13.0)]


def test_an_older_late_reading_changes_nothing() -> None:
    days = Days([*home_with(Signal.MOTION), motion(5 * HOUR), motion(HOUR, received=6 * HOUR)])
    assert raised(days.until(14 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 13 * HOUR)]


@pytest.mark.parametrize("signal", [Signal.DOOR, Signal.STEPS, Signal.CALL])
def test_doors_steps_and_calls_restart_the_combined_clock_at_their_own_time_and_never_the_motion_clock(signal: Signal) -> None:
    items = [*home_with(Signal.MOTION), motion(0), motion(10 * HOUR - MINUTE), reading(10 * HOUR, signal, 1.0)]
    said = Days(items).until(34 * HOUR)
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.WARNING if signal is Signal.DOOR else Level.DANGER, 34 * HOUR)]
    late = Days([*home_with(Signal.MOTION), motion(0), reading(10 * HOUR, signal, 1.0, received=11 * HOUR)]).until(34 * HOUR)
    if signal is not Signal.DOOR:
        assert raised(late, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 34 * HOUR)]
        assert raised(late, RuleKey.MOTION)[0] == (Level.CAUTION, 8 * HOUR)


def test_a_door_opened_from_outside_is_no_sign_of_life() -> None:
    """A neighbour or a thief opened it: nobody had moved inside for ten minutes, and nobody moved after."""
    days = Days([*home_with(Signal.MOTION, Signal.DOOR), motion(0), reading(10 * HOUR, Signal.DOOR, 1.0)])
    assert raised(days.until(49 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.WARNING, 24 * HOUR), (Level.DANGER, 48 * HOUR)]
    without = Days([*home_with(Signal.DOOR), reading(0, Signal.DOOR, 1.0), reading(10 * HOUR, Signal.DOOR, 1.0)])
    assert raised(without.until(35 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.WARNING, 34 * HOUR)]


def test_a_missed_call_restarts_nothing() -> None:
    items = [*home_with(Signal.MOTION), motion(0), reading(10 * HOUR, Signal.CALL_MISSED, 4.0)]
    assert raised(Days(items).until(25 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 24 * HOUR)]


@pytest.mark.parametrize(
    "signal", [Signal.SOS, Signal.HEARTBEAT, Signal.TEMPERATURE, Signal.BATTERY, Signal.PHONE, Signal.STATUS]
)
def test_nothing_else_is_a_sign_of_life(signal: Signal) -> None:
    items = [*home_with(Signal.MOTION), motion(0), reading(10 * HOUR, signal, 22.0)]
    assert (Level.DANGER, 24 * HOUR) in raised(Days(items).until(25 * HOUR), RuleKey.CANNOT_VERIFY)


def test_a_home_without_a_motion_sensor_is_verified_by_the_slowest_of_its_signals() -> None:
    calls = Days([*home_with(Signal.CALL, Signal.PHONE), reading(0, Signal.CALL, 1.0)]).until(6 * DAY)
    assert raised(calls, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 5 * DAY)]
    door = Days([*home_with(Signal.TEMPERATURE), reading(0, Signal.TEMPERATURE, 22.0)]).until(2 * DAY)
    assert raised(door, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, DAY)]


def test_a_motion_sensor_taken_away_ends_the_motion_rule() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(9 * HOUR)
    days.feed([DeviceRemoved(fact_id="x", at=START + 9 * HOUR, device_id=DeviceId("pir-1"))])
    assert told(days.until(20 * HOUR)) == [("motion", "cleared", 1, 9.0028)]


def test_a_moved_sensor_counts_for_its_new_home() -> None:
    days = Days([*home_with(Signal.MOTION), enrolled("hh-2"), motion(0)])
    days.feed([device("pir-1", Signal.MOTION, home="hh-2", at=HOUR), motion(2 * HOUR, home="hh-2")])
    said = days.until(11 * HOUR)
    assert [(one.household_id, one.at - START) for one in said if one.rule is RuleKey.MOTION] == [("hh-2", 10 * HOUR)]


def test_an_ended_household_is_cleared_and_never_raised_again() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), reading(0, Signal.SOS)])
    days.until(24 * HOUR)
    days.feed([HouseholdEnded(fact_id="x", at=START + 25 * HOUR, household_id=HOME)])
    ended = days.until(25 * HOUR)
    assert {(one.rule, one.verb) for one in ended if one.verb is Verb.CLEARED} == {
        (RuleKey.MOTION, Verb.CLEARED),
        (RuleKey.CANNOT_VERIFY, Verb.CLEARED),
        (RuleKey.SOS, Verb.CLEARED),
    }
    days.feed([motion(26 * HOUR)])
    assert days.until(10 * DAY) == [] and days.engine.households == 0
    days.feed([*home_with(Signal.MOTION)[:0], enrolled(at=11 * DAY), device("pir-1", Signal.MOTION, at=11 * DAY)])
    days.feed([motion(11 * DAY)])
    assert raised(days.until(11 * DAY + 8 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 11 * DAY + 8 * HOUR)]


def test_a_household_enrolled_later_starts_its_clocks_at_enrolment() -> None:
    days = Days([enrolled(at=5 * DAY), device("pir-1", Signal.MOTION, at=5 * DAY)])
    assert raised(days.until(7 * DAY), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 6 * DAY)]


def test_a_grade_may_shorten_the_limits() -> None:
    text = DEFAULT.read_text(encoding="utf-8").replace("[grade.high]\nfactor = 1.0", "[grade.high]\nfactor = 0.5")
    days = Days([*home_with(Signal.MOTION), motion(0)], table=read_table(text))
    days.feed([HouseholdGraded(fact_id="g", at=START + HOUR, household_id=HOME, grade="high")])
    assert raised(days.until(13 * HOUR), RuleKey.MOTION) == levels(4, 6, 12)


def test_motion_off_is_a_timer_and_never_life() -> None:
    items = [*home_with(Signal.MOTION), motion(0), *(reading(at, Signal.MOTION, 0.0) for at in every(10, MINUTE, 10 * HOUR))]
    assert raised(Days(items).until(9 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR)]


def test_a_reading_that_is_not_credible_is_never_life() -> None:
    items = [*home_with(Signal.MOTION), motion(0), reading(7 * HOUR, Signal.MOTION, credible=False)]
    assert raised(Days(items).until(9 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR)]


def test_inside_an_outage_that_began_while_the_home_was_well_the_net_warns_first() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(2 * HOUR)])
    said = days.until(50 * HOUR)
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.WARNING, 24 * HOUR), (Level.DANGER, 48 * HOUR)]


def test_an_outage_that_began_while_an_absence_stood_excuses_nothing() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(9 * HOUR)])
    assert raised(days.until(50 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 24 * HOUR)]


def test_after_the_outage_what_was_queued_may_come_in_before_the_net_says_danger() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(2 * HOUR), link_up(30 * HOUR)])
    assert raised(days.until(31 * HOUR), RuleKey.CANNOT_VERIFY) == [
        (Level.WARNING, 24 * HOUR),
        (Level.DANGER, 30 * HOUR + 10 * MINUTE),
    ]


def test_each_level_of_an_absence_is_a_finding_of_its_own_in_one_episode() -> None:
    said = [one for one in Days([*home_with(Signal.MOTION), motion(0)]).until(25 * HOUR) if one.rule is RuleKey.MOTION]
    assert len(said) == len({one.finding_id for one in said}) == 3 and len({one.episode for one in said}) == 1
