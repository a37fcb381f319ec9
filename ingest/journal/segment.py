"""One file of the journal: how an entry is written as a row, and how the row is checked when it is read back."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import msgspec

from ingest.clock import Millis
from ingest.facts import decode_fact, encode_fact
from ingest.journal.port import READ_BYTES, Body, Entry, JournalDamaged, Message

_MESSAGE, _FACT = 0, 1
_RETAIN, _DUP, _CATCHING_UP = 1, 2, 4

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
    offset INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    lifted INTEGER NOT NULL,   -- how far received_at lies after the message's own
    kind INTEGER NOT NULL,     -- 0 message, 1 fact
    source TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload BLOB NOT NULL,     -- a fact: its JSON
    flags INTEGER NOT NULL,    -- 1 retain, 2 dup, 4 catching up
    fact_id TEXT,
    crc INTEGER NOT NULL       -- CRC-32 of all of the above
);
CREATE INDEX IF NOT EXISTS entry_fact ON entry (fact_id) WHERE fact_id IS NOT NULL;
"""
_ROWS = 90
"""Rows in one statement: the lock that lets one Python thread run is given away at each, and may be long in coming back.
Nine hundred parameters are what every SQLite takes."""

_ONE = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT = f"INSERT INTO entry VALUES {_ONE}"
_INSERT_MANY = f"INSERT INTO entry VALUES {', '.join([_ONE] * _ROWS)}"
INSERT_OR_LEAVE = f"INSERT OR IGNORE INTO entry VALUES {_ONE}"
_FACTS = "SELECT * FROM entry WHERE kind = 1 ORDER BY offset"
_SELECT = "SELECT * FROM entry WHERE offset > ? ORDER BY offset LIMIT ?"

Row: TypeAlias = tuple[int, Millis, int, int, str, str, bytes, int, str | None, int]


def to_row(offset: int, received_at: Millis, body: Body) -> Row:
    """The entry as it is stored. UnicodeEncodeError for text that no file could hold."""
    if isinstance(body, Message):
        flags = _RETAIN * body.retain + _DUP * body.dup + _CATCHING_UP * body.catching_up
        lifted = received_at - body.received_at
        source, topic, payload = body.source, body.topic, body.payload
        crc = _crc(offset, received_at, lifted, _MESSAGE, source, topic, payload, flags, None)
        return offset, received_at, lifted, _MESSAGE, source, topic, payload, flags, None, crc
    payload = encode_fact(body)
    crc = _crc(offset, received_at, 0, _FACT, "", "", payload, 0, body.fact_id)
    return offset, received_at, 0, _FACT, "", "", payload, 0, body.fact_id, crc


def _crc(
    offset: int,
    received_at: int,
    lifted: int,
    kind: int,
    source: str,
    topic: str,
    payload: bytes,
    flags: int,
    fact_id: str | None,
) -> int:
    frame = f"{offset}|{received_at}|{lifted}|{kind}|{flags}|{source}|{topic}|{fact_id}"
    return zlib.crc32(payload, zlib.crc32(frame.encode()))


def read_entries(connection: sqlite3.Connection, segment: Path, after: int, limit: int, *, gaps: bool = False) -> list[Entry]:
    """Up to `limit` entries above `after` that lie in this segment; unless `gaps`, none missing. Raises JournalDamaged."""
    entries: list[Entry] = []
    size, expected = 0, after + 1
    try:
        for row in connection.execute(_SELECT, (after, limit)):
            entry = from_row(row, segment, row[0] if gaps else expected)
            entries.append(entry)
            expected += 1
            size += len(row[6])
            if size >= READ_BYTES:
                break
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        raise JournalDamaged(f"segment {segment.name} cannot be read at offset {expected}: {error}") from error
    return entries


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # the low byte is the primary code
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR)


def from_row(row: Row, segment: Path, expected: int) -> Entry:
    """The entry of a row as SQLite gave it. Raises JournalDamaged where it is not what was written at this offset."""
    offset, received_at, lifted, kind, source, topic, payload, flags, fact_id, crc = row
    if offset != expected:
        raise JournalDamaged(f"segment {segment.name}: offset {expected} is missing, the next one there is {offset}")
    try:
        if crc != _crc(offset, received_at, lifted, kind, source, topic, payload, flags, fact_id):
            raise JournalDamaged(f"segment {segment.name}: offset {offset} is not what was written there (checksum)")
        body: Body
        if kind == _FACT:
            body = decode_fact(payload)
        else:
            body = Message(
                received_at=received_at - lifted,
                source=source,
                topic=topic,
                payload=payload,
                retain=flags & _RETAIN != 0,
                dup=flags & _DUP != 0,
                catching_up=flags & _CATCHING_UP != 0,
            )
    except (TypeError, msgspec.MsgspecError) as error:  # a column of another type; a fact this version does not know
        raise JournalDamaged(f"segment {segment.name}: offset {offset} cannot be understood: {error}") from error
    return Entry(offset=offset, received_at=received_at, body=body)


def received_at(connection: sqlite3.Connection, segment: Path, offset: int) -> Millis:
    """When the entry at this offset was received, not checked against its checksum. Raises JournalDamaged."""
    row = connection.execute("SELECT received_at FROM entry WHERE offset = ?", (offset,)).fetchone()
    if row is None or not isinstance(row[0], int):
        raise JournalDamaged(f"segment {segment.name}: offset {offset} is missing")
    return row[0]


def fact_rows(connection: sqlite3.Connection, segment: Path) -> Iterator[Row]:
    """The rows of all facts of this segment, checked. Raises JournalDamaged."""
    try:
        for row in connection.execute(_FACTS):
            from_row(row, segment, row[0])
            yield row
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(f"segment {segment.name}: its facts cannot be read: {error}") from error


class Segment:
    """A segment file open for writing. Errors of SQLite and of the file system come out as they are."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.first = first_offset(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(SCHEMA)
            self.size: int = self._connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()[0]
        except BaseException:
            self._connection.close()
            raise

    def last(self) -> tuple[int, Millis]:
        """Offset and receive time of the newest entry; the offset before the first, and 0, where there is none."""
        row = self._connection.execute("SELECT offset, received_at FROM entry ORDER BY offset DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else (self.first - 1, 0)

    def first_at(self) -> Millis | None:
        """Receive time of the oldest entry; None where there is none."""
        row = self._connection.execute("SELECT received_at FROM entry ORDER BY offset LIMIT 1").fetchone()
        return row[0] if row else None

    def write(self, rows: Sequence[Row]) -> None:
        """All rows or none, durable on return."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            many = len(rows) - len(rows) % _ROWS
            for start in range(0, many, _ROWS):
                self._connection.execute(_INSERT_MANY, list(chain.from_iterable(rows[start : start + _ROWS])))
            self._connection.executemany(_INSERT, rows[many:])
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite ends the transaction itself after some I/O errors
                self._connection.execute("ROLLBACK")
            raise
        self.size += sum(len(row[4]) + len(row[5]) + len(row[6]) + 48 for row in rows)

    def close(self) -> None:
        """Fold the write-ahead log into the file where no reader is in the way, and let go."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.close()


def facts_in(connection: sqlite3.Connection, segment: Path, after: int) -> Iterator[str]:
    """The ids of the facts above the offset `after` in this segment. Raises JournalDamaged."""
    try:
        for row in connection.execute("SELECT fact_id FROM entry WHERE fact_id IS NOT NULL AND offset > ?", (after,)):
            yield row[0]
    except sqlite3.DatabaseError as error:
        raise JournalDamaged(f"segment {segment.name}: its facts after offset {after} cannot be read: {error}") from error


def segment_path(folder: Path, first: int) -> Path:
    """The file of the segment whose first offset is `first`; names sort as offsets do."""
    return folder / f"{first:020d}.db"


def first_offset(path: Path) -> int:
    """The offset in a segment's name."""
    return int(path.stem)


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that sees every committed entry and writes nothing; any thread may use it, one at a time."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection
