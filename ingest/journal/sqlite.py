"""The journal in a folder of SQLite files: what was appended survives kill -9 and power cuts, and is checked when it is read."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
import threading
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import structlog

from ingest.clock import Millis
from ingest.journal import metrics
from ingest.journal.fact_index import FactIndex
from ingest.journal.port import Body, Entry, Frontier, JournalDamaged, JournalFull, Message
from ingest.journal.segment import Segment, facts_in, first_offset, open_reader, read_entries, segment_path, to_row
from ingest.journal.tail import Tail

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
_IDLE_READERS = 8


class JournalInUse(Exception):
    """Another journal object, here or in another process, has this folder open; the text names the folder."""


class SqliteJournal:
    """Implements `Journal`. One object at a time may have a folder open.

    A segment holds about `segment_bytes` of entries and is named by its first offset; only the newest is written.
    Raises JournalInUse, JournalDamaged when the newest segment cannot be opened, OSError when the folder cannot be used.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()  # the one writer: head, floor, segments, fact index
        self._grown = threading.Condition()
        self._readers = _Readers()
        self._tail = Tail()
        self._closed = False
        folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock = _lock_folder(folder)
        try:
            self._open()
        except BaseException:
            os.close(self._folder_lock)
            raise

    def _open(self) -> None:
        paths = sorted(path for path in self._folder.glob("*.db") if path.stem.isdigit())
        self._firsts = [first_offset(path) for path in paths] or [1]
        path = segment_path(self._folder, self._firsts[-1])
        try:
            self._segment = Segment(path)
            self._head, last_at = self._segment.last()
            if not last_at and len(paths) > 1:  # a crash right after rolling left it empty
                before = Segment(paths[-2])
                last_at = before.last()[1]
                before.close()
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"segment {path.name} in {self._folder} cannot be opened: {error}") from error
        self._promise = _Promise(self._folder / "frontier")
        self._floor: Millis = max(last_at, self._promise.at)
        self._facts = FactIndex(self._folder / "facts.index", self._facts_after, self._head)
        _sync_folder(self._folder)
        metrics.HEAD.set(self._head)

    def _facts_after(self, offset: int) -> Iterator[str]:
        for first in self._firsts[self._place(offset + 1) :]:
            path = segment_path(self._folder, first)
            try:
                with self._readers.on(path) as connection:
                    yield from facts_in(connection, path, offset)
            except JournalDamaged as error:  # to listen matters more than to keep a fact of long ago from standing twice
                log.error("segment damaged, its facts may be appended again", journal=str(self._folder), error=str(error))

    def _place(self, offset: int) -> int:
        """Which segment holds this offset; the first for offsets before it."""
        return max(bisect_right(self._firsts, offset) - 1, 0)

    @property
    def head(self) -> int:
        """The offset of the newest entry, 0 where there is none."""
        return self._head

    def append(self, bodies: Sequence[Body]) -> int:
        """See `Journal.append`."""
        with self._lock:
            self._must_be_open()
            try:
                entries = self._entries(bodies)
                if not entries:
                    return self._head
                rows = [to_row(entry.offset, entry.received_at, entry.body) for entry in entries]
                with metrics.APPEND_SECONDS.time():
                    self._roll()
                    self._segment.write(rows)
            except (sqlite3.OperationalError, OSError) as error:
                metrics.REFUSED.inc()
                raise JournalFull(f"{self._folder} takes nothing after offset {self._head}: {error}") from error
            except sqlite3.DatabaseError as error:
                raise JournalDamaged(f"segment {self._segment.path.name} refuses offset {self._head + 1}: {error}") from error
            self._tail.add(entries)
            self._head, self._floor = rows[-1][0], rows[-1][1]
            fact_ids = [row[8] for row in rows if row[8] is not None]
            if fact_ids:
                self._facts.add(fact_ids, self._head)
            head = self._head
        with self._grown:
            self._grown.notify_all()
        metrics.HEAD.set(head)
        metrics.APPENDED.labels("fact").inc(len(fact_ids))
        metrics.APPENDED.labels("message").inc(len(rows) - len(fact_ids))
        return head

    def _entries(self, bodies: Sequence[Body]) -> list[Entry]:
        fact_ids = [body.fact_id for body in bodies if not isinstance(body, Message)]
        known = self._facts.known(fact_ids) if fact_ids else set()
        entries: list[Entry] = []
        offset, floor = self._head, self._floor
        for body in bodies:
            if isinstance(body, Message):
                at = body.received_at
            elif body.fact_id in known:
                continue
            else:
                known.add(body.fact_id)
                at = body.at
            offset += 1
            floor = max(floor, at)
            entries.append(Entry(offset=offset, received_at=floor, body=body))
        return entries

    def _roll(self) -> None:
        """Begin a new segment where the newest has its size."""
        if self._segment.size < self._segment_bytes or self._segment.first > self._head:
            return
        full, first = self._segment, self._head + 1
        self._segment = Segment(segment_path(self._folder, first))
        self._firsts = [*self._firsts, first]  # a new list: readers look at it without the lock
        _sync_folder(self._folder)
        self._facts.add((), self._head)  # what a start has to look through is never more than the newest segment
        try:
            full.close()
        except sqlite3.Error as error:
            log.warning("segment not folded, its write-ahead log stays beside it", segment=full.path.name, error=str(error))

    def read(self, after: int, limit: int) -> list[Entry]:
        """See `Journal.read`. May end below `limit` before the head: a segment ended, or its payloads were large."""
        self._must_be_open()
        head = self._head  # before the segments: a new one is known before anything stands in it
        after = max(after, self._firsts[0] - 1)
        if after >= head or limit <= 0:
            return []
        newest = self._tail.read(after, min(limit, head - after))
        if newest:
            return newest
        path = segment_path(self._folder, self._firsts[self._place(after + 1)])
        try:
            with self._readers.on(path) as connection:
                entries = read_entries(connection, path, after, limit)
        except sqlite3.OperationalError as error:
            raise JournalDamaged(f"segment {path.name} cannot be opened for offset {after + 1}: {error}") from error
        if not entries:
            raise JournalDamaged(f"segment {path.name}: offset {after + 1} is missing, nothing stands after it")
        return entries

    def frontier(self, now: Millis) -> Frontier:
        """See `Journal.frontier`. The promise outlives this process; a power cut may forget its last moments."""
        with self._lock:
            self._must_be_open()
            if now > self._floor:
                self._floor = now
                self._promise.keep(now)
            return Frontier(offset=self._head, at=now)

    def wait(self, after: int, timeout: float) -> bool:
        """See `Journal.wait`; also returns when the journal is closed."""
        with self._grown:
            self._grown.wait_for(lambda: self._head > after or self._closed, timeout)
            return self._head > after

    def close(self) -> None:
        """See `Journal.close`; a second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._readers.close()
            self._facts.add((), self._head)
            self._facts.close()
            self._promise.close()
            try:
                self._segment.close()
            except sqlite3.Error as error:
                log.warning("segment not folded, its write-ahead log stays beside it", error=str(error))
            os.close(self._folder_lock)  # last: until here nobody else may write
        with self._grown:
            self._grown.notify_all()

    def _must_be_open(self) -> None:
        if self._closed:
            raise ValueError(f"the journal in {self._folder} has been closed")


class _Readers:
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

    def close(self) -> None:
        """Close the idle ones; those in use are closed when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


class _Promise:
    """The latest frontier given out, in a file of twelve bytes: a wall clock set back during a restart must not break it."""

    _FORM = struct.Struct("<qI")

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        raw = os.pread(self._file, self._FORM.size, 0)
        self.at: Millis = 0
        if len(raw) == self._FORM.size:
            at, crc = self._FORM.unpack(raw)
            self.at = at if zlib.crc32(raw[:8]) == crc else 0  # torn by a power cut: the newest entry still holds

    def keep(self, at: Millis) -> None:
        """Not synced: a killed process loses nothing of it, and this is asked for many times a second."""
        instant = at.to_bytes(8, "little", signed=True)
        os.pwrite(self._file, instant + zlib.crc32(instant).to_bytes(4, "little"), 0)

    def close(self) -> None:
        os.close(self._file)


def _lock_folder(folder: Path) -> int:
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise JournalInUse(
            f"the journal in {folder} is open elsewhere; stop the other process, or choose another folder"
        ) from error
    except BaseException:
        os.close(file)
        raise
    return file


def _sync_folder(folder: Path) -> None:
    """Make the names of new files durable as their content is."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
