"""What every dialect promises, whichever it is: the payload rules, held against the fixtures of each."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from ingest.clock import HOUR, MINUTE
from ingest.dialects.registry import DIALECTS, make_dialects, subscriptions
from ingest.mqtt_wire import BrokerAddress
from ingest.reading import Reason, Signal
from ingest.vendors import stand_in
from tests.ingest.dialect_cases import (
    NAMES,
    TELLS_DONG,
    Fixture,
    Sample,
    Site,
    fixture_of,
    life,
    make_decoder,
    readings,
    rejections,
)
from tests.ingest.entry_parts import ENROLLED, HOME


@pytest.fixture(params=NAMES)
def fixture(request: pytest.FixtureRequest) -> Fixture:
    return fixture_of(request.param)


def needed(sample: Sample | None) -> Sample:
    if sample is None:
        pytest.skip("this dialect knows no such message")
    return sample


def test_a_live_motion_is_a_sign_of_life_of_the_registers_household(fixture: Fixture) -> None:
    site = Site(fixture)
    (motion,) = life(site.say(fixture.life()))
    assert (motion.signal, motion.value, motion.household_id, motion.device_id) == (Signal.MOTION, 1.0, HOME, fixture.device)


def test_the_devices_time_counts(fixture: Fixture) -> None:
    sample, site = needed(fixture.sample("life")), Site(fixture)
    (motion,) = life(site.say(sample, told_at=site.log.at - 10 * MINUTE))
    assert motion.observed_at == site.log.at - 10 * MINUTE - 1_000 and not motion.skewed


def test_a_retained_message_is_no_sign_of_life_and_the_live_one_after_it_is_none_the_less(fixture: Fixture) -> None:
    sample, site = fixture.life(), Site(fixture)
    at = site.log.at
    assert life(site.say(sample, told_at=at, retain=True)) == []
    if fixture.name not in ("zigbee2mqtt", "tasmota", "esphome", "sparkplug"):  # there the motion is a state, and stands
        assert len(life(site.say(sample, told_at=at))) == 1


def test_a_duplicate_changes_nothing(fixture: Fixture) -> None:
    sample, site = fixture.life(), Site(fixture)
    at = site.log.at
    assert len(life(site.say(sample, told_at=at))) == 1
    for _ in range(2):
        items = site.say_raw(sample.topic, sample.payload(at, 1), dup=True)
        assert [one.reason for one in rejections(items)] == [Reason.DUPLICATE] and readings(items) == []


def test_a_clock_ahead_is_marked_and_ours_counts(fixture: Fixture) -> None:
    sample, site = needed(fixture.sample("life")), Site(fixture)
    (motion,) = life(site.say(sample, told_at=site.log.at + HOUR))
    assert motion.skewed and motion.observed_at == motion.received_at


@pytest.mark.parametrize("told_at", [1_000_000_000_000, ENROLLED - 1_000])
def test_what_was_seen_before_2020_or_before_the_enrolment_is_stored_and_no_life(fixture: Fixture, told_at: int) -> None:
    sample, site = needed(fixture.sample("life")), Site(fixture)
    items = site.say(sample, told_at=told_at)
    assert life(items) == []
    (kept,) = [one for one in readings(items) if one.signal is Signal.MOTION]
    assert kept.observed_at == told_at and not kept.credible


@pytest.mark.parametrize("how", ["dup", "catching_up"])
def test_what_was_queued_without_a_time_is_dated_at_the_end_of_the_connection_before(fixture: Fixture, how: str) -> None:
    sample, site = needed(fixture.sample("untimed")), Site(fixture)
    ended = site.lose_link()
    (motion,) = life(site.say(sample, **{how: True}, after=HOUR))
    assert motion.observed_at == ended and motion.received_at > ended


def test_a_timer_a_keep_alive_a_command_and_a_test_frame_are_no_life(fixture: Fixture) -> None:
    for sample in fixture.samples("never_life"):
        assert life(Site(fixture).say(sample)) == [], sample.topic


def test_missing_is_not_false(fixture: Fixture) -> None:
    sample = needed(fixture.sample("missing"))
    said = readings(Site(fixture).say(sample))
    assert [one for one in said if one.signal not in (Signal.LINK, Signal.BATTERY)] == []


def test_out_of_range_is_refused_and_counted_against_the_device(fixture: Fixture) -> None:
    site = Site(fixture)
    (refused,) = rejections(site.say(needed(fixture.sample("out_of_range"))))
    assert refused.reason is Reason.OUT_OF_RANGE and refused.device_id == fixture.device


def test_a_stranger_is_kept_aside_and_no_households_life(fixture: Fixture) -> None:
    site = Site(fixture, enrolled=False)
    items = site.say(fixture.life())
    address = fixture.raw.get("address")
    assert [one.reason for one in rejections(items)] == [Reason.UNKNOWN_DEVICE] and readings(items) == []
    (refused,) = rejections(items)
    assert refused.address == address and refused.device_id == (stand_in(address) if address else fixture.device)


def test_each_live_alarm_raises_and_a_retained_one_only_when_it_says_something_new(fixture: Fixture) -> None:
    sample, site = needed(fixture.sample("urgent")), Site(fixture)
    signal = fixture.said_of("urgent", "signal")
    for _ in range(2):
        (alarm,) = [one for one in readings(site.say(sample)) if one.value == 1]
        assert (alarm.signal, alarm.household_id) == (signal, HOME)
    payload, at = site.log.entries[-1].body.payload, site.log.at  # type: ignore[union-attr]  # a message
    assert [one for one in readings(site.say_raw(sample.topic, payload, dup=True)) if one.signal == signal] == []
    assert life(site.say(sample, told_at=at)) == []


def test_an_alarm_of_a_stranger_is_told_to_a_dong(fixture: Fixture) -> None:
    site = Site(fixture, enrolled=False)
    (alarm,) = [one for one in readings(site.say(needed(fixture.sample("urgent")))) if one.value == 1]
    assert alarm.household_id is None
    assert alarm.dong_code == (TELLS_DONG if "address" in fixture.raw else "dong-1")


def test_an_alarm_that_cannot_be_read_well_raises_all_the_same(fixture: Fixture) -> None:
    items = Site(fixture).say(needed(fixture.sample("urgent_ill")))
    assert [one.value for one in readings(items) if one.signal in (Signal.SOS, Signal.SMOKE, Signal.GAS)] == [1]
    assert rejections(items) != []


def test_battery_and_link_become_device_health(fixture: Fixture) -> None:
    items = Site(fixture).say(needed(fixture.sample("health")))
    said = {one.signal: one.value for one in readings(items)}
    for signal in ("battery", "link"):
        wanted = fixture.said_of("health", signal)
        assert wanted is None or said[Signal(signal)] == pytest.approx(wanted, abs=0.01)
    assert life(items) == [] and rejections(items) == []


def test_its_topics_are_among_its_subscriptions_and_its_canaries_no_devices(fixture: Fixture) -> None:
    (dialect,) = [one for one in make_dialects(DIALECTS) if one.name == fixture.name]
    for sample in (fixture.life(), *fixture.samples("never_life"), *fixture.samples("before")):
        assert any(topic_matches_sub(one, sample.topic) for one in dialect.filters), sample.topic
    address = BrokerAddress(host="broker", port=1, client_id="anbu")
    for one in dialect.filters:
        assert topic_matches_sub(one, address.canary_through(one))
    assert all(any(topic_matches_sub(wide, one.replace("+", "x")) for wide in subscriptions(DIALECTS)) for one in dialect.filters)


def test_a_restored_decoder_goes_on_as_one_that_read_everything(fixture: Fixture) -> None:
    site = Site(fixture)
    samples = [fixture.life(), *fixture.samples("never_life"), fixture.life(), *fixture.samples("before")]
    for sample in samples:
        site.say(sample)
    whole = list(make_decoder().read(site.log.entries))
    for cut in range(1, len(site.log.entries)):
        before, after = make_decoder(), make_decoder()
        before.read(site.log.entries[:cut])
        after.restore(before.snapshot())
        assert list(after.read(site.log.entries[cut:])) == whole[cut:]


def _topics(fixture: Fixture) -> list[str]:
    kinds = ("life", "untimed", "missing", "out_of_range", "urgent", "urgent_ill", "health")
    return [sample.topic for sample in map(fixture.sample, kinds) if sample is not None]


_leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
_WORDS = """motion occupancy contact temperature Time time timestamp object uplink_message decoded_payload received_at
params ts method NotifyStatus Switch1 PIR1 AM2301 Wifi bat smoke:0 devicepower:0 deduplicationId rxInfo rx_metadata v t n bn"""
_words = st.sampled_from(_WORDS.split())
_json = st.recursive(
    _leaves | _words, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=6), max_leaves=20
)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_bytes_make_it_raise(name: str, data: st.DataObject) -> None:
    fixture = fixture_of(name)
    site = Site(fixture)
    topic = data.draw(st.sampled_from(_topics(fixture)))
    whole = fixture.life().payload(site.log.at)
    cut = st.integers(0, len(whole)).map(lambda at: whole[:at] + b"\xff" + whole[at + 1 :])
    payload = data.draw(st.binary(max_size=60) | _json.map(msgspec.json.encode) | cut)
    how = {flag: data.draw(st.booleans()) for flag in ("retain", "dup", "catching_up")}
    items = site.say_raw(topic, payload, **how)
    assert all(one.reason is not Reason.UNKNOWN_TOPIC for one in rejections(items))
    assert all(one.household_id == HOME for one in readings(items))
    site.decoder.restore(site.decoder.snapshot())


def test_every_dialect_has_its_fixture_and_its_chapter_in_the_docs() -> None:
    text = (Path(__file__).parents[2] / "docs" / "dialects.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in NAMES)
    assert [fixture_of(name).name for name in NAMES] == list(NAMES)
