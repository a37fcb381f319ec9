"""Decoded stretches of the journal one behind the other, with one decoder at their end."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ingest.clock import Clock
from ingest.decoding import Decoded, Decoding
from ingest.journal.port import Entry, Message

_WEIGHT = 500  # bytes, see Decoded.weight


class Stretch:
    """What was decoded up to the offset `last`; `state` is the decoder's after it, where it was taken down."""

    __slots__ = ("decoded", "last", "next", "read", "state", "weight")

    def __init__(
        self, last: int, decoded: Decoded | None = None, *, state: bytes | None = None, after: Stretch | None = None
    ) -> None:
        self.last, self.decoded, self.state = last, decoded, state
        self.weight: int = 0 if after is None else after.weight  # of the whole chain up to here
        self.read: int = 0 if after is None else after.read  # bytes of payload, likewise
        if decoded is not None:
            size = sum(len(entry.body.payload) for entry in decoded.entries if isinstance(entry.body, Message))
            self.weight += decoded.weight + size // _WEIGHT
            self.read += size
        self.next: Stretch | None = None


class Chain:
    """A decoder and the stretch it read last. Everything about it is looked at and changed under its lock."""

    __slots__ = ("broken", "decoder", "lock", "moved", "tail", "took_s", "wanted")

    def __init__(self, decoder: Decoding, at: int, state: bytes | None) -> None:
        self.decoder = decoder
        self.took_s = 0.0  # to decode the last stretch
        self.wanted = False  # somebody would commit if the state were taken down
        self.lock = threading.Lock()
        self.moved = threading.Condition(self.lock)  # somebody took what was decoded
        self.broken = False  # the decoder raised and stands between two entries
        self.tail = Stretch(at, state=state)

    def state(self) -> bytes:
        """The decoder's, taken down after the last stretch."""
        self.wanted = False
        if self.tail.state is None:
            self.tail.state = self.decoder.snapshot()
        return self.tail.state

    def extend(self, entries: Sequence[Entry], clock: Clock) -> None:
        """Decode these, which follow the last stretch."""
        began = clock.monotonic()
        try:
            decoded = self.decoder.read(entries)
        except BaseException:
            self.broken = True
            raise
        self.took_s = clock.monotonic() - began
        self.tail.next = Stretch(entries[-1].offset, decoded, after=self.tail)
        self.tail = self.tail.next
