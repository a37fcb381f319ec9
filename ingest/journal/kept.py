"""What outlives pruning: the facts of the segments that are gone, and each consumer's state where the journal was cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.journal.cursors import checksum
from ingest.journal.pieces import PIECE, put_rest, with_rest
from ingest.journal.pieces import SCHEMA as PIECES
from ingest.journal.port import Entry, JournalDamaged, Position
from ingest.journal.segment import INSERT_OR_LEAVE, SCHEMA, Row, open_reader, read_entries

NAME = "kept.db"

_MORE = """
CREATE TABLE IF NOT EXISTS cut (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS base (
    name TEXT PRIMARY KEY, offset INTEGER NOT NULL, state BLOB, at INTEGER NOT NULL, crc INTEGER NOT NULL
);
"""
_BASE = "INSERT OR REPLACE INTO base (name, offset, state, at, crc) VALUES (?, ?, ?, ?, ?)"
_AT_ONCE = 1_000


class Kept:
    """One file beside the segments, made by the first prune. Nothing is held open between calls; only one may write."""

    def __init__(self, folder: Path, *, piece: int = PIECE) -> None:
        self._path, self._piece = folder / NAME, piece

    def cut(self) -> int:
        """Everything up to this offset is gone but for its facts; 0 where nothing was ever pruned."""
        if not self._path.exists():
            return 0
        try:
            with closing(open_reader(self._path)) as connection:
                row = connection.execute("SELECT upto FROM cut").fetchone()
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"{self._path} cannot be read: {error}") from error
        return row[0] if row else 0

    def add(self, facts: Iterable[Row], bases: Mapping[str, Position], cut: int) -> None:
        """Take these facts, put these states in place of older ones, move the cut; all of it or nothing, durable on return.

        Errors of SQLite come out as they are.
        """
        rows = iter(facts)
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(SCHEMA + _MORE + PIECES)
            connection.execute("BEGIN IMMEDIATE")
            try:
                while part := list(islice(rows, _AT_ONCE)):
                    connection.executemany(INSERT_OR_LEAVE, part)
                for name, base in bases.items():
                    first = put_rest(connection, name, base.state, self._piece)
                    connection.execute(_BASE, (name, base.offset, first, base.at, checksum(name, base)))
                connection.execute("INSERT OR REPLACE INTO cut VALUES (1, ?)", (cut,))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def base(self, name: str) -> Position:
        """The consumer's state at the cut; the beginning where there is none. Raises JournalDamaged."""
        if not self._path.exists():
            return Position()
        try:
            with closing(open_reader(self._path)) as connection:
                row = connection.execute("SELECT offset, state, at, crc FROM base WHERE name = ?", (name,)).fetchone()
                if row is None:
                    return Position()
                position = Position(offset=row[0], state=with_rest(connection, name, row[1], self._piece), at=row[2])
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"{self._path} cannot be read: {error}") from error
        if row[3] != checksum(name, position):
            raise JournalDamaged(f"{self._path}: the state of {name} at the cut is not what was written there (checksum)")
        return position

    def names(self) -> list[str]:
        """Whose state is kept."""
        return [row[0] for row in self._rows("SELECT name FROM base ORDER BY name", ())]

    def _rows(self, question: str, values: tuple[object, ...]) -> list[Any]:
        if not self._path.exists():
            return []
        try:
            with closing(open_reader(self._path)) as connection:
                return connection.execute(question, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"{self._path} cannot be read: {error}") from error

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` kept facts above the offset `after`. Raises JournalDamaged."""
        try:
            with closing(open_reader(self._path)) as connection:
                return read_entries(connection, self._path, after, limit, gaps=True)
        except sqlite3.OperationalError as error:
            raise JournalDamaged(f"{self._path} cannot be opened: {error}") from error

    def fact_ids(self) -> Iterator[str]:
        """The ids of all kept facts. Raises JournalDamaged."""
        yield from (row[0] for row in self._rows("SELECT fact_id FROM entry WHERE fact_id IS NOT NULL", ()))

    def count(self) -> int:
        """How many facts are kept."""
        rows = self._rows("SELECT count(*) FROM entry", ())
        return rows[0][0] if rows else 0
