"""Tasmota: telemetry with the device's local time, inputs as words.

Telemetry restates the inputs at its interval, so only a change of one is an event. `Time` has no zone: the register
knows it. A `Switch` is whatever it was wired to: a door where the device is enrolled with a door and no motion.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.values import Hearing, bad_time, faulty, inner, iso_seconds, number, read_object, read_word
from ingest.heard import Heard
from ingest.reading import Reason, Signal

_INPUT = re.compile(r"(pir|switch)(\d{1,2})\Z", re.IGNORECASE)


class Tasmota:
    """The default full topic, `%prefix%/%topic%/`."""

    name = "tasmota"
    filters = ("tele/+/+", "stat/+/+")
    lasting = frozenset((Signal.MOTION, Signal.DOOR))

    def route(self, topic: str) -> Route | None:
        """The device's topic."""
        parts = topic.split("/")
        if len(parts) != 3 or parts[0] not in ("tele", "stat") or not parts[1]:
            return None
        prefix, address, what = parts
        if prefix == "tele" and what == "LWT":
            return Route(self.name, address, _hear_will)
        if (prefix == "tele" and what in ("SENSOR", "STATE")) or (prefix == "stat" and what == "RESULT"):
            return Route(self.name, address, _hear_telemetry)
        if prefix == "stat" and _INPUT.match(what):
            return Route(self.name, address, partial(_hear_input, what))
        return pass_by(self.name)


def _hear_will(payload: bytes) -> Heard:
    word = read_word(payload)
    if word not in ("online", "offline"):
        return faulty(Fault(Reason.BAD_FIELD, "LWT must be Online or Offline"))
    hearing = Hearing()
    hearing.say(Signal.STATUS, word == "online")
    return hearing.heard()


def _hear_input(name: str, payload: bytes) -> Heard:
    hearing = Hearing()
    if read_word(payload).startswith("{"):
        return _hear_telemetry(payload, name)
    _say_input(hearing, name, read_word(payload), None, local=False)
    return hearing.heard()


def _hear_telemetry(payload: bytes, name: str = "") -> Heard:
    """Sensors by the names of their fields, whatever the chip is called. `name`: the input whose topic it came on."""
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    at = iso_seconds(body.get("Time"))
    if at is None and body.get("Time") is not None:
        hearing.refuse(bad_time("Time"))
    t, local = at or (None, False)
    if name:
        _say_input(hearing, name, body.get("Action", body.get("State")), t, local=local)
    fahrenheit = body.get("TempUnit") == "F"
    for field, value in body.items():
        if _INPUT.match(field):
            _say_input(hearing, field, inner(value, "Action") if isinstance(value, dict) else value, t, local=local)
        elif field == "ENERGY":
            hearing.say(Signal.POWER, inner(value, "Power"), t=t, local=local)
        elif field == "Wifi":
            hearing.say(Signal.LINK, inner(value, "RSSI"), t=t, local=local)  # Tasmota's RSSI is a percentage already
        elif isinstance(value, dict) and field != "ESP32":  # the chip's own temperature
            _say_chip(hearing, value, t, local=local, fahrenheit=fahrenheit)
    return hearing.heard()


def _say_chip(hearing: Hearing, chip: dict[str, Any], t: float | None, *, local: bool, fahrenheit: bool) -> None:
    air = chip.get("Temperature")
    degrees = number(air)
    hearing.say(Signal.TEMPERATURE, (degrees - 32) / 1.8 if fahrenheit and degrees is not None else air, t=t, local=local)
    hearing.say(Signal.HUMIDITY, chip.get("Humidity"), t=t, local=local)
    hearing.say(Signal.LIGHT, chip.get("Illuminance"), t=t, local=local)


def _say_input(hearing: Hearing, name: str, value: object, t: float | None, *, local: bool) -> None:
    channel = name.lower()
    either = Signal.DOOR if channel.startswith("switch") else None
    hearing.say(Signal.MOTION, value, t=t, local=local, channel=channel, either=either)
