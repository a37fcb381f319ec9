"""Which dialect a device seems to speak, from a topic and a payload alone: a hint for whoever claims it."""

from __future__ import annotations

import re

from ingest.wire import PACK, parse_topic

_TOPICS = (
    ("zigbee2mqtt", r"zigbee2mqtt/.+"),
    ("tasmota", r"(tele|stat|cmnd)/.+"),
    ("esphome", r"[^/]+/(binary_sensor|sensor|switch|button)/[^/]+/state"),
    ("shelly", r"shellies/.+|[^/]+/events/rpc|[^/]+/status/[^/]+"),
    ("chirpstack", r"application/[^/]+/device/[^/]+/event/.+"),
    ("ttn", r"v3/[^/]+@[^/]+/devices/[^/]+/.+"),
    ("sparkplug", r"spBv1\.0/.+"),
)
UNKNOWN = "unknown"


def guess_dialect(topic: str, payload: bytes) -> str:
    """The dialect's name, `native`, `senml` for a pack, or `unknown`."""
    native = parse_topic(topic)
    if native is not None:
        return "senml" if native.signal == PACK or payload.lstrip()[:1] == b"[" else "native"
    return next((name for name, shape in _TOPICS if re.fullmatch(shape, topic)), UNKNOWN)
