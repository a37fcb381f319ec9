"""How text that somebody else wrote is printed: nothing in it may steer a terminal."""

from __future__ import annotations


def plain(text: str | bytes) -> str:
    """The text with everything unprintable written out."""
    read = text.decode("utf-8", errors="backslashreplace") if isinstance(text, bytes) else text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in read)
