"""Readings that came many at once: those of one series in one message are one row, their times and values side by side in it.

A row each and an entry in the index each cost more than all the rest of the way of a reading in a pack. What a chart asks of
such a row numpy adds up. Every one of its readings is credible; a message that is written again comes whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.clock import DAY, Millis
from ingest.history.span import Span, Sum
from ingest.readings import SIGNALS, Ints, Readings

SCHEMA = """
CREATE TABLE pack (
    number INTEGER PRIMARY KEY,  -- the journal's offset * 1024, and which row of that message
    household INTEGER NOT NULL, device INTEGER NOT NULL, signal INTEGER NOT NULL, dong INTEGER NOT NULL,
    "first" INTEGER NOT NULL, "last" INTEGER NOT NULL,  -- observed_at of the oldest and the newest
    received_at INTEGER NOT NULL, seq INTEGER, readings BLOB NOT NULL
);
CREATE INDEX pack_chart ON pack (household, signal, "last");
"""

LEAST = 8
"""Readings of one series and message that are worth a row of their own."""

LONGEST: Millis = DAY
"""How far apart they lie at most, so that a chart knows where to look."""

_MOST_ROWS = 1_024
_READING = np.dtype([("observed_at", "<i8"), ("value", "<f8"), ("record", "<u2")])
_ROWS = 90
_ONE = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COLUMNS = 10
_WRITE = f"INSERT OR REPLACE INTO pack VALUES {_ONE}"
_WRITE_MANY = f"INSERT OR REPLACE INTO pack VALUES {', '.join([_ONE] * _ROWS)}"
_FORGET = "DELETE FROM pack WHERE number >= ? AND number < ?"
_FORGET_SINGLES = 'DELETE FROM reading WHERE "offset" = ?'

_SERIES = """
SELECT readings FROM pack
WHERE household = (SELECT number FROM household WHERE text = :household)
  AND signal = (SELECT number FROM signal WHERE text = :signal)
  AND "last" >= :start AND "last" < :latest AND "first" < :end
"""
_LATEST = """
SELECT number, readings FROM pack WHERE household = ?1 AND signal = ?2
  AND "last" = (SELECT max("last") FROM pack WHERE household = ?1 AND signal = ?2)
"""
_DUMP = """
SELECT pack.number, readings, pack.received_at, seq, dong.text, household.text, device.text, signal.text
FROM pack JOIN dong ON dong.number = pack.dong JOIN household ON household.number = pack.household
JOIN device ON device.number = pack.device JOIN signal ON signal.number = pack.signal
WHERE pack.number >= ? ORDER BY pack.number LIMIT ?
"""
_PRUNE = """
DELETE FROM pack WHERE number IN (SELECT number FROM pack ORDER BY number LIMIT ?) AND received_at < ?
"""


class Pack(NamedTuple):
    """One row; `which` are the places of its readings among those that are written."""

    number: int
    which: Ints


Numbers = Callable[[int], tuple[int, int, int, int]]
"""Household, device, signal and dong of a place and signal, as `place * len(SIGNALS) + signal`."""


def parted(readings: Readings) -> tuple[list[Pack], Readings]:
    """What is worth a row of many, and the readings left over for a row each."""
    if len(readings) < LEAST:
        return [], readings
    packed = readings.place * len(SIGNALS) + readings.signal
    # By message, then by series, in the order of the records.
    order = np.lexsort((packed, readings.offset))
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (np.diff(packed[order]) != 0) | (np.diff(readings.offset[order]) != 0)
    starts = np.flatnonzero(begins)
    counts = np.diff(np.append(starts, len(order)))
    if counts.max() < LEAST:
        return [], readings
    observed = readings.observed_at[order]
    lengths = np.maximum.reduceat(observed, starts) - np.minimum.reduceat(observed, starts)
    well = readings.credible & ~readings.skewed & (readings.record < 2**16)
    worth = (counts >= LEAST) & (lengths < LONGEST) & np.logical_and.reduceat(well[order], starts)
    left = np.ones(len(order), dtype=bool)
    packs: list[Pack] = []
    before, row = -1, 0
    for start, count in zip(starts[worth].tolist(), counts[worth].tolist(), strict=True):
        which = order[start : start + count]
        offset = int(readings.offset[which[0]])
        row = row + 1 if offset == before else 0
        before = offset
        if row < _MOST_ROWS:
            packs.append(Pack(offset * _MOST_ROWS + row, which))
            left[which] = False
    return packs, readings.where(left)


def write(writer: sqlite3.Connection, readings: Readings, packs: Sequence[Pack], numbers_of: Numbers) -> None:
    """Keep these rows."""
    content = np.empty(len(readings), dtype=_READING)
    content["observed_at"], content["value"], content["record"] = readings.observed_at, readings.value, readings.record
    received, seqs = readings.received_at, readings.seq
    packed = readings.place * len(SIGNALS) + readings.signal
    values: list[int | bytes | None] = []
    for number, which in packs:
        first = int(which[0])
        mine = content[which]
        household, device, signal, dong = numbers_of(int(packed[first]))
        times = mine["observed_at"]
        seq = int(seqs[first])
        values += (number, household, device, signal, dong, int(times.min()), int(times.max()), int(received[first]))
        values += (None if seq < 0 else seq, mine.tobytes())
    whole = len(values) - len(values) % (_ROWS * _COLUMNS)
    for start in range(0, whole, _ROWS * _COLUMNS):
        writer.execute(_WRITE_MANY, values[start : start + _ROWS * _COLUMNS])
    for start in range(whole, len(values), _COLUMNS):
        writer.execute(_WRITE, values[start : start + _COLUMNS])


def forget(writer: sqlite3.Connection, offsets: Sequence[int], packs: Sequence[Pack]) -> None:
    """These messages are written again: what was kept of them many in a row goes, and of `packs` what was kept one by one."""
    writer.executemany(_FORGET, [(offset * _MOST_ROWS, (offset + 1) * _MOST_ROWS) for offset in offsets])
    writer.executemany(_FORGET_SINGLES, [(offset,) for offset in {pack.number // _MOST_ROWS for pack in packs}])


def newest(writer: sqlite3.Connection) -> int:
    """The highest offset of which something is kept in rows of many; 0 for none."""
    number = writer.execute("SELECT max(number) FROM pack").fetchone()[0]
    return 0 if number is None else int(number) // _MOST_ROWS


def sums(reader: sqlite3.Connection, asked: dict[str, Any], span: Span, start: Millis, end: Millis) -> list[Sum]:
    """What the rows of many know of this stretch."""
    rows = reader.execute(_SERIES, asked | {"start": start, "end": end, "latest": end + LONGEST}).fetchall()
    if not rows:
        return []
    content = np.frombuffer(b"".join(row[0] for row in rows), dtype=_READING)
    content = content[(content["observed_at"] >= start) & (content["observed_at"] < end)]
    value = content["value"]
    numbers, which = np.unique((content["observed_at"] - span.origin) // span.width, return_inverse=True)
    low, high = np.full(len(numbers), np.inf), np.full(len(numbers), -np.inf)
    np.minimum.at(low, which, value)
    np.maximum.at(high, which, value)
    counts, totals = np.bincount(which, minlength=len(numbers)), np.bincount(which, value, minlength=len(numbers))
    columns = (numbers.tolist(), counts.tolist(), totals.tolist(), low.tolist(), high.tolist())
    return list(map(Sum, *columns))


def latest(reader: sqlite3.Connection, household: int, signal: int) -> tuple[Millis, int, int, float] | None:
    """The last reading by observed time, then by message and record: (observed_at, offset, record, value)."""
    found = []
    for number, raw in reader.execute(_LATEST, (household, signal)):
        content = np.frombuffer(raw, dtype=_READING)
        last = content[np.lexsort((content["record"], content["observed_at"]))[-1]]
        found.append((int(last["observed_at"]), number // _MOST_ROWS, int(last["record"]), float(last["value"])))
    return max(found, default=None)


class Dumped(NamedTuple):
    """The readings of one row, and what they share."""

    offset: int
    readings: npt.NDArray[Any]  # fields observed_at, value and record
    received_at: Millis
    seq: int | None
    dong: str
    household: str
    device: str
    signal: str


def dump(reader: sqlite3.Connection, offset: int, rows: int) -> Iterator[Dumped]:
    """Up to so many rows of this message and those after it, in order."""
    for number, raw, *others in reader.execute(_DUMP, (offset * _MOST_ROWS, rows)):
        yield Dumped(number // _MOST_ROWS, np.frombuffer(raw, dtype=_READING), *others)


def prune(writer: sqlite3.Connection, before: Millis, most: int) -> int:
    """Forget up to so many of the oldest rows that were received before this; how many went."""
    return writer.execute(_PRUNE, (most, before)).rowcount
