"""How readings and hours stand in InfluxDB: a measurement for each signal, three tags, float fields, a time of their own.

Two points of one measurement, tags and time are one point to InfluxDB. So a reading's time carries, below the millisecond,
its number: what is written twice lands on itself, and two readings of one millisecond lie beside each other.
"""

from __future__ import annotations

from ingest.clock import Millis
from ingest.history.port import HourPart
from ingest.reading import Reading

NS = 1_000_000
"""Nanoseconds in a millisecond."""

VALUE, DOUBTFUL = "value", "doubtful"
"""The field of a credible reading, and of one that no chart may show."""

MARK, MARK_FIELD = "anbu_rolled", "to"
"""The measurement that says to which time hours are rolled up (milliseconds)."""

_APART = 10_007  # prime: the records of one pack share its number, and must not meet those of the next pack
_HOUR_NS = 3_600_000_000_000


def reading_ns(reading: Reading) -> int:
    """Milliseconds and, below them, the device's number of the message (the journal's where it has none) and the index."""
    number = reading.offset if reading.seq is None else reading.seq
    return reading.observed_at * NS + (number + reading.index * _APART) % NS


def reading_line(reading: Reading) -> str:
    """The point of one reading as line protocol; its household must be known."""
    tags = _tags(reading.device_id, reading.dong_code, str(reading.household_id))
    field = VALUE if reading.credible else DOUBTFUL
    return f"{reading.signal.value},{tags} {field}={float(reading.value)!r} {reading_ns(reading)}"


def hour_line(part: HourPart) -> str:
    """The point of one part of an hour; its time lies within the hour."""
    tags = _tags(part.device_id, part.dong_code, part.household_id)
    mean = part.total / part.count
    fields = f"count={float(part.count)!r},max={part.max!r},mean={mean!r},min={part.min!r},sum={part.total!r}"
    return f"{part.signal.value},{tags} {fields} {part.hour * NS + part.first % _HOUR_NS}"


def mark_line(rolled_to: Millis) -> str:
    """The point that says to which time hours are rolled up."""
    return f"{MARK} {MARK_FIELD}={float(rolled_to)!r} {rolled_to * NS}"


def _tags(device: str, dong: str, household: str) -> str:
    return f"device={_plain(device)},dong={_plain(dong)},household={_plain(household)}"


def _plain(text: str) -> str:
    """A tag's value: ids of ours are plain. A line must not be broken by one that is not."""
    if text.replace("-", "a").isalnum():
        return text
    text = "".join(sign if sign.isprintable() and sign != "\\" else "_" for sign in text) or "-"
    return text.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")
