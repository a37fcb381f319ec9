"""Proves that a device of which too much cannot be taken is set aside alone, its alarms excepted, and loses nothing by it."""

from __future__ import annotations

import pytest

from ingest.clock import HOUR, MINUTE
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, MessageReread, MessagesLeftOut
from ingest.journal.port import Entry, Message
from ingest.reading import DeviceId, Reading, Reason, Rejection
from ingest.set_aside import MOST_REJECTIONS
from tests.ingest.entry_parts import HOME, OTHER_HOME, Log, body, enrolled_home, topic

HUMIDITY = topic("th-1", "humidity")


@pytest.fixture
def log() -> Log:
    begun = Log()
    enrolled_home(begun)
    return begun


def outcomes(log: Log, decoder: Decoder | None = None, since: int = 0) -> list[Reading | Rejection]:
    decoded = (decoder or Decoder()).read(log.entries[since:])
    return [item for _entry, items in decoded for item in items if isinstance(item, (Reading, Rejection))]


def last(log: Log) -> Reading | Rejection:
    return outcomes(log)[-1]


def set_aside(log: Log, count: int = MOST_REJECTIONS) -> Log:
    for _ in range(count):
        log.say(HUMIDITY, body(v=101))
    return log


def test_up_to_a_hundred_rejections_in_an_hour_a_device_is_heard(log: Log) -> None:
    set_aside(log, MOST_REJECTIONS - 1).say(HUMIDITY, body(v=40))
    assert isinstance(last(log), Reading)


def test_from_then_on_nothing_of_it_is_taken_and_the_others_do_not_notice(log: Log) -> None:
    set_aside(log).say(HUMIDITY, body(v=40))
    refused = last(log)
    assert isinstance(refused, Rejection) and (refused.reason, refused.device_id) == (Reason.SET_ASIDE, "th-1")
    log.say(topic("pir-1", "motion"), body(v=1))
    assert isinstance(last(log), Reading)


@pytest.mark.parametrize("payload", [body(v=1), b"rubbish"])
def test_its_sos_smoke_and_gas_still_get_through(log: Log, payload: bytes) -> None:
    set_aside(log)
    for signal in ("sos", "smoke", "gas"):
        log.say(topic("th-1", signal), payload)
        alarm = last(log)
        assert isinstance(alarm, Reading) and (alarm.signal, alarm.household_id, alarm.value) == (signal, HOME, 1.0)
        assert alarm.credible


def test_after_an_hour_it_is_heard_again_and_after_a_hundred_more_set_aside_again(log: Log) -> None:
    set_aside(log)
    log.say(HUMIDITY, body(v=40), after=HOUR - MINUTE)
    assert isinstance(last(log), Rejection)
    log.say(HUMIDITY, body(v=40), after=MINUTE)
    assert isinstance(last(log), Reading)
    set_aside(log).say(HUMIDITY, body(v=40))
    assert isinstance(last(log), Rejection)


def test_rejections_that_are_spread_over_hours_set_nothing_aside(log: Log) -> None:
    for _ in range(5):
        set_aside(log, MOST_REJECTIONS - 10)
        log.at += HOUR
    log.say(HUMIDITY, body(v=40))
    assert isinstance(last(log), Reading)


def test_repeats_and_strangers_set_nothing_aside(log: Log) -> None:
    for _ in range(2 * MOST_REJECTIONS):
        log.say(HUMIDITY, body(v=40, boot=1, seq=1))
        log.say(topic("new-1", "humidity"), body(v=40))
        log.say(topic("pir-1", "motion"), body(v=1), retain=True)
    log.say(HUMIDITY, body(v=40, boot=1, seq=2))
    log.say(topic("pir-1", "motion"), body(v=1))
    assert all(isinstance(one, Reading) for one in outcomes(log)[-2:])
    log.fact(DeviceEnrolled(fact_id="new", at=log.at, device_id=DeviceId("new-1"), household_id=HOME, signals=()))
    log.say(topic("new-1", "humidity"), body(v=40))
    assert isinstance(last(log), Reading), "whoever is claimed begins anew"


def pack(seq: int, *records: tuple[str, float]) -> bytes:
    said = ",".join(f'{{"n":"{name}","v":{value}}}' for name, value in records)
    return f'[{{"n":"boot","v":1}},{{"n":"seq","v":{seq}}},{said}]'.encode()


def test_a_sensor_in_a_pack_is_set_aside_and_its_gateway_goes_on(log: Log) -> None:
    for seq in range(MOST_REJECTIONS):
        log.say(topic("gw-1", "pack"), pack(seq, ("th-1/humidity", 101), ("th-1/temperature", 20), ("pir-1/motion", 1)))
    log.say(topic("gw-1", "pack"), pack(200, ("th-1/humidity", 40), ("pir-1/motion", 1), ("smoke-1/smoke", 1)))
    refused, motion, smoke = outcomes(log)[-3:]
    assert isinstance(refused, Rejection) and (refused.reason, refused.index) == (Reason.SET_ASIDE, 2)
    assert isinstance(motion, Reading) and isinstance(smoke, Reading)


def test_nobody_gets_the_device_of_another_home_set_aside(log: Log) -> None:
    enrolled_home(log, household=OTHER_HOME, devices=("gw-2", "th-2"))
    for seq in range(MOST_REJECTIONS):
        log.say(topic("gw-1", "pack"), pack(seq, ("th-2/humidity", 40)))
    log.say(topic("th-2", "humidity", household=OTHER_HOME), body(v=40))
    assert isinstance(last(log), Reading)
    log.say(topic("gw-1", "pack"), pack(500, ("pir-1/motion", 1)))
    refused = last(log)
    assert isinstance(refused, Rejection) and refused.reason is Reason.SET_ASIDE, "the one who did it is"


def test_enrolling_it_anew_has_it_heard_at_once(log: Log) -> None:
    set_aside(log)
    log.fact(DeviceEnrolled(fact_id="again", at=log.at, device_id=DeviceId("th-1"), household_id=HOME, signals=()))
    log.say(HUMIDITY, body(v=40))
    assert isinstance(last(log), Reading)


def reread(entry: Entry, log: Log) -> None:
    message = entry.body
    assert isinstance(message, Message)
    log.fact(
        MessageReread(
            fact_id=f"again:{entry.offset}",
            at=log.at,
            of=entry.offset,
            received_at=message.received_at,
            source=message.source,
            topic=message.topic,
            payload=message.payload,
            numbered=True,
        )
    )


def test_what_it_sent_meanwhile_can_be_read_again(log: Log) -> None:
    set_aside(log)
    entry = log.say(HUMIDITY, body(v=40, boot=1, seq=7))
    reread(entry, log)
    again = last(log)
    assert isinstance(again, Reading) and (again.value, again.seq) == (40, 7)


def test_its_numbers_are_settled_so_that_it_may_forget_them(log: Log) -> None:
    set_aside(log).say(HUMIDITY, body(v=40, boot=1, seq=7))
    log.say(HUMIDITY, body(v=40, boot=1, seq=7))
    refused = last(log)
    assert isinstance(refused, Rejection) and refused.reason is Reason.DUPLICATE


def test_a_decoder_restored_anywhere_sets_the_same_aside(log: Log) -> None:
    set_aside(log, MOST_REJECTIONS + 5)
    whole = Decoder()
    expected = outcomes(log, whole)
    for cut in (50, len(log.entries) - 6, len(log.entries) - 2):
        first, second = Decoder(), Decoder()
        before = [item for _e, items in first.read(log.entries[:cut]) for item in items if isinstance(item, (Reading, Rejection))]
        second.restore(first.snapshot())
        assert before + outcomes(log, second, cut) == expected
        assert second.snapshot() == whole.snapshot()


def test_a_flood_is_one_rejection_of_its_device_and_counts(log: Log) -> None:
    for number in range(MOST_REJECTIONS):
        log.at += 5_000
        fact = MessagesLeftOut(fact_id=f"left-{number}", at=log.at, topic=HUMIDITY, messages=1_234, since=log.at - 5_000)
        log.fact(fact)
    refused = last(log)
    assert isinstance(refused, Rejection) and (refused.reason, refused.device_id) == (Reason.FLOODED, "th-1")
    assert refused.detail == "1234 messages within 5 s were left out: too many"
    log.say(HUMIDITY, body(v=40))
    refused = last(log)
    assert isinstance(refused, Rejection) and refused.reason is Reason.SET_ASIDE


@pytest.mark.parametrize("on", ["zigbee2mqtt/hall", "nobody/knows/this", "zigbee2mqtt/bridge/state"])
def test_a_flood_of_whom_nobody_knows_is_told_too(log: Log, on: str) -> None:
    log.fact(MessagesLeftOut(fact_id="left", at=log.at, topic=on, messages=5, since=log.at))
    refused = last(log)
    assert isinstance(refused, Rejection) and refused.reason is Reason.FLOODED
