"""Everything the embedded history holds, for those who carry it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.clock import Millis
from ingest.history import sqlite_packs
from ingest.history.port import HourPart
from ingest.history.sqlite import SqliteHistory
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal

_NAMES = """
JOIN dong ON dong.number = {0}.dong JOIN household ON household.number = {0}.household
JOIN device ON device.number = {0}.device JOIN signal ON signal.number = {0}.signal
"""
_DUMPED = (
    *("offset", "index", "observed_at", "received_at", "value", "seq", "credible", "skewed"),
    *("dong_code", "household_id", "device_id"),
)
_DUMP = f"""
SELECT "offset", "index", observed_at, received_at, value, seq, credible, skewed,
       dong.text, household.text, device.text, signal.text
FROM reading {_NAMES.format("reading")}
WHERE ("offset", "index") > (?, ?) ORDER BY "offset", "index" LIMIT ?
"""
_DUMPED_HOUR = ("hour", "first", "count", "total", "min", "max", "dong_code", "household_id", "device_id")
_DUMP_HOURS = f"""
SELECT hour, "first", count, total, min, max, dong.text, household.text, device.text, signal.text
FROM hour {_NAMES.format("hour")}
"""


_PACKS_AT_ONCE = 2_100
"""Rows of many, at least two whole messages of them."""


def dump_readings(history: SqliteHistory, after: tuple[int, int], limit: int) -> list[Reading]:
    """Up to `limit` readings that follow this offset and index, in order. Raises HistoryUnavailable."""
    with history.reader() as reader:
        rows = reader.execute(_DUMP, (*after, limit)).fetchall()
        packs = list(sqlite_packs.dump(reader, max(after[0], 0), _PACKS_AT_ONCE))
    known_to = (packs[-1].offset, -1) if len(packs) == _PACKS_AT_ONCE else None  # the last message may go on
    if len(rows) == limit and (known_to is None or rows[-1][:2] < known_to):
        known_to = (rows[-1][0], rows[-1][1] + 1)
    found = [Reading(**dict(zip(_DUMPED, row[:-1], strict=True)), signal=Signal(row[-1])) for row in rows]
    found += [one for pack in packs for one in _unpacked(pack)]
    kept = [one for one in found if (one.offset, one.index) > after and (known_to is None or (one.offset, one.index) < known_to)]
    return sorted(kept, key=lambda one: (one.offset, one.index))[:limit]


def _unpacked(pack: sqlite_packs.Dumped) -> Iterator[Reading]:
    for observed_at, value, record in pack.readings.tolist():
        yield Reading(
            offset=pack.offset,
            index=record,
            dong_code=DongCode(pack.dong),
            household_id=HouseholdId(pack.household),
            device_id=DeviceId(pack.device),
            signal=Signal(pack.signal),
            value=value,
            observed_at=observed_at,
            received_at=pack.received_at,
            seq=pack.seq,
        )


def dump_hours(history: SqliteHistory) -> tuple[list[HourPart], Millis | None]:
    """All parts of hours, and to which time hours are rolled up. Raises HistoryUnavailable."""
    with history.reader() as reader:
        rows = reader.execute(_DUMP_HOURS).fetchall()
        mark = reader.execute("SELECT at FROM mark WHERE name = 'rolled_to'").fetchone()
    parts = [HourPart(**dict(zip(_DUMPED_HOUR, row[:-1], strict=True)), signal=Signal(row[-1])) for row in rows]
    return parts, mark[0] if mark else None
