"""The journal in a folder of SQLite files: what was appended survives kill -9 and power cuts, and is checked when it is read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import structlog

from ingest.clock import Millis, home_day
from ingest.facts import LinkDown, LinkUp
from ingest.journal import metrics
from ingest.journal.fact_index import FactIndex
from ingest.journal.folder import JournalInUse, Promise, lock_folder, sync_folder
from ingest.journal.port import Body, Entry, Frontier, JournalDamaged, JournalFull, Message, Position
from ingest.journal.segment import Row, Segment, fact_rows, to_row
from ingest.journal.shelf import Shelf
from ingest.journal.tail import Tail

__all__ = ["JournalInUse", "SqliteJournal"]

log = structlog.get_logger(__name__)

SEGMENT_BYTES = 64 * 1024 * 1024
ROOM_BYTES = 1024 * 1024
"""Below this much free, `try_again` does not try: our own facts would fit and the next batch would not."""
OURSELVES = "journal"
"""The source named by the link facts that tell of a time in which the journal took nothing."""


class SqliteJournal:
    """Implements `Journal`. One object at a time may have a folder open.

    A segment holds about `segment_bytes` of entries of one home day (Asia/Seoul; a batch is never divided) and is named
    by its first offset; only the newest is written. While `trouble` is not None batches are refused: it says why.
    Raises JournalInUse, JournalFull when there is no room to open it, JournalDamaged when the newest segment cannot be
    opened, OSError when the folder cannot be used.
    """

    def __init__(self, folder: Path, *, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.trouble: str | None = None
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()  # the one writer: head, floor, segments, fact index
        self._grown = threading.Condition()
        self._tail = Tail()
        self._closed = False
        self._refused_since: Millis | None = None  # home time from which on something was refused; None while all is well
        self._asked: Millis = 0  # the latest home time we were told
        folder.mkdir(parents=True, exist_ok=True)
        self._folder_lock = lock_folder(folder)
        try:
            self._open()
        except BaseException:
            os.close(self._folder_lock)
            raise

    def _open(self) -> None:
        self._shelf = shelf = Shelf(self.folder)
        for first, after in pairwise(shelf.firsts):
            if after - 1 <= shelf.cut:  # a prune was interrupted
                self._delete(first)
        shelf.firsts = [first for first in shelf.firsts if shelf.path(first).exists()] or [shelf.cut + 1]
        path = shelf.path(shelf.firsts[-1])
        try:
            self._segment = Segment(path)
            self._head, last_at = self._segment.last()
            if not last_at and len(shelf.firsts) > 1:  # a crash right after rolling left it empty
                before = Segment(shelf.path(shelf.firsts[-2]))
                last_at = before.last()[1]
                before.close()
            begun = self._segment.first_at()
        except sqlite3.OperationalError as error:
            raise JournalFull(f"segment {path.name} in {self.folder} cannot be opened: {error}") from error
        except sqlite3.DatabaseError as error:
            raise JournalDamaged(f"segment {path.name} in {self.folder} cannot be opened: {error}") from error
        self._day = home_day(begun) if begun is not None else None  # of the newest segment
        self._promise = Promise(self.folder / "frontier")
        self._floor: Millis = max(last_at, self._promise.at)
        self._facts = FactIndex(self.folder / "facts.index", shelf.facts_after, self._head)
        sync_folder(self.folder)
        metrics.HEAD.set(self._head)

    @property
    def head(self) -> int:
        """The offset of the newest entry, 0 where there is none."""
        return self._head

    def append(self, bodies: Sequence[Body]) -> int:
        """See `Journal.append`.

        The first batch after refused ones comes with two facts of ours around it: from when to when nothing was taken.
        """
        with self._lock:
            self._must_be_open()
            try:
                entries = self._entries(self._with_gap(bodies) if self._refused_since is not None else bodies)
                if not entries:
                    return self._head
                rows = [to_row(entry.offset, entry.received_at, entry.body) for entry in entries]
                with metrics.APPEND_SECONDS.time():
                    self._roll(rows[0][1])
                    self._segment.write(rows)
            except (sqlite3.OperationalError, OSError) as error:
                self._refuse(bodies, error)
                raise JournalFull(f"{self.folder} takes nothing after offset {self._head}: {error}") from error
            except sqlite3.DatabaseError as error:
                raise JournalDamaged(f"segment {self._segment.path.name} refuses offset {self._head + 1}: {error}") from error
            self._tail.add(entries)
            self._head, self._floor = rows[-1][0], rows[-1][1]
            fact_ids = [row[8] for row in rows if row[8] is not None]
            if fact_ids:
                self._facts.add(fact_ids, self._head)
            head = self._head
            if self._refused_since is not None:
                self._recover()
        with self._grown:
            self._grown.notify_all()
        metrics.HEAD.set(head)
        metrics.APPENDED.labels("fact").inc(len(fact_ids))
        metrics.APPENDED.labels("message").inc(len(rows) - len(fact_ids))
        return head

    def _refuse(self, bodies: Sequence[Body], error: Exception) -> None:
        metrics.REFUSED.inc()
        self.trouble = f"takes nothing, nothing is acknowledged until there is room: {error}"
        if self._refused_since is None:
            self._refused_since = max(self._floor, *(_instant(body) for body in bodies))
            free = shutil.disk_usage(self.folder).free
            log.error(
                "the journal takes nothing, nothing is acknowledged until there is room",
                journal=str(self.folder),
                after_offset=self._head,
                free_bytes=free,
                error=str(error),
            )

    def _with_gap(self, bodies: Sequence[Body]) -> list[Body]:
        """The batch between the two facts that say when we could not write down what we heard."""
        since = self._refused_since or self._floor
        now = max(self._floor, self._asked, since, *(_instant(body) for body in bodies))
        gap = uuid4().hex
        return [
            LinkDown(fact_id=f"{OURSELVES}-down-{gap}", at=since, source=OURSELVES),
            *bodies,
            LinkUp(fact_id=f"{OURSELVES}-up-{gap}", at=now, source=OURSELVES),
        ]

    def _recover(self) -> None:
        log.warning("the journal takes batches again", journal=str(self.folder), head=self._head)
        self.trouble = self._refused_since = None

    def try_again(self) -> bool:
        """Where batches are refused, see whether there is room again, without waiting for the next one; True when well."""
        if self._refused_since is not None:
            if shutil.disk_usage(self.folder).free < ROOM_BYTES:
                return False
            try:
                self.append([])
            except JournalFull:
                return False
        return True

    def _entries(self, bodies: Sequence[Body]) -> list[Entry]:
        fact_ids = [body.fact_id for body in bodies if not isinstance(body, Message)]
        known = self._facts.known(fact_ids) if fact_ids else set()
        entries: list[Entry] = []
        offset, floor = self._head, self._floor
        for body in bodies:
            if not isinstance(body, Message):
                if body.fact_id in known:
                    continue
                known.add(body.fact_id)
            offset += 1
            floor = max(floor, _instant(body))
            entries.append(Entry(offset=offset, received_at=floor, body=body))
        return entries

    def _roll(self, at: Millis) -> None:
        """Begin a new segment where the newest has its size, or holds entries of another day."""
        day = home_day(at)
        if self._segment.first > self._head:
            self._day = day
            return
        if self._segment.size < self._segment_bytes and day == self._day:
            return
        full, first = self._segment, self._head + 1
        self._segment = Segment(self._shelf.path(first))
        self._day = day
        self._shelf.firsts = [*self._shelf.firsts, first]  # a new list: readers look at it without the lock
        sync_folder(self.folder)
        self._facts.add((), self._head)  # what a start has to look through is never more than the newest segment
        try:
            full.close()
        except sqlite3.Error as error:
            log.warning("segment not folded, its write-ahead log stays beside it", segment=full.path.name, error=str(error))

    def read(self, after: int, limit: int) -> list[Entry]:
        """See `Journal.read`. May end below `limit` before the head: a segment ended, or its payloads were large."""
        self._must_be_open()
        head = self._head
        if after >= self._shelf.cut:
            newest = self._tail.read(after, min(limit, max(head - after, 0)))
            if newest:
                return newest
        return self._shelf.read(after, limit, head)  # head before segments: a new one is known before it is written

    def offset_before(self, at: Millis) -> int:
        """The last offset received before this instant; where there is none, the cut (0 in a journal never pruned)."""
        self._must_be_open()
        return self._shelf.offset_before(at, self._head)

    @property
    def cut(self) -> int:
        """Everything up to this offset was pruned: of it only the facts are left."""
        return self._shelf.cut

    def base(self, name: str) -> Position:
        """See `Journal.base`."""
        return self._shelf.kept.base(name)

    def prune(self, upto: int, bases: Mapping[str, Position]) -> list[Path]:
        """Delete the segments that end at or before `upto`, keeping their facts; the files that are gone.

        `bases` are the states that consumers without one begin from afterwards; each lies at or above the new cut. A
        crash at any moment leaves all of it as it was, or done at the next start. Raises JournalDamaged (a damaged fact
        is not thrown away), and what SQLite and the file system say of a disk that is full.
        """
        self._must_be_open()
        firsts = self._shelf.firsts
        gone = [first for first, after in pairwise(firsts) if after - 1 <= upto]
        if not gone:
            return []
        cut = firsts[len(gone)] - 1
        self._shelf.kept.add(self._facts_of(gone), bases, cut)
        sync_folder(self.folder)
        with self._lock:
            self._shelf.cut = cut
            self._shelf.firsts = self._shelf.firsts[len(gone) :]
        for first in gone:
            self._delete(first)
        sync_folder(self.folder)
        log.info("journal pruned", journal=str(self.folder), segments=len(gone), cut=cut)
        return [self._shelf.path(first) for first in gone]

    def ending_by(self, offset: int) -> int:
        """How many segments a prune up to this offset would delete."""
        return sum(after - 1 <= offset for after in self._shelf.firsts[1:])

    def _facts_of(self, firsts: Sequence[int]) -> Iterator[Row]:
        for first in firsts:
            path = self._shelf.path(first)
            with self._shelf.readers.on(path) as connection:
                yield from fact_rows(connection, path)

    def _delete(self, first: int) -> None:
        path = self._shelf.path(first)
        self._shelf.readers.let_go(path)
        for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(name).unlink(missing_ok=True)

    def frontier(self, now: Millis) -> Frontier:
        """See `Journal.frontier`. The promise outlives this process; a power cut may forget its last moments."""
        with self._lock:
            self._must_be_open()
            self._asked = max(self._asked, now)
            if self._refused_since is not None:
                return Frontier(offset=self._head, at=min(now, self._floor))
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
            self._shelf.readers.close()
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
            raise ValueError(f"the journal in {self.folder} has been closed")


def _instant(body: Body) -> Millis:
    return body.received_at if isinstance(body, Message) else body.at
