"""Whether what is sent to an address can be read on the way."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def is_private_way(url: str) -> bool:
    """Whether nobody reads it: https, or this very machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.hostname is not None and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
