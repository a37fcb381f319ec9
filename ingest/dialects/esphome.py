"""ESPHome: one topic for each entity, its value in plain text, retained by default.

An entity is known by its name alone (`hall_motion`, `bath_humidity`); one whose name says nothing is let pass.
"""

from __future__ import annotations

from functools import partial

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.values import Hearing, faulty, percent_of_wifi, read_word, signal_of
from ingest.heard import Heard
from ingest.reading import Reason, Signal

_BINARY = frozenset((Signal.MOTION, Signal.DOOR, Signal.SMOKE, Signal.GAS, Signal.SOS))
_NUMBERS = frozenset((Signal.TEMPERATURE, Signal.HUMIDITY, Signal.BATTERY, Signal.LIGHT, Signal.POWER))


class EspHome:
    """The node's topic prefix, of one level, is its address."""

    name = "esphome"
    filters = ("+/binary_sensor/+/state", "+/sensor/+/state", "+/status")
    lasting = frozenset((Signal.MOTION, Signal.DOOR))

    def route(self, topic: str) -> Route | None:
        """The node and its entity."""
        parts = topic.split("/")
        if len(parts) == 2 and parts[1] == "status" and parts[0]:
            return Route(self.name, parts[0], _hear_status)
        if len(parts) != 4 or parts[3] != "state" or not parts[0] or parts[1] not in ("binary_sensor", "sensor"):
            return None
        prefix, component, entity, _ = parts
        signal = signal_of(entity)
        if component == "binary_sensor" and signal in _BINARY:
            return Route(self.name, prefix, partial(_hear_binary, signal, entity))
        if component == "sensor" and signal in _NUMBERS:
            return Route(self.name, prefix, partial(_hear_number, signal, entity))
        if component == "sensor" and ("wifi_signal" in entity or "rssi" in entity):
            return Route(self.name, prefix, partial(_hear_number, Signal.LINK, entity))
        return pass_by(self.name)


def _hear_status(payload: bytes) -> Heard:
    word = read_word(payload)
    if word not in ("online", "offline"):
        return faulty(Fault(Reason.BAD_FIELD, "status must be online or offline"))
    hearing = Hearing()
    hearing.say(Signal.STATUS, word == "online")
    return hearing.heard()


def _hear_binary(signal: Signal, entity: str, payload: bytes) -> Heard:
    hearing = Hearing()
    hearing.say(signal, read_word(payload), channel=entity)
    return hearing.heard()


def _hear_number(signal: Signal, entity: str, payload: bytes) -> Heard:
    word = read_word(payload)
    hearing = Hearing()
    if word in ("nan", "unknown", "unavailable", ""):  # it says itself that it has not measured
        return hearing.heard()
    try:
        value = float(word)
    except ValueError:
        return faulty(Fault(Reason.BAD_FIELD, f"the state of a sensor of {signal} must be a number"))
    hearing.say(signal, percent_of_wifi(value) if signal is Signal.LINK else value, channel=entity)
    return hearing.heard()
