"""How a check is named on the phone: four characters that neither eye nor ear mistakes."""

from __future__ import annotations

import hashlib

FIRST = "ACFHKMRWXY"
REST = "ACFHKMRWXY23456789"
"""Nothing that looks like another (0 O, 1 I L, B 8, S 5, Z 2, G 6), nothing that Korean ears hear as a figure (E 이, O 오)."""


def codes_of(check_id: str, count: int, start: int = 0) -> list[str]:
    """The codes a check would take in turn, such as `A-2K7`: the first that is free among the open ones of its dong."""
    return [_code(check_id, attempt) for attempt in range(start, start + count)]


def _code(check_id: str, attempt: int) -> str:
    number = int.from_bytes(hashlib.sha256(f"{check_id}:{attempt}".encode()).digest()[:8])
    number, first = divmod(number, len(FIRST))
    rest = []
    for _ in range(3):
        number, index = divmod(number, len(REST))
        rest.append(REST[index])
    return f"{FIRST[first]}-{''.join(rest)}"
