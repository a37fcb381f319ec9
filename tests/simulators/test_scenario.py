"""Proves what each scenario changes in the messages of its home from its instant on, and that nothing else changes."""

from itertools import pairwise

import pytest

from ingest.clock import DAY, HOUR, MINUTE, Millis, parse_local
from simulators.fleet import Fleet
from simulators.message import SimMessage
from simulators.scenario import Scenario
from tests.simulators.reading_messages import told

START = parse_local("2026-11-20T21:00:00")
AT = START + 13 * HOUR + 123_456
END = START + 3 * DAY
HOME = "dong-1-003"


def fleet(*scenarios: Scenario, start: Millis = START) -> Fleet:
    made = Fleet(7, households=4, start=start)
    for scenario in scenarios:
        made.inject(scenario, HOME, AT)
    return made


def after(scenario: Scenario, end: Millis = END) -> list[SimMessage]:
    return list(fleet(scenario).messages(AT, end))


@pytest.mark.parametrize("scenario", list(Scenario))
def test_what_was_published_before_the_injection_stays_and_other_homes_never_notice(scenario: Scenario) -> None:
    usual, odd = list(fleet().messages(START, END)), list(fleet(scenario).messages(START, END))
    assert [each for each in odd if each.at < AT] == [each for each in usual if each.at < AT]
    assert [each for each in odd if f"/{HOME}/" not in each.topic] == [each for each in usual if f"/{HOME}/" not in each.topic]
    assert odd != usual


@pytest.mark.parametrize("scenario", list(Scenario))
def test_an_injection_holds_although_the_day_has_been_told_already(scenario: Scenario) -> None:
    late = fleet()
    list(late.messages(START, END))
    late.inject(scenario, HOME, AT)
    assert list(late.messages(AT, END)) == after(scenario)


@pytest.mark.parametrize("scenario", list(Scenario))
def test_devices_go_on_numbering_without_gap(scenario: Scenario) -> None:
    seqs: dict[str, list[int | None]] = {}
    for each in told(fleet(scenario).messages(START, END)):
        if each.payload.seq is not None:
            seqs.setdefault(each.topic.device_id, []).append(each.payload.seq)
    assert all(numbers == list(range(len(numbers))) for numbers in seqs.values())


def test_after_a_collapse_nobody_moves_or_calls_but_the_sensors_go_on_reporting() -> None:
    messages = after(Scenario.COLLAPSE)
    assert not [each for each in told(messages, household=HOME, signal="motion") if each.payload.v == 1]
    assert not told(messages, household=HOME, signal="door")
    calls = told(messages, household=HOME, signal="call")[1:]  # the first still tells of the time before
    assert calls
    assert not [each for each in calls if each.payload.in_ or each.payload.out]
    assert [each for each in calls if each.payload.missed]
    assert len(told(messages, household=HOME, signal="temperature")) > 300
    assert len(told(messages, household=HOME, signal="heartbeat")) > 300


def test_heat_brings_the_home_above_33_degrees_within_8_hours() -> None:
    warmest = max(each.number for each in told(after(Scenario.HEAT, AT + 8 * HOUR), household=HOME, signal="temperature"))
    assert 33.0 < warmest < 42.0


def test_cold_brings_the_home_below_12_degrees_within_12_hours() -> None:
    coldest = min(each.number for each in told(after(Scenario.COLD, AT + 12 * HOUR), household=HOME, signal="temperature"))
    assert -10.0 < coldest < 12.0


def test_an_open_window_in_a_frost_lets_the_air_fall_fast_and_freezes_the_home_within_six_hours() -> None:
    air = [each.number for each in told(after(Scenario.FROZEN, AT + 6 * HOUR), household=HOME, signal="temperature")]
    assert max(air[:2]) - min(air[:12]) > 6.0  # within two hours
    assert min(air) < 5.0


def test_a_stuck_motion_sensor_tells_motion_without_a_pause() -> None:
    stuck = [each for each in told(after(Scenario.PIR_STUCK), household=HOME, signal="motion") if each.payload.v == 1]
    one = sorted(each.payload.t or 0.0 for each in stuck if each.topic.device_id == stuck[-1].topic.device_id)
    assert max(after - before for before, after in pairwise(one)) <= 50.0 and len(one) > 1_700


def test_a_phone_that_is_off_is_told_at_once_and_every_hour_and_takes_no_calls() -> None:
    messages = after(Scenario.PHONE_OFF)
    states = told(messages, household=HOME, signal="phone")
    assert {each.payload.v for each in states} == {"off"}
    assert states[0].at < AT + 2_000
    assert len(states) >= (END - AT) // HOUR
    assert not [each for each in told(messages, household=HOME, signal="call")[1:] if each.payload.in_ or each.payload.out]
    assert [each for each in told(messages, household=HOME, signal="motion") if each.payload.v == 1]


def test_a_gateway_that_is_off_leaves_its_last_will_and_silence() -> None:
    messages = told(after(Scenario.GATEWAY_OFF), household=HOME)
    spoken = [each for each in messages if each.payload.t is not None]
    assert all(each.payload.t is not None and each.payload.t < AT / 1_000 for each in spoken)  # on their way when it happened
    (will,) = (each for each in messages if each.payload.t is None)
    assert will.topic.signal == "status"
    assert will.retain
    assert will.payload.online is False
    assert AT < will.at < AT + MINUTE


def test_a_low_battery_shows_on_one_device_and_falls_to_3_percent() -> None:
    messages = told(after(Scenario.BATTERY_LOW), household=HOME)
    levels = [each.payload.bat for each in messages if each.payload.bat is not None and each.topic.device_id.endswith("-climate")]
    others = [
        each.payload.bat for each in messages if each.payload.bat is not None and not each.topic.device_id.endswith("-climate")
    ]
    assert levels[0] == 18
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == 3
    assert min(others) >= 20


def test_each_press_of_the_sos_button_is_one_message() -> None:
    pressed = fleet(Scenario.SOS)
    pressed.inject(Scenario.SOS, HOME, AT + HOUR)
    presses = told(pressed.messages(START, END), household=HOME, signal="sos")
    assert [each.payload.t for each in presses] == [AT / 1_000, (AT + HOUR) / 1_000]
    assert [each.number for each in presses] == [1.0, 1.0]
    assert not [each for each in presses if each.retain]


def test_of_a_lasting_scenario_the_earliest_injection_counts() -> None:
    twice = fleet(Scenario.COLLAPSE)
    twice.inject(Scenario.COLLAPSE, HOME, AT + 5 * HOUR)
    assert list(twice.messages(AT, END)) == after(Scenario.COLLAPSE)


def test_an_injection_before_the_start_holds_from_the_start_on() -> None:
    made = fleet()
    made.inject(Scenario.COLLAPSE, HOME, START - DAY)
    assert not [each for each in told(made.messages(START, END), household=HOME, signal="motion") if each.payload.v == 1]


def test_an_injection_into_a_home_of_no_fleet_is_refused() -> None:
    with pytest.raises(ValueError, match="no household dong-9-001"):
        fleet().inject(Scenario.SOS, "dong-9-001", AT)


def test_where_a_resident_is_agrees_with_the_messages() -> None:
    made = fleet()
    motions = [each for each in told(made.messages(START, END), household=HOME, signal="motion") if each.payload.v == 1]
    for hour in range(8, 60):
        at = START + hour * HOUR
        last = max(each.payload.t for each in motions if each.payload.t is not None and each.payload.t * 1_000 < at)
        assert not made.is_at_home(HOME, at) or at - last * 1_000 < 7 * HOUR
    assert not all(made.is_at_home(HOME, START + step * 10 * MINUTE) for step in range(400))


def test_who_falls_is_seen_to_move_once_more_and_never_again() -> None:
    messages = told(after(Scenario.FALL), household=HOME)
    assert [each.payload.t for each in messages if each.topic.signal == "motion" and each.payload.v == 1] == [AT / 1_000]
    assert not [each for each in messages if each.topic.signal == "door"]
