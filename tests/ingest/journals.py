"""Journals that do what a test needs them to do at the worst moment."""

import os
import signal
import threading
from collections.abc import Sequence

from ingest.facts import LinkDown, LinkUp
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, JournalFull, Message
from ingest.journal.sqlite import SqliteJournal


class RefusingJournal(MemoryJournal):
    """Raises what `refusals` holds, one per batch with a message in it, before it takes anything."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals: list[Exception] = []

    def append(self, bodies: Sequence[Body]) -> int:
        if self.refusals and any(isinstance(body, Message) for body in bodies):
            raise self.refusals.pop()
        return super().append(bodies)


class FullJournal(MemoryJournal):
    """Has no room for batches below `smallest` bodies: for none at all, until that is lowered."""

    def __init__(self, *, smallest: int = 10**9) -> None:
        super().__init__()
        self.smallest = smallest

    def append(self, bodies: Sequence[Body]) -> int:
        if len(bodies) < self.smallest:
            raise JournalFull("no room")
        return super().append(bodies)


class HeldJournal(MemoryJournal):
    """While `gate` is clear, a batch with a message in it waits there (`held` is set), and is then made durable."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.held = threading.Event()

    def append(self, bodies: Sequence[Body]) -> int:
        if any(isinstance(body, Message) for body in bodies) and not self.gate.is_set():
            self.held.set()
            assert self.gate.wait(30)
        return super().append(bodies)


class DyingJournal(SqliteJournal):
    """Kills its own process with SIGKILL as soon as the first batch with a message in it is durable."""

    def append(self, bodies: Sequence[Body]) -> int:
        head = super().append(bodies)
        if any(isinstance(body, Message) for body in bodies):
            os.kill(os.getpid(), signal.SIGKILL)
        return head


def messages(journal: MemoryJournal | SqliteJournal) -> list[Message]:
    """The messages it holds, in order."""
    return [body for body in _bodies(journal) if isinstance(body, Message)]


def payloads(journal: MemoryJournal | SqliteJournal) -> list[bytes]:
    """What the messages it holds say, in order."""
    return [message.payload for message in messages(journal)]


def links(journal: MemoryJournal | SqliteJournal) -> list[str]:
    """The link facts it holds, in order."""
    return [type(body).__name__ for body in _bodies(journal) if isinstance(body, LinkUp | LinkDown)]


def _bodies(journal: MemoryJournal | SqliteJournal) -> list[Body]:
    bodies: list[Body] = []
    while part := journal.read(len(bodies), 1_000):
        bodies += [entry.body for entry in part]
    return bodies
