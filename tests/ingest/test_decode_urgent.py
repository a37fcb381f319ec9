"""Proves that nothing stops SOS, smoke and gas, and that an echo of one is told from a new one."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.clock import HOUR
from ingest.facts import HouseholdEnded
from ingest.reading import Reading, Reason, Rejection, Signal
from ingest.wire import MAX_PAYLOAD_BYTES
from tests.ingest.entry_parts import DONG, HOME, OTHER_HOME, Ear, body, seconds, topic

SOS = topic("sos-1", "sos")


@pytest.fixture
def ear() -> Ear:
    return Ear()


def alarms(ear: Ear, on: str, payload: bytes, **how: Any) -> list[Reading]:
    """The readings a message makes that raise."""
    return [item for item in ear.say(on, payload, **how) if isinstance(item, Reading) and item.value and item.signal != "battery"]


def reasons(ear: Ear, on: str, payload: bytes, **how: Any) -> list[Reason]:
    """What is wrong with a message."""
    return [item.reason for item in ear.say(on, payload, **how) if isinstance(item, Rejection)]


@pytest.mark.parametrize("signal", [Signal.SOS, Signal.SMOKE, Signal.GAS])
@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.UNPARSABLE),
        (b"pressed", Reason.UNPARSABLE),
        (b"{}", Reason.MISSING_FIELD),
        (b'{"v":null}', Reason.MISSING_FIELD),
        (b'{"v":7}', Reason.OUT_OF_RANGE),
        (b'{"v":-1}', Reason.OUT_OF_RANGE),
        (b'{"v":1e999}', Reason.OUT_OF_RANGE),
        (b'{"v":"off"}', Reason.BAD_FIELD),
        (b'{"v":[]}', Reason.BAD_FIELD),
        (b'{"v":1,"t":"now"}', Reason.BAD_FIELD),
        (b'{"v":1,"boot":-1,"seq":1}', Reason.BAD_FIELD),
        (b'{"v":1,"x":"\xff"}', Reason.INVALID_UTF8),
        (b'{"v":1,"x":' + b"[" * 60_000, Reason.UNPARSABLE),
        (b" " * (MAX_PAYLOAD_BYTES + 1), Reason.TOO_LARGE),
    ],
)
def test_urgent_message_raises_whatever_is_wrong_with_it_and_that_is_told_too(
    ear: Ear, signal: Signal, payload: bytes, reason: Reason
) -> None:
    items = ear.say(topic("sos-1", signal), payload)
    (alarm,) = [item for item in items if isinstance(item, Reading)]
    assert (alarm.signal, alarm.value, alarm.household_id) == (signal, 1.0, HOME)
    assert [item.reason for item in items if isinstance(item, Rejection)] == [reason]


@pytest.mark.parametrize("payload", [b'{"v":0}', b'{"v":0.0}', b'{"v":false}'])
def test_plain_zero_does_not_raise(ear: Ear, payload: bytes) -> None:
    assert ear.reading(SOS, payload).value == 0.0


def test_plain_zero_does_not_raise_even_where_something_else_is_wrong(ear: Ear) -> None:
    assert ear.reason(SOS, b'{"v":0,"seq":"x"}') is Reason.BAD_FIELD
    assert ear.reason(topic("stranger", "sos"), b'{"v":0}') is Reason.UNKNOWN_DEVICE


def test_every_live_message_raises_even_under_the_same_number(ear: Ear) -> None:
    payload = body(v=1, boot=1, seq=1)
    assert len(alarms(ear, SOS, payload)) == 1
    items = ear.say(SOS, payload)
    assert [type(item) for item in items] == [Rejection, Reading]
    assert isinstance(items[0], Rejection) and items[0].reason is Reason.DUPLICATE


@pytest.mark.parametrize("how", [{"dup": True}, {"retain": True}, {"dup": True, "retain": True}])
def test_echo_of_the_last_message_does_not_raise_and_one_that_differs_does(ear: Ear, how: dict[str, bool]) -> None:
    assert alarms(ear, SOS, body(v=1, t=100), **how), "nothing was heard before: it differs"
    assert reasons(ear, SOS, body(v=1, t=100), **how) == [Reason.DUPLICATE]
    assert not alarms(ear, SOS, body(v=1, t=100), **how)
    assert alarms(ear, SOS, body(v=1, t=101), **how)
    assert alarms(ear, SOS, body(v=1, t=101, boot=1, seq=1), **how)
    assert alarms(ear, SOS, body(v=1, t=101, boot=1, seq=2), **how)
    assert alarms(ear, SOS, b"pressed", **how)
    assert not alarms(ear, SOS, b"pressed", **how)
    assert alarms(ear, SOS, b"pressed!", **how)


def test_press_after_a_release_differs_from_the_release(ear: Ear) -> None:
    assert alarms(ear, SOS, body(v=1))
    assert not alarms(ear, SOS, body(v=0))
    assert alarms(ear, SOS, body(v=1), dup=True)


def test_queued_message_raises(ear: Ear) -> None:
    assert alarms(ear, SOS, body(v=1, t=seconds(ear.log.at)), catching_up=True, after=3 * HOUR)


def test_message_at_odds_with_the_register_raises_for_the_registers_household(ear: Ear) -> None:
    refused, alarm = ear.say(topic("sos-1", "sos", dong="dong-7", household=OTHER_HOME), body(v=1))
    assert isinstance(refused, Rejection) and refused.reason is Reason.REGISTER_MISMATCH
    assert isinstance(alarm, Reading) and (alarm.household_id, alarm.dong_code) == (HOME, DONG)


def test_message_of_an_unknown_device_is_told_to_the_dong_of_its_topic(ear: Ear) -> None:
    refused, alarm = ear.say(topic("stranger", "smoke", dong="dong-7"), body(v=1, bat=50))
    assert isinstance(refused, Rejection) and refused.reason is Reason.UNKNOWN_DEVICE
    assert isinstance(alarm, Reading) and (alarm.household_id, alarm.dong_code) == (None, "dong-7")
    assert not alarm.credible
    assert reasons(ear, topic("stranger", "smoke", dong="dong-7"), body(v=1, bat=50), dup=True) == [Reason.UNKNOWN_DEVICE]
    assert not alarms(ear, topic("stranger", "smoke", dong="dong-7"), body(v=1, bat=50), dup=True)


def test_message_from_a_home_that_ended_is_told_to_its_dong(ear: Ear) -> None:
    ear.log.fact(HouseholdEnded(fact_id="e", at=ear.log.at, household_id=HOME))
    (alarm,) = alarms(ear, topic("sos-1", "sos", dong="dong-7"), body(v=1))
    assert (alarm.household_id, alarm.dong_code) == (None, DONG)


def test_retained_alarm_is_not_credible_but_raises(ear: Ear) -> None:
    (alarm,) = alarms(ear, SOS, body(v=1), retain=True)
    assert not alarm.credible


@pytest.mark.parametrize("t", [1e300, 0, -5])
def test_no_clock_stops_it(ear: Ear, t: float) -> None:
    assert alarms(ear, SOS, body(v=1, t=t))


def test_strangers_cannot_push_out_what_is_known_of_enrolled_devices(ear: Ear) -> None:
    assert alarms(ear, SOS, body(v=1))
    for number in range(5_000):
        ear.log.say(topic(f"stranger-{number}", "sos"), b'{"v":1}', after=1)
    ear.hear()
    assert not alarms(ear, SOS, body(v=1), dup=True)
    assert not alarms(ear, topic("stranger-4999", "sos"), body(v=1), dup=True)
    assert alarms(ear, topic("stranger-0", "sos"), body(v=1), dup=True), "forgotten: better twice than never"
    assert len(ear.decoder.snapshot()) < 400_000
