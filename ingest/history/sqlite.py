"""Readings of all households in one SQLite file, compact enough to keep years of them.

Texts that repeat (households, devices, signals) are numbered once. A row's key is the journal's offset and the index,
so writing again what was written before a crash changes nothing. Every write is synced before it returns: the reader's
cursor, which is durable too, must never stand beyond rows that a power cut takes back.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ingest.clock import Millis
from ingest.history.memory import bucket_width
from ingest.history.port import Bucket, HistoryUnavailable
from ingest.reading import HouseholdId, Reading, Signal

SCHEMA_VERSION = 1

_SCHEMA = """
CREATE TABLE household (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE device (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE signal (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE reading (
    "offset" INTEGER NOT NULL, "index" INTEGER NOT NULL,
    household INTEGER NOT NULL, device INTEGER NOT NULL, signal INTEGER NOT NULL,
    observed_at INTEGER NOT NULL, received_at INTEGER NOT NULL, value REAL NOT NULL,
    credible INTEGER NOT NULL, skewed INTEGER NOT NULL,
    PRIMARY KEY ("offset", "index")
) WITHOUT ROWID;
CREATE INDEX chart ON reading (household, signal, credible, observed_at, "offset", "index", value);
"""

_WRITE = "INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_SERIES = """
SELECT (observed_at - :start) / :width AS bucket, count(*), avg(value), min(value), max(value)
FROM reading
WHERE household = (SELECT number FROM household WHERE text = :household)
  AND signal = (SELECT number FROM signal WHERE text = :signal)
  AND observed_at >= :start AND observed_at < :end AND credible = 1
GROUP BY bucket ORDER BY bucket
"""

_LATEST = """
SELECT observed_at, value FROM reading
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
        self._numbers: dict[str, dict[str, int]] = {"household": {}, "device": {}, "signal": {}}
        self._writer: sqlite3.Connection | None = None
        try:
            self._writer = self._connect()
            self._prepare(self._writer)
        except sqlite3.Error as error:
            self._drop_writer()
            raise HistoryUnavailable(f"{path}: {error}") from error

    def write(self, readings: Sequence[Reading]) -> None:
        """Keep these readings in one synced transaction; of one offset and index the last one written counts."""
        with self._lock:
            self._refuse_when_closed()
            try:
                writer = self._writer = self._writer or self._connect()
                writer.execute("BEGIN IMMEDIATE")
                writer.executemany(_WRITE, [self._row(writer, one) for one in readings if one.household_id is not None])
                writer.execute("COMMIT")
            except sqlite3.Error as error:
                self._drop_writer()
                raise HistoryUnavailable(f"{self._path}: {error}") from error
            except BaseException:
                self._drop_writer()
                raise

    def series(self, household_id: HouseholdId, signal: Signal, start: Millis, end: Millis, points: int) -> list[Bucket]:
        """At most `points` equal buckets of credible readings, aggregated by the store."""
        width = bucket_width(start, end, points)
        asked = {"household": household_id, "signal": signal.value, "start": start, "end": end, "width": width}
        with self._reader() as reader:
            rows = reader.execute(_SERIES, asked).fetchall()
        return [
            Bucket(start=start + number * width, count=count, mean=mean, min=low, max=high)
            for number, count, mean, low, high in rows
        ]

    def latest(self, household_id: HouseholdId) -> dict[Signal, tuple[Millis, float]]:
        """The last credible reading of each signal; of equal times the one that came last."""
        found: dict[Signal, tuple[Millis, float]] = {}
        with self._reader() as reader:
            household = reader.execute("SELECT number FROM household WHERE text = ?", (household_id,)).fetchone()
            if household is None:
                return found
            for number, text in reader.execute("SELECT number, text FROM signal").fetchall():
                row = reader.execute(_LATEST, (household[0], number)).fetchone()
                if row is not None:
                    found[Signal(text)] = (row[0], row[1])
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
            writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version={SCHEMA_VERSION}; COMMIT;")
        elif found != SCHEMA_VERSION:
            self._drop_writer()
            raise HistoryUnavailable(
                f"{self._path} has schema {found}, this version needs {SCHEMA_VERSION}: move the file away and reset the"
                " history cursor, the journal fills it again"
            )

    def _row(self, writer: sqlite3.Connection, reading: Reading) -> tuple[int | float, ...]:
        return (
            reading.offset,
            reading.index,
            self._number(writer, "household", str(reading.household_id)),
            self._number(writer, "device", reading.device_id),
            self._number(writer, "signal", reading.signal.value),
            reading.observed_at,
            reading.received_at,
            reading.value,
            reading.credible,
            reading.skewed,
        )

    def _number(self, writer: sqlite3.Connection, table: str, text: str) -> int:
        """The number that stands for a text in one of our three dictionaries."""
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
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _refuse_when_closed(self) -> None:
        if self._closed.is_set():
            raise HistoryUnavailable("the history is closed")

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A connection no other thread uses meanwhile; kept for the next one who asks."""
        with self._readers_lock:
            self._refuse_when_closed()
            reader = self._idle_readers.pop() if self._idle_readers else None
        try:
            reader = reader or self._connect()
            yield reader
        except sqlite3.Error as error:
            if reader is not None:
                reader.close()
            raise HistoryUnavailable(f"{self._path}: {error}") from error
        with self._readers_lock:
            if self._closed.is_set():
                reader.close()
            else:
                self._idle_readers.append(reader)
