"""How a vendor's names, words, numbers and times become ours; what cannot be read is wrong, what is missing is nothing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from ingest.dialects.native import Fault, explain, read_value
from ingest.heard import Heard, Said, Wrong
from ingest.reading import URGENT, Reason, Signal
from ingest.wire import MAX_PAYLOAD_BYTES

MAX_VALUES = 64
"""Values taken of one message; what comes after them is let pass."""

WORDS = {
    "on": 1.0,
    "off": 0.0,
    "true": 1.0,
    "false": 0.0,
    "open": 1.0,
    "opened": 1.0,
    "close": 0.0,
    "closed": 0.0,
    "trigger": 1.0,
    "normal": 0.0,
    "occupied": 1.0,
    "vacant": 0.0,
}

_NAMES = (
    (Signal.MOTION, frozenset(("motion", "pir", "occupancy", "presence"))),
    (Signal.DOOR, frozenset(("door", "contact"))),
    (Signal.SMOKE, frozenset(("smoke",))),
    (Signal.GAS, frozenset(("gas",))),
    (Signal.SOS, frozenset(("sos", "panic", "emergency"))),
    (Signal.BATTERY, frozenset(("battery", "bat"))),
    (Signal.HUMIDITY, frozenset(("humidity",))),
    (Signal.TEMPERATURE, frozenset(("temperature", "temp"))),
    (Signal.LIGHT, frozenset(("illuminance", "lux", "light"))),
    (Signal.POWER, frozenset(("power",))),
)
_OTHERWISE = frozenset(
    (
        "voltage",
        "factor",
        "total",
        "low",
        "chip",
        "cpu",
        "esp",
        "board",
        "internal",
        "device",
        "target",
        "resistance",
        "relay",
        "count",
        "timeout",
        "delay",
        "last",
        "interval",
    )
)
"""Words beside which a name means something else: a battery's voltage, the temperature of a chip."""


def signal_of(name: str) -> Signal | None:
    """The signal a vendor's name stands for; None for one we do not know."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[-100:]).lower()
    parts = set(re.split(r"[^a-z]+", words))
    if parts & _OTHERWISE:
        return None
    return next((signal for signal, known in _NAMES if parts & known), None)


def percent_of_lqi(lqi: float) -> float:
    """Zigbee's link quality of 0 to 255."""
    return lqi / 2.55


def percent_of_wifi(dbm: float) -> float:
    """Wi-Fi's received power: -100 dBm is nothing, -50 all."""
    return min(100.0, max(0.0, 2 * (dbm + 100)))


def percent_of_lora(dbm: float) -> float:
    """LoRa's received power: -140 dBm is nothing, -40 all."""
    return min(100.0, max(0.0, dbm + 140))


class Hearing:
    """Gathers what one message says."""

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._wrong: list[Wrong] = []
        self._next = 0
        self._refused: Fault | None = None

    def refuse(self, fault: Fault) -> None:
        """The message cannot be taken as a whole; only what is urgent in it is still heard."""
        self._refused = fault

    def say(
        self,
        signal: Signal,
        v: object,
        *,
        t: float | None = None,
        local: bool = False,
        moment: bool = False,
        channel: str = "",
        either: Signal | None = None,
    ) -> None:
        """Take a value, a word for one, or note what is wrong with it. None was not said."""
        if v is None or self._next >= MAX_VALUES:
            return
        index, self._next = self._next, self._next + 1
        value = self._read(signal, v)
        if isinstance(value, Fault):
            self._wrong.append(Wrong(value.reason, value.detail, index))
            if signal not in URGENT:
                return
            value = 1.0
        self._said.append(Said(index, "", signal, value, t, local=local, moment=moment, channel=channel, either=either))

    def say_of(self, address: str, signal: Signal, value: float) -> None:
        """A value of another device than the sender."""
        if self._next < MAX_VALUES:
            self._said.append(Said(self._next, address, signal, value))
            self._next += 1

    def wrong(self, reason: Reason, detail: str) -> None:
        """Something that is not about one value."""
        self._wrong.append(Wrong(reason, detail, self._next))
        self._next += 1

    def heard(self, *, key: str | None = None, test: bool = False, restated: bool = False) -> Heard:
        """All of it."""
        if self._refused is not None:
            urgent = [one for one in self._said if one.signal in URGENT]
            return Heard(urgent, [Wrong(*self._refused)], key=key, test=test, restated=restated)
        return Heard(self._said, self._wrong, key=key, test=test, restated=restated)

    def _read(self, signal: Signal, v: object) -> float | Fault:
        if isinstance(v, str):
            v = WORDS.get(v.lower(), v)
        if not isinstance(v, (bool, int, float, str)):
            return Fault(Reason.BAD_FIELD, f"{signal} must be a number, true or false, or a word for one")
        value = read_value(signal, v)
        return value if isinstance(value, Fault) else float(value)


def faulty(fault: Fault) -> Heard:
    """Nothing but the fault."""
    return Heard([], [Wrong(*fault)])


def read_object(payload: bytes) -> dict[str, Any] | Fault:
    """The JSON object, or why it is none."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Fault(Reason.TOO_LARGE, f"{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")
    try:
        payload.decode()
        return msgspec.json.decode(payload, type=dict[str, Any])
    except (ValueError, RecursionError) as error:
        return explain(error)


def read_word(payload: bytes) -> str:
    """A short plain payload in lower case; anything else as it can be shown."""
    return payload[:64].decode(errors="replace").strip().lower()


def inner(body: object, *names: str) -> Any:
    """What stands at this place in nested objects; None where there is no such place."""
    for name in names:
        body = body.get(name) if isinstance(body, dict) else None
    return body


def number(value: object) -> float | None:
    """A JSON number; None for anything else, and for one no float can hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def iso_seconds(text: object) -> tuple[float, bool] | None:
    """Seconds since 1970 of an ISO 8601 time, and whether it names no zone (then read as if UTC); None for no time."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=UTC).timestamp(), True) if at.tzinfo is None else (at.timestamp(), False)
    except (ValueError, OverflowError):
        return None


def bad_time(field: str) -> Fault:
    """A time that is there and cannot be read."""
    return Fault(Reason.BAD_FIELD, f"{field} is no time")
