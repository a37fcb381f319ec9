"""Proves what two things together say: one level more than the graver of them, never instead of it, and over when either is."""

from __future__ import annotations

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import AwayDeclared, AwayEnded, Fact, HouseholdEnded, HouseholdGraded
from ingest.reading import Reading, Signal
from rules.engine import STEP, Engine
from rules.finding import LATE_DATA, Level, RuleKey, Verb
from tests.rules.rule_parts import (
    HOME,
    START,
    TABLE,
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


def air(value: float, start: Millis, end: Millis) -> list[Reading]:
    return [reading(at, Signal.TEMPERATURE, value, name="th-1") for at in every(10, start, end)]


def home(*more: Reading | Fact, phone: bool = True) -> Days:
    devices = [device("pir-1", Signal.MOTION), device("th-1", Signal.TEMPERATURE, interval_s=600)]
    return Days([enrolled(), *devices, *([device("ph-1", Signal.PHONE)] if phone else []), motion(0), *more])


def off(at: Millis) -> Reading:
    return reading(at, Signal.PHONE, 0.0, name="ph-1")


def away(at: Millis, returns_at: Millis) -> AwayDeclared:
    return AwayDeclared(fact_id=f"a{at}", at=START + at, household_id=HOME, returns_at=START + returns_at, reason="travel")


def test_no_motion_and_phone_off_together_are_one_level_up() -> None:
    said = home(off(0)).until(30 * HOUR)
    assert raised(said, RuleKey.MOTION_PHONE) == [(Level.DANGER, 12 * HOUR)]
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR), (Level.WARNING, 12 * HOUR), (Level.DANGER, 24 * HOUR)]
    assert raised(said, RuleKey.PHONE)[0] == (Level.CAUTION, 12 * HOUR)


def test_two_cautions_make_a_warning_and_rise_with_either() -> None:
    said = home(off(0), motion(3 * HOUR)).until(30 * HOUR)
    assert raised(said, RuleKey.MOTION_PHONE) == [(Level.WARNING, 12 * HOUR), (Level.DANGER, 15 * HOUR)]


def test_a_phone_that_is_on_again_ends_what_the_two_said_together_and_nothing_else() -> None:
    days = home(off(0), reading(13 * HOUR, Signal.PHONE, 1.0, name="ph-1"))
    said = days.until(13 * HOUR + MINUTE)
    assert told(said, RuleKey.MOTION_PHONE)[-1] == ("motion_phone", "cleared", 3, 13.0028)
    assert ("hh-1", RuleKey.MOTION, Level.WARNING) in days.engine.standing()


def test_a_home_in_heat_where_nobody_moves_for_four_hours_is_one_level_up() -> None:
    said = home(*air(31.5, 0, 6 * HOUR)).until(6 * HOUR)
    assert raised(said, RuleKey.HEAT) == [(Level.CAUTION, 30 * MINUTE + STEP)]
    assert raised(said, RuleKey.HEAT_INACTIVE) == [(Level.WARNING, 4 * HOUR)]
    moved = home(*air(31.5, 0, 6 * HOUR), *living(30, 0, 6 * HOUR)).until(6 * HOUR)
    assert raised(moved, RuleKey.HEAT_INACTIVE) == []


def test_a_cold_home_where_nobody_moves_for_four_hours_is_one_level_up_and_rises_with_the_cold() -> None:
    said = home(*air(17.0, 0, 6 * HOUR), *air(15.0, 6 * HOUR, 8 * HOUR)).until(8 * HOUR)
    assert raised(said, RuleKey.COLD_INACTIVE) == [(Level.WARNING, 4 * HOUR), (Level.DANGER, 7 * HOUR + STEP)]


def test_a_motion_ends_the_stillness_and_a_new_one_is_told_anew() -> None:
    days = home(*air(31.5, 0, 12 * HOUR), motion(5 * HOUR))
    assert told(days.until(10 * HOUR), RuleKey.HEAT_INACTIVE) == [
        ("heat_inactive", "raised", 2, 4.0),
        ("heat_inactive", "cleared", 2, 5.0028),
        ("heat_inactive", "raised", 2, 9.0),
    ]


def test_a_late_motion_withdraws_what_the_heat_and_stillness_said_together() -> None:
    days = home(*air(31.5, 0, 12 * HOUR), motion(3 * HOUR, received=5 * HOUR))
    cleared = [one for one in days.until(6 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE and one.verb is Verb.CLEARED]
    assert [one.evidence.withdrawn for one in cleared] == [LATE_DATA]


def test_stillness_in_heat_counts_only_while_the_home_was_observed_and_what_stands_stays_while_blind() -> None:
    blind = home(*air(31.5, 0, 2 * HOUR))
    blind.feed([link_down(2 * HOUR), link_up(3 * HOUR), *air(31.5, 3 * HOUR, 7 * HOUR)])
    said = blind.until(7 * HOUR)
    assert raised(said, RuleKey.HEAT_INACTIVE) == [(Level.WARNING, 5 * HOUR)]
    [one] = [one for one in said if one.rule is RuleKey.HEAT_INACTIVE]
    assert (one.evidence.coverage, one.evidence.blind) == (0.8, "broker")
    blind.feed([link_down(7 * HOUR)])
    assert [one.verb for one in blind.until(9 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE] == []


def test_after_an_outage_of_ours_stillness_in_heat_waits_for_the_backlog_too() -> None:
    """All homes in heat at once: what moved in them meanwhile stands in the queue of the broker."""
    hot = air(32.3, 0, 4 * HOUR)
    days = home(*hot, link_down(4 * HOUR - 5 * MINUTE), link_up(6 * HOUR))
    late = [
        reading(at, Signal.TEMPERATURE, 32.4, name="th-1", received=6 * HOUR + 8 * MINUTE) for at in every(10, 4 * HOUR, 6 * HOUR)
    ]
    days.feed([motion(5 * HOUR, received=6 * HOUR + 8 * MINUTE), *late, *air(32.3, 6 * HOUR + 10 * MINUTE, 12 * HOUR)])
    assert raised(days.until(12 * HOUR), RuleKey.HEAT_INACTIVE) == [(Level.WARNING, 10 * HOUR)]


def test_stillness_in_heat_that_no_backlog_ends_is_told_ten_minutes_after_the_outage_at_the_latest() -> None:
    days = home(*air(32.3, 0, 4 * HOUR), link_down(4 * HOUR - 5 * MINUTE), link_up(6 * HOUR))
    assert raised(days.until(7 * HOUR), RuleKey.HEAT_INACTIVE) == [(Level.WARNING, 6 * HOUR + 10 * MINUTE)]


def test_the_end_of_a_check_about_one_thing_settles_nothing_else() -> None:
    days = home(*air(31.5, 0, 9 * HOUR))
    days.until(9 * HOUR)
    days.feed(
        [resolved(9 * HOUR, "device_fault", RuleKey.MOTION), *air(31.5, 9 * HOUR, 10 * HOUR), *air(25.0, 10 * HOUR, 11 * HOUR)]
    )
    said = [one for one in days.until(11 * HOUR) if one.rule in (RuleKey.HEAT, RuleKey.HEAT_INACTIVE)]
    assert [(one.rule, one.verb) for one in said] == [(RuleKey.HEAT, Verb.CLEARED), (RuleKey.HEAT_INACTIVE, Verb.CLEARED)]


def test_a_settled_check_lets_the_stillness_be_told_anew_when_it_has_lasted_anew() -> None:
    days = home(*air(31.5, 0, 5 * HOUR))
    assert raised(days.until(5 * HOUR), RuleKey.HEAT_INACTIVE)
    days.feed([resolved(5 * HOUR, "device_fault", RuleKey.HEAT_INACTIVE, RuleKey.HEAT, RuleKey.COLD_INACTIVE)])
    days.feed(air(31.5, 5 * HOUR, 12 * HOUR))
    assert raised(days.until(12 * HOUR), RuleKey.HEAT_INACTIVE) == [(Level.WARNING, 9 * HOUR)]


def test_a_fast_fall_of_the_temperature_is_a_caution() -> None:
    said = home(*air(22.0, 0, HOUR), *air(15.5, HOUR, 3 * HOUR)).until(3 * HOUR)
    assert raised(said, RuleKey.TEMPERATURE_FALL) == [(Level.CAUTION, HOUR + 20 * MINUTE + STEP)]
    assert [one.verb for one in said if one.rule is RuleKey.TEMPERATURE_FALL] == [Verb.RAISED, Verb.CLEARED]  # as cold as before
    [first] = [one for one in said if one.rule is RuleKey.TEMPERATURE_FALL and one.verb is Verb.RAISED]
    assert first.evidence.value == 6.5


def test_a_room_that_is_aired_and_warm_again_has_not_fallen() -> None:
    said = home(*air(22.0, 0, HOUR), *air(15.5, HOUR, HOUR + 11 * MINUTE), *air(20.0, HOUR + 20 * MINUTE, 3 * HOUR)).until(
        3 * HOUR
    )
    assert raised(said, RuleKey.TEMPERATURE_FALL) == []


def test_what_was_warm_an_hour_and_a_half_ago_is_forgotten_even_by_a_sensor_that_was_silent() -> None:
    said = home(*air(22.0, 0, HOUR), *air(15.5, 4 * HOUR, 6 * HOUR)).until(6 * HOUR)
    assert raised(said, RuleKey.TEMPERATURE_FALL) == []


def test_a_late_sample_from_before_the_window_is_no_height_to_fall_from() -> None:
    late = [reading(10 * MINUTE, Signal.TEMPERATURE, 30.0, name="th-1", received=3 * HOUR + MINUTE)]
    said = home(*air(17.0, 2 * HOUR, 4 * HOUR), *late).until(4 * HOUR)
    assert raised(said, RuleKey.TEMPERATURE_FALL) == []


def test_a_frozen_home_is_in_danger_after_ten_minutes() -> None:
    said = home(*air(4.9, 0, HOUR)).until(HOUR)
    assert raised(said, RuleKey.FROZEN) == [(Level.DANGER, 10 * MINUTE + STEP)]
    assert raised(home(*air(5.0, 0, HOUR)).until(HOUR), RuleKey.FROZEN) == []


def test_motion_during_a_declared_absence_is_a_finding_once_it_is_no_packing() -> None:
    days = home(phone=False)
    days.feed([away(HOUR, 5 * DAY), motion(2 * HOUR)])
    assert raised(days.until(3 * HOUR), RuleKey.AWAY_MOTION) == []
    days.feed([motion(30 * HOUR), motion(31 * HOUR)])
    said = days.until(2 * DAY)
    assert raised(said, RuleKey.AWAY_MOTION) == [(Level.CAUTION, 30 * HOUR + STEP)]
    assert next(one for one in said if one.rule is RuleKey.AWAY_MOTION).evidence.since == START + 30 * HOUR


def test_motion_while_away_is_over_with_the_absence_and_told_anew_after_its_check_was_settled() -> None:
    days = home(phone=False)
    days.feed([away(0, 5 * DAY), motion(30 * HOUR)])
    first = days.until(31 * HOUR)
    days.feed([resolved(31 * HOUR, "other", RuleKey.AWAY_MOTION)])
    assert days.until(32 * HOUR) == []
    days.feed([motion(33 * HOUR)])
    again = days.until(34 * HOUR)
    assert raised(again, RuleKey.AWAY_MOTION) == [(Level.CAUTION, 33 * HOUR + STEP)]
    assert again[0].finding_id != first[0].finding_id
    days.feed([AwayEnded(fact_id="e", at=START + 35 * HOUR, household_id=HOME)])
    assert told(days.until(36 * HOUR), RuleKey.AWAY_MOTION) == [("away_motion", "cleared", 1, 35.0028)]


def test_motion_while_away_ends_at_the_return_time_without_a_word_from_anyone() -> None:
    days = home(phone=False)
    days.feed([away(0, 2 * DAY), motion(30 * HOUR)])
    days.until(31 * HOUR)
    assert told(days.until(49 * HOUR), RuleKey.AWAY_MOTION) == [("away_motion", "cleared", 1, 48.0)]


def test_a_renewed_absence_began_when_it_was_first_declared() -> None:
    days = home(phone=False)
    days.feed([away(0, 2 * DAY), away(DAY, 3 * DAY), motion(25 * HOUR)])
    assert raised(days.until(26 * HOUR), RuleKey.AWAY_MOTION) == [(Level.CAUTION, 25 * HOUR + STEP)]


def test_motion_while_away_is_found_after_a_restart_of_ours_too() -> None:
    days = home(phone=False)
    days.feed([away(0, 5 * DAY), motion(30 * HOUR + SECOND)])
    other = Engine(TABLE)
    other.restore(days.engine.snapshot())
    assert raised(other.advance(START + 31 * HOUR), RuleKey.AWAY_MOTION) == [(Level.CAUTION, 30 * HOUR + STEP)]


def test_an_ended_household_takes_what_two_things_said_with_it() -> None:
    days = home(*air(31.5, 0, 6 * HOUR), phone=False)
    days.until(6 * HOUR)
    days.feed([HouseholdEnded(fact_id="x", at=START + 6 * HOUR, household_id=HOME)])
    [over] = [one for one in days.until(7 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE]
    assert (over.verb, over.evidence.withdrawn) == (Verb.CLEARED, "")
    assert days.engine.standing() == []


def test_a_home_without_a_motion_sensor_is_never_still() -> None:
    items = [*home_with(Signal.TEMPERATURE)[:1], device("th-1", Signal.TEMPERATURE, interval_s=600), *air(31.5, 0, 9 * HOUR)]
    assert raised(Days(items).until(9 * HOUR), RuleKey.HEAT_INACTIVE) == []


def test_what_is_to_be_looked_at_keeps_its_turn_when_a_fact_of_the_home_comes_before_it() -> None:
    """Frozen by its last sample, which no other follows, and within the same ten seconds a new grade: told no later for it."""
    cold = [*air(22.0, 0, 29 * MINUTE), reading(30 * MINUTE, Signal.TEMPERATURE, 4.0, name="th-1")]
    regraded = HouseholdGraded(fact_id="g", at=START + 30 * MINUTE + SECOND, household_id=HOME, grade="ordinary")
    for items in (cold, [*cold, regraded]):
        [one] = [one for one in home(*items).until(HOUR) if one.rule is RuleKey.FROZEN]
        assert (one.verb, one.level, one.at - START) == (Verb.UNDETERMINED, Level.DANGER, 50 * MINUTE + STEP)


def test_stillness_in_heat_says_how_much_of_it_the_homes_own_gateway_kept_from_us() -> None:
    lost = [reading(2 * HOUR, Signal.STATUS, 0.0, name="gw-1"), reading(3 * HOUR, Signal.STATUS, 1.0, name="gw-1")]
    days = home(device("gw-1", Signal.STATUS), *lost, *air(31.5, 0, 6 * HOUR))
    [one] = [one for one in days.until(6 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE]
    assert (one.at - START, one.evidence.coverage, one.evidence.blind) == (5 * HOUR, 0.8, "gateway")


def test_each_stillness_in_heat_is_an_episode_of_its_own_and_its_end_names_it() -> None:
    days = home(*air(31.5, 0, 12 * HOUR), motion(5 * HOUR))
    first, over, second = [one for one in days.until(10 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE]
    assert first.episode == over.episode != second.episode and first.finding_id != second.finding_id
    rising = home(*air(17.0, 0, 6 * HOUR), *air(15.0, 6 * HOUR, 8 * HOUR)).until(8 * HOUR)
    assert len({one.episode for one in rising if one.rule is RuleKey.COLD_INACTIVE}) == 1


def test_stillness_in_heat_is_over_and_not_withdrawn_when_the_resident_has_gone_out() -> None:
    days = home(device("door-1", Signal.DOOR), *air(31.5, 0, 5 * HOUR))
    days.until(5 * HOUR)
    days.feed([reading(5 * HOUR, Signal.DOOR, 1.0, name="door-1")])
    [over] = [one for one in days.until(6 * HOUR) if one.rule is RuleKey.HEAT_INACTIVE]
    assert (over.verb, over.at - START, over.evidence.withdrawn) == (Verb.CLEARED, 5 * HOUR + STEP, "")


def test_a_fall_of_the_temperature_counts_to_the_hundredth() -> None:
    for before, told_of in ((21.496, [6.0]), (21.494, [])):
        said = home(*air(before, 0, HOUR), *air(15.5, HOUR, 3 * HOUR)).until(3 * HOUR)
        assert [one.evidence.value for one in said if one.rule is RuleKey.TEMPERATURE_FALL and one.verb is Verb.RAISED] == told_of


def test_motion_two_hours_to_the_millisecond_after_an_absence_was_declared_is_a_finding() -> None:
    for after, expected in ((2 * HOUR, 1), (2 * HOUR - 1, 0)):
        days = home(phone=False)
        days.feed([away(0, 2 * DAY), motion(after)])
        assert len(raised(days.until(3 * HOUR), RuleKey.AWAY_MOTION)) == expected
