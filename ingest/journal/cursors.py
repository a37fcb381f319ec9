"""Where each consumer stands in the journal, on disk or in memory."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from pathlib import Path

from ingest.journal.port import JournalDamaged, Position

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (
    name TEXT PRIMARY KEY,
    offset INTEGER NOT NULL,
    state BLOB,
    crc INTEGER NOT NULL  -- CRC-32 of name, offset and state
) WITHOUT ROWID
"""
_REPLACE = """
INSERT INTO cursor VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET offset = excluded.offset, state = excluded.state, crc = excluded.crc
"""


class SqliteCursors:
    """Implements `Cursors` in one SQLite file, synced at every commit. Safe to use from several threads.

    A commit that the disk refuses comes out as sqlite3.OperationalError and leaves the position as it was; a position
    that is not what was committed raises JournalDamaged.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise JournalDamaged(f"the cursors in {path} cannot be opened: {error}") from error

    def load(self, name: str) -> Position:
        """See `Cursors.load`."""
        with self._lock:
            row = self._connection.execute("SELECT offset, state, crc FROM cursor WHERE name = ?", (name,)).fetchone()
        if row is None:
            return Position()
        offset, state, crc = row
        if crc != _crc(name, offset, state):
            raise JournalDamaged(f"the cursor {name} in {self._path} is not what was committed (checksum)")
        return Position(offset=offset, state=state)

    def commit(self, name: str, position: Position) -> None:
        """See `Cursors.commit`."""
        row = (name, position.offset, position.state, _crc(name, position.offset, position.state))
        with self._lock:
            self._connection.execute(_REPLACE, row)

    def close(self) -> None:
        """See `Cursors.close`."""
        with self._lock:
            self._connection.close()


def _crc(name: str, offset: int, state: bytes | None) -> int:
    return zlib.crc32(state or b"", zlib.crc32(f"{name}|{offset}|{state is None}".encode()))


class MemoryCursors:
    """Implements `Cursors` for as long as the object lives."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}

    def load(self, name: str) -> Position:
        """See `Cursors.load`."""
        return self._positions.get(name, Position())

    def commit(self, name: str, position: Position) -> None:
        """See `Cursors.commit`."""
        self._positions[name] = position

    def close(self) -> None:
        """See `Cursors.close`."""
