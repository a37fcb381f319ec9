"""Lengths of time as people write them in rule files ("30 min", "8 h", "3 d")."""

from __future__ import annotations

import re

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis

_UNITS: dict[str, Millis] = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)\Z")


def parse_length(text: str) -> Millis:
    """The length in milliseconds; ValueError for anything but a number above 0 with the unit s, min, h or d."""
    found = _LENGTH.match(text)
    if found is None:
        raise ValueError(f'{text!r} is not a length such as "30 min", "8 h" or "3 d"')
    length = round(float(found[1]) * _UNITS[found[2]])
    if length <= 0:
        raise ValueError(f"{text!r} is not above 0")
    return length


def write_length(length: Millis) -> str:
    """The length in its largest whole unit."""
    for unit in ("d", "h", "min", "s"):
        if length % _UNITS[unit] == 0:
            return f"{length // _UNITS[unit]} {unit}"
    return f"{length / SECOND} s"
