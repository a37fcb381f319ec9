"""Words that people write: sealed at rest, opened for those who may read them."""

from __future__ import annotations

import structlog

from ingest.seal import SealBroken, Sealer

_log = structlog.get_logger(__name__)


def seal_note(sealer: Sealer, text: str, about: str) -> bytes | None:
    """The text sealed for `about`; None where there is none."""
    return sealer.seal(text.strip().encode(), about=about) if text.strip() else None


def open_note(sealer: Sealer, sealed: bytes | None, about: str) -> str | None:
    """The text; None where there is none, or where it cannot be opened: that must not hide the rest from those who need it."""
    if sealed is None:
        return None
    try:
        return sealer.open(sealed, about=about).decode()
    except SealBroken as broken:
        _log.error("a note cannot be opened; check the key", about=broken.about, why=broken.why)
        return None
