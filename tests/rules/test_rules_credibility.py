"""Proves that a device which cannot be believed proves no life and blinds its home, and that alarms pass whatever its credit."""

from __future__ import annotations

from random import Random

import pytest
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import DeviceEnrolled, DeviceRemoved
from ingest.reading import DeviceId, Reading, Signal
from ingest.readings import Readings
from rules.device_rows import Devices
from rules.engine import STEP, Item
from rules.finding import DEVICE, RuleKey, Verb
from rules.observability import Blind
from tests.rules.rule_parts import (
    RESTLESS,
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
    restless,
    told,
)


def devices_of(days: Days) -> Devices:
    return days.engine._state.devices


def numbered(at: Millis, boot: int, seq: int, *, late: Millis = 0) -> Reading:
    return structs.replace(reading(at - late, Signal.HEARTBEAT, received=at), boot=boot, seq=seq)


def tickets(days: Days, until: Millis, rule: RuleKey) -> list[tuple[str, str, int, float]]:
    return told(days.until(until), rule)


def test_motion_without_a_pause_for_twelve_hours_is_a_sensor_that_is_stuck_and_proves_no_life_from_its_start_on() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), *restless(HOUR, 22 * HOUR)])
    said = days.until(26 * HOUR)
    assert [round(at, 1) for _, verb, _, at in told(said, RuleKey.DEVICE_STUCK) if verb == "raised"] == [13.0]
    assert [round(at, 1) for _, verb, _, at in told(said, RuleKey.CANNOT_VERIFY) if verb == "raised"] == [25.0]
    assert raised(said, RuleKey.MOTION) == []  # nobody can tell whether anybody moved
    assert [one.verb for one in said if one.rule is RuleKey.MOTION] == [Verb.UNDETERMINED]
    assert next(one for one in said if one.rule is RuleKey.MOTION).evidence.blind == "sensor"


def test_a_sensor_that_is_stuck_is_one_that_works_again_after_a_pause() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), *restless(0, 13 * HOUR)])
    assert days.engine.sights().homes["hh-1"].cause is Blind.SENSOR
    said = tickets(days, 15 * HOUR, RuleKey.DEVICE_STUCK)
    assert [(verb, round(at, 1)) for _, verb, _, at in said] == [("raised", 12.0), ("cleared", 13.2)]
    assert days.engine.sights().homes == {}
    days.feed([motion(15 * HOUR)])
    assert [at for _, at in raised(days.until(24 * HOUR), RuleKey.MOTION)] == [23 * HOUR]


def test_wrong_3_a_keep_alive_that_says_motion_by_the_clock_is_no_life() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(30, 0, 2 * DAY))])
    said = days.until(2 * DAY)
    assert told(said, RuleKey.DEVICE_STUCK) == [("device_stuck", "raised", 1, pytest.approx(6.0028, abs=1e-3))]
    assert [at for _, verb, _, at in told(said, RuleKey.CANNOT_VERIFY) if verb == "raised"] == [24.0]


def test_a_sensor_that_leaves_its_pace_is_believed_again() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(30, 0, 8 * HOUR)), motion(8 * HOUR + 7 * MINUTE)])
    days.feed([motion(8 * HOUR + 20 * MINUTE)])
    said = days.until(16 * HOUR + 30 * MINUTE)
    assert [verb for _, verb, _, _ in told(said, RuleKey.DEVICE_STUCK)] == ["raised", "cleared"]
    assert [(verb, round(at, 2)) for _, verb, _, at in told(said, RuleKey.MOTION)] == [
        ("undetermined", 8.0),
        ("cleared", 8.12),
        ("raised", 16.33),
    ]


def test_a_pace_kept_for_less_than_twelve_times_is_chance() -> None:
    days = Days([*home_with(Signal.MOTION), *(motion(at) for at in every(55, 0, 10 * HOUR))])
    assert tickets(days, 10 * HOUR, RuleKey.DEVICE_STUCK) == []


@pytest.mark.parametrize("seed", range(20))
def test_how_a_sensor_behaves_does_not_hang_on_the_order_in_which_it_is_heard_nor_on_how_often(seed: int) -> None:
    """Hours of motions heard in one go, one by one in order, and one by one in another."""
    draw = Random(seed)
    towns = [Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION)]) for _ in range(3)]
    for days in towns:
        days.until(5 * SECOND)
        days.engine.fold([motion(6 * SECOND), motion(6 * SECOND, name="pir-2")])
    pace, length = draw.choice([60, 240, 1200]), draw.choice([HOUR, 2 * HOUR])
    names = ["pir-1", "pir-1", "pir-2"]
    heard = [
        reading(at + draw.choice([0, 0, 700, 90_000]), Signal.MOTION, name=draw.choice(names), received=DAY)
        for at in range(10 * SECOND, length, pace * SECOND // draw.choice([1, 2]))
    ]
    in_order = sorted(heard, key=lambda one: one.observed_at)
    draw.shuffle(heard)
    towns[0].engine.fold([Readings.of(heard)])
    for days, order in ((towns[1], in_order), (towns[2], heard + draw.choices(heard, k=5))):
        for one in order:
            days.engine.fold([one])
    states = [days.engine._state for days in towns]
    assert all(state.movements.dump() == states[0].movements.dump() for state in states)
    assert all(state.households.dump() == states[0].households.dump() for state in states)


def test_people_pause_and_are_never_taken_for_a_sensor_that_is_stuck() -> None:
    days = Days([*home_with(Signal.MOTION), *living(4, 0, 11 * HOUR), *living(4, 11 * HOUR + 15 * MINUTE, 20 * HOUR)])
    assert tickets(days, 20 * HOUR, RuleKey.DEVICE_STUCK) == []


def test_a_stuck_sensor_does_not_blind_a_home_that_another_sensor_sees() -> None:
    days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), motion(0, name="pir-2"), *restless(0, 13 * HOUR)])
    said = days.until(14 * HOUR)
    assert [round(at, 1) for _, _, _, at in told(said, RuleKey.MOTION)] == [12.0]  # two limits had passed when it was found out
    assert days.engine.sights().homes == {}


def test_what_a_stuck_sensor_says_of_other_signals_is_believed() -> None:
    days = Days(
        [*home_with(Signal.MOTION, Signal.CALL), motion(0), *restless(0, 13 * HOUR), reading(12 * HOUR, Signal.CALL, 1.0)]
    )
    assert days.engine.sights().homes["hh-1"].signals == ("motion",)
    assert [round(at, 1) for _, verb, _, at in told(days.until(37 * HOUR), RuleKey.CANNOT_VERIFY) if verb == "raised"] == [36.0]


def test_a_late_motion_of_a_stuck_sensor_counts_where_it_is_older_than_the_run() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), *restless(HOUR, 14 * HOUR), motion(30 * MINUTE, received=14 * HOUR)])
    [one] = [one for one in days.until(26 * HOUR) if one.rule is RuleKey.CANNOT_VERIFY]
    assert one.evidence.since == START + HOUR + RESTLESS[0] * SECOND


@pytest.mark.parametrize("signal", [Signal.SOS, Signal.SMOKE, Signal.GAS])
def test_an_alarm_of_a_device_without_any_credit_is_raised_at_once(signal: Signal) -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), *restless(0, 13 * HOUR)])
    days.until(13 * HOUR)
    days.feed([reading(13 * HOUR + SECOND, signal)])
    assert [(one.rule.value, one.at - START) for one in days.until(13 * HOUR + SECOND) if one.rule not in DEVICE] == [
        (signal.value, 13 * HOUR + SECOND)
    ]


def test_the_same_temperature_to_the_last_digit_for_a_day_is_a_sensor_that_is_stuck() -> None:
    same = [reading(at, Signal.TEMPERATURE, 21.37, name="th-1") for at in every(10, 0, 26 * HOUR)]
    days = Days([enrolled(), device("th-1", Signal.TEMPERATURE), *same])
    assert tickets(days, 26 * HOUR, RuleKey.DEVICE_STUCK) == [("device_stuck", "raised", 1, 24.0028)]
    days.feed([reading(26 * HOUR, Signal.TEMPERATURE, 21.38, name="th-1")])
    assert tickets(days, 27 * HOUR, RuleKey.DEVICE_STUCK) == [("device_stuck", "cleared", 1, 26.0028)]


def test_a_temperature_told_once_and_then_not_at_all_is_silence_and_not_stuck() -> None:
    days = Days([enrolled(), device("th-1", Signal.TEMPERATURE), reading(0, Signal.TEMPERATURE, 21.0, name="th-1")])
    assert tickets(days, 3 * DAY, RuleKey.DEVICE_STUCK) == []


@pytest.mark.parametrize(
    ("lag", "told_of"),
    [
        *[(3 * MINUTE, True), (2 * MINUTE + 1, True), (2 * MINUTE, False), (MINUTE, False)],
        *[(-3 * MINUTE, True), (-2 * MINUTE - 1, True), (-2 * MINUTE, False), (-MINUTE, False)],
    ],
)
def test_a_clock_that_is_off_by_more_than_two_minutes_all_hour_is_a_finding(lag: Millis, told_of: bool) -> None:
    days = Days(home_with(Signal.MOTION))
    days.feed([reading(at - lag, Signal.HEARTBEAT, received=at) for at in every(15, HOUR, 3 * HOUR + 1)])
    assert bool(tickets(days, 3 * HOUR + MINUTE, RuleKey.DEVICE_DRIFT)) is told_of


def test_a_clock_that_was_set_right_is_no_finding_any_more() -> None:
    days = Days(home_with(Signal.MOTION))
    days.feed([reading(at - 3 * MINUTE, Signal.HEARTBEAT, received=at) for at in every(15, HOUR, 2 * HOUR)])
    days.feed([reading(at, Signal.HEARTBEAT) for at in every(15, 2 * HOUR, 4 * HOUR)])
    assert [(verb, round(at, 1)) for _, verb, _, at in tickets(days, 4 * HOUR, RuleKey.DEVICE_DRIFT)] == [
        ("raised", 2.0),
        ("cleared", 3.0),
    ]


def test_two_old_readings_of_an_hour_blame_the_way_and_not_the_clock() -> None:
    days = Days(home_with(Signal.MOTION))
    days.feed([reading(at - 3 * MINUTE, Signal.HEARTBEAT, received=at) for at in every(30, HOUR, 4 * HOUR)])
    assert tickets(days, 4 * HOUR, RuleKey.DEVICE_DRIFT) == []


def test_two_devices_with_one_id_are_told_by_boots_that_take_turns() -> None:
    days = Days([*home_with(Signal.MOTION), *(numbered(place * MINUTE, 7 + place % 2, 50 + place) for place in range(6))])
    assert tickets(days, 6 * MINUTE, RuleKey.DEVICE_DUPLICATE) == [("device_duplicate", "raised", 1, round(4 / 60 + 1 / 360, 4))]
    assert [verb for _, verb, _, _ in tickets(days, 3 * HOUR, RuleKey.DEVICE_DUPLICATE)] == ["cleared"]


def test_two_devices_with_one_id_and_one_boot_are_told_by_numbers_that_run_backwards() -> None:
    mixed = [numbered(place * MINUTE, 7, place if place % 2 else 5_000 + place) for place in range(8)]
    assert tickets(Days([*home_with(Signal.MOTION), *mixed]), 8 * MINUTE, RuleKey.DEVICE_DUPLICATE)


@pytest.mark.parametrize("ours", [True, False])
def test_what_waited_for_our_link_or_its_gateway_says_nothing_of_a_clock(ours: bool) -> None:
    """It comes all at once, three minutes before the hour is full, and the next report after it."""
    back = 10 * HOUR + 57 * MINUTE
    gone: list[Item] = [reading(6 * HOUR, Signal.STATUS, 0.0, name="gw-1"), reading(back, Signal.STATUS, 1.0, name="gw-1")]
    if ours:
        gone = [link_down(6 * HOUR), link_up(back + SECOND)]  # the queue is heard to its end before the link counts as up
    came = [
        reading(at, Signal.HEARTBEAT, received=at if not 6 * HOUR <= at < back else back + at // HOUR)
        for at in every(10, 3 * MINUTE, 14 * HOUR)
    ]
    days = Days([*home_with(Signal.MOTION), device("gw-1", Signal.STATUS), *came, *gone])
    assert tickets(days, 14 * HOUR, RuleKey.DEVICE_DRIFT) == []


def test_a_clock_that_is_behind_is_told_after_an_outage_too() -> None:
    behind = [reading(at - 5 * MINUTE, Signal.HEARTBEAT, received=at) for at in every(10, HOUR, 6 * HOUR)]
    days = Days([*home_with(Signal.MOTION), *behind, link_down(2 * HOUR + MINUTE), link_up(2 * HOUR + 2 * MINUTE)])
    assert [verb for _, verb, _, _ in tickets(days, 6 * HOUR, RuleKey.DEVICE_DRIFT)] == ["raised"]


LIFE_OF_TWINS = {
    Signal.MOTION: RuleKey.MOTION,
    Signal.CALL: RuleKey.CALL,
    Signal.STEPS: RuleKey.CANNOT_VERIFY,
    Signal.DOOR: RuleKey.CANNOT_VERIFY,
}


def twins(signal: Signal, start: Millis, end: Millis) -> list[Reading]:
    """Two devices with one id, each with its own boots, that tell this every quarter of an hour or so."""
    return [
        structs.replace(
            reading(at + place * place * 7_919 % 60_000, signal, 2.0 if signal is Signal.DOOR else 1.0),
            boot=1 + place % 2,
            seq=place,
        )
        for place, at in enumerate(every(17, start, end))
    ]


@pytest.mark.parametrize("signal", LIFE_OF_TWINS)
def test_a_device_whose_id_is_used_twice_proves_no_life_while_that_is_told(signal: Signal) -> None:
    """The other of the two may stand in another home, and somebody who lives there kept this one alive."""
    days = Days([*home_with(Signal.MOTION, Signal.CALL, Signal.STEPS), motion(0), *twins(signal, HOUR, 30 * HOUR)])
    said = days.until(30 * HOUR)
    [(_, _, _, found)] = [one for one in told(said, RuleKey.DEVICE_DUPLICATE) if one[1] == "raised"]
    believed = max(one.observed_at for one in twins(signal, HOUR, round(found * HOUR))) - START
    [check] = [one for one in said if one.rule is RuleKey.CANNOT_VERIFY and one.verb is Verb.RAISED]
    assert 24 * HOUR < check.at - START <= believed + 24 * HOUR + STEP
    assert check.evidence.blind == Blind.SENSOR and check.evidence.coverage < 0.1
    seen = days.engine.sights().of("hh-1")
    assert seen is not None and seen.cause is Blind.SENSOR and seen.signals == ("motion", "call")


def test_a_device_whose_id_is_used_twice_is_believed_again_once_that_is_over_and_its_alarm_at_all_times() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), *twins(Signal.MOTION, HOUR, 6 * HOUR)])
    days.feed([reading(6 * HOUR, Signal.SOS)])
    assert raised(days.until(6 * HOUR + MINUTE), RuleKey.SOS)
    assert days.engine.sights().homes
    assert [verb for _, verb, _, _ in tickets(days, 8 * HOUR, RuleKey.DEVICE_DUPLICATE)] == ["cleared"]
    assert not days.engine.sights().homes
    days.feed([motion(8 * HOUR + MINUTE)])
    assert raised(days.until(17 * HOUR), RuleKey.MOTION)[-1] == (1, 16 * HOUR + MINUTE)


def test_another_sensor_of_the_home_is_believed_whatever_the_id_of_the_first() -> None:
    stands = [*home_with(Signal.MOTION), device("pir-2", Signal.MOTION)]
    days = Days([*stands, *twins(Signal.MOTION, HOUR, 6 * HOUR), motion(5 * HOUR, name="pir-2")])
    assert raised(days.until(13 * HOUR + MINUTE), RuleKey.MOTION) == [(1, 13 * HOUR)]


def test_reboots_shuffles_and_what_comes_late_are_no_second_device() -> None:
    reboots = [numbered(place * MINUTE, place, 0) for place in range(10)]
    shuffled = [numbered((20 + place) * MINUTE, 10, 1_000 + place * 37 % 90) for place in range(20)]
    late = [numbered((50 + place) * MINUTE, 1 + place % 2, 5, late=5 * MINUTE) for place in range(8)]
    wrapped = [numbered(HOUR + place * MINUTE, 10, (2**32 - 3 + place) % 2**32) for place in range(6)]
    days = Days([*home_with(Signal.MOTION), *reboots, *shuffled, *late, *wrapped])
    assert tickets(days, 2 * HOUR, RuleKey.DEVICE_DUPLICATE) == []


def test_a_sim_card_that_is_not_the_one_of_the_enrolment_is_a_device_finding_until_the_installer_confirms_it() -> None:
    phone = device("ph-1", Signal.PHONE, Signal.SIM)
    days = Days([enrolled(), phone, *(reading(at * HOUR, Signal.SIM, 881.0, name="ph-1") for at in range(3))])
    assert tickets(days, 3 * HOUR, RuleKey.DEVICE_SIM) == []
    days.feed([reading(3 * HOUR, Signal.SIM, 47.0, name="ph-1"), reading(4 * HOUR, Signal.SIM, 47.0, name="ph-1")])
    assert tickets(days, 5 * HOUR, RuleKey.DEVICE_SIM) == [("device_sim", "raised", 1, 3.0028)]
    again: DeviceEnrolled = structs.replace(phone, fact_id="again", at=START + 5 * HOUR)
    days.feed([again])
    assert tickets(days, 6 * HOUR, RuleKey.DEVICE_SIM) == [("device_sim", "cleared", 1, 5.0 + round(STEP / HOUR, 4))]


def test_the_old_card_put_back_ends_it_too_and_a_card_proves_no_life() -> None:
    cards = [reading(at * HOUR, Signal.SIM, 47.0 if at == 2 else 881.0, name="ph-1") for at in range(6)]
    said = Days([enrolled(), device("ph-1", Signal.PHONE, Signal.SIM), *cards]).until(3 * DAY)
    assert [verb for _, verb, _, _ in told(said, RuleKey.DEVICE_SIM)] == ["raised", "cleared"]
    assert [one.evidence.since for one in said if one.rule is RuleKey.CANNOT_VERIFY] == [START]


def test_the_records_of_a_pack_share_a_number_and_are_no_second_device() -> None:
    pack = [numbered(place // 40 * MINUTE, 7, 200 * (place // 40)) for place in range(400)]
    assert tickets(Days([*home_with(Signal.MOTION), *pack]), HOUR, RuleKey.DEVICE_DUPLICATE) == []


def test_a_device_that_stands_nowhere_any_more_is_no_ticket() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.feed([DeviceRemoved(fact_id="x", at=START + HOUR, device_id=DeviceId("pir-1"))])
    days.feed([reading(HOUR + MINUTE, Signal.BATTERY, 3.0)])
    assert [one for one in days.until(2 * HOUR) if one.rule in DEVICE] == []


@pytest.mark.parametrize(("back", "told_of"), [(100, True), (99, False)])
def test_numbers_that_run_back_by_a_hundred_three_times_an_hour_are_two_devices(back: int, told_of: bool) -> None:
    numbers = [1_000, 1_000 - back, 1_000, 1_000 - back, 1_000, 1_000 - back]
    days = Days([*home_with(Signal.MOTION), *(numbered(place * MINUTE, 1, seq) for place, seq in enumerate(numbers))])
    assert bool(tickets(days, HOUR, RuleKey.DEVICE_DUPLICATE)) is told_of
