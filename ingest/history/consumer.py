"""The stage that brings readings from the journal into the history."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.clock import Millis
from ingest.decoding import Decoding
from ingest.history.port import History
from ingest.journal.port import Entry
from ingest.reading import Reading

FLUSH_AT = 5_000
"""Readings gathered before they are written without waiting for the next commit of the cursor."""


class HistoryConsumer:
    """Implements Consumer. Readings are gathered and written when the cursor is about to be committed, at the latest.

    What is written again after a crash changes nothing. HistoryUnavailable goes up to whoever runs us, who restores
    the committed state and tries again later; no other stage waits for that.
    """

    def __init__(self, history: History, decoder: Decoding, name: str = "history") -> None:
        self._name = name
        self._history = history
        self._decoder = decoder
        self._waiting: list[Reading] = []

    @property
    def name(self) -> str:
        """The cursor's name: each store has one of its own."""
        return self._name

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state; what had been gathered after it is read again."""
        self._waiting.clear()
        self._decoder.restore(state)

    def take(self, entries: Sequence[Entry]) -> None:
        """Gather the readings that belong to a household, credible or not. Raises HistoryUnavailable."""
        for _entry, items in self._decoder.read(entries):
            self._waiting.extend(item for item in items if isinstance(item, Reading) and item.household_id is not None)
        if len(self._waiting) >= FLUSH_AT:
            self._flush()

    def at_head(self, now: Millis) -> None:
        """Nothing to do: readings are written with the next commit."""

    def state(self) -> bytes | None:
        """The decoder's state, once everything gathered is durable. Raises HistoryUnavailable."""
        self._flush()
        return self._decoder.snapshot()

    def _flush(self) -> None:
        if self._waiting:
            self._history.write(self._waiting)
            self._waiting.clear()
