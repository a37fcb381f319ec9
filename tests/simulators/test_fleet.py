"""Proves that a fleet tells the same story however it is asked, in the form of real devices, about people who are well."""

import re
from collections import defaultdict
from random import Random

import pytest

from ingest.clock import DAY, HOUR, MINUTE, Millis, parse_local
from simulators.devices import BLIND
from simulators.fleet import Fleet
from tests.simulators.reading_messages import told

START = parse_local("2026-11-20T21:07:00")
SEEDS = (1, 2, 42)
SEASONS = ("2026-11-20T21:00:00", "2026-01-15T03:00:00", "2026-07-30T12:00:00", "2026-04-10T09:00:00")


def fleet(*, seed: int = 7, households: int = 6, start: Millis = START) -> Fleet:
    return Fleet(seed, households=households, start=start)


def test_the_same_seed_gives_the_same_homes_and_messages() -> None:
    assert fleet().homes == fleet().homes
    assert list(fleet().messages(START, START + DAY)) == list(fleet().messages(START, START + DAY))
    assert list(fleet(seed=8).messages(START, START + HOUR)) != list(fleet().messages(START, START + HOUR))


def test_adjoining_ranges_give_each_message_once_and_in_the_same_order() -> None:
    whole = list(fleet().messages(START, START + 2 * DAY))
    rng, asked, pieces, at = Random(5), fleet(), [], START
    while at < START + 2 * DAY:
        until = min(at + rng.choice((1, 700, MINUTE, HOUR, 9 * HOUR)), START + 2 * DAY)
        pieces += asked.messages(at, until)
        at = until
    assert pieces == whole


def test_a_range_can_be_asked_for_again_long_after_and_without_the_days_before_it() -> None:
    asked = fleet()
    first = list(asked.messages(START, START + DAY))
    fifth = list(asked.messages(START + 5 * DAY, START + 6 * DAY))
    assert list(asked.messages(START, START + DAY)) == first
    assert list(fleet().messages(START + 5 * DAY, START + 6 * DAY)) == fifth


def test_messages_are_in_order_of_publication_and_none_is_before_the_start() -> None:
    messages = list(fleet().messages(START - DAY, START + DAY))
    times = [message.at for message in messages]
    assert times == sorted(times)
    assert times[0] >= START
    assert messages == list(fleet().messages(START, START + DAY))


def test_every_device_numbers_its_messages_without_gap_from_0() -> None:
    seqs = defaultdict(list)
    for each in told(fleet().messages(START, START + 3 * DAY)):
        assert each.payload.boot == 1
        seqs[each.topic.device_id].append(each.payload.seq)
    assert len(seqs) == sum(len(home.devices) for home in fleet().homes)
    assert all(numbers == list(range(len(numbers))) for numbers in seqs.values())


def test_messages_are_published_within_a_second_of_their_observation() -> None:
    for each in told(fleet().messages(START, START + DAY)):
        assert each.payload.t is not None
        assert 0 < each.at - each.payload.t * 1_000 < 1_000


def test_only_enrolled_devices_speak_and_only_of_their_signals() -> None:
    signals = {device.device_id: device.signals for home in fleet().homes for device in home.devices}
    for each in told(fleet().messages(START, START + DAY)):
        assert each.topic.signal in signals[each.topic.device_id]


def test_devices_report_as_often_as_they_are_enrolled_to() -> None:
    intervals = {device.device_id: device.report_interval_s for home in fleet().homes for device in home.devices}
    heard: dict[str, Millis] = {}
    for each in told(fleet().messages(START, START + 2 * DAY)):
        before = heard.get(each.topic.device_id, START)
        assert each.at - before <= intervals[each.topic.device_id] * 1_000 + 1_000
        heard[each.topic.device_id] = each.at


def test_a_pir_is_blind_for_a_minute_after_each_trigger() -> None:
    seen: dict[str, float] = {}
    for each in told(fleet().messages(START, START + 2 * DAY), signal="motion"):
        if each.payload.v == 1:
            assert each.payload.t is not None
            assert each.payload.t - seen.get(each.topic.device_id, 0.0) >= BLIND / 1_000
            seen[each.topic.device_id] = each.payload.t
    assert seen


def test_some_pirs_tell_when_their_timer_runs_out_a_minute_after_the_trigger_and_some_do_not() -> None:
    triggered: dict[str, float] = {}
    homes_telling = set()
    for each in told(fleet(households=12).messages(START, START + DAY), signal="motion"):
        assert each.payload.t is not None
        if each.payload.v == 0:
            since = triggered.get(each.topic.device_id)
            assert since is None or abs(each.payload.t - since - 60) < 0.001  # None: triggered before the first message
            homes_telling.add(each.topic.household_id)
        else:
            triggered[each.topic.device_id] = each.payload.t
    assert 0 < len(homes_telling) < 12


def test_the_gateway_alone_retains_and_only_its_status() -> None:
    retained = [each for each in told(fleet().messages(START, START + DAY)) if each.retain]
    assert {each.topic.signal for each in retained} == {"status"}
    assert len(retained) == 6
    assert all(each.payload.online for each in retained)


def test_batteries_fall_slowly() -> None:
    levels = defaultdict(list)
    for each in told(fleet(households=2).messages(START, START + 40 * DAY)):
        if each.payload.bat is not None:
            levels[each.topic.device_id].append(each.payload.bat)
    assert all(values == sorted(values, reverse=True) for values in levels.values())
    assert all(values[-1] >= 20 for values in levels.values())
    assert any(values[-1] < values[0] for values in levels.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_no_well_resident_goes_unseen_for_7_hours_in_3_days(seed: int) -> None:
    everyone = Fleet(seed, start=START)
    seen = {home.household_id: START / 1_000 for home in everyone.homes}
    for each in told(everyone.messages(START, START + 3 * DAY)):
        is_life = each.topic.signal == "door" or (each.topic.signal == "motion" and each.payload.v == 1)
        if is_life:
            assert each.payload.t is not None
            assert each.payload.t - seen[each.topic.household_id] < 7 * 3_600, each
            seen[each.topic.household_id] = each.payload.t
    assert all(START / 1_000 + 3 * 86_400 - at < 7 * 3_600 for at in seen.values())


@pytest.mark.parametrize("season", SEASONS)
def test_the_homes_of_well_residents_are_neither_cold_nor_hot_nor_damp_in_any_season(season: str) -> None:
    start = parse_local(season)
    for each in told(fleet(households=10, start=start).messages(start, start + 3 * DAY)):
        if each.topic.signal == "temperature":
            assert 19.0 <= each.number <= 28.0
        elif each.topic.signal == "humidity":
            assert 30.0 <= each.number <= 60.0


def test_no_three_days_pass_without_a_call_in_or_out() -> None:
    told_calls = {home.household_id: START for home in fleet(households=20).homes}
    for each in told(fleet(households=20).messages(START, START + 8 * DAY), signal="call"):
        if (each.payload.in_ or 0) + (each.payload.out or 0) > 0:
            assert each.at - told_calls[each.topic.household_id] < 3 * DAY
            told_calls[each.topic.household_id] = each.at
    assert all(START + 8 * DAY - at < 3 * DAY for at in told_calls.values())


def test_people_are_invented_and_differ() -> None:
    homes = Fleet(1, start=START).homes
    assert len(homes) == 60
    assert len({home.resident_name for home in homes}) == 60
    assert len({home.resident_phone for home in homes}) == 60
    assert all(re.fullmatch(r"010-0000-\d{4}", home.resident_phone) for home in homes)
    assert {home.grade for home in homes} == {"high", "elevated", "ordinary"}


def test_no_device_id_is_used_twice_in_a_dong_or_in_two() -> None:
    ids = [
        device.device_id
        for dong in ("dong-1", "dong-2")
        for home in Fleet(1, households=60, dong_code=dong, start=START).homes
        for device in home.devices
    ]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z0-9-]{1,32}", each) for each in ids)


def test_the_longest_dong_code_still_gives_ids_fit_for_a_topic() -> None:
    homes = Fleet(1, households=1_000, dong_code="d" * 16, start=START).homes
    assert max(len(device.device_id) for home in homes for device in home.devices) <= 32


@pytest.mark.parametrize(("code", "households"), [("Dong", 1), ("d" * 17, 1), ("", 1), ("dong-1", 0), ("dong-1", 10_000)])
def test_a_fleet_that_cannot_be_is_refused(code: str, households: int) -> None:
    with pytest.raises(ValueError, match=r"dong's code|households"):
        Fleet(1, households=households, dong_code=code, start=START)
