"""Lengths of time as people write them in rule files ("30 min", "8 h", "3 d")."""

from __future__ import annotations

import re

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from rules.bilingual import Unreadable, Words

_UNITS: dict[str, Millis] = {"s": SECOND, "min": MINUTE, "h": HOUR, "d": DAY}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)\Z")


def parse_length(text: str) -> Millis:
    """The length in milliseconds; Unreadable for anything but a number above 0 with the unit s, min, h or d."""
    found = _LENGTH.match(text)
    if found is None:
        right = '"30 min", "8 h", "3 d"'
        raise Unreadable(
            Words(f"{text!r}: {right} 같은 길이여야 합니다", f'{text!r} is not a length such as "30 min", "8 h" or "3 d"')
        )
    length = round(float(found[1]) * _UNITS[found[2]])
    if length <= 0:
        raise Unreadable(Words(f"{text!r}: 0보다 길어야 합니다", f"{text!r} is not above 0"))
    return length


def write_length(length: Millis) -> str:
    """The length in its largest whole unit."""
    for unit in ("d", "h", "min", "s"):
        if length % _UNITS[unit] == 0:
            return f"{length // _UNITS[unit]} {unit}"
    return f"{length / SECOND} s"
