"""How a home is found by its address, which lies sealed: a keyed hash of its letters and figures."""

from __future__ import annotations

import re
import unicodedata

from ingest.seal import Sealer


def plain_address(address: str) -> str:
    """The address as it is compared: letters and figures alone, in one spelling."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", address).casefold())


def address_hash(sealer: Sealer, address: str) -> bytes | None:
    """What two spellings of one address have in common; None where there is nothing to compare."""
    plain = plain_address(address)
    return sealer.keyed_hash(plain.encode(), use="address") if plain else None
