"""Proves what each native message becomes: the values, the rejections by name, the two times, and that nothing makes it raise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import DAY, HOUR, MINUTE, SECOND
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, DeviceRemoved, HouseholdEnded, HouseholdEnrolled, LinkDown, LinkUp, MessagesLeftOut
from ingest.reading import Reading, Reason, Rejection, Signal
from ingest.set_aside import MOST_REJECTIONS
from ingest.wire import MAX_PAYLOAD_BYTES
from tests.ingest.entry_parts import DEVICES, DONG, ENROLLED, HOME, NOON, OTHER_HOME, SOURCE, Ear, Log, body, seconds, topic


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.mark.parametrize(
    ("signal", "payload", "value"),
    [
        ("motion", {"v": 1}, 1.0),
        ("motion", {"v": False}, 0.0),
        ("door", {"v": True}, 1.0),
        ("door", {"v": 3}, 3.0),
        ("temperature", {"v": -40}, -40.0),
        ("temperature", {"v": 84.99}, 84.99),
        ("humidity", {"v": 100}, 100.0),
        ("phone", {"v": "on"}, 1.0),
        ("phone", {"v": "off"}, 0.0),
        ("phone", {"v": "unreachable"}, -1.0),
        ("steps", {"v": 512}, 512.0),
        ("power", {"v": 61.5}, 61.5),
        ("light", {"v": 0}, 0.0),
        ("battery", {"v": 12}, 12.0),
        ("heartbeat", {}, 1.0),
        ("heartbeat", {"v": True}, 1.0),
        ("call", {"in": 1, "out": 2, "missed": 0}, 3.0),
        ("call", {"in": 0, "out": 0}, 0.0),
        ("status", {"online": False}, 0.0),
        ("status", {"online": True}, 1.0),
        ("sos", {"v": 1}, 1.0),
    ],
)
def test_value_becomes_a_reading_in_the_unit_of_its_signal(
    ear: Ear, signal: str, payload: dict[str, object], value: float
) -> None:
    heard = ear.reading(topic("pir-1", signal), body(**payload, t=seconds(NOON), boot=1, seq=7))
    assert (heard.signal, heard.value, heard.household_id, heard.dong_code) == (Signal(signal), value, HOME, DONG)
    assert (heard.observed_at, heard.received_at, heard.boot, heard.seq) == (NOON, ear.log.at, 1, 7)
    assert heard.credible and not heard.skewed


@pytest.mark.parametrize(
    ("signal", "payload", "reason"),
    [
        ("motion", b'{"v":2}', Reason.OUT_OF_RANGE),
        ("motion", b'{"v":"on"}', Reason.BAD_FIELD),
        ("motion", b'{"v":null}', Reason.MISSING_FIELD),
        ("motion", b"{}", Reason.MISSING_FIELD),
        ("motion", b'{"v":[1]}', Reason.BAD_FIELD),
        ("motion", b'{"v":1,"t":"2026-01-01"}', Reason.BAD_FIELD),
        ("motion", b'{"v":1,"boot":1,"seq":4294967296}', Reason.BAD_FIELD),
        ("motion", b'{"v":1,"boot":-1,"seq":1}', Reason.BAD_FIELD),
        ("motion", b'{"v":1,"boot":1,"seq":1.5}', Reason.BAD_FIELD),
        ("motion", b"", Reason.UNPARSABLE),
        ("motion", b"ON", Reason.UNPARSABLE),
        ("motion", b"1", Reason.UNPARSABLE),
        ("motion", b'[{"v":1}]', Reason.UNPARSABLE),
        ("motion", b'{"v":1}}', Reason.UNPARSABLE),
        ("motion", b'{"x":' + b"[" * 60_000, Reason.UNPARSABLE),
        ("motion", b'{"v":1,"name":"\xff"}', Reason.INVALID_UTF8),
        ("motion", b"\xff\xfe{}", Reason.INVALID_UTF8),
        ("motion", b" " * MAX_PAYLOAD_BYTES + b'{"v":1}', Reason.TOO_LARGE),
        ("temperature", b'{"v":-40.01}', Reason.OUT_OF_RANGE),
        ("temperature", b'{"v":85.01}', Reason.OUT_OF_RANGE),
        ("temperature", b'{"v":85.0}', Reason.OUT_OF_RANGE),
        ("temperature", b'{"v":85}', Reason.OUT_OF_RANGE),
        ("temperature", b'{"v":1e999}', Reason.OUT_OF_RANGE),
        ("temperature", b'{"v":NaN}', Reason.UNPARSABLE),
        ("temperature", b'{"v":true}', Reason.BAD_FIELD),
        ("temperature", b'{"v":"21"}', Reason.BAD_FIELD),
        ("humidity", b'{"v":100.1}', Reason.OUT_OF_RANGE),
        ("battery", b'{"v":-1}', Reason.OUT_OF_RANGE),
        ("steps", b'{"v":-1}', Reason.OUT_OF_RANGE),
        ("heartbeat", b'{"v":0}', Reason.OUT_OF_RANGE),
        ("phone", b'{"v":1}', Reason.BAD_FIELD),
        ("phone", b'{"v":"dead"}', Reason.BAD_FIELD),
        ("phone", b"{}", Reason.MISSING_FIELD),
        ("call", b'{"v":1}', Reason.MISSING_FIELD),
        ("call", b'{"in":-1}', Reason.OUT_OF_RANGE),
        ("call", b'{"in":"one"}', Reason.BAD_FIELD),
        ("status", b"{}", Reason.MISSING_FIELD),
        ("pulse", b'{"v":1}', Reason.UNKNOWN_SIGNAL),
        ("call_missed", b'{"v":1}', Reason.UNKNOWN_SIGNAL),
    ],
)
def test_what_cannot_be_taken_is_rejected_by_name(ear: Ear, signal: str, payload: bytes, reason: Reason) -> None:
    refused = ear.rejection(topic("pir-1", signal), payload)
    assert refused.reason is reason
    assert refused.device_id == "pir-1" and refused.detail


def test_detail_of_a_rejection_names_the_field_and_not_what_was_sent(ear: Ear) -> None:
    refused = ear.rejection(topic("phone-1", "phone"), body(v="Hong Gil-dong 010-0000-1234"))
    assert "0000" not in refused.detail
    assert "seq" in ear.rejection(topic("pir-1", "motion"), b'{"seq":"010-0000-1234"}').detail


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "anbu",
        "anbu/v1/dong-1/hh-1/pir-1",
        "anbu/v2/dong-1/hh-1/pir-1/motion",
        "anbu/v1/dong-1/hh-1/PIR 1/motion",
        "anbu/v1/dong-1/hh-1/pir-1/motion/",
        "anbu/v1/dong-1/hh-1//motion",
        f"anbu/v1/dong-1/hh-1/{'x' * 33}/motion",
        "anbu/v1/dong-1/hh-1/pir-1/motion\n",
        "zigbee2mqtt/hall",
        "동/1",
    ],
)
def test_topic_that_is_not_ours_is_an_unknown_topic(ear: Ear, odd: str) -> None:
    refused = ear.rejection(odd, body(v=1))
    assert (refused.reason, refused.topic, refused.device_id) == (Reason.UNKNOWN_TOPIC, odd, None)


def test_topic_that_is_no_utf8_is_rejected_as_such(ear: Ear) -> None:
    raw = b"anbu/v1/dong-1/hh-1/pir-\xff/motion"
    for errors in ("surrogateescape", "backslashreplace"):
        assert ear.reason(raw.decode(errors=errors), body(v=1)) is Reason.INVALID_UTF8


def test_missed_calls_are_a_reading_of_their_own_and_missing_is_not_none(ear: Ear) -> None:
    both = ear.say(topic("phone-1", "call"), body(in_=1, out=0, missed=2))
    assert [(item.index, item.signal, item.value) for item in both if isinstance(item, Reading)] == [
        (0, Signal.CALL, 1.0),
        (1, Signal.CALL_MISSED, 2.0),
    ]
    assert ear.reading(topic("phone-1", "call"), body(missed=2)).signal is Signal.CALL_MISSED


def test_battery_comes_along_as_a_reading_of_its_own(ear: Ear) -> None:
    motion, battery = ear.say(topic("pir-1", "motion"), body(v=1, bat=87, t=seconds(NOON)))
    assert isinstance(motion, Reading) and isinstance(battery, Reading)
    assert (battery.index, battery.signal, battery.value, battery.observed_at) == (2, Signal.BATTERY, 87.0, NOON)


def test_impossible_battery_is_rejected_and_the_value_beside_it_stands(ear: Ear) -> None:
    items = ear.say(topic("pir-1", "motion"), body(v=1, bat=101))
    assert {type(item) for item in items} == {Reading, Rejection}
    refused = next(item for item in items if isinstance(item, Rejection))
    assert (refused.index, refused.reason) == (2, Reason.OUT_OF_RANGE)


def test_unknown_device_is_one_rejection_whatever_it_says(ear: Ear) -> None:
    assert ear.reason(topic("pir-9", "motion"), body(v=1, bat=5)) is Reason.UNKNOWN_DEVICE
    assert ear.reason(topic("pir-9", "motion"), b"rubbish") is Reason.UNKNOWN_DEVICE
    assert ear.reason(topic("pir-9", "pulse"), body(v=1)) is Reason.UNKNOWN_DEVICE


def test_device_that_names_another_home_or_dong_is_rejected(ear: Ear) -> None:
    assert ear.reason(topic("pir-1", "motion", household=OTHER_HOME), body(v=1)) is Reason.REGISTER_MISMATCH
    assert ear.reason(topic("pir-1", "motion", dong="dong-2"), body(v=1)) is Reason.REGISTER_MISMATCH


def test_device_counts_from_the_offset_at_which_it_was_enrolled_until_it_is_removed(ear: Ear) -> None:
    assert ear.reason(topic("new-1", "motion"), body(v=1)) is Reason.UNKNOWN_DEVICE
    ear.log.fact(DeviceEnrolled(fact_id="n", at=ear.log.at, device_id="new-1", household_id=HOME, signals=("motion",)))
    assert ear.reading(topic("new-1", "motion"), body(v=1)).household_id == HOME
    ear.log.fact(DeviceRemoved(fact_id="r", at=ear.log.at, device_id="new-1"))
    assert ear.reason(topic("new-1", "motion"), body(v=1)) is Reason.UNKNOWN_DEVICE


def test_moved_device_speaks_for_its_new_home_alone(ear: Ear) -> None:
    moved_at = ear.log.at + MINUTE
    ear.log.fact(DeviceEnrolled(fact_id="m", at=moved_at, device_id="pir-1", household_id=OTHER_HOME, signals=()))
    assert ear.reason(topic("pir-1", "motion"), body(v=1), after=2 * MINUTE) is Reason.REGISTER_MISMATCH
    there = topic("pir-1", "motion", household=OTHER_HOME)
    assert ear.reading(there, body(v=1)).household_id == OTHER_HOME
    late = ear.reading(there, body(v=1, t=seconds(moved_at - SECOND)))
    assert not late.credible, "what it saw in the old home is no life in the new one"


def test_home_that_ended_is_heard_no_more_until_it_is_enrolled_again(ear: Ear) -> None:
    ear.log.fact(HouseholdEnded(fact_id="e", at=ear.log.at, household_id=HOME))
    assert ear.reason(topic("pir-1", "motion"), body(v=1)) is Reason.UNKNOWN_DEVICE
    ear.log.fact(HouseholdEnrolled(fact_id="a", at=ear.log.at + HOUR, household_id=HOME, dong_code=DONG))
    assert ear.reading(topic("pir-1", "motion"), body(v=1), after=2 * HOUR).credible


# Duplicates


def test_duplicate_changes_nothing(ear: Ear) -> None:
    payload = body(v=1, boot=3, seq=12)
    assert ear.reading(topic("pir-1", "motion"), payload)
    assert ear.reason(topic("pir-1", "motion"), payload) is Reason.DUPLICATE
    assert ear.reason(topic("pir-1", "motion"), payload, dup=True) is Reason.DUPLICATE


def test_numbers_belong_to_one_device_and_one_boot(ear: Ear) -> None:
    assert ear.reading(topic("pir-1", "motion"), body(v=1, boot=3, seq=0))
    assert ear.reading(topic("th-1", "temperature"), body(v=20, boot=3, seq=0))
    assert ear.reading(topic("pir-1", "motion"), body(v=1, boot=4, seq=0))
    assert ear.reason(topic("pir-1", "door"), body(v=1, boot=3, seq=0)) is Reason.DUPLICATE


def test_message_without_numbers_is_never_a_duplicate(ear: Ear) -> None:
    for payload in (body(v=1), body(v=1, boot=1), body(v=1, seq=1)):
        assert ear.reading(topic("pir-1", "motion"), payload)
        assert ear.reading(topic("pir-1", "motion"), payload)


def test_rejected_message_uses_up_its_number(ear: Ear) -> None:
    for payload in (body(v=99, boot=1, seq=1), b'{"v":[],"boot":1,"seq":2}'):
        assert ear.reason(topic("th-1", "temperature"), payload) is not Reason.DUPLICATE
        assert ear.reason(topic("th-1", "temperature"), payload) is Reason.DUPLICATE


def test_message_under_a_wrong_household_uses_up_its_number(ear: Ear) -> None:
    wrong = topic("pir-1", "motion", household=OTHER_HOME)
    assert ear.reason(wrong, body(v=1, boot=1, seq=1)) is Reason.REGISTER_MISMATCH
    assert ear.reason(wrong, body(v=1, boot=1, seq=1)) is Reason.DUPLICATE


# Retained


@pytest.mark.parametrize("signal", ["motion", "door", "steps", "heartbeat"])
def test_retained_event_is_refused(ear: Ear, signal: str) -> None:
    assert ear.reason(topic("pir-1", signal), body(v=1), retain=True) is Reason.RETAINED


def test_retained_call_is_refused(ear: Ear) -> None:
    assert ear.reason(topic("phone-1", "call"), body(in_=1), retain=True) is Reason.RETAINED


@pytest.mark.parametrize(
    ("signal", "v"), [("temperature", 21.5), ("humidity", 40), ("battery", 50), ("phone", "on"), ("power", 3)]
)
def test_retained_state_is_kept_and_is_not_credible(ear: Ear, signal: str, v: object) -> None:
    heard = ear.reading(topic("th-1", signal), body(v=v, t=seconds(NOON)), retain=True)
    assert not heard.credible and not heard.skewed and heard.observed_at == NOON


def test_retained_status_of_a_gateway_is_its_state_now(ear: Ear) -> None:
    heard = ear.reading(topic("gw-1", "status"), body(online=False), retain=True, catching_up=True)
    assert (heard.value, heard.observed_at, heard.credible) == (0.0, ear.log.at, False)


def test_retained_copy_does_not_use_up_the_number_of_the_live_message(ear: Ear) -> None:
    payload = body(v=21, boot=1, seq=5)
    assert not ear.reading(topic("th-1", "temperature"), payload, retain=True).credible
    assert ear.reading(topic("th-1", "temperature"), payload).credible
    assert ear.reason(topic("th-1", "temperature"), payload, retain=True) is Reason.DUPLICATE


# The two times


def test_time_up_to_five_minutes_ahead_is_believed_and_one_beyond_is_ours(ear: Ear) -> None:
    at = ear.log.at + SECOND
    ahead = ear.reading(topic("pir-1", "motion"), body(v=1, t=seconds(at + 5 * MINUTE)))
    assert (ahead.observed_at, ahead.skewed) == (at + 5 * MINUTE, False)
    at = ear.log.at + SECOND
    beyond = ear.reading(topic("pir-1", "motion"), body(v=1, t=seconds(at + 5 * MINUTE + 1)))
    assert (beyond.observed_at, beyond.skewed, beyond.credible) == (at, True, True)


@pytest.mark.parametrize("t", [1e300, seconds(NOON) * 1000, 4e9])
def test_absurd_future_is_ours(ear: Ear, t: float) -> None:
    heard = ear.reading(topic("pir-1", "motion"), body(v=1, t=t))
    assert (heard.observed_at, heard.skewed) == (heard.received_at, True)


@pytest.mark.parametrize(("t", "observed_at"), [(0, 0), (-1e300, 0), (1_577_836_799.999, 1_577_836_799_999), (1e9, 10**12)])
def test_time_before_2020_is_kept_and_is_no_life(ear: Ear, t: float, observed_at: int) -> None:
    heard = ear.reading(topic("pir-1", "motion"), body(v=1, t=t))
    assert (heard.observed_at, heard.credible, heard.skewed) == (observed_at, False, False)


def test_time_before_the_enrolment_is_kept_and_is_no_life(ear: Ear) -> None:
    before = ear.reading(topic("pir-1", "motion"), body(v=1, t=seconds(ENROLLED - 1)))
    assert (before.observed_at, before.credible) == (ENROLLED - 1, False)
    assert ear.reading(topic("pir-1", "motion"), body(v=1, t=seconds(ENROLLED))).credible


def test_late_message_keeps_the_time_of_its_device(ear: Ear) -> None:
    late = ear.reading(topic("pir-1", "motion"), body(v=1, t=seconds(NOON - 3 * HOUR)), catching_up=True, dup=True)
    assert (late.observed_at, late.credible) == (NOON - 3 * HOUR, True)


def _link(ear: Ear, *, up: int, down: int | None) -> None:
    ear.log.fact(LinkUp(fact_id=f"up-{up}", at=up, source=SOURCE))
    ear.log.at = up
    if down is not None:
        ear.log.fact(LinkDown(fact_id=f"down-{down}", at=down, source=SOURCE))
        ear.log.at = down


@pytest.mark.parametrize("how", [{"dup": True}, {"catching_up": True}])
def test_queued_message_without_a_time_is_dated_at_the_end_of_the_connection_before(ear: Ear, how: dict[str, bool]) -> None:
    _link(ear, up=NOON, down=NOON + HOUR)
    queued = ear.reading(topic("pir-1", "motion"), body(v=1), after=6 * HOUR, **how)
    assert (queued.observed_at, queued.received_at, queued.credible) == (NOON + HOUR, NOON + 7 * HOUR, True)


def test_queued_message_with_a_time_in_the_future_is_dated_at_the_end_of_the_connection_before(ear: Ear) -> None:
    _link(ear, up=NOON, down=NOON + HOUR)
    queued = ear.reading(topic("pir-1", "motion"), body(v=1, t=4e9), after=6 * HOUR, catching_up=True)
    assert (queued.observed_at, queued.skewed) == (NOON + HOUR, True)


def test_message_that_comes_as_it_happens_is_dated_at_receipt(ear: Ear) -> None:
    _link(ear, up=NOON, down=NOON + HOUR)
    _link(ear, up=NOON + 2 * HOUR, down=None)
    assert ear.reading(topic("pir-1", "motion"), body(v=1)).observed_at == NOON + 2 * HOUR + SECOND


def test_after_a_kill_the_connection_before_ended_with_the_last_message_it_brought(ear: Ear) -> None:
    _link(ear, up=NOON, down=None)
    last = ear.reading(topic("pir-1", "motion"), body(v=1), after=30 * MINUTE)
    queued = ear.reading(topic("pir-1", "motion"), body(v=1), after=DAY, catching_up=True)
    assert queued.observed_at == last.received_at
    _link(ear, up=ear.log.at + SECOND, down=None)
    again = ear.reading(topic("pir-1", "motion"), body(v=1), after=HOUR, dup=True)
    assert again.observed_at == last.received_at


def test_attempts_that_fail_do_not_move_the_end_of_the_connection_before(ear: Ear) -> None:
    _link(ear, up=NOON, down=NOON + HOUR)
    ear.log.fact(LinkDown(fact_id="failed", at=NOON + 2 * HOUR, source=SOURCE))
    assert ear.reading(topic("pir-1", "motion"), body(v=1), after=6 * HOUR, catching_up=True).observed_at == NOON + HOUR


def test_queued_message_nobody_can_date_is_no_life(ear: Ear) -> None:
    queued = ear.reading(topic("pir-1", "motion"), body(v=1), catching_up=True)
    assert (queued.observed_at, queued.credible) == (queued.received_at, False)


def test_message_queued_since_before_the_enrolment_is_no_life_and_blames_no_clock(ear: Ear) -> None:
    _link(ear, up=NOON, down=NOON + HOUR)
    enrolled = NOON + 2 * HOUR
    ear.log.fact(DeviceEnrolled(fact_id="n", at=enrolled, device_id="new-1", household_id=HOME, signals=()))
    queued = ear.reading(topic("new-1", "motion"), body(v=1), after=6 * HOUR, catching_up=True)
    assert (queued.observed_at, queued.credible) == (enrolled, False)


# Nothing makes it raise

_topics = st.one_of(
    st.text(max_size=60),
    st.builds(
        topic,
        st.sampled_from([*DEVICES, "stranger"]),
        st.sampled_from([*(signal.value for signal in Signal), "pack", "rubbish"]),
        household=st.sampled_from([HOME, OTHER_HOME, "hh-9"]),
    ),
    st.binary(max_size=40).map(lambda raw: raw.decode(errors="surrogateescape")),
)
_scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8)
)
_names = st.sampled_from(["boot", "seq", "pir-1/", "pir-1/motion", "sos-1/sos", "motion", "x", "/", ""])
_fields = ["t", "boot", "seq", "v", "bat", "in", "out", "missed", "online", "bn", "bt", "n", "u", "vb", "vs"]
_objects = st.dictionaries(st.sampled_from(_fields), st.one_of(_scalars, _names), max_size=6)
_payloads = st.one_of(
    st.binary(max_size=200),
    _objects.map(lambda fields: body(**fields)),
    st.lists(_objects, max_size=6).map(lambda records: body(x=records)[5:-1]),
    st.lists(_objects, max_size=6).map(lambda records: body(x=[{"n": "boot", "v": 1}, {"n": "seq", "v": 1}, *records])[5:-1]),
)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(_topics, _payloads, st.booleans(), st.booleans(), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_no_bytes_make_it_raise_and_every_message_is_accounted_for(
    messages: list[tuple[str, bytes, bool, bool, bool]],
) -> None:
    ear = Ear()
    ear.log.fact(LinkUp(fact_id="up", at=NOON, source=SOURCE))
    for on, payload, retain, dup, catching_up in messages:
        items = ear.say(on, payload, retain=retain, dup=dup, catching_up=catching_up)
        for item in items:
            assert item.offset == len(ear.log.entries)
            if isinstance(item, Reading):
                assert 0 <= item.observed_at <= item.received_at + 5 * MINUTE
                assert item.value == item.value and abs(item.value) < 1e7
            else:
                assert isinstance(item, Rejection) and len(item.detail) <= 255
        refused = [item.index for item in items if isinstance(item, Rejection)]
        taken = [item.index for item in items if isinstance(item, Reading)]
        assert len(refused) == len(set(refused)) and len(taken) == len(set(taken))
    assert ear.decoder.snapshot()


def test_every_reason_has_a_message_that_earns_it(ear: Ear) -> None:
    earned = {
        ear.reason("x", b""),
        ear.reason(topic("pir-1", "motion"), b"x"),
        ear.reason(topic("pir-1", "motion"), b"\xff"),
        ear.reason(topic("pir-1", "motion"), b"x" * (MAX_PAYLOAD_BYTES + 1)),
        ear.reason(topic("pir-1", "motion"), b"{}"),
        ear.reason(topic("pir-1", "motion"), b'{"v":"x"}'),
        ear.reason(topic("pir-1", "x"), body(v=1, boot=1, seq=1)),
        ear.reason(topic("pir-1", "x"), body(v=1, boot=1, seq=1)),
        ear.reason(topic("x", "motion"), body(v=1)),
        ear.reason(topic("pir-2", "motion"), body(v=1)),
        ear.reason(topic("th-1", "humidity"), body(v=101)),
        ear.reason(topic("pir-1", "motion"), body(v=1), retain=True),
    }
    for _ in range(MOST_REJECTIONS):
        ear.reason(topic("th-1", "humidity"), body(v=101))
    earned.add(ear.reason(topic("th-1", "humidity"), body(v=40)))
    left_out = MessagesLeftOut(fact_id="left", at=ear.log.at, topic=topic("pir-1", "motion"), messages=5, since=ear.log.at)
    ((_entry, items),) = ear.decoder.read([ear.log.fact(left_out)])
    earned |= {item.reason for item in items if isinstance(item, Rejection)}
    assert earned == set(Reason) - {Reason.HISTORY_REFUSED}  # which no decoder gives


def test_a_mebibyte_of_rubbish_is_one_rejection(ear: Ear) -> None:
    assert ear.reason(topic("pir-1", "motion"), b"\x00\xff" * 2**19) is Reason.TOO_LARGE
    assert ear.reason("anything", b"\x00\xff" * 2**19) is Reason.UNKNOWN_TOPIC


# The snapshot


def test_decoder_restored_from_a_snapshot_goes_on_as_one_that_read_everything() -> None:
    ear = Ear()
    _link(ear, up=NOON, down=NOON + HOUR)
    for seq in (4_294_967_295, 0, 3):
        ear.log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=seq))
    ear.log.say(topic("sos-1", "sos"), body(v=1))
    ear.log.say(topic("stranger", "smoke"), body(v=1))
    first = len(ear.log.entries)
    for seq in (2, 3, 0, 1):
        ear.log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=seq), catching_up=True)
    ear.log.say(topic("sos-1", "sos"), body(v=1), dup=True)
    ear.log.say(topic("stranger", "smoke"), body(v=1), dup=True)
    whole, before, after = Decoder(), Decoder(), Decoder()
    expected = list(whole.read(ear.log.entries))[first:]
    before.read(ear.log.entries[:first])
    after.restore(before.snapshot())
    assert list(after.read(ear.log.entries[first:])) == expected
    assert after.snapshot() == whole.snapshot()


def test_decoder_restored_from_nothing_knows_nothing() -> None:
    ear = Ear()
    ear.hear()
    ear.decoder.restore(None)
    assert ear.decoder.snapshot() == Decoder().snapshot()
    assert ear.reason(topic("pir-1", "motion"), body(v=1)) is Reason.UNKNOWN_DEVICE


def test_batching_makes_no_difference() -> None:
    log = Log()
    ear = Ear()
    for number in range(30):
        ear.log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=number // 2))
    log.entries = ear.log.entries
    whole, single = Decoder(), Decoder()
    assert list(whole.read(log.entries)) == [pair for entry in log.entries for pair in single.read([entry])]
