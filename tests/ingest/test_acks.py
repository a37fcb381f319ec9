"""Proves what the acknowledging stage tells devices out of the journal: everything durable, again after a crash, seldom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from ingest.acks import ACK_EVERY_S
from ingest.clock import DAY, HOUR
from ingest.facts import DeviceEnrolled, DeviceRemoved, LinkUp, RunStarted
from ingest.journal.port import Message
from ingest.reading import DeviceId, HouseholdId
from ingest.store import metadata, open_store
from ingest.wire import Ack, PackRecord, encode_pack
from tests.ingest.acks_parts import Reader, T, enrolled, motion


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    store = open_store(store_url)
    metadata.create_all(store)
    yield store
    store.dispose()


@pytest.fixture
def reader(engine: Engine) -> Reader:
    made = Reader(engine)
    made.append(*enrolled("pir-1", "pir-2", "gw-1"))
    return made


def message(device: str, signal: str, payload: bytes, *, household: str = "hh-1", retain: bool = False) -> Message:
    topic = f"anbu/v1/dong-1/{household}/{device}/{signal}"
    return Message(received_at=T, source="mqtt", topic=topic, payload=payload, retain=retain)


def test_a_device_is_told_what_the_journal_holds(reader: Reader) -> None:
    reader.say(0, 1, 2)
    reader.say(0, device="pir-2")
    assert reader.told() == [("pir-1", Ack(boot=1, upto=2, rejected=[])), ("pir-2", Ack(boot=1, upto=0, rejected=[]))]


def test_a_vendors_device_beside_it_is_told_nothing(reader: Reader) -> None:
    device = DeviceEnrolled(
        fact_id="zigbee",
        at=T,
        device_id=DeviceId("z-1"),
        household_id=HouseholdId("hh-1"),
        signals=("motion",),
        address="zigbee2mqtt/0x1",
    )
    reader.append(device, Message(received_at=T, source="mqtt", topic="zigbee2mqtt/0x1", payload=b'{"occupancy":true}'))
    reader.say(0)
    assert [device_id for device_id, _ in reader.told()] == ["pir-1"]


def test_nobody_is_told_twice_of_the_same_or_more_often_than_every_5_s(reader: Reader) -> None:
    reader.say(0)
    assert len(reader.told()) == 1
    assert reader.told(60) == []
    reader.say(1)
    assert len(reader.told()) == 1
    reader.say(2)
    assert reader.told(ACK_EVERY_S - 1) == []
    reader.say(3)
    assert reader.told(1.1) == [("pir-1", Ack(boot=1, upto=3, rejected=[]))]


def test_a_gap_is_asked_for_at_once_when_it_is_60_s_old_and_filled_it_is_closed(reader: Reader) -> None:
    reader.say(0, 3)
    assert reader.told() == [("pir-1", Ack(boot=1, upto=0, rejected=[], kept=[(3, 3)]))]
    assert reader.told(59) == []
    assert reader.told(1) == [("pir-1", Ack(boot=1, upto=0, rejected=[], kept=[(3, 3)], missing=[(1, 2)]))]
    reader.say(1, 2)
    assert reader.told(6) == [("pir-1", Ack(boot=1, upto=3, rejected=[]))]


def test_what_never_comes_is_written_down_after_24_h_with_the_home_it_stood_in(reader: Reader) -> None:
    reader.say(0, 3)
    reader.told()
    reader.told(DAY / 1000)
    (lost,) = reader.lost()
    assert (lost.device_id, lost.boot, lost.first_seq, lost.last_seq, lost.messages) == ("pir-1", 1, 1, 2, 2)
    assert (lost.household_id, lost.lost_at - lost.noticed_at) == ("hh-1", DAY)
    assert reader.told(6) == [] or reader.told(6)[0][1].upto == 3
    reader.say(4)
    assert reader.told(6) == [("pir-1", Ack(boot=1, upto=4, rejected=[]))]
    reader.say(1)
    reader.told(6)
    assert reader.lost()[0].came_late == 1
    reader.say(2)
    reader.told(6)
    assert reader.lost() == [], "all of it came after all"


def test_reading_the_same_journal_again_writes_the_same_losses(reader: Reader, engine: Engine) -> None:
    reader.say(0, 3)
    reader.told(25 * HOUR / 1000)
    reader.say(7)
    reader.told(25 * HOUR / 1000)
    before = reader.lost()
    assert len(before) == 2
    again = Reader(engine, reader.journal)
    again.clock.advance_to(reader.clock.home_now())
    again.told()
    assert again.lost() == before


def test_whoever_was_not_told_before_a_crash_is_told_after_it(reader: Reader) -> None:
    reader.say(0)
    reader.clock.wait(1)
    reader.runner.catch_up()  # committed, but the tray never reached the broker
    assert len(reader.tray) == 1
    reader.restart()
    assert reader.told() == [("pir-1", Ack(boot=1, upto=0, rejected=[]))]
    reader.told()  # its commit holds that the broker took that one over
    reader.restart()
    assert reader.told() == []


def test_what_was_told_but_not_committed_is_told_again(reader: Reader) -> None:
    reader.say(0, 1)
    reader.clock.wait(1)
    reader.runner.step()  # as far as a process comes that dies before its commit
    assert len(reader.tray) == 1
    reader.restart()
    assert reader.told() == [("pir-1", Ack(boot=1, upto=1, rejected=[]))]


def test_a_repeat_is_answered_again_and_changes_nothing(reader: Reader) -> None:
    reader.say(0, 1)
    reader.told()
    reader.say(0)
    assert reader.told(6) == [("pir-1", Ack(boot=1, upto=1, rejected=[]))]


def test_a_new_boot_is_told_apart_from_the_old_one(reader: Reader) -> None:
    reader.say(0, 1, boot=1)
    reader.say(0, boot=2)
    assert reader.told() == [("pir-1", Ack(boot=1, upto=1, rejected=[])), ("pir-1", Ack(boot=2, upto=0, rejected=[]))]
    reader.say(2, boot=1)
    assert reader.told(6) == [("pir-1", Ack(boot=1, upto=2, rejected=[]))]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"boot":1,"seq":1,"v":7}',
        b'{"boot":1,"seq":1,"v":"warm"}',
        b'{"boot":1,"seq":1,"v":[1,2]}',
        b'{"boot":1,"seq":1}',
        b'{"boot":1,"seq":1,"v":1,"bat":900}',
    ],
)
def test_upto_passes_what_was_rejected_and_says_so(reader: Reader, payload: bytes) -> None:
    reader.say(0)
    reader.append(message("pir-1", "motion", payload))
    reader.say(2)
    assert reader.told() == [("pir-1", Ack(boot=1, upto=2, rejected=[1]))]


def test_a_message_that_says_nothing_is_settled_all_the_same(reader: Reader) -> None:
    reader.append(message("pir-1", "call", b'{"boot":1,"seq":0,"missed":0}'))
    assert reader.told() == [("pir-1", Ack(boot=1, upto=0, rejected=[]))]


def test_a_pack_is_one_number_of_its_gateway(reader: Reader) -> None:
    records = [PackRecord(n="boot", v=3), PackRecord(n="seq", v=0)]
    full = [*records, PackRecord(bn="pir-1/", n="motion", v=1), PackRecord(n="motion", v=9), PackRecord(bn="x/", n="motion", v=1)]
    reader.append(message("gw-1", "pack", encode_pack(full)))
    empty = [PackRecord(n="boot", v=3), PackRecord(n="seq", v=1)]
    reader.append(message("gw-1", "pack", encode_pack(empty)))
    assert reader.told() == [("gw-1", Ack(boot=3, upto=1, rejected=[0]))]


@pytest.mark.parametrize(
    ("topic_device", "payload", "retain"),
    [
        ("stray", b'{"boot":1,"seq":0,"v":1}', False),
        ("pir-1", b'{"v":1}', False),
        ("pir-1", b'{"boot":1,"seq":-1,"v":1}', False),
        ("pir-1", b"\xff", False),
        ("pir-1", b'{"boot":1,"seq":0,"v":1}', True),
    ],
)
def test_who_is_not_enrolled_or_numbers_nothing_is_told_nothing(
    reader: Reader, topic_device: str, payload: bytes, *, retain: bool
) -> None:
    reader.append(message(topic_device, "motion", payload, retain=retain))
    reader.append(message(topic_device, "sos", payload, retain=retain))
    assert reader.told() == []


def test_a_device_at_odds_with_the_register_is_told_that_it_was_rejected(reader: Reader) -> None:
    reader.append(message("pir-1", "motion", b'{"boot":1,"seq":0,"v":1}', household="hh-9"))
    assert reader.told() == [("pir-1", Ack(boot=1, upto=0, rejected=[0]))]


def test_a_removed_device_is_forgotten_and_what_it_lacked_is_lost(reader: Reader) -> None:
    reader.say(0, 3)
    reader.append(DeviceRemoved(fact_id="gone", at=T + 1, device_id=DeviceId("pir-1")))
    reader.told()
    assert [(lost.first_seq, lost.household_id) for lost in reader.lost()] == [(1, None)]
    reader.say(4)
    assert reader.told(6) == []


def test_nothing_is_asked_for_before_the_brokers_queue_has_been_heard(reader: Reader) -> None:
    reader.say(0, 3)
    reader.told()
    reader.append(RunStarted(fact_id="run", at=reader.clock.home_now(), run_id="r"))
    assert reader.told(2 * DAY / 1000) == []
    assert reader.lost() == []
    reader.append(LinkUp(fact_id="up", at=reader.clock.home_now(), source="mqtt"))
    assert reader.told(2)[0][1].missing == [(1, 2)]


def test_state_that_is_restored_goes_on_as_if_nothing_had_happened(reader: Reader, engine: Engine) -> None:
    bodies = [motion(seq, at=T + seq * 1000) for seq in (0, 1, 5, 2, 5, 9, 3, 8, 7, 6, 4)]
    straight = Reader(engine)
    straight.append(*enrolled("pir-1", "pir-2", "gw-1"), *bodies)
    for body in bodies:
        reader.append(body)
        reader.clock.wait(1)
        reader.runner.catch_up()
        reader.restart()
    straight.clock.wait(len(bodies))
    assert reader.told(6)[-1] == straight.told(6)[-1] == ("pir-1", Ack(boot=1, upto=9, rejected=[]))
