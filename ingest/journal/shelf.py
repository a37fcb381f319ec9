"""The segments of one folder in their order, and how entries are found and read in them; it writes nothing."""

from __future__ import annotations

import sqlite3
import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from ingest.clock import Millis
from ingest.journal.kept import Kept
from ingest.journal.port import Entry, JournalDamaged
from ingest.journal.segment import facts_in, first_offset, open_reader, read_entries, received_at, segment_path

log = structlog.get_logger(__name__)

_IDLE_READERS = 8


class Shelf:
    """Safe to use from several threads, while segments are added and taken away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept = Kept(folder)
        self.readers = Readers()
        self.cut = self.kept.cut()  # everything up to here is gone but for its facts
        self.firsts = find_firsts(folder)

    def path(self, first: int) -> Path:
        """The file of the segment that begins with this offset."""
        return segment_path(self.folder, first)

    def place(self, offset: int) -> int:
        """Which of the segments holds this offset; the first for offsets before it."""
        return max(bisect_right(self.firsts, offset) - 1, 0)

    def read(self, after: int, limit: int, head: int) -> list[Entry]:
        """Entries above `after` up to `head`, of one segment at most, or kept facts. Raises JournalDamaged."""
        after = max(after, 0)
        if after >= head or limit <= 0:
            return []
        cut = self.cut
        if after < cut:
            if facts := self.kept.read(after, limit):
                return facts
            after = cut
        path = self.path(self.firsts[self.place(after + 1)])
        try:
            with self.readers.on(path) as connection:
                entries = read_entries(connection, path, after, limit)
        except sqlite3.OperationalError as error:
            raise JournalDamaged(f"segment {path.name} cannot be opened for offset {after + 1}: {error}") from error
        if not entries:
            raise JournalDamaged(f"segment {path.name}: offset {after + 1} is missing, nothing stands after it")
        return entries

    def received_at(self, offset: int) -> Millis:
        """When the entry at this offset, above the cut, was received. Raises JournalDamaged."""
        path = self.path(self.firsts[self.place(offset)])
        try:
            with self.readers.on(path) as connection:
                return received_at(connection, path, offset)
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"segment {path.name} cannot be read at offset {offset}: {error}") from error

    def offset_before(self, at: Millis, head: int) -> int:
        """The last offset up to `head` that was received before this instant; the cut where there is none."""
        low, high = self.cut, head
        while low < high:
            middle = (low + high + 1) // 2
            if self.received_at(middle) < at:
                low = middle
            else:
                high = middle - 1
        return low

    def facts_after(self, offset: int) -> Iterator[str]:
        """The ids of facts above the offset; a damaged segment is told of and passed over."""
        if offset < self.cut:
            yield from self.kept.fact_ids()
        for first in self.firsts[self.place(offset + 1) :]:
            path = self.path(first)
            try:
                with self.readers.on(path) as connection:
                    yield from facts_in(connection, path, offset)
            except (JournalDamaged, sqlite3.OperationalError) as error:
                # to listen matters more than to keep a fact of long ago from standing twice
                log.error("segment damaged, its facts may be appended again", segment=str(path), error=str(error))


def find_firsts(folder: Path) -> list[int]:
    """The first offsets of the segments in a folder, ascending."""
    return sorted(first_offset(path) for path in folder.glob("*.db") if path.stem.isdigit())


class Readers:
    """Connections for reading, kept for the next who reads the same segment; each is used by one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[Path, sqlite3.Connection]] = []
        self._closed = False

    @contextmanager
    def on(self, path: Path) -> Iterator[sqlite3.Connection]:
        """A connection to this segment for the length of the block."""
        connection = self._take(path) or open_reader(path)
        try:
            yield connection
        except BaseException:
            connection.close()  # whatever went wrong may lie in it
            raise
        self._give_back(path, connection)

    def _take(self, path: Path) -> sqlite3.Connection | None:
        with self._lock:
            for place in range(len(self._idle) - 1, -1, -1):
                if self._idle[place][0] == path:
                    return self._idle.pop(place)[1]
        return None

    def _give_back(self, path: Path, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append((path, connection))
                if len(self._idle) <= _IDLE_READERS:
                    return
                connection = self._idle.pop(0)[1]
        connection.close()

    def let_go(self, path: Path) -> None:
        """Close the idle ones of a segment that is about to be deleted."""
        while (connection := self._take(path)) is not None:
            connection.close()

    def close(self) -> None:
        """Close the idle ones; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()
