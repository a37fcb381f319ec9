"""Everything the embedded history holds, for those who carry it elsewhere."""

from __future__ import annotations

from ingest.clock import Millis
from ingest.history.port import HourPart
from ingest.history.sqlite import SqliteHistory
from ingest.reading import Reading, Signal

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


def dump_readings(history: SqliteHistory, after: tuple[int, int], limit: int) -> list[Reading]:
    """Up to `limit` readings that follow this offset and index, in order. Raises HistoryUnavailable."""
    with history.reader() as reader:
        rows = reader.execute(_DUMP, (*after, limit)).fetchall()
    return [Reading(**dict(zip(_DUMPED, row[:-1], strict=True)), signal=Signal(row[-1])) for row in rows]


def dump_hours(history: SqliteHistory) -> tuple[list[HourPart], Millis | None]:
    """All parts of hours, and to which time hours are rolled up. Raises HistoryUnavailable."""
    with history.reader() as reader:
        rows = reader.execute(_DUMP_HOURS).fetchall()
        mark = reader.execute("SELECT at FROM mark WHERE name = 'rolled_to'").fetchone()
    parts = [HourPart(**dict(zip(_DUMPED_HOUR, row[:-1], strict=True)), signal=Signal(row[-1])) for row in rows]
    return parts, mark[0] if mark else None
