"""zigbee2mqtt: one topic per friendly name, with all the bridge knows of the device in every message.

The bridge keeps the last state and sends it whole with every battery report and after its own restart: an occupancy
or an open door that was so before is no event. `device_temperature` is the chip's, and no one's room.
"""

from __future__ import annotations

from typing import Any

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.values import Hearing, bad_time, faulty, iso_seconds, number, percent_of_lqi, read_object, read_word
from ingest.heard import Heard
from ingest.reading import Reason, Signal

_ROOT = "zigbee2mqtt/"
_PLAIN = (
    ("occupancy", Signal.MOTION),
    ("presence", Signal.MOTION),
    ("temperature", Signal.TEMPERATURE),
    ("humidity", Signal.HUMIDITY),
    ("battery", Signal.BATTERY),
    ("power", Signal.POWER),
    ("smoke", Signal.SMOKE),
    ("gas", Signal.GAS),
    ("sos", Signal.SOS),
)
_SOS_ACTIONS = frozenset(("sos", "emergency", "panic"))


class Zigbee2Mqtt:
    """The bridge's default base topic; a bridge may add a level of its own below it, which becomes part of the address."""

    name = "zigbee2mqtt"
    filters = ("zigbee2mqtt/#",)
    lasting = frozenset((Signal.MOTION, Signal.DOOR))

    def route(self, topic: str) -> Route | None:
        """The friendly name; the bridge itself is `bridge`."""
        if not topic.startswith(_ROOT) or len(topic) == len(_ROOT):
            return None
        name = topic[len(_ROOT) :]
        if name == "bridge/state" or name.endswith("/bridge/state"):
            return Route(self.name, name.removesuffix("/state"), _hear_state)
        parts = name.split("/")
        if "bridge" in parts[:-1] or "set" in parts[1:] or "get" in parts[1:]:
            return pass_by(self.name)
        if name.endswith("/availability"):
            return Route(self.name, name.removesuffix("/availability"), _hear_state)
        return Route(self.name, name, _hear_device)


def _hear_state(payload: bytes) -> Heard:
    """`online`, or an object with it."""
    hearing = Hearing()
    word = read_word(payload)
    if word.startswith("{"):
        body = read_object(payload)
        if isinstance(body, Fault):
            return faulty(body)
        word = str(body.get("state", ""))[:64]
    if word not in ("online", "offline"):
        return faulty(Fault(Reason.BAD_FIELD, "state must be online or offline"))
    hearing.say(Signal.STATUS, word == "online")
    return hearing.heard()


def _hear_device(payload: bytes) -> Heard:
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    t = _seen(body, hearing)
    for field, signal in _PLAIN:
        hearing.say(signal, body.get(field), t=t)
    contact = body.get("contact")
    hearing.say(Signal.DOOR, not contact if isinstance(contact, bool) else contact if contact is None else "?", t=t)
    hearing.say(Signal.LIGHT, body.get("illuminance", body.get("illuminance_lux")), t=t)
    if isinstance(body.get("action"), str) and body["action"] in _SOS_ACTIONS:
        hearing.say(Signal.SOS, 1, t=t)
    quality = number(body.get("linkquality"))
    hearing.say(Signal.LINK, None if quality is None else percent_of_lqi(quality), t=t)
    return hearing.heard()


def _seen(body: dict[str, Any], hearing: Hearing) -> float | None:
    """`last_seen`, where the bridge is set to tell it: ISO 8601 or milliseconds since 1970."""
    seen = body.get("last_seen")
    if seen is None:
        return None
    told = number(seen)
    if told is not None:
        return told / 1_000
    read = iso_seconds(seen)
    if read is None or read[1]:
        hearing.refuse(bad_time("last_seen"))
        return None
    return read[0]
