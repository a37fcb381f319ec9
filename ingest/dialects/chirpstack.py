"""ChirpStack v4: LoRaWAN uplinks as JSON, decoded by the codec of the device profile.

Each frame is a measurement of its own, so a motion in it is an event; a door's state is not, it goes with every frame.
"""

from __future__ import annotations

from typing import Any

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.values import Hearing, bad_time, faulty, inner, iso_seconds, number, percent_of_lora, read_object, signal_of
from ingest.heard import Heard
from ingest.reading import Reason, Signal


class ChirpStack:
    """The address is the device's EUI in lower case, whatever application it belongs to."""

    name = "chirpstack"
    filters = ("application/+/device/+/event/+",)
    lasting = frozenset((Signal.DOOR,))

    def route(self, topic: str) -> Route | None:
        """Uplinks and battery reports are the device's word; joins, logs and acknowledgements are not."""
        parts = topic.split("/")
        if len(parts) != 6 or (parts[0], parts[2], parts[4]) != ("application", "device", "event") or not parts[3]:
            return None
        if parts[5] == "up":
            return Route(self.name, parts[3].lower(), _hear_up)
        return Route(self.name, parts[3].lower(), _hear_status) if parts[5] == "status" else pass_by(self.name)


def _hear_up(payload: bytes) -> Heard:
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    at = iso_seconds(body.get("time"))
    if body.get("time") is not None and (at is None or at[1]):
        hearing.refuse(bad_time("time"))
    t = at[0] if at else None
    measured = body.get("object")
    if isinstance(measured, dict):
        say_measured(hearing, measured, t)
    else:
        hearing.wrong(Reason.MISSING_FIELD, "object is missing: the device profile has no codec")
    say_link(hearing, body.get("rxInfo"), t)
    key = body.get("deduplicationId")
    return hearing.heard(key=key if isinstance(key, str) and key else None)


def _hear_status(payload: bytes) -> Heard:
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    hearing = Hearing()
    if not body.get("externalPowerSource") and not body.get("batteryLevelUnavailable"):
        hearing.say(Signal.BATTERY, body.get("batteryLevel"))
    key = body.get("deduplicationId")
    return hearing.heard(key=key if isinstance(key, str) and key else None)


def say_measured(hearing: Hearing, measured: dict[str, Any], t: float | None) -> None:
    """The codec's fields by their names; one whose name says nothing is let pass."""
    for field, value in measured.items():
        signal = signal_of(field)
        if signal is not None and not isinstance(value, (dict, list)):
            hearing.say(signal, value, t=t, channel=field[:32])


def say_link(hearing: Hearing, gateways: object, t: float | None) -> None:
    """The best of the gateways that heard the frame."""
    heard = [number(inner(gateway, "rssi")) for gateway in gateways] if isinstance(gateways, list) else []
    best = max((dbm for dbm in heard if dbm is not None), default=None)
    hearing.say(Signal.LINK, None if best is None else percent_of_lora(best), t=t)
