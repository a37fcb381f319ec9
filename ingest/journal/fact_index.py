"""Which facts the journal holds, whatever segment they are in; derived from the segments and mended from them at every start."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (fact_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS covered (one INTEGER PRIMARY KEY CHECK (one = 1), upto INTEGER NOT NULL);
INSERT OR IGNORE INTO covered VALUES (1, 0);
"""
_AT_ONCE = 500  # ids per statement, below every build's limit of variables


class FactIndex:
    """Ids of the facts in all segments. Not thread-safe: the journal's writer lock guards it.

    It is written after a batch is durable, so it never names a fact the journal does not hold; what a crash kept out of
    it is read again from the segments (`facts_after`) when it is opened.
    """

    def __init__(self, path: Path, facts_after: Callable[[int], Iterator[str]], head: int) -> None:
        self._owed: set[str] = set()  # in the journal, not yet in the file
        self._connection: sqlite3.Connection
        try:
            self._begin(path, facts_after, head)
        except sqlite3.DatabaseError as error:
            log.warning("fact index damaged, building it anew from the segments", error=str(error))
            for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
                path.with_name(name).unlink(missing_ok=True)
            self._begin(path, facts_after, head)

    def _begin(self, path: Path, facts_after: Callable[[int], Iterator[str]], head: int) -> None:
        self._connection = _open(path)
        try:
            self._mend(facts_after, head)
        except BaseException:
            self._connection.close()
            raise

    def _mend(self, facts_after: Callable[[int], Iterator[str]], head: int) -> None:
        covered: int = self._connection.execute("SELECT upto FROM covered").fetchone()[0]
        if covered > head:  # the segments it was made from are gone
            self._connection.execute("DELETE FROM fact")
            covered = 0
        if covered < head:
            self._write(facts_after(covered), head)

    def known(self, fact_ids: Sequence[str]) -> set[str]:
        """Those of the ids that the journal holds."""
        found = self._owed.intersection(fact_ids)
        for start in range(0, len(fact_ids), _AT_ONCE):
            part = fact_ids[start : start + _AT_ONCE]
            marks = ",".join("?" * len(part))
            found.update(row[0] for row in self._connection.execute(f"SELECT fact_id FROM fact WHERE fact_id IN ({marks})", part))
        return found

    def add(self, fact_ids: Iterable[str], upto: int) -> None:
        """Remember ids that are durable in the journal; everything up to the offset `upto` is in the index then.

        A failure is no failure of the append: the ids are kept here and written with the next ones.
        """
        self._owed.update(fact_ids)
        try:
            self._write(iter(self._owed), upto)
        except sqlite3.Error as error:
            log.warning("fact index not written, will be with the next fact", owed=len(self._owed), error=str(error))
        else:
            self._owed.clear()

    def _write(self, fact_ids: Iterator[str], upto: int) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            while part := list(islice(fact_ids, _AT_ONCE)):
                self._connection.executemany("INSERT OR IGNORE INTO fact VALUES (?)", [(fact_id,) for fact_id in part])
            self._connection.execute("UPDATE covered SET upto = ?", (upto,))
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may take the newest ids; they are mended in
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
