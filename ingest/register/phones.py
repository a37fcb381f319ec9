"""How a Korean phone number is written in one way, and found again by a keyed hash without opening anybody's record."""

from __future__ import annotations

import re

from ingest.seal import Sealer

USE = "phone index"
"""What the key of these hashes is derived for; `Sealer.derived_key` gives it to a carrier that hashes for itself."""

_WRITTEN = re.compile(r"[0-9 .()\-\u2010-\u2015]+")
_NUMBER = re.compile(r"0(?:1[016789][0-9]{7,8}|2[0-9]{7,8}|[3-6][0-9][0-9]{7,8}|70[0-9]{8}|50[0-9]{8,9})")


def normal_phone(text: str) -> str | None:
    """The number as digits alone with its leading 0 (+82 10-0000-1234 is 01000001234); None where it is no such number."""
    number = text.strip()
    abroad = number.startswith("+")
    number = number.removeprefix("+")
    if (not number.isascii() and not _WRITTEN.fullmatch(number)) or not _WRITTEN.fullmatch(number):
        return None
    digits = re.sub(r"[^0-9]", "", number)
    if abroad:
        if not digits.startswith("82"):
            return None
        digits = "0" + digits.removeprefix("82").removeprefix("0")
    return digits if _NUMBER.fullmatch(digits) else None


def phone_hash(sealer: Sealer, phone: str) -> bytes | None:
    """The keyed hash of the number, 32 bytes; None where it is none."""
    digits = normal_phone(phone)
    return None if digits is None else sealer.keyed_hash(digits.encode(), use=USE)
