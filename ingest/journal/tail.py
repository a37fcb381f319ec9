"""The newest entries of a journal, kept in memory for those who read at its head: they are not read back from the disk."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, islice

from ingest.journal.port import READ_BYTES, Entry, Message

ENTRIES = 20_000
BYTES = 16 * 1024 * 1024
_OVERHEAD = 300  # of an entry, beside its payload


class Tail:
    """Holds what was appended last, up to a number of entries and of bytes, without gaps. Safe to use from several threads."""

    def __init__(self, *, entries: int = ENTRIES, size: int = BYTES) -> None:
        self._most_entries, self._most_bytes = entries, size
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._ends: list[int] = []  # payload of all entries ever added, up to and with each of these
        self._gone = 0  # the same of the last one that was let go of
        self._size = 0

    def add(self, entries: Sequence[Entry]) -> None:
        """Take these, which are durable and follow the last ones."""
        with self._lock:
            self._entries += entries
            sizes = (len(entry.body.payload) if isinstance(entry.body, Message) else 0 for entry in entries)
            self._ends += islice(accumulate(sizes, initial=self._ends[-1] if self._ends else self._gone), 1, None)
            self._size += sum(map(_bytes, entries))
            if len(self._entries) > self._most_entries or self._size > self._most_bytes:
                self._drop()

    def _drop(self) -> None:
        """Let go of the oldest until a quarter of the room is free: not a little at each batch."""
        count, gone = len(self._entries), 0
        while gone < count and (count - gone > 0.75 * self._most_entries or self._size > 0.75 * self._most_bytes):
            self._size -= _bytes(self._entries[gone])
            gone += 1
        if gone:
            self._gone = self._ends[gone - 1]
            del self._entries[:gone], self._ends[:gone]

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries, or `READ_BYTES`, above `after`, in order; none where the next one is not here (any more)."""
        with self._lock:
            start = after + 1 - self._entries[0].offset if self._entries else -1
            end = min(start + limit, len(self._entries))
            if start < 0 or end <= start:
                return []
            full = (self._ends[start - 1] if start else self._gone) + READ_BYTES
            return self._entries[start : min(bisect_left(self._ends, full, start, end) + 1, end)]


def _bytes(entry: Entry) -> int:
    return _OVERHEAD + len(entry.body.payload) if isinstance(entry.body, Message) else _OVERHEAD
