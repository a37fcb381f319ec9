"""Which dialects there are, by the names settings use."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ingest.dialects.chirpstack import ChirpStack
from ingest.dialects.esphome import EspHome
from ingest.dialects.native import Native
from ingest.dialects.port import Dialect
from ingest.dialects.senml import Senml
from ingest.dialects.shelly import Shelly
from ingest.dialects.sparkplug import Sparkplug
from ingest.dialects.tasmota import Tasmota
from ingest.dialects.tts import TheThingsStack
from ingest.dialects.zigbee2mqtt import Zigbee2Mqtt

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "native": Native,
    "senml": Senml,
    "zigbee2mqtt": Zigbee2Mqtt,
    "tasmota": Tasmota,
    "esphome": EspHome,
    "shelly": Shelly,
    "chirpstack": ChirpStack,
    "tts": TheThingsStack,
    "sparkplug": Sparkplug,
}
"""In the order in which they are asked whose a topic is."""


def make_dialects(names: Iterable[str]) -> tuple[Dialect, ...]:
    """New dialects of these names; `native` brings its packs along. KeyError for a name that is none."""
    wanted = set(names)
    unknown = wanted - DIALECTS.keys()
    if unknown:
        raise KeyError(", ".join(sorted(unknown)))
    if "native" in wanted:
        wanted.add("senml")
    return tuple(make() for name, make in DIALECTS.items() if name in wanted)


def subscriptions(names: Iterable[str]) -> tuple[str, ...]:
    """The topic filters to subscribe to for these dialects, without those that others cover."""
    filters = list(dict.fromkeys(one for dialect in make_dialects(names) for one in dialect.filters))
    return tuple(one for one in filters if not any(other != one and _covers(other, one) for other in filters))


def _covers(wide: str, narrow: str) -> bool:
    parts, others = wide.split("/"), narrow.split("/")
    for at, part in enumerate(parts):
        if part == "#":
            return True
        if at >= len(others) or others[at] == "#" or (part != "+" and part != others[at]):
            return False
    return len(parts) == len(others)
