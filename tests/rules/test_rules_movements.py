"""Proves that whether a motion sensor is stuck does not hang on when its motions come, and what is taken back by then."""

from __future__ import annotations

from itertools import accumulate

import pytest
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import DeviceEnrolled, DeviceRemoved, RulesApplied
from ingest.reading import DeviceId, HouseholdId, Reading, Signal
from ingest.readings import Readings
from rules.finding import Level, RuleKey, Verb
from rules.metrics import MOTIONS_LEFT_OUT
from rules.observability import Blind
from rules.runs import NO_RUN
from tests.rules.rule_parts import (
    SHIPPED,
    START,
    Days,
    device,
    enrolled,
    every,
    home_with,
    motion,
    raised,
    reading,
    restless,
    told,
    without_personal,
)


def kept_back(motions: list[Reading], since: Millis, back: Millis) -> list[Reading]:
    """The same, where what was seen from `since` on comes at `back`, once the network is there again."""
    late = [
        structs.replace(one, received_at=max(one.received_at, START + back)) if one.observed_at >= START + since else one
        for one in motions
    ]
    return sorted(late, key=lambda one: one.received_at)


def stuck(days: Days, until: Millis) -> list[tuple[str, float]]:
    return [(verb, round(at, 1)) for _, verb, _, at in told(days.until(until), RuleKey.DEVICE_STUCK)]


def run(days: Days, name: str = "pir-1") -> tuple[float, float, float]:
    """The newest run that no person makes, in hours after the start: its first motion, its last, when it is over."""
    state = days.engine._state
    device = state.devices.ids.find(name)
    assert device is not None
    found = state.movements.run(int(state.devices.movement[device]))
    since, until, over = (round((one * SECOND - START) / HOUR, 2) for one in found)
    return (since, until, over) if found != NO_RUN else (0, 0, 0)


def last_motion(days: Days) -> float:
    return round((int(days.engine._state.households.last_motion[0]) - START) / HOUR, 2)


@pytest.mark.parametrize(("back", "found"), [(7 * HOUR, 12.0), (7 * HOUR + 50 * MINUTE, 12.0), (12 * HOUR, 12.0)])
def test_motions_that_come_late_close_the_pause_that_had_spoken_for_a_sensor(back: Millis, found: float) -> None:
    """The pause lay two hours back at most, or what was kept came in order."""
    hole = (back - 110 * MINUTE, back - 90 * MINUTE)
    motions = restless(0, 14 * HOUR)
    late = [one for one in motions if hole[0] <= one.observed_at - START < hole[1]]
    others = [one for one in motions if one not in late]
    late = [structs.replace(one, received_at=START + back) for one in late]
    days = Days([*home_with(Signal.MOTION), *sorted(others + late, key=lambda one: one.received_at)])
    assert stuck(days, 13 * HOUR) == [("raised", found)]
    assert days.engine.sights().homes["hh-1"].cause is Blind.SENSOR
    assert last_motion(days) == 0.01  # the run's first: what was taken for life meanwhile is taken back


def test_a_run_that_is_found_late_takes_back_what_was_taken_for_life_meanwhile() -> None:
    motions = restless(0, 13 * HOUR)
    late = [one for one in motions if 11.4 * HOUR <= one.observed_at - START < 11.7 * HOUR]
    days = Days([*home_with(Signal.MOTION), motion(0), *(one for one in motions if one not in late)])
    assert stuck(days, 13 * HOUR - MINUTE) == []
    assert last_motion(days) == 12.99
    days.feed(structs.replace(one, received_at=START + 13 * HOUR) for one in late)
    assert stuck(days, 13 * HOUR + MINUTE) == [("raised", 13.0)]
    assert last_motion(days) == 0.0
    assert [round(at, 1) for _, verb, _, at in told(days.until(25 * HOUR), RuleKey.CANNOT_VERIFY) if verb == "raised"] == [24.0]


def test_a_run_that_seemed_over_and_was_not_goes_on_and_its_home_was_blind_throughout() -> None:
    motions = kept_back(restless(0, 14 * HOUR), 12 * HOUR + 20 * MINUTE, 13 * HOUR + 30 * MINUTE)
    days = Days([*home_with(Signal.MOTION), motion(0), *motions])
    assert stuck(days, 15 * HOUR) == [("raised", 12.0), ("cleared", 12.5), ("raised", 13.5), ("cleared", 14.2)]
    watch = days.engine._state.observability
    assert round(watch.blind_between(0, START, START + 15 * HOUR, 1) / HOUR, 1) == 14.2


def test_a_run_that_was_over_when_it_came_to_be_known_is_no_ticket_and_its_home_was_blind_for_as_long() -> None:
    motions = [structs.replace(one, received_at=START + 20 * HOUR) for one in restless(0, 13 * HOUR)]
    days = Days([*home_with(Signal.MOTION), motion(0), motion(19 * HOUR), *motions])
    assert stuck(days, 21 * HOUR) == []
    assert run(days) == (0.0, 12.99, 13.16)
    assert last_motion(days) == 19.0
    assert round(days.engine._state.observability.blind_between(0, START, START + 21 * HOUR, 1) / HOUR, 2) == 13.16


def test_two_runs_heard_of_in_one_go_blind_their_home_each_for_as_long_as_it_lasted() -> None:
    runs = restless(0, 13 * HOUR), restless(15 * HOUR, 29 * HOUR)
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.until(MINUTE)
    days.engine.fold([Readings.of([structs.replace(one, received_at=START + 29 * HOUR) for both in runs for one in both])])
    days.until(29 * HOUR)
    assert last_motion(days) == 15.01
    blind = days.engine._state.observability.blind_between(0, START, START + 29 * HOUR, 1)
    assert round(blind / HOUR, 1) == 27.1


def test_a_motion_between_two_of_one_pace_that_comes_late_shows_that_a_person_was_there() -> None:
    by_the_clock = [motion(at) for at in every(30, 0, 8 * HOUR + 1)]
    days = Days([*home_with(Signal.MOTION), *by_the_clock, motion(7 * HOUR + 13 * MINUTE, received=8 * HOUR + 20 * MINUTE)])
    assert stuck(days, 9 * HOUR) == [("raised", 6.0), ("cleared", 8.3)]
    assert last_motion(days) == 8.0  # what came after that motion is believed
    assert run(days) == (0.0, 7.0, 7.22)
    assert [at for _, at in raised(days.until(17 * HOUR), RuleKey.MOTION)] == [16 * HOUR]


def test_a_pace_that_had_been_none_all_along_takes_back_the_doubt_and_the_blindness() -> None:
    by_the_clock = [motion(at) for at in every(30, 0, 6 * HOUR + 1)]
    days = Days([*home_with(Signal.MOTION), *by_the_clock, motion(5 * HOUR + 13 * MINUTE, received=6 * HOUR + 20 * MINUTE)])
    assert stuck(days, 7 * HOUR) == [("raised", 6.0), ("cleared", 6.3)]
    assert run(days) == (0, 0, 0)
    [found] = [one for one in days.until(14 * HOUR) if one.rule is RuleKey.MOTION]
    assert (found.evidence.since, found.evidence.coverage) == (START + 6 * HOUR, 1.0)


def test_a_motion_soon_after_one_of_a_pace_is_a_person_s() -> None:
    by_the_clock = [motion(at) for at in every(30, 0, 8 * HOUR + 1)]
    days = Days([*home_with(Signal.MOTION), *by_the_clock[:16], motion(7 * HOUR + 35 * MINUTE)])
    assert stuck(days, 7 * HOUR + 40 * MINUTE) == [("raised", 6.0), ("cleared", 7.6)]
    assert last_motion(days) == 7.58
    days.feed(by_the_clock[16:])
    assert last_motion(days) == 8.0


def test_a_keep_alive_of_a_few_minutes_is_no_life_after_six_hours() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(4, 0, 8 * HOUR))])
    assert stuck(days, 8 * HOUR) == [("raised", 6.2)]
    assert last_motion(days) == 0.13  # the pace is seen from the end of the first ten minutes on


def test_a_run_at_one_pace_goes_on_where_the_motions_leave_it_and_never_pause() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(4, 0, 7 * HOUR)), *restless(7 * HOUR, 13 * HOUR)])
    assert stuck(days, 14 * HOUR) == [("raised", 6.2), ("cleared", 13.2)]


def test_a_motion_once_in_two_or_three_days_is_no_pace() -> None:
    at = accumulate([26, 61, 49, 73, 30] * 5)
    days = Days([*home_with(Signal.MOTION), *(motion(hours * HOUR) for hours in at)])
    assert stuck(days, 60 * DAY) == []


def test_motions_that_come_too_late_to_find_their_place_are_counted_and_are_still_life() -> None:
    """They had been told after newer ones of the same gone by hours, not in order."""
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(30, 0, 5 * HOUR))])
    days.until(5 * HOUR)
    before, known = MOTIONS_LEFT_OUT._value.get(), days.engine._state.movements.dump()
    days.engine.fold([motion(HOUR + 10 * MINUTE, received=5 * HOUR)])
    assert MOTIONS_LEFT_OUT._value.get() - before == 1
    assert days.engine._state.movements.dump() == known
    days.engine.fold([motion(HOUR + 10 * MINUTE, received=5 * HOUR), motion(HOUR + 9 * MINUTE, received=5 * HOUR)])
    assert MOTIONS_LEFT_OUT._value.get() - before == 3  # however many are heard at once


def test_what_a_sensor_kept_for_days_counts_in_its_order_after_the_present() -> None:
    motions = [structs.replace(one, received_at=START + 3 * DAY) for one in restless(0, 13 * HOUR)]
    timely, late = Days([*home_with(Signal.MOTION), *restless(0, 13 * HOUR), motion(3 * DAY)]), Days([*home_with(Signal.MOTION)])
    timely.until(3 * DAY)
    late.until(3 * DAY)
    late.engine.fold([motion(3 * DAY)])
    for first in range(0, len(motions), 7):
        late.engine.fold([Readings.of(motions[first : first + 7])])
    assert run(late) == run(timely) == (0.01, 12.99, 13.16)


def test_with_another_pause_what_was_judged_stays_and_what_comes_is_held_against_the_new_one() -> None:
    shorter = without_personal().replace('stuck_pause = "10 min"', 'stuck_pause = "2 min"')
    applied = RulesApplied(fact_id="r", at=START + 8 * HOUR, version="v", table=shorter)
    slow = restless(0, 16 * HOUR, slower=5)
    before = [one for one in slow if one.observed_at < applied.at]
    days = Days([*home_with(Signal.MOTION), *before, applied, *slow[len(before) :]])
    days.until(8 * HOUR + MINUTE)
    late = structs.replace(before[-1], received_at=applied.at + MINUTE)
    days.engine.fold([late, structs.replace(late, observed_at=late.observed_at - SECOND), motion(8 * HOUR + 2)])
    assert stuck(days, 18 * HOUR) == []
    assert run(days) == (0, 0, 0)


def test_a_sensor_that_moves_to_another_home_leaves_its_run_behind() -> None:
    moved = DeviceEnrolled(
        fact_id="m", at=START + 13 * HOUR, device_id=DeviceId("pir-1"), household_id=HouseholdId("hh-2"), signals=(Signal.MOTION,)
    )
    stays = [
        device("pir-2", Signal.MOTION),
        *(structs.replace(one, device_id=DeviceId("pir-2")) for one in restless(0, 13 * HOUR)),
    ]
    days = Days(
        [*home_with(Signal.MOTION), enrolled("hh-2"), *restless(0, 13 * HOUR), device("pir-2", Signal.MOTION), *stays, moved]
    )
    days.until(13 * HOUR)
    assert run(days) == (0, 0, 0)
    movements, other = days.engine._state.movements, days.engine._state.devices.ids.find("pir-2")
    assert run(days, "pir-2") == (0.01, 12.99, 13.16)
    assert other is not None and len(movements.recent(int(days.engine._state.devices.movement[other]))) > 20
    days.engine.fold([motion(13 * HOUR + MINUTE, home="hh-2")])
    assert days.engine._state.households.last_motion[1] == START + 13 * HOUR + MINUTE
    days.engine.fold([motion(13 * HOUR + 2 * MINUTE, home="hh-2")])
    assert run(days) == (0, 0, 0)


def test_a_second_sensor_s_motions_stay_life_whenever_the_first_one_is_found_stuck() -> None:
    """In one batch with the motion that shows it, and before it."""
    others = [motion(minutes * MINUTE + 700, name="pir-2") for minutes in accumulate([45, 33, 70, 52] * 3)]
    for together in (False, True):
        days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), motion(0), motion(0, name="pir-2")])
        days.until(SECOND)
        heard = sorted([*restless(0, 12 * HOUR + 5 * MINUTE), *others], key=lambda one: one.observed_at)
        heard = [structs.replace(one, received_at=START + 12 * HOUR + 5 * MINUTE) for one in heard]
        for batch in [heard] if together else [[one] for one in heard]:
            days.engine.fold([Readings.of(batch)])
        days.until(12 * HOUR + 6 * MINUTE)
        assert days.engine._state.households.last_motion[0] == START + 10 * HOUR + 700
        assert days.engine.sights().homes == {}


def test_the_first_motion_heard_of_a_home_may_turn_out_to_be_none() -> None:
    by_the_clock = [reading(at, Signal.MOTION, received=7 * HOUR) for at in every(30, 0, 7 * HOUR)]
    for order in (by_the_clock, [by_the_clock[1], *by_the_clock]):
        days = Days(home_with(Signal.MOTION), table=SHIPPED)
        days.until(7 * HOUR)
        days.engine.fold([order[0]])
        days.engine.fold([Readings.of(order[1:])])
        assert days.engine._state.households.first_event[0] == START // SECOND


def test_a_sign_of_life_from_before_a_run_still_answers_who_asked() -> None:
    """Nobody had moved for a day, then they called somebody, and then a sensor stuck: all that was heard of at once."""
    days = Days([*home_with(Signal.MOTION, Signal.CALL), motion(0), reading(24 * HOUR + 30 * MINUTE, Signal.CALL, 1.0)])
    assert raised(days.until(38 * HOUR), RuleKey.MOTION)[-1] == (Level.DANGER, 24 * HOUR)
    late = [structs.replace(one, received_at=START + 38 * HOUR) for one in restless(25 * HOUR, 38 * HOUR)]
    days.engine.fold([Readings.of(late)])
    [alive] = [one for one in days.until(39 * HOUR) if one.verb is Verb.ALIVE]
    assert alive.evidence.since == START + 24 * HOUR + 30 * MINUTE


def test_a_device_that_was_taken_away_makes_no_home_blind_whatever_it_still_says() -> None:
    removed = DeviceRemoved(fact_id="r", at=START + HOUR, device_id=DeviceId("pir-1"))
    days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), motion(0), removed, *restless(2 * HOUR, 15 * HOUR)])
    assert stuck(days, 15 * HOUR) == []
    assert days.engine.sights().homes == {}


def test_even_gaps_are_even_though_whole_seconds_make_one_longer_now_and_then() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(place * 60_400) for place in range(450))])
    assert stuck(days, 7 * HOUR) == [("raised", 6.2)]
