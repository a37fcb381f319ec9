"""Shelly: the first generation's plain topics and objects, and the events of Plus devices and later.

A first-generation `timestamp` is the moment of the last motion, and is sent again with every status.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.values import Hearing, bad_time, faulty, inner, number, percent_of_wifi, read_object, read_word
from ingest.heard import Heard
from ingest.reading import Reason, Signal

_SENSORS = {
    "temperature": Signal.TEMPERATURE,
    "humidity": Signal.HUMIDITY,
    "battery": Signal.BATTERY,
    "lux": Signal.LIGHT,
    "state": Signal.DOOR,
    "motion": Signal.MOTION,
    "smoke": Signal.SMOKE,
}
_COMPONENTS = {
    "temperature": (Signal.TEMPERATURE, ("tC",)),
    "humidity": (Signal.HUMIDITY, ("rh",)),
    "devicepower": (Signal.BATTERY, ("battery", "percent")),
    "illuminance": (Signal.LIGHT, ("lux",)),
    "smoke": (Signal.SMOKE, ("alarm",)),
    "switch": (Signal.POWER, ("apower",)),
    "pm1": (Signal.POWER, ("apower",)),
}


class Shelly:
    """The id in the topic is the address: `shellymotion2-...`, `shellyplusht-...`."""

    name = "shelly"
    filters = ("shellies/+/status", "shellies/+/online", "shellies/+/sensor/+", "+/events/rpc", "+/online")
    lasting = frozenset((Signal.MOTION, Signal.DOOR))

    def route(self, topic: str) -> Route | None:
        """By the shape of the topic: `shellies/` is the first generation."""
        parts = topic.split("/")
        if parts[0] == "shellies":
            return self._route_first(parts)
        if len(parts) == 3 and parts[0] and parts[1:] == ["events", "rpc"]:
            return Route(self.name, parts[0], _hear_event)
        if len(parts) == 2 and parts[0].startswith("shelly") and parts[1] == "online":
            return Route(self.name, parts[0], _hear_online)
        return None

    def _route_first(self, parts: list[str]) -> Route | None:
        if len(parts) == 3 and parts[1]:
            if parts[2] == "status":
                return Route(self.name, parts[1], _hear_status)
            if parts[2] == "online":
                return Route(self.name, parts[1], _hear_online)
        if len(parts) == 4 and parts[1] and parts[2] == "sensor" and parts[3] in _SENSORS:
            return Route(self.name, parts[1], partial(_hear_sensor, _SENSORS[parts[3]]))
        return pass_by(self.name)


def _hear_online(payload: bytes) -> Heard:
    word = read_word(payload)
    if word not in ("true", "false"):
        return faulty(Fault(Reason.BAD_FIELD, "online must be true or false"))
    hearing = Hearing()
    hearing.say(Signal.STATUS, word == "true")
    return hearing.heard()


def _hear_sensor(signal: Signal, payload: bytes) -> Heard:
    word = read_word(payload)
    hearing = Hearing()
    try:
        hearing.say(signal, float(word))
    except ValueError:
        hearing.say(signal, word)
    return hearing.heard()


def _hear_status(payload: bytes) -> Heard:
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    t = number(body.get("timestamp")) or None  # 0 until its clock is set
    if t is None and body.get("timestamp") not in (None, 0):
        hearing.refuse(bad_time("timestamp"))
    hearing.say(Signal.MOTION, body.get("motion"), t=t, moment=t is not None)
    hearing.say(Signal.LIGHT, body.get("lux"))
    hearing.say(Signal.BATTERY, body.get("bat"))
    return hearing.heard()


def _hear_event(payload: bytes) -> Heard:
    """A notification of all (`NotifyFullStatus`) or of what has changed (`NotifyStatus`); other methods say nothing."""
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    if body.get("method") not in ("NotifyFullStatus", "NotifyStatus"):
        return hearing.heard()
    params = body.get("params")
    if not isinstance(params, dict):
        return faulty(Fault(Reason.MISSING_FIELD, "params is missing"))
    t = number(params.get("ts"))
    if t is None and params.get("ts") is not None:
        hearing.refuse(bad_time("params.ts"))
    _say_components(hearing, params, t)
    return hearing.heard(restated=body["method"] == "NotifyFullStatus")


def _say_components(hearing: Hearing, params: dict[str, Any], t: float | None) -> None:
    for name, component in params.items():
        kind, _, number_of_it = name.partition(":")
        known = _COMPONENTS.get(kind)
        if known is not None:
            hearing.say(known[0], inner(component, *known[1]), t=t, channel=number_of_it)
        elif kind == "wifi":
            received = number(inner(component, "rssi"))
            hearing.say(Signal.LINK, None if received is None else percent_of_wifi(received), t=t)
