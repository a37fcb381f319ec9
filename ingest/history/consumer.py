"""The stage that brings readings from the journal into the history."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.clock import Millis
from ingest.decoding import Decoding
from ingest.history.port import History
from ingest.journal.port import Entry
from ingest.readings import Readings

FLUSH_AT = 20_000
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
        self._waiting: list[Readings] = []
        self._count = 0  # of readings in them

    @property
    def name(self) -> str:
        """The cursor's name: each store has one of its own."""
        return self._name

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state; what had been gathered after it is read again."""
        self._waiting, self._count = [], 0
        self._decoder.restore(state)

    def take(self, entries: Sequence[Entry]) -> None:
        """Gather the readings of households, credible or not. Raises HistoryUnavailable."""
        readings = self._decoder.read(entries).readings
        if len(readings):
            self._waiting.append(readings)
            self._count += len(readings)
        if self._count >= FLUSH_AT:
            self._flush()

    def at_head(self, now: Millis) -> None:
        """Nothing to do: readings are written with the next commit."""

    def state(self) -> bytes | None:
        """The decoder's state, once everything gathered is durable. Raises HistoryUnavailable."""
        self._flush()
        return self._decoder.snapshot()

    def _flush(self) -> None:
        if self._count:
            self._history.write(Readings.join(self._waiting))
            self._waiting, self._count = [], 0
