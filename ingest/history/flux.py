"""Flux questions with parameters: as `extern` values beside the text, or as strict literals for servers that take none.

A question is a text with `{name}` where a parameter stands. InfluxDB 2 and 1.11 are sent names, and the values apart;
1.8 is sent the same text with a literal in each place, made by the encoder below and by nothing else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from ingest.clock import Millis, to_datetime

Value: TypeAlias = str | datetime | timedelta

_PLACE = re.compile(r"\{([a-z_]+)\}")
_RFC3339 = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$")


class NotALiteral(ValueError):
    """A value that has no safe form in a question's text."""


def with_names(question: str) -> str:
    """The text that goes with extern values: each place holds its parameter's name."""
    return _PLACE.sub(lambda place: f"asked_{place[1]}", question)


def with_literals(question: str, asked: Mapping[str, Value]) -> str:
    """The text with a literal in each place; NotALiteral for a value that has none, KeyError for one not given."""
    return _PLACE.sub(lambda place: literal(asked[place[1]]), question)


def names(asked: Mapping[str, Value]) -> dict[str, Value]:
    """The extern values under the names that stand in the text."""
    return {f"asked_{name}": value for name, value in asked.items()}


def literal(value: Value) -> str:
    """The value as a Flux literal. A text with control characters, or a time without a zone, has none."""
    if isinstance(value, str):
        # Flux reads ${...} inside a text as an expression: a dollar sign is written out like the quote and the backslash.
        if any(ord(sign) < 0x20 or ord(sign) == 0x7F or 0xD800 <= ord(sign) < 0xE000 for sign in value):
            raise NotALiteral(f"no control characters in a Flux text: {value!r}")
        if "${" in value:
            raise NotALiteral(f"no expressions in a Flux text: {value!r}")
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        if value.utcoffset() != timedelta(0):
            raise NotALiteral(f"{value!r} is not in UTC")
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond:06d}Z"
    if isinstance(value, timedelta):
        millis = value // timedelta(milliseconds=1)
        if millis <= 0 or value % timedelta(milliseconds=1):
            raise NotALiteral(f"{value!r} is not a number of milliseconds above 0")
        return f"{millis}ms"
    raise NotALiteral(f"{type(value).__name__} has no Flux literal")


def instant(at: Millis) -> datetime:
    """The instant as a parameter."""
    return to_datetime(at)


def length(millis: Millis) -> timedelta:
    """The length of time as a parameter."""
    return timedelta(milliseconds=millis)


def rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    """The rows of an answer in annotation-free CSV, whose tables each begin with their own header."""
    header: list[str] | None = None
    for row in csv.reader(lines):
        if not row or row == [""]:
            header = None
        elif header is None:
            header = row
        else:
            yield dict(zip(header, row, strict=False))


def to_ns(text: str) -> int:
    """Nanoseconds since 1970 of a time as InfluxDB writes it; ValueError for anything else."""
    found = _RFC3339.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no time in UTC")
    whole = datetime.fromisoformat(found[1] + "+00:00")
    return int(whole.timestamp()) * 1_000_000_000 + int((found[2] or "").ljust(9, "0"))
