"""The journal in memory: the same promises as on disk, for as long as the object lives."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ingest.clock import Millis
from ingest.journal.port import Body, Entry, Frontier, Message, Position


class MemoryJournal:
    """Implements `Journal` without a store, for tests and throw-away replays."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._fact_ids: set[str] = set()
        self._floor: Millis = 0
        self._closed = False
        self._grown = threading.Condition()

    def append(self, bodies: Sequence[Body]) -> int:
        """See `Journal.append`."""
        with self._grown:
            self._must_be_open()
            for body in bodies:
                if not isinstance(body, Message):
                    if body.fact_id in self._fact_ids:
                        continue
                    self._fact_ids.add(body.fact_id)
                self._floor = max(self._floor, body.received_at if isinstance(body, Message) else body.at)
                self._entries.append(Entry(offset=len(self._entries) + 1, received_at=self._floor, body=body))
            self._grown.notify_all()
            return len(self._entries)

    def read(self, after: int, limit: int) -> list[Entry]:
        """See `Journal.read`."""
        self._must_be_open()
        start = max(after, 0)
        return self._entries[start : start + max(limit, 0)]

    def frontier(self, now: Millis) -> Frontier:
        """See `Journal.frontier`."""
        with self._grown:
            self._must_be_open()
            self._floor = max(self._floor, now)
            return Frontier(offset=len(self._entries), at=now)

    def base(self, name: str) -> Position:
        """See `Journal.base`: nothing is ever pruned here."""
        return Position()

    def wait(self, after: int, timeout: float) -> bool:
        """See `Journal.wait`; also returns when the journal is closed."""
        with self._grown:
            self._grown.wait_for(lambda: len(self._entries) > after or self._closed, timeout)
            return len(self._entries) > after

    def close(self) -> None:
        """See `Journal.close`."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()

    def _must_be_open(self) -> None:
        if self._closed:
            raise ValueError("the journal has been closed")
