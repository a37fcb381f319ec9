"""Our own dialect: how a native topic and its payload of one value read.

Nothing is guessed: a value that is missing, of the wrong kind or outside physics is wrong, not zero. Exactly
85.0 C is the power-on value of a common sensor and counts as out of range. SOS, smoke and gas are heard whatever else is
wrong with their payload, unless `v` is plainly 0 or false.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple

import msgspec

from ingest.dialects.port import Route
from ingest.heard import Heard, Said, Wrong
from ingest.reading import PHONE_STATES, URGENT, Reason, Signal
from ingest.window import MAX_BOOT, MAX_SEQ
from ingest.wire import MAX_PAYLOAD_BYTES, PACK, SUBSCRIPTION, Payload, parse_topic

INDEX_MISSED = 1
INDEX_BATTERY = 2
"""Indexes of the readings a single payload can bring besides its value (0)."""

_SIGNALS = {signal.value: signal for signal in Signal if signal is not Signal.CALL_MISSED}
_LIMITS = {
    Signal.TEMPERATURE: (-40.0, 85.0),
    Signal.HUMIDITY: (0.0, 100.0),
    Signal.BATTERY: (0.0, 100.0),
    Signal.LINK: (0.0, 100.0),
    Signal.STEPS: (0.0, 1e6),
    Signal.POWER: (-1e6, 1e6),
    Signal.LIGHT: (0.0, 1e6),
    Signal.CALL: (0.0, 10_000.0),
    Signal.SIM: (0.0, 1e15),
}
_STATES = {
    Signal.MOTION: frozenset((0.0, 1.0)),
    Signal.DOOR: frozenset((0.0, 1.0, 2.0, 3.0)),
    Signal.SOS: frozenset((0.0, 1.0)),
    Signal.SMOKE: frozenset((0.0, 1.0)),
    Signal.GAS: frozenset((0.0, 1.0)),
    Signal.HEARTBEAT: frozenset((1.0,)),
    Signal.STATUS: frozenset((0.0, 1.0)),
}
POWER_ON_CELSIUS = 85.0

NATIVE_SIGNALS = tuple(_SIGNALS.values())
"""What the last part of a native topic may name, packs apart."""

_BATTERY, _CALL, _HEARTBEAT, _PHONE, _STATUS, _TEMPERATURE = (  # a look-up in the enum costs as much as half a decode
    Signal.BATTERY,
    Signal.CALL,
    Signal.HEARTBEAT,
    Signal.PHONE,
    Signal.STATUS,
    Signal.TEMPERATURE,
)


class Fault(NamedTuple):
    """Why a value is none."""

    reason: Reason
    detail: str


class Span(NamedTuple):
    """The numbers that `read_value` takes of a signal, but for the power-on temperature."""

    low: float
    high: float
    whole: bool  # nothing between whole numbers


def span_of(signal: Signal) -> Span | None:
    """What numbers of the signal may be; None where it is no number."""
    if signal in _LIMITS:
        return Span(*_LIMITS[signal], whole=False)
    states = _STATES.get(signal)
    return None if states is None else Span(min(states), max(states), whole=True)


def value_schema(signal: Signal) -> dict[str, Any]:
    """What `read_value` takes, as JSON Schema with an example."""
    if signal is _PHONE:
        return {"type": "string", "enum": list(PHONE_STATES), "examples": ["on"]}
    limits = _LIMITS.get(signal)
    if limits is not None:
        return {"type": "number", "minimum": limits[0], "maximum": limits[1], "examples": [21.5]}
    states = sorted(_STATES[signal]) if signal in _STATES else []
    return {"enum": [*map(int, states), *(bool(state) for state in states if state in (0.0, 1.0))], "examples": [1]}


def read_value(signal: Signal, v: float | bool | str | None) -> float | Fault:
    """The value in the signal's unit, or what is wrong with it."""
    if signal is _PHONE:
        if v is None:
            return Fault(Reason.MISSING_FIELD, "v is missing: on, off or unreachable")
        state = PHONE_STATES.get(v) if isinstance(v, str) else None
        return Fault(Reason.BAD_FIELD, "v must be on, off or unreachable") if state is None else state
    if v is None:
        return 1.0 if signal is _HEARTBEAT else Fault(Reason.MISSING_FIELD, "v is missing")
    limits = _LIMITS.get(signal)
    if limits is None:
        if isinstance(v, str):
            return Fault(Reason.BAD_FIELD, f"v of {signal} must be a number or true or false")
        if v in _STATES[signal]:
            return float(v)
        return Fault(Reason.OUT_OF_RANGE, f"v of {signal} must be one of {', '.join(f'{x:g}' for x in sorted(_STATES[signal]))}")
    if isinstance(v, (str, bool)):
        return Fault(Reason.BAD_FIELD, f"v of {signal} must be a number")
    if not limits[0] <= v <= limits[1]:
        return Fault(Reason.OUT_OF_RANGE, f"{signal} {v:g} is not within {limits[0]:g} to {limits[1]:g}")
    if v == POWER_ON_CELSIUS and signal is _TEMPERATURE:
        return Fault(Reason.OUT_OF_RANGE, "temperature 85.0: a sensor that has just started and not measured yet")
    return v


class Native:
    """Our own topics of one value each. Every message is an event of its own: nothing in it lasts."""

    name = "native"
    filters = (SUBSCRIPTION,)
    lasting: frozenset[Signal] = frozenset()

    def route(self, topic: str) -> Route | None:
        """The topic's device and signal; packs are SenML's."""
        parts = parse_topic(topic)
        if parts is None or parts.signal == PACK:
            return None
        return Route(self.name, parts.device_id, partial(hear_single, parts.device_id, _SIGNALS.get(parts.signal)), parts)


_decode = msgspec.json.Decoder(Payload).decode


def hear_single(device_id: str, signal: Signal | None, payload: bytes) -> Heard:
    """What a message of one signal says; never raises."""
    said: list[Said] = []
    wrong: list[Wrong] = []
    if len(payload) > MAX_PAYLOAD_BYTES:
        return _despite(Fault(Reason.TOO_LARGE, _too_large(payload)), device_id, signal, None)
    try:
        if not payload.isascii():
            payload.decode()  # msgspec looks at the strings we ask for alone
        body = _decode(payload)
    except (ValueError, RecursionError) as error:
        return _despite(explain(error), device_id, signal, payload)
    fault = number_fault(body.boot, body.seq)
    if fault is not None:
        return _despite(fault, device_id, signal, payload)
    if signal is _CALL:
        _hear_calls(device_id, body, said, wrong)
    elif signal is _STATUS:
        if body.online is None:
            wrong.append(Wrong(Reason.MISSING_FIELD, "online is missing"))
        else:
            said.append(Said(0, device_id, signal, float(body.online), body.t))
    elif signal is None:
        wrong.append(Wrong(Reason.UNKNOWN_SIGNAL, "the last part of the topic is no signal we know"))
    else:
        value = read_value(signal, body.v)
        if not isinstance(value, tuple):
            said.append(Said(0, device_id, signal, value, body.t))
        else:
            wrong.append(Wrong(*value))
            if signal in URGENT:
                said.append(Said(0, device_id, signal, 1.0, body.t))
    if body.bat is not None:
        _hear(INDEX_BATTERY, device_id, _BATTERY, body.bat, body.t, said, wrong)
    return Heard(said, wrong, body.boot, body.seq)


def number_fault(boot: int | None, seq: int | None) -> Fault | None:
    """What is wrong with a message's numbers; without them it is just not told from its duplicates."""
    if boot is not None and not 0 <= boot <= MAX_BOOT:
        return Fault(Reason.BAD_FIELD, "boot must be within 0 and 2**53 - 1")
    if seq is not None and not 0 <= seq <= MAX_SEQ:
        return Fault(Reason.BAD_FIELD, "seq must be within 0 and 2**32 - 1")
    return None


def explain(error: Exception) -> Fault:
    """Why a payload could not be decoded. The texts of msgspec name places and kinds, never what was sent."""
    if isinstance(error, UnicodeDecodeError):
        return Fault(Reason.INVALID_UTF8, f"the payload is no UTF-8 from byte {error.start} on")
    if isinstance(error, RecursionError):
        return Fault(Reason.UNPARSABLE, "the payload is nested too deep")
    text = str(error)
    if isinstance(error, msgspec.ValidationError) and "`$" in text:
        reason = Reason.OUT_OF_RANGE if "out of range" in text else Reason.BAD_FIELD
        return Fault(reason, text[:200])
    return Fault(Reason.UNPARSABLE, text[:200])


def _too_large(payload: bytes) -> str:
    return f"{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}"


def _hear(
    index: int, device_id: str, signal: Signal, v: float | None, t: float | None, said: list[Said], wrong: list[Wrong]
) -> None:
    value = read_value(signal, v)
    if isinstance(value, tuple):
        wrong.append(Wrong(value.reason, value.detail, index))
    else:
        said.append(Said(index, device_id, signal, value, t))


def _hear_calls(device_id: str, body: Payload, said: list[Said], wrong: list[Wrong]) -> None:
    """A report without `in` and `out` says nothing about calls made; one with 0 of both says that there were none."""
    counts = (body.in_, body.out, body.missed)
    if counts == (None, None, None):
        wrong.append(Wrong(Reason.MISSING_FIELD, "in, out and missed are missing"))
        return
    if any(count is not None and not 0 <= count <= _LIMITS[Signal.CALL][1] for count in counts):
        wrong.append(Wrong(Reason.OUT_OF_RANGE, "in, out and missed must be within 0 and 10000"))
        return
    if body.in_ is not None or body.out is not None:
        said.append(Said(0, device_id, Signal.CALL, float((body.in_ or 0) + (body.out or 0)), body.t))
    if body.missed:
        said.append(Said(INDEX_MISSED, device_id, Signal.CALL_MISSED, float(body.missed), body.t))


NOT_SENT = msgspec.Raw()


class _Loose(msgspec.Struct):
    v: msgspec.Raw = NOT_SENT
    t: msgspec.Raw = NOT_SENT
    boot: msgspec.Raw = NOT_SENT
    seq: msgspec.Raw = NOT_SENT


_decode_loose = msgspec.json.Decoder(_Loose).decode


def _despite(fault: Fault, device_id: str, signal: Signal | None, payload: bytes | None) -> Heard:
    """The fault, and the message's number where that can be read: a device must not send the same one for ever.

    Of an urgent signal also the alarm, or the plain 0 that takes it back.
    """
    loose = _Loose()
    if payload is not None:
        with suppress(ValueError, RecursionError):  # where nothing in it can be read, an urgent one stays an alarm
            loose = _decode_loose(payload)
    heard = Heard([], [Wrong(*fault)])
    boot, seq = plain_number(loose.boot), plain_number(loose.seq)
    if boot is not None and seq is not None and boot.is_integer() and seq.is_integer():
        numbers = int(boot), int(seq)
        if number_fault(*numbers) is None:
            heard.boot, heard.seq = numbers
    if signal in URGENT:
        value = 0.0 if is_plain_zero(loose.v) else 1.0
        heard.said.append(Said(0, device_id, signal, value, plain_number(loose.t)))
    return heard


def is_plain_zero(raw: msgspec.Raw) -> bool:
    """True for the JSON values false, 0 and 0.0 alone."""
    return bytes(raw) == b"false" or plain_number(raw) == 0.0


def plain_number(raw: msgspec.Raw) -> float | None:
    """The JSON number as it stands; None for anything else."""
    try:
        return msgspec.json.decode(raw, type=float)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=65_536)
def parse_name(name: str) -> tuple[str, Signal] | Fault:
    """The device and signal of a pack record named `device/signal`."""
    device_id, _, signal_name = name.rpartition("/")
    if parse_topic(f"anbu/v1/x/x/{device_id}/x") is None:
        return Fault(Reason.BAD_FIELD, "bn and n must make device/signal")
    signal = _SIGNALS.get(signal_name)
    if signal is None or signal is Signal.STATUS:
        return Fault(Reason.UNKNOWN_SIGNAL, "the name's last part is no signal we know of a pack")
    return device_id, signal
