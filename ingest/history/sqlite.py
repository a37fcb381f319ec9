"""Readings and rolled up hours of all households in one SQLite file.

Texts that repeat (dongs, households, devices, signals) are numbered once. A row's key is the journal's offset and the index,
so writing again what was written before a crash changes nothing. Every write is synced before it returns: the reader's
cursor, which is durable too, must never stand beyond rows that a power cut takes back.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np

from ingest.clock import Millis
from ingest.history import sqlite_packs
from ingest.history.port import Bucket, HistoryUnavailable, HourPart
from ingest.history.span import Sum, span_of
from ingest.reading import HouseholdId, Reading, Signal
from ingest.readings import SIGNALS, Readings, Whose

SCHEMA_VERSION = 3
_WITHOUT_PACKS = 2

_SCHEMA = """
CREATE TABLE dong (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE household (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE device (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE signal (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE reading (
    "offset" INTEGER NOT NULL, "index" INTEGER NOT NULL,
    household INTEGER NOT NULL, device INTEGER NOT NULL, signal INTEGER NOT NULL,
    observed_at INTEGER NOT NULL, received_at INTEGER NOT NULL, value REAL NOT NULL,
    credible INTEGER NOT NULL, skewed INTEGER NOT NULL, dong INTEGER NOT NULL, seq INTEGER,
    PRIMARY KEY ("offset", "index")
) WITHOUT ROWID;
CREATE INDEX chart ON reading (household, signal, credible, observed_at, "offset", "index", value);
CREATE TABLE hour (
    household INTEGER NOT NULL, signal INTEGER NOT NULL, hour INTEGER NOT NULL,
    device INTEGER NOT NULL, "first" INTEGER NOT NULL, dong INTEGER NOT NULL,
    count INTEGER NOT NULL, total REAL NOT NULL, min REAL NOT NULL, max REAL NOT NULL,
    PRIMARY KEY (household, signal, hour, device, "first")
) WITHOUT ROWID;
CREATE INDEX age ON hour (hour);
CREATE TABLE mark (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;  -- rolled_to, raw_since
"""

_ONE = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS = 75
"""Rows in one statement: the lock that lets one Python thread run is given away at each, and may be long in coming back.
Nine hundred parameters are what every SQLite takes."""

_WRITE = f"INSERT OR REPLACE INTO reading VALUES {_ONE}"
_WRITE_MANY = f"INSERT OR REPLACE INTO reading VALUES {', '.join([_ONE] * _ROWS)}"
_COLUMNS = 12

SERIES = 200_000
"""Series (place and signal) of which the numbers are remembered together; the memory is emptied when full."""

_WRITE_HOUR = "INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MARK = "INSERT INTO mark VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = max(at, excluded.at)"

PRUNED_AT_ONCE = 5_000
_OLDEST = """
SELECT max("offset") FROM (
    SELECT "offset", received_at FROM reading ORDER BY "offset" LIMIT ?2
) WHERE received_at < ?1
"""
_PRUNE = 'DELETE FROM reading WHERE "offset" <= ? AND received_at < ?'
_PRUNE_HOURS = """
DELETE FROM hour WHERE (household, signal, hour, device, "first") IN (
    SELECT household, signal, hour, device, "first" FROM hour WHERE hour < ? LIMIT ?
)
"""

_SERIES = """
SELECT (observed_at - :origin) / :width AS bucket, count(*), sum(value), min(value), max(value)
FROM reading
WHERE household = (SELECT number FROM household WHERE text = :household)
  AND signal = (SELECT number FROM signal WHERE text = :signal)
  AND observed_at >= :start AND observed_at < :end AND credible = 1
GROUP BY bucket ORDER BY bucket
"""

_HOURS = """
SELECT (hour - :origin) / :width AS bucket, sum(count), sum(total), min(min), max(max)
FROM hour
WHERE household = (SELECT number FROM household WHERE text = :household)
  AND signal = (SELECT number FROM signal WHERE text = :signal)
  AND hour >= :start AND hour < :end
GROUP BY bucket ORDER BY bucket
"""

_LATEST = """
SELECT observed_at, "offset", "index", value FROM reading
WHERE household = ? AND signal = ? AND credible = 1
ORDER BY observed_at DESC, "offset" DESC, "index" DESC LIMIT 1
"""


class SqliteHistory:
    """Implements History on the file `path`, which is made where it is missing; one process writes it.

    `busy_timeout_s` is how long to wait for another writer (a backup, say) before HistoryUnavailable.

    Raises HistoryUnavailable where the file cannot be opened, or was made by another version of this schema.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 5.0) -> None:
        self._path, self._busy_timeout_s = path, busy_timeout_s
        self._lock = threading.Lock()  # for the writer and its numbers
        self._readers_lock = threading.Lock()
        self._idle_readers: list[sqlite3.Connection] = []
        self._closed = threading.Event()
        self._numbers: dict[str, dict[str, int]] = {"dong": {}, "household": {}, "device": {}, "signal": {}}
        self._places: Sequence[Whose] = ()
        self._series: dict[int, tuple[int, int, int, int]] = {}  # by place of these and signal
        self._newest = 0  # the highest offset of which readings are kept
        self._writer: sqlite3.Connection | None = None
        try:
            self._writer = self._connect()
            self._prepare(self._writer)
        except sqlite3.Error as error:
            self._drop_writer()
            raise HistoryUnavailable(f"{path}: {error}") from error

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings in one synced transaction; of one offset and index the last one written counts."""
        columns = readings if isinstance(readings, Readings) else Readings.of(one for one in readings if one.household_id)
        if not len(columns):
            return
        packs, singles = sqlite_packs.parted(columns)
        with self._transaction() as writer:
            if columns.offset.min() <= self._newest:  # after a crash, or by a decoder that was mended
                sqlite_packs.forget(writer, np.unique(columns.offset).tolist(), packs)
            self._meet(columns)
            sqlite_packs.write(writer, columns, packs, partial(self._numbers_of, writer))
            values = self._values(writer, singles)
            whole = len(values) - len(values) % (_ROWS * _COLUMNS)
            for start in range(0, whole, _ROWS * _COLUMNS):
                writer.execute(_WRITE_MANY, values[start : start + _ROWS * _COLUMNS])
            for start in range(whole, len(values), _COLUMNS):
                writer.execute(_WRITE, values[start : start + _COLUMNS])
        self._newest = max(self._newest, int(columns.offset.max()))

    def write_hours(self, parts: Sequence[HourPart], rolled_to: Millis) -> None:
        """Keep these parts and the mark in one synced transaction."""
        with self._transaction() as writer:
            writer.executemany(_WRITE_HOUR, [self._hour_row(writer, one) for one in parts])
            writer.execute(_MARK, ("rolled_to", rolled_to))

    def prune(self, raw_before: Millis, hours_before: Millis) -> int:
        """Forget what is older, a few thousand rows at a time, so that no writer waits long. Raises HistoryUnavailable."""
        gone = 0
        while True:
            with self._transaction() as writer:
                writer.execute(_MARK, ("raw_since", raw_before))
                # Receive times never go down along offsets: the first rows are the oldest.
                oldest = writer.execute(_OLDEST, (raw_before, PRUNED_AT_ONCE)).fetchone()
                stale = oldest[0] is not None and writer.execute(_PRUNE, (oldest[0], raw_before)).rowcount
                stale += sqlite_packs.prune(writer, raw_before, PRUNED_AT_ONCE)
                stale += writer.execute(_PRUNE_HOURS, (hours_before, PRUNED_AT_ONCE)).rowcount
            gone += stale
            if not stale:
                return gone

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets of credible readings, aggregated by the store."""
        with self.reader() as reader:
            marks = dict(reader.execute("SELECT name, at FROM mark").fetchall())
            span = span_of(start, end, points, marks.get("raw_since"))
            asked = {"household": household_id, "signal": signal.value, "origin": span.origin, "width": span.width}
            sums: list[Sum] = []
            for hourly, first, last in span.stretches(marks.get("rolled_to"), marks.get("raw_since")):
                rows = reader.execute(_HOURS if hourly else _SERIES, asked | {"start": first, "end": last})
                sums += map(Sum._make, rows)
                if not hourly:
                    sums += sqlite_packs.sums(reader, asked, span, first, last)
        return list(span.buckets(sums))

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last credible reading of each signal; of equal times the one that came last."""
        found: dict[Signal, tuple[Millis, float]] = {}
        with self.reader() as reader:
            household = reader.execute("SELECT number FROM household WHERE text = ?", (household_id,)).fetchone()
            if household is None:
                return found
            for number, text in reader.execute("SELECT number, text FROM signal").fetchall():
                single = reader.execute(_LATEST, (household[0], number)).fetchone()
                heard = [one for one in (single, sqlite_packs.latest(reader, household[0], number)) if one is not None]
                if heard:
                    observed_at, _, _, value = max(heard)
                    found[Signal(text)] = (observed_at, value)
        return found

    def close(self) -> None:
        """Give up the file; everything written stays."""
        with self._lock, self._readers_lock:
            self._closed.set()
            for reader in self._idle_readers:
                reader.close()
            self._idle_readers.clear()
            self._drop_writer()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _prepare(self, writer: sqlite3.Connection) -> None:
        found = writer.execute("PRAGMA user_version").fetchone()[0]
        if found == 0:
            writer.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} {sqlite_packs.SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;"
            )
        elif found == _WITHOUT_PACKS:
            writer.executescript(f"BEGIN IMMEDIATE; {sqlite_packs.SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif found != SCHEMA_VERSION:
            self._drop_writer()
            raise HistoryUnavailable(
                f"{self._path} has schema {found}, this version needs {SCHEMA_VERSION}: move the file away and reset the"
                " history cursor, the journal fills it again"
            )
        single = writer.execute('SELECT max("offset") FROM reading').fetchone()[0]
        self._newest = max(single or 0, sqlite_packs.newest(writer))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._refuse_when_closed()
            try:
                writer = self._writer = self._writer or self._connect()
                writer.execute("BEGIN IMMEDIATE")
                yield writer
                writer.execute("COMMIT")
            except sqlite3.Error as error:
                self._drop_writer()
                raise HistoryUnavailable(f"{self._path}: {error}") from error
            except BaseException:
                self._drop_writer()
                raise

    def _hour_row(self, writer: sqlite3.Connection, part: HourPart) -> tuple[int | float, ...]:
        return (
            self._number(writer, "household", part.household_id),
            self._number(writer, "signal", part.signal.value),
            part.hour,
            self._number(writer, "device", part.device_id),
            part.first,
            self._number(writer, "dong", part.dong_code),
            part.count,
            part.total,
            part.min,
            part.max,
        )

    def _values(self, writer: sqlite3.Connection, readings: Readings) -> list[int | float | None]:
        """The columns of all rows, one after the other."""
        packed, which = np.unique(readings.place * len(SIGNALS) + readings.signal, return_inverse=True)
        numbers = [self._numbers_of(writer, key) for key in packed.tolist()]
        household, device, signal, dong = np.array(numbers, dtype=np.int64).reshape(-1, 4)[which].T.tolist()
        rows = zip(
            readings.offset.tolist(),
            readings.record.tolist(),
            household,
            device,
            signal,
            readings.observed_at.tolist(),
            readings.received_at.tolist(),
            readings.value.tolist(),
            readings.credible.tolist(),
            readings.skewed.tolist(),
            dong,
            [None if seq < 0 else seq for seq in readings.seq.tolist()],
            strict=True,
        )
        return list(chain.from_iterable(rows))

    def _meet(self, readings: Readings) -> None:
        """From here on places are those of these readings."""
        if readings.places is not self._places:
            self._places, self._series = readings.places, {}

    def _numbers_of(self, writer: sqlite3.Connection, packed: int) -> tuple[int, int, int, int]:
        return self._series.get(packed) or self._series_of(writer, packed)

    def _series_of(self, writer: sqlite3.Connection, packed: int) -> tuple[int, int, int, int]:
        """The numbers of household, device, signal and dong, remembered together."""
        if len(self._series) >= SERIES:
            self._series.clear()
        place, signal = divmod(packed, len(SIGNALS))
        whose = self._places[place]
        numbers = self._series[packed] = (
            self._number(writer, "household", str(whose.household_id)),
            self._number(writer, "device", whose.device_id),
            self._number(writer, "signal", SIGNALS[signal].value),
            self._number(writer, "dong", whose.dong_code),
        )
        return numbers

    def _number(self, writer: sqlite3.Connection, table: str, text: str) -> int:
        """The number that stands for a text in one of our four dictionaries."""
        numbers = self._numbers[table]
        number = numbers.get(text)
        if number is None:
            writer.execute(f"INSERT OR IGNORE INTO {table} (text) VALUES (?)", (text,))
            number = int(writer.execute(f"SELECT number FROM {table} WHERE text = ?", (text,)).fetchone()[0])
            numbers[text] = number
        return number

    def _drop_writer(self) -> None:
        """Close the writer, which takes back a transaction that failed, and forget the numbers given out in it."""
        for numbers in self._numbers.values():
            numbers.clear()
        self._series.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise HistoryUnavailable("the history is closed")

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection no other thread uses meanwhile; kept for the next one who asks."""
        with self._readers_lock:
            self._refuse_when_closed()
            reader = self._idle_readers.pop() if self._idle_readers else None
        try:
            reader = reader or self._connect()
            reader.execute("BEGIN")  # all questions see one moment
            yield reader
            reader.execute("COMMIT")
        except sqlite3.Error as error:
            if reader is not None:
                reader.close()
            raise HistoryUnavailable(f"{self._path}: {error}") from error
        with self._readers_lock:
            if self._closed.is_set():
                reader.close()
            else:
                self._idle_readers.append(reader)
