"""What a record of a pack is called and measured in, and how many a pack may have."""

from __future__ import annotations

from ingest.dialects.native import Fault, parse_name
from ingest.reading import Reason, Signal

MAX_RECORDS = 1_000
"""Records with a value; `boot` and `seq` come on top."""

MAX_NAME = 65
"""An id of 32, a slash, a signal of 32."""

UNITS = {
    Signal.TEMPERATURE: frozenset(("Cel",)),
    Signal.HUMIDITY: frozenset(("%RH",)),
    Signal.BATTERY: frozenset(("%", "%EL")),
    Signal.POWER: frozenset(("W",)),
    Signal.LIGHT: frozenset(("lx",)),
    Signal.LINK: frozenset(("%",)),
}
"""Units of SenML (RFC 8428) a signal may name; of all others any."""


def read_name(base: str, name: str | None) -> tuple[str, Signal] | Fault:
    """The device and signal of a record, or what is wrong with its name."""
    full = base + name if name else base
    if len(full) > MAX_NAME:  # before it can fill the cache behind parse_name
        return Fault(Reason.BAD_FIELD, "bn and n must make device/signal")
    return parse_name(full)
