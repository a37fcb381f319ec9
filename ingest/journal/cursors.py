"""Where each consumer stands in the journal, and where it stood, on disk or in memory."""

from __future__ import annotations

import sqlite3
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from ingest.clock import DAY, HOUR, Millis, home_day
from ingest.journal.pieces import PIECE, put_rest, with_rest
from ingest.journal.pieces import SCHEMA as PIECES
from ingest.journal.port import JournalDamaged, Position

DAILY = 40
"""Home days of which every snapshot is kept; of those before, one in seven."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (
    name TEXT PRIMARY KEY,
    offset INTEGER NOT NULL,
    state BLOB,           -- its first piece
    at INTEGER NOT NULL,  -- when the entry at the offset was received
    crc INTEGER NOT NULL  -- CRC-32 of name, offset, at and state
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshot (
    name TEXT NOT NULL,
    offset INTEGER NOT NULL,
    state BLOB,           -- compressed
    at INTEGER NOT NULL,
    crc INTEGER NOT NULL, -- as above, of the state as it was
    PRIMARY KEY (name, offset)
);
"""
_REPLACE = """
INSERT INTO cursor (name, offset, state, at, crc) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET offset = excluded.offset, state = excluded.state, at = excluded.at, crc = excluded.crc
"""
_KEEP = "INSERT OR REPLACE INTO snapshot (name, offset, state, at, crc) VALUES (?, ?, ?, ?, ?)"
_THIN = f"""
DELETE FROM snapshot WHERE name = ? AND (at + {9 * HOUR}) / {DAY} < ? AND (at + {9 * HOUR}) / {DAY} % 7 != 0
"""
_Found: TypeAlias = tuple[int, bytes | None, Millis, int]


class SqliteCursors:
    """Implements `Cursors` in one SQLite file, synced at every commit. Safe to use from several threads.

    A commit that the disk refuses comes out as sqlite3.OperationalError and leaves the position as it was; a position
    that is not what was committed raises JournalDamaged. `piece`: bytes of a state that are one value of the file.
    """

    def __init__(self, path: Path, *, piece: int = PIECE) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._piece = path, piece
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA + PIECES)
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise JournalDamaged(f"the cursors in {path} cannot be opened: {error}") from error

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def load(self, name: str) -> Position:
        """See `Cursors.load`."""
        with self._lock:
            row = self._connection.execute("SELECT offset, state, at, crc FROM cursor WHERE name = ?", (name,)).fetchone()
            if row is None:
                return Position()
            state = with_rest(self._connection, name, row[1], self._piece)
        return self._checked(name, (row[0], state, row[2], row[3]))

    def commit(self, name: str, position: Position, *, keep: bool = False) -> None:
        """See `Cursors.commit`."""
        crc = checksum(name, position)
        with self._lock:
            if not keep:
                self._together(lambda: self._replace(name, position, crc))
                return
            packed = None if position.state is None else zlib.compress(position.state, 1)
            self._together(
                lambda: self._replace(name, position, crc),
                lambda: self._connection.execute(_KEEP, (name, position.offset, packed, position.at, crc)),
                lambda: self._connection.execute(_THIN, (name, home_day(position.at) - DAILY)),
            )

    def names(self) -> list[str]:
        """See `Cursors.names`."""
        with self._lock:
            return [row[0] for row in self._connection.execute("SELECT name FROM cursor ORDER BY name")]

    def snapshots(self, name: str) -> list[int]:
        """See `Cursors.snapshots`."""
        with self._lock:
            rows = self._connection.execute("SELECT offset FROM snapshot WHERE name = ? ORDER BY offset", (name,))
            return [row[0] for row in rows]

    def snapshot(self, name: str, offset: int) -> Position:
        """See `Cursors.snapshot`."""
        wanted = "SELECT offset, state, at, crc FROM snapshot WHERE name = ? AND offset = ?"
        with self._lock:
            row = self._connection.execute(wanted, (name, offset)).fetchone()
        if row is None:
            raise KeyError(f"{name} has no snapshot at offset {offset}")
        try:
            state = None if row[1] is None else zlib.decompress(row[1])
        except zlib.error as error:
            raise JournalDamaged(f"the snapshot of {name} at offset {offset} in {self._path} is damaged: {error}") from error
        return self._checked(name, (row[0], state, row[2], row[3]))

    def forget(self, name: str, *, below: int = 0, above: int | None = None) -> None:
        """See `Cursors.forget`."""
        with self._lock:
            self._connection.execute(
                "DELETE FROM snapshot WHERE name = ? AND (offset < ? OR offset > ?)",
                (name, below, 2**63 - 1 if above is None else above),
            )

    def remove(self, name: str) -> None:
        """See `Cursors.remove`."""
        with self._lock:
            self._together(
                lambda: self._connection.execute("DELETE FROM piece WHERE of = ?", (name,)),
                lambda: self._connection.execute("DELETE FROM cursor WHERE name = ?", (name,)),
                lambda: self._connection.execute("DELETE FROM snapshot WHERE name = ?", (name,)),
            )

    def _replace(self, name: str, position: Position, crc: int) -> None:
        first = put_rest(self._connection, name, position.state, self._piece)
        self._connection.execute(_REPLACE, (name, position.offset, first, position.at, crc))

    def _together(self, *statements: Callable[[], object]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in statements:
                statement()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def _checked(self, name: str, row: _Found) -> Position:
        offset, state, at, crc = row
        position = Position(offset=offset, state=state, at=at)
        if crc != checksum(name, position):
            raise JournalDamaged(f"the cursor {name} at offset {offset} in {self._path} is not what was committed (checksum)")
        return position

    def close(self) -> None:
        """See `Cursors.close`."""
        with self._lock:
            self._connection.close()


def checksum(name: str, position: Position) -> int:
    """CRC-32 of a consumer's position."""
    frame = f"{name}|{position.offset}|{position.at}|{position.state is None}"
    return zlib.crc32(position.state or b"", zlib.crc32(frame.encode()))


class MemoryCursors:
    """Implements `Cursors` for as long as the object lives."""

    def __init__(self) -> None:
        self._positions: dict[str, Position] = {}
        self._snapshots: dict[str, dict[int, Position]] = {}

    def load(self, name: str) -> Position:
        """See `Cursors.load`."""
        return self._positions.get(name, Position())

    def commit(self, name: str, position: Position, *, keep: bool = False) -> None:
        """See `Cursors.commit`."""
        self._positions[name] = position
        if keep:
            oldest = home_day(position.at) - DAILY
            past = {
                offset: one
                for offset, one in self._snapshots.get(name, {}).items()
                if home_day(one.at) >= oldest or home_day(one.at) % 7 == 0
            }
            self._snapshots[name] = {**past, position.offset: position}

    def names(self) -> list[str]:
        """See `Cursors.names`."""
        return sorted(self._positions)

    def snapshots(self, name: str) -> list[int]:
        """See `Cursors.snapshots`."""
        return sorted(self._snapshots.get(name, {}))

    def snapshot(self, name: str, offset: int) -> Position:
        """See `Cursors.snapshot`."""
        return self._snapshots.get(name, {})[offset]

    def forget(self, name: str, *, below: int = 0, above: int | None = None) -> None:
        """See `Cursors.forget`."""
        kept = self._snapshots.get(name, {})
        self._snapshots[name] = {
            offset: one for offset, one in kept.items() if offset >= below and (above is None or offset <= above)
        }

    def remove(self, name: str) -> None:
        """See `Cursors.remove`."""
        self._positions.pop(name, None)
        self._snapshots.pop(name, None)

    def close(self) -> None:
        """See `Cursors.close`."""
