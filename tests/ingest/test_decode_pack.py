"""Proves how a gateway's pack reads: names, base fields and times of SenML, one bad record, its numbers, its urgent values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ingest.clock import HOUR, MINUTE, SECOND
from ingest.facts import LinkDown, LinkUp
from ingest.reading import Reading, Reason, Rejection, Signal
from ingest.wire import MAX_PAYLOAD_BYTES, PackRecord, encode_pack
from tests.ingest.entry_parts import NOON, OTHER_HOME, SOURCE, Ear, seconds, topic

PACK = topic("gw-1", "pack")


@pytest.fixture
def ear() -> Ear:
    return Ear()


def pack(*records: dict[str, Any], boot: Any = 1, seq: Any = 1) -> bytes:
    """A pack with its two numbers in front."""
    return msgspec.json.encode([{"n": "boot", "v": boot}, {"n": "seq", "v": seq}, *records])


def readings(items: list[Any]) -> list[tuple[int, str, Signal, float]]:
    return [(one.index, one.device_id, one.signal, one.value) for one in items if isinstance(one, Reading)]


def refusals(items: list[Any]) -> list[tuple[int, Reason]]:
    return [(one.index, one.reason) for one in items if isinstance(one, Rejection)]


def test_records_become_readings_of_their_devices(ear: Ear) -> None:
    at = seconds(NOON - HOUR)
    items = ear.say(
        PACK,
        pack(
            {"bn": "th-1/", "bt": at, "n": "temperature", "u": "Cel", "v": 21.5},
            {"n": "humidity", "u": "%RH", "v": 44, "t": 60},
            {"bn": "", "n": "pir-1/motion", "vb": True, "t": 120},
            {"bn": "phone-1/", "bt": at + 600, "n": "phone", "vs": "on"},
            {"n": "call", "v": 2},
            {"n": "battery", "u": "%EL", "v": 80},
        ),
    )
    assert readings(items) == [
        (2, "th-1", Signal.TEMPERATURE, 21.5),
        (3, "th-1", Signal.HUMIDITY, 44.0),
        (4, "pir-1", Signal.MOTION, 1.0),
        (5, "phone-1", Signal.PHONE, 1.0),
        (6, "phone-1", Signal.CALL, 2.0),
        (7, "phone-1", Signal.BATTERY, 80.0),
    ]
    assert [one.observed_at - (NOON - HOUR) for one in items if isinstance(one, Reading)] == [
        0,
        MINUTE,
        2 * MINUTE,
        10 * MINUTE,
        10 * MINUTE,
        10 * MINUTE,
    ]
    assert {(one.boot, one.seq) for one in items if isinstance(one, Reading)} == {(1, 1)}


def test_what_the_wire_encodes_is_what_is_read(ear: Ear) -> None:
    records = [
        PackRecord(n="boot", v=2),
        PackRecord(n="seq", v=4_294_967_295),
        PackRecord(bn="pir-1/", n="motion", vb=True, t=seconds(NOON)),
    ]
    (motion,) = ear.say(PACK, encode_pack(records))
    assert isinstance(motion, Reading) and (motion.observed_at, motion.seq) == (NOON, 4_294_967_295)


def test_small_times_count_from_now_and_missing_ones_are_now(ear: Ear) -> None:
    now, before = ear.say(PACK, pack({"n": "pir-1/motion", "vb": True}, {"n": "pir-1/motion", "vb": True, "t": -90}))
    assert isinstance(now, Reading) and isinstance(before, Reading)
    assert (now.received_at - now.observed_at, before.received_at - before.observed_at) == (0, 90 * SECOND)


def test_times_from_now_of_a_queued_pack_count_from_the_end_of_the_connection_before(ear: Ear) -> None:
    ear.log.fact(LinkUp(fact_id="u", at=NOON, source=SOURCE))
    ear.log.fact(LinkDown(fact_id="d", at=NOON + HOUR, source=SOURCE))
    ear.log.at = NOON + 5 * HOUR
    (before,) = ear.say(PACK, pack({"n": "pir-1/motion", "vb": True, "t": -60}), catching_up=True)
    assert isinstance(before, Reading) and before.observed_at == NOON + HOUR - MINUTE


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "th-1/temperature", "v": 99}, Reason.OUT_OF_RANGE),
        ({"n": "th-1/temperature"}, Reason.MISSING_FIELD),
        ({"n": "th-1/temperature", "vb": True}, Reason.BAD_FIELD),
        ({"n": "th-1/temperature", "v": 70, "u": "F"}, Reason.BAD_FIELD),
        ({"n": "th-1/temperature", "v": 20, "vs": "20"}, Reason.BAD_FIELD),
        ({"n": "th-1/temperature", "v": "20"}, Reason.BAD_FIELD),
        ({"n": "th-1/temperature", "v": 20, "t": "x"}, Reason.BAD_FIELD),
        ({"n": "th-1/pulse", "v": 20}, Reason.UNKNOWN_SIGNAL),
        ({"n": "gw-1/status", "vb": True}, Reason.UNKNOWN_SIGNAL),
        ({"n": "temperature", "v": 20}, Reason.BAD_FIELD),
        ({"n": "TH 1/temperature", "v": 20}, Reason.BAD_FIELD),
        ({"n": "x" * 90 + "/temperature", "v": 20}, Reason.BAD_FIELD),
        ({"v": 20}, Reason.BAD_FIELD),
        ({"n": "stranger/temperature", "v": 20}, Reason.UNKNOWN_DEVICE),
        ({"n": "pir-2/motion", "vb": True}, Reason.REGISTER_MISMATCH),
    ],
)
def test_bad_record_is_rejected_by_itself(ear: Ear, record: dict[str, Any], reason: Reason) -> None:
    items = ear.say(PACK, pack({"n": "pir-1/motion", "vb": True}, record, {"n": "pir-1/motion", "vb": True}))
    assert [index for index, *_rest in readings(items)] == [2, 4]
    assert refusals(items) == [(3, reason)]


@pytest.mark.parametrize("record", [{"bn": 7, "n": "motion", "vb": True}, {"bt": "x"}, 5, None, []])
def test_record_whose_base_cannot_be_read_ends_the_pack(ear: Ear, record: Any) -> None:
    items = ear.say(PACK, pack({"bn": "pir-1/", "n": "motion", "vb": True}, record, {"n": "motion", "vb": True}))
    assert [index for index, *_rest in readings(items)] == [2]
    assert [index for index, _reason in refusals(items)] == [3]


def test_base_of_a_bad_record_still_holds_for_those_after_it(ear: Ear) -> None:
    at = seconds(NOON - HOUR)
    items = ear.say(PACK, pack({"bn": "pir-1/", "bt": at, "n": "motion", "v": "x"}, {"n": "motion", "vb": True}))
    assert refusals(items) == [(2, Reason.BAD_FIELD)]
    (taken,) = [one for one in items if isinstance(one, Reading)]
    assert (taken.device_id, taken.observed_at) == ("pir-1", NOON - HOUR)


def test_pack_is_a_duplicate_as_a_whole(ear: Ear) -> None:
    payload = pack({"n": "pir-1/motion", "vb": True}, {"n": "pir-1/motion", "vb": True})
    assert len(ear.say(PACK, payload)) == 2
    assert ear.reason(PACK, payload) is Reason.DUPLICATE
    assert len(ear.say(PACK, pack({"n": "pir-1/motion", "vb": True}, seq=2))) == 1


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"[]", Reason.MISSING_FIELD),
        (b'[{"n":"boot","v":1}]', Reason.MISSING_FIELD),
        (b'[{"n":"seq","v":1},{"n":"boot","v":1},{"n":"pir-1/motion","vb":true}]', Reason.MISSING_FIELD),
        (b'[{"n":"boot"},{"n":"seq","v":1}]', Reason.MISSING_FIELD),
        (b'[{"n":"boot","v":1.5},{"n":"seq","v":1}]', Reason.BAD_FIELD),
        (b'[{"n":"boot","v":1},{"n":"seq","v":-1}]', Reason.BAD_FIELD),
        (b'{"v":1}', Reason.UNPARSABLE),
        (b"[", Reason.UNPARSABLE),
        (b"[" * 60_000, Reason.UNPARSABLE),
        (b'[{"n":"\xff"}]', Reason.INVALID_UTF8),
        (b"[" + b" " * MAX_PAYLOAD_BYTES + b"]", Reason.TOO_LARGE),
        (pack(*[{"n": "pir-1/motion", "vb": True}] * 1_001), Reason.TOO_LARGE),
    ],
)
def test_pack_that_cannot_be_numbered_or_read_is_one_rejection(ear: Ear, payload: bytes, reason: Reason) -> None:
    refused = ear.rejection(PACK, payload)
    assert (refused.index, refused.reason, refused.device_id) == (0, reason, "gw-1")


def test_pack_of_a_thousand_records_is_taken(ear: Ear) -> None:
    items = ear.say(PACK, pack(*[{"n": "pir-1/motion", "vb": True}] * 1_000))
    assert len(readings(items)) == 1_000 and items[-1].index == 1_001


def test_retained_pack_is_state(ear: Ear) -> None:
    items = ear.say(PACK, pack({"n": "pir-1/motion", "vb": True}, {"n": "th-1/temperature", "v": 20}), retain=True)
    assert refusals(items) == [(2, Reason.RETAINED)]
    assert [one.credible for one in items if isinstance(one, Reading)] == [False]


SOS = {"n": "sos-1/sos", "vb": True}
MOTION = {"n": "pir-1/motion", "vb": True}


@pytest.mark.parametrize(
    ("on", "payload", "reason"),
    [
        (topic("gw-9", "pack"), pack(MOTION, SOS), Reason.UNKNOWN_DEVICE),
        (topic("gw-1", "pack", household=OTHER_HOME), pack(MOTION, SOS), Reason.REGISTER_MISMATCH),
        (PACK, pack(MOTION, SOS, seq="x"), Reason.MISSING_FIELD),
        (PACK, msgspec.json.encode([{}, {}, MOTION, SOS]), Reason.MISSING_FIELD),
        (PACK, pack(*[MOTION] * 1_000, SOS), Reason.TOO_LARGE),
    ],
)
def test_urgent_value_of_a_pack_raises_whatever_is_wrong_with_the_pack(ear: Ear, on: str, payload: bytes, reason: Reason) -> None:
    items = ear.say(on, payload)
    assert [(device_id, signal) for _index, device_id, signal, _value in readings(items)] == [("sos-1", Signal.SOS)]
    assert refusals(items) == [(0, reason)]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"n": "sos-1/sos"}, Reason.MISSING_FIELD),
        ({"n": "sos-1/sos", "v": 9}, Reason.OUT_OF_RANGE),
        ({"n": "sos-1/sos", "v": "x"}, Reason.BAD_FIELD),
        ({"n": "sos-1/sos", "vs": "pressed"}, Reason.BAD_FIELD),
        ({"n": "stranger/sos", "v": 1}, Reason.UNKNOWN_DEVICE),
        ({"n": "pir-2/sos", "v": 1}, Reason.REGISTER_MISMATCH),
    ],
)
def test_urgent_record_raises_whatever_is_wrong_with_it(ear: Ear, record: dict[str, Any], reason: Reason) -> None:
    items = ear.say(PACK, pack(record))
    assert [(index, signal, value) for index, _device, signal, value in readings(items)] == [(2, Signal.SOS, 1.0)]
    assert refusals(items) == [(2, reason)]


def test_urgent_record_with_a_plain_zero_does_not_raise(ear: Ear) -> None:
    assert [value for *_rest, value in readings(ear.say(PACK, pack({"n": "sos-1/sos", "vb": False})))] == [0.0]
    assert readings(ear.say(PACK, pack({"n": "sos-1/sos", "v": 0, "t": "x"}, seq=2))) == []


def test_repeated_pack_raises_again_when_live_and_not_when_marked(ear: Ear) -> None:
    payload = pack(MOTION, SOS)
    assert len(readings(ear.say(PACK, payload))) == 2
    assert [signal for _index, _device, signal, _value in readings(ear.say(PACK, payload))] == [Signal.SOS]
    assert ear.reason(PACK, payload, dup=True) is Reason.DUPLICATE
