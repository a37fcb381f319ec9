"""What single dialects know of their vendors: restated state, wards and zones, aliases and births; and a mended decoder."""

from typing import Any

import msgspec
import pytest

from ingest.clock import HOUR, MINUTE, VirtualClock
from ingest.decode import Decoder
from ingest.decoding import Item
from ingest.dialects.port import Route
from ingest.dialects.registry import make_dialects, subscriptions
from ingest.dialects.sparkplug import Sparkplug
from ingest.dialects.sparkplug_wire import Payload
from ingest.dialects.values import signal_of
from ingest.dialects.zigbee2mqtt import Zigbee2Mqtt
from ingest.facts import DeviceEnrolled, DeviceRemoved, HouseholdEnrolled
from ingest.heard import Heard
from ingest.history.consumer import HistoryConsumer
from ingest.history.memory import MemoryHistory
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Message, Position
from ingest.journal.runner import Runner
from ingest.reading import DeviceId, Reason, Signal
from ingest.rebirth import RebirthConsumer
from ingest.vendors import stand_in
from tests.ingest.dialect_cases import Fixture, Site, life, readings, rejections, sparkplug
from tests.ingest.entry_parts import DONG, ENROLLED, HOME, NOON

Z2M = "zigbee2mqtt/hall pir"


def site_of(address: str, *signals: str, before: list[dict[str, Any]] | None = None, zone: str = "Asia/Seoul") -> Site:
    raw = {"address": address, "zone": zone, "before": before or []}
    return Site(Fixture("", raw), signals=signals)


def say(site: Site, topic: str, **fields: Any) -> list[Item]:
    return site.say_raw(topic, msgspec.json.encode(fields))


def signals(items: list[Item]) -> dict[str, float]:
    return {one.signal.value: one.value for one in readings(items)}


def test_a_battery_report_that_repeats_an_old_occupancy_is_a_heartbeat() -> None:
    site = site_of(Z2M)
    assert len(life(say(site, Z2M, occupancy=True, battery=91))) == 1
    again = say(site, Z2M, occupancy=True, battery=90)
    assert signals(again) == {"heartbeat": 1, "battery": 90} and all(one.credible for one in readings(again))
    assert life(say(site, Z2M, occupancy=False, battery=90)) == []
    assert len(life(say(site, Z2M, occupancy=True, battery=90))) == 1


def test_a_door_that_still_stands_open_is_no_sign_of_life() -> None:
    site = site_of(Z2M)
    opened = say(site, Z2M, contact=False)
    assert signals(opened) == {"door": 1} and len(life(opened)) == 1
    assert life(say(site, Z2M, contact=False, battery=80)) == []
    assert len(life(say(site, Z2M, contact=True))) == 1


def test_a_retained_state_is_known_when_the_live_one_repeats_it() -> None:
    site = site_of(Z2M)
    assert life(site.say_raw(Z2M, b'{"contact":false}', retain=True)) == []
    assert life(say(site, Z2M, contact=False)) == []


@pytest.mark.parametrize("topic", ["zigbee2mqtt/hh-1/bridge/state", "zigbee2mqtt/bridge/state"])
def test_a_bridge_that_goes_offline_is_an_outage_where_it_was_enrolled_as_a_gateway(topic: str) -> None:
    address = topic.removesuffix("/state")
    assert signals(say(site_of(address, "status"), topic, state="offline")) == {"status": 0}
    assert signals(site_of(address, "status").say_raw(topic, b"online", retain=True)) == {"status": 1}
    assert readings(say(site_of(address), topic, state="offline")) == []
    assert signals(say(site_of(address), topic, state="online")) == {"heartbeat": 1}


def test_tasmota_tells_fahrenheit_and_the_time_of_its_own_zone() -> None:
    site = site_of("tasmota/plug", zone="America/New_York")
    fields = {"Time": "2026-01-01T06:00:00", "AM2301": {"Temperature": 77, "Humidity": 58.2}, "TempUnit": "F"}
    air = {one.signal: one for one in readings(say(site, "tele/plug/SENSOR", **fields))}
    assert air[Signal.TEMPERATURE].value == pytest.approx(25.0)
    assert air[Signal.TEMPERATURE].observed_at == NOON - HOUR, "06:00 in New York is 11:00 UTC"


def test_a_switch_is_a_door_where_the_device_is_enrolled_as_one() -> None:
    said = {"Time": "2026-01-01T21:00:00", "Switch1": "ON"}
    assert signals(say(site_of("tasmota/sw", "door"), "tele/sw/SENSOR", **said)) == {"door": 1}
    assert signals(say(site_of("tasmota/sw", "motion"), "tele/sw/SENSOR", **said)) == {"motion": 1}
    for payload in (b"ON", b'{"Action":"ON"}'):
        assert signals(site_of("tasmota/sw").say_raw("stat/sw/SWITCH1", payload)) == {"motion": 1}
    assert signals(say(site_of("tasmota/sw"), "stat/sw/RESULT", Switch1={"Action": "ON"})) == {"motion": 1}


def test_shellys_moment_of_the_last_motion_is_one_event_however_often_it_is_sent() -> None:
    site, topic = site_of("shelly/m-1"), "shellies/m-1/status"
    moment = NOON / 1_000
    assert len(life(say(site, topic, motion=True, timestamp=moment, lux=70))) == 1
    assert life(say(site, topic, motion=True, timestamp=moment, lux=71)) == []
    (motion,) = life(say(site, topic, motion=True, timestamp=moment + 1, lux=71))
    assert motion.observed_at == NOON + 1_000


def test_things_stack_test_frames_are_kept_without_being_credible() -> None:
    site = site_of("tts/a@t/d")
    uplink = {"received_at": "2026-01-01T12:00:00Z", "decoded_payload": {"motion": True, "temperature": 1.5}}
    said = readings(say(site, "v3/a@t/devices/d/up", simulated=True, uplink_message=uplink))
    assert [one.signal for one in said] == [Signal.MOTION, Signal.TEMPERATURE] and not any(one.credible for one in said)


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("hall_motion", Signal.MOTION),
        ("doorOpen", Signal.DOOR),
        ("Inputs/Temperature", Signal.TEMPERATURE),
        ("battery_voltage", None),
        ("gas_resistance", None),
        ("device_temperature", None),
        ("occupancy_timeout", None),
        ("contemplation", None),
    ],
)
def test_a_name_stands_for_a_signal_by_its_words(name: str, signal: Signal | None) -> None:
    assert signal_of(name) is signal


# Sparkplug B

NODE, PIR = "spBv1.0/care/{}/gw", "spBv1.0/care/{}/gw/pir"
BIRTH = {"name": "Room/Temperature", "alias": 7, "datatype": 10, "double_value": 20.0}


def birth(site: Site, bd_seq: int = 0) -> None:
    metrics = [{"name": "bdSeq", "datatype": 4, "long_value": bd_seq}]
    site.say_raw(NODE.format("NBIRTH"), sparkplug(seq=0, metrics=metrics))
    site.say_raw(PIR.format("DBIRTH"), sparkplug(seq=1, metrics=[BIRTH]))


def data(site: Site, seq: int, value: float = 21.0) -> list[Item]:
    return site.say_raw(PIR.format("DDATA"), sparkplug(seq=seq, metrics=[{"alias": 7, "double_value": value}]))


def test_an_alias_means_what_the_birth_said_until_the_numbers_have_a_gap() -> None:
    site = site_of("sparkplug/care/gw/pir", "temperature")
    birth(site)
    assert signals(data(site, 2)) == {"temperature": 21}
    gap = data(site, 4)
    assert [one.reason for one in rejections(gap)] == [Reason.BAD_FIELD] and "rebirth" in rejections(gap)[0].detail
    assert readings(data(site, 5)) == []
    birth(site)
    assert signals(data(site, 2)) == {"temperature": 21}


def test_the_numbers_wrap_at_256() -> None:
    site = site_of("sparkplug/care/gw/pir", "temperature")
    birth(site)
    assert all(rejections(data(site, seq % 256, 20 + seq / 100)) == [] for seq in range(2, 300))


def test_an_alias_nobody_was_told_of_is_refused() -> None:
    (refused,) = rejections(data(site_of("sparkplug/care/gw/pir"), 3))
    assert refused.reason is Reason.MISSING_FIELD


def test_a_node_that_dies_takes_its_devices_with_it_unless_the_will_is_an_old_one() -> None:
    site = site_of("sparkplug/care/gw", "status")
    site.log.fact(
        DeviceEnrolled(
            fact_id="pir",
            at=ENROLLED,
            device_id=DeviceId("pir"),
            household_id=HOME,
            signals=("status",),
            address="sparkplug/care/gw/pir",
        )
    )
    birth(site, 5)

    def die(bd_seq: int) -> list[Item]:
        metrics = [{"name": "bdSeq", "datatype": 4, "long_value": bd_seq}]
        return site.say_raw(NODE.format("NDEATH"), sparkplug(metrics=metrics))

    assert readings(die(4)) == []
    assert [(one.device_id, one.signal, one.value) for one in readings(die(5))] == [
        ("dev-1", Signal.STATUS, 0),
        ("pir", Signal.STATUS, 0),
    ]


def test_rebirth_is_asked_for_once_a_minute_at_the_head_alone() -> None:
    asked: list[tuple[str, bytes]] = []
    consumer = RebirthConsumer(lambda topic, payload: asked.append((topic, payload)))
    consumer.restore(None)
    site = site_of("sparkplug/care/gw/pir")
    data(site, 3)
    consumer.take(site.log.entries)
    assert asked == []
    for _ in range(3):
        consumer.at_head(site.log.at + 1)
    ((topic, payload),) = asked
    (metric,) = Payload.FromString(payload).metrics
    assert (topic, metric.name, metric.boolean_value) == ("spBv1.0/care/NCMD/gw", "Node Control/Rebirth", True)
    consumer.at_head(site.log.at + MINUTE + 1)
    assert len(asked) == 2
    again = RebirthConsumer(lambda topic, payload: asked.append((topic, payload)))
    again.restore(consumer.state())
    again.at_head(site.log.at + HOUR)
    assert len(asked) == 2, "a node that has said nothing since is not asked"
    taken = len(site.log.entries)
    birth(site)
    consumer.take(site.log.entries[taken:])
    consumer.at_head(site.log.at + 2 * MINUTE)
    assert len(asked) == 2 and list(Sparkplug().lost()) == []


# Addresses


def test_an_address_goes_to_the_device_that_was_enrolled_with_it_last_and_ends_with_it() -> None:
    site = site_of(Z2M)
    fact = DeviceEnrolled(fact_id="n", at=NOON, device_id=DeviceId("new-1"), household_id=HOME, signals=(), address=Z2M)
    site.log.fact(fact)
    site.log.at = NOON
    assert [one.device_id for one in readings(say(site, Z2M, battery=5))] == ["new-1"]
    site.log.fact(DeviceRemoved(fact_id="r", at=site.log.at, device_id=DeviceId("new-1")))
    (refused,) = rejections(say(site, Z2M, battery=5))
    assert refused.reason is Reason.UNKNOWN_DEVICE and refused.device_id == stand_in(Z2M)


def test_names_that_look_alike_as_ids_stay_apart() -> None:
    ids = {stand_in(f"zigbee2mqtt/{name}") for name in ("Hall PIR", "hall-pir", "현관", "안방", "x" * 200, "x" * 201)}
    assert len(ids) == 6 and all(len(one) <= 32 for one in ids)


def test_only_what_is_switched_on_is_heard() -> None:
    assert subscriptions(["native"]) == ("anbu/v1/+/+/+/+",)
    assert subscriptions(["zigbee2mqtt", "senml"]) == ("anbu/v1/+/+/+/pack", "zigbee2mqtt/#")
    with pytest.raises(KeyError, match="morse"):
        make_dialects(["morse"])
    site = site_of(Z2M)
    site.decoder = Decoder()
    assert [one.reason for one in rejections(say(site, Z2M, occupancy=True))] == [Reason.UNKNOWN_TOPIC]


# A mended decoder


class _Broken(Zigbee2Mqtt):
    """Takes Celsius for something else."""

    def route(self, topic: str) -> Route | None:
        return Route(self.name, topic.partition("/")[2], lambda _payload: Heard([], []))


def test_a_mended_decoder_reads_the_past_again_when_the_cursor_is_set_back() -> None:
    journal, cursors, history, clock = MemoryJournal(), MemoryCursors(), MemoryHistory(), VirtualClock(NOON + HOUR)
    journal.append(
        [
            HouseholdEnrolled(fact_id="h", at=ENROLLED, household_id=HOME, dong_code=DONG),
            DeviceEnrolled(
                fact_id="d", at=ENROLLED, device_id=DeviceId("th-1"), household_id=HOME, signals=("temperature",), address=Z2M
            ),
            *(
                Message(received_at=NOON + minute * MINUTE, source="mqtt", topic=Z2M, payload=b'{"temperature":%d}' % minute)
                for minute in range(20)
            ),
        ]
    )

    def read(decoder: Decoder) -> int:
        Runner(journal, cursors, HistoryConsumer(history, decoder), clock).catch_up()
        return sum(bucket.count for bucket in history.series(HOME, Signal.TEMPERATURE, NOON, NOON + HOUR, 100))

    assert read(Decoder([_Broken()])) == 0
    assert read(Decoder([Zigbee2Mqtt()])) == 0, "what is read is read"
    cursors.commit("history", Position())
    assert read(Decoder([Zigbee2Mqtt()])) == 20
    cursors.commit("history", Position())
    assert read(Decoder([Zigbee2Mqtt()])) == 20, "and nothing twice"
