"""What the journal promises, whichever store keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import msgspec

from ingest.clock import Millis
from ingest.facts import Fact


class Message(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message exactly as the broker delivered it."""

    received_at: Millis  # home time at which it reached us
    source: str  # which connection or importer brought it
    topic: str
    payload: bytes
    retain: bool = False
    dup: bool = False
    catching_up: bool = False  # came before our own canary after a connect: it had been queued


READ_BYTES = 1024 * 1024
"""Payload at which a read ends below its limit: 2,000 packs at once would be 200,000 readings, and nobody would share them."""

Body: TypeAlias = Message | Fact


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of the journal. Offsets start at 1 and have no gaps; `received_at` never goes down.

    Of what was pruned only the facts are left, at their own offsets: there alone offsets are missing.
    """

    offset: int
    received_at: Millis
    body: Body


class Frontier(msgspec.Struct, frozen=True, kw_only=True):
    """A promise: everything received before `at` stands at or before `offset`; nothing earlier will follow."""

    offset: int
    at: Millis


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Where a consumer stands: everything up to `offset` is in `state`."""

    offset: int = 0
    state: bytes | None = None
    at: Millis = 0  # when the entry at `offset` was received; 0 at the beginning, or where nobody said


class JournalFull(Exception):
    """The store could not make a batch durable (no room, I/O error): nothing was appended, nothing may be acknowledged."""


class JournalDamaged(Exception):
    """What was read is not what was written; the text names the segment and the offset."""


class NotNow(Exception):
    """A consumer cannot go on for now, through no fault of what it reads: it takes the same again later.

    `after_s`: how many machine seconds its server asked us to wait, at least.
    """

    def __init__(self, text: str, *, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s


class Journal(Protocol):
    """Append-only, durable before `append` returns, read by offset. Safe to use from several threads."""

    def append(self, bodies: Sequence[Body]) -> int:
        """Make the batch durable and return the offset of its last entry (the head, for an empty batch).

        A message's `received_at`, and a fact's `at`, becomes the entry's `received_at`, lifted to the last one given
        out (an earlier append, or a frontier) where it lies before. A fact whose `fact_id` the journal already holds
        is left out. Raises JournalFull.
        """
        ...

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries with an offset above `after`, in order. Raises JournalDamaged."""
        ...

    def frontier(self, now: Millis) -> Frontier:
        """Close the past up to `now`: entries appended later carry a `received_at` of at least `now`.

        While batches are refused the answer's `at` stays where it was: what is not heard must not count as silence.
        """
        ...

    def base(self, name: str) -> Position:
        """Where this consumer begins when it knows nothing: the beginning, or its state at the cut after a prune."""
        ...

    def wait(self, after: int, timeout: float) -> bool:
        """Block until there is an entry above `after` (True) or `timeout` machine seconds have passed (False)."""
        ...

    def close(self) -> None:
        """Give up files and locks; everything appended stays durable."""
        ...


class Cursors(Protocol):
    """The committed positions of named consumers; a commit is durable and atomic.

    Beside the newest, positions that were committed with `keep` stay as snapshots that a consumer can go back to: all
    of the last 40 home days, and of those before one a week.
    """

    def load(self, name: str) -> Position:
        """The last committed position, or the beginning."""
        ...

    def commit(self, name: str, position: Position, *, keep: bool = False) -> None:
        """Replace the position of this consumer; with `keep`, it also becomes a snapshot."""
        ...

    def names(self) -> list[str]:
        """Who has ever committed, in order of name."""
        ...

    def snapshots(self, name: str) -> list[int]:
        """The offsets of this consumer's snapshots, ascending."""
        ...

    def snapshot(self, name: str, offset: int) -> Position:
        """The snapshot at this offset. KeyError where there is none."""
        ...

    def forget(self, name: str, *, below: int = 0, above: int | None = None) -> None:
        """Delete this consumer's snapshots below the one offset and above the other."""
        ...

    def remove(self, name: str) -> None:
        """Delete the position and all snapshots of a consumer that is no more."""
        ...

    def close(self) -> None:
        """Give up the store."""
        ...


class Consumer(Protocol):
    """A stage that reads the journal at its own pace (see `ingest.journal.runner`)."""

    @property
    def name(self) -> str:
        """The cursor's name."""
        ...

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state (None: from nothing). ValueError for one that another version wrote."""
        ...

    def take(self, entries: Sequence[Entry]) -> None:
        """Take these entries, each exactly once and in order since `restore`."""
        ...

    def at_head(self, now: Millis) -> None:
        """Everything received before home time `now` has been taken."""
        ...

    def state(self) -> bytes | None:
        """What to commit with the offset; whatever was handed on must be durable by now."""
        ...
