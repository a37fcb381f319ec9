"""The Things Stack: LoRaWAN uplinks as JSON, decoded by the application's payload formatter.

Its JSON leaves out what is "", 0 or false, so a field that is missing says nothing. A simulated message is a test.
"""

from __future__ import annotations

from ingest.dialects.chirpstack import say_link, say_measured
from ingest.dialects.native import Fault
from ingest.dialects.port import Route
from ingest.dialects.values import Hearing, bad_time, faulty, inner, iso_seconds, read_object
from ingest.heard import Heard
from ingest.reading import Reason, Signal


class TheThingsStack:
    """The address is `{application}@{tenant}/{device id}`."""

    name = "tts"
    filters = ("v3/+/devices/+/up",)
    lasting = frozenset((Signal.DOOR,))

    def route(self, topic: str) -> Route | None:
        """Uplinks alone; joins and downlinks are not subscribed to."""
        parts = topic.split("/")
        if len(parts) != 5 or (parts[0], parts[2], parts[4]) != ("v3", "devices", "up") or not parts[1] or not parts[3]:
            return None
        return Route(self.name, f"{parts[1]}/{parts[3]}", _hear_up)


def _hear_up(payload: bytes) -> Heard:
    body = read_object(payload)
    if isinstance(body, Fault):
        return faulty(body)
    uplink = body.get("uplink_message")
    if not isinstance(uplink, dict):
        return faulty(Fault(Reason.MISSING_FIELD, "uplink_message is missing"))
    hearing = Hearing()
    told = uplink.get("received_at", body.get("received_at"))
    at = iso_seconds(told)
    if told is not None and (at is None or at[1]):
        hearing.refuse(bad_time("received_at"))
    t = at[0] if at else None
    measured = uplink.get("decoded_payload")
    if isinstance(measured, dict):
        say_measured(hearing, measured, t)
    else:
        hearing.wrong(Reason.MISSING_FIELD, "decoded_payload is missing: the application has no payload formatter")
    hearing.say(Signal.BATTERY, inner(uplink, "last_battery_percentage", "value"), t=t, channel="last")
    say_link(hearing, uplink.get("rx_metadata"), t)
    session = uplink.get("session_key_id")
    key = f"{session}/{uplink.get('f_cnt', 0)}" if isinstance(session, str) and session else None
    return hearing.heard(key=key, test=body.get("simulated") is True)
