"""Values longer than SQLite takes as one, 1 GB as it is built by default: the first piece where it belongs, the others beside."""

from __future__ import annotations

import sqlite3

PIECE = 2**28
"""Bytes."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS piece (
    of TEXT NOT NULL, place INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (of, place)
) WITHOUT ROWID;
"""


def put_rest(connection: sqlite3.Connection, of: str, value: bytes | None, length: int) -> memoryview | None:
    """Put all but the first `length` bytes into pieces, in place of those there were; those first bytes. In a transaction."""
    connection.execute("DELETE FROM piece WHERE of = ?", (of,))
    if value is None:
        return None
    seen = memoryview(value)
    rest = ((of, start // length, seen[start : start + length]) for start in range(length, len(value), length))
    connection.executemany("INSERT INTO piece VALUES (?, ?, ?)", rest)
    return seen[:length]


def with_rest(connection: sqlite3.Connection, of: str, first: bytes | None, length: int) -> bytes | None:
    """The value of which these are the first bytes. A file from before values were cut has no pieces to be asked for."""
    if first is None or len(first) != length:
        return first
    rest = connection.execute("SELECT content FROM piece WHERE of = ? ORDER BY place", (of,))
    return b"".join([first, *(content for (content,) in rest)])
