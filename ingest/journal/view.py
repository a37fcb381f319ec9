"""A journal as it is read beside the process that writes it: no lock is taken, nothing is written."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from ingest.clock import Millis
from ingest.journal.port import Cursors, Entry, JournalDamaged
from ingest.journal.shelf import Shelf


class SegmentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One file; instants are receive times, None where it is empty."""

    name: str
    first: int
    last: int
    size: int  # bytes, the write-ahead log included
    facts: int
    begun_at: Millis | None
    ended_at: Millis | None


class CursorSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer: where it stands, how far behind, and from where it can be set going again."""

    name: str
    offset: int
    at: Millis
    lag: int
    snapshots: int
    oldest_snapshot: int | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal holds."""

    head: int
    cut: int  # everything up to here was pruned but for its facts
    kept_facts: int
    size: int
    segments: tuple[SegmentSummary, ...]
    cursors: tuple[CursorSummary, ...]


class JournalView:
    """What stood in the folder when the view was opened. FileNotFoundError where there is no journal, JournalDamaged."""

    def __init__(self, folder: Path) -> None:
        self.shelf = Shelf(folder)
        if not self.shelf.firsts:
            raise FileNotFoundError(f"there is no journal in {folder}")
        newest = self.shelf.firsts[-1]
        self.head = self._last(newest)

    def _last(self, first: int) -> int:
        path = self.shelf.path(first)
        try:
            with self.shelf.readers.on(path) as connection:
                last = connection.execute("SELECT max(offset) FROM entry").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"segment {path.name} cannot be read: {error}") from error
        return first - 1 if last is None else int(last)

    @property
    def cut(self) -> int:
        """Everything up to this offset was pruned."""
        return self.shelf.cut

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries above `after`, as the journal reads them. Raises JournalDamaged."""
        return self.shelf.read(after, limit, self.head)

    def offset_before(self, at: Millis) -> int:
        """The last offset received before this instant; the cut where there is none. Raises JournalDamaged."""
        return self.shelf.offset_before(at, self.head)

    def summary(self, cursors: Cursors | None) -> Summary:
        """What it holds, and who reads it. Raises JournalDamaged."""
        segments = tuple(self._segment(number) for number in range(len(self.shelf.firsts)))
        return Summary(
            head=self.head,
            cut=self.cut,
            kept_facts=self.shelf.kept.count(),
            size=sum(segment.size for segment in segments),
            segments=segments,
            cursors=tuple(self._cursor(cursors, name) for name in cursors.names()) if cursors else (),
        )

    def _segment(self, number: int) -> SegmentSummary:
        first = self.shelf.firsts[number]
        last = self.shelf.firsts[number + 1] - 1 if number + 1 < len(self.shelf.firsts) else self.head
        path = self.shelf.path(first)
        try:
            with self.shelf.readers.on(path) as connection:
                facts = connection.execute("SELECT count(*) FROM entry WHERE fact_id IS NOT NULL").fetchone()[0]
                ends = [
                    connection.execute(f"SELECT received_at FROM entry ORDER BY offset {order} LIMIT 1").fetchone()
                    for order in ("ASC", "DESC")
                ]
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"segment {path.name} cannot be read: {error}") from error
        files = [path, path.with_name(f"{path.name}-wal")]
        return SegmentSummary(
            name=path.name,
            first=first,
            last=last,
            size=sum(file.stat().st_size for file in files if file.exists()),
            facts=facts,
            begun_at=ends[0][0] if ends[0] else None,
            ended_at=ends[1][0] if ends[1] else None,
        )

    def _cursor(self, cursors: Cursors, name: str) -> CursorSummary:
        position = cursors.load(name)
        snapshots = cursors.snapshots(name)
        return CursorSummary(
            name=name,
            offset=position.offset,
            at=position.at,
            lag=self.head - position.offset,
            snapshots=len(snapshots),
            oldest_snapshot=snapshots[0] if snapshots else None,
        )

    def close(self) -> None:
        """Let the files go."""
        self.shelf.readers.close()
