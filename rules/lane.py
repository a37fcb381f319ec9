"""The lane for SOS, smoke and gas: told as soon as they stand in the journal, whatever the rules are busy with.

Where a whole town falls due at once, when a broker comes back say, the rules think for seconds, and a button that is
pressed meanwhile stands behind that. This consumer looks for nothing else and knows nothing else. The rules find the same
when they come to it, with the same id, and then it changes nothing; should this stage fail, it is they who tell it
(docs/adr/0023).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.clock import Millis
from ingest.decoding import Decoding
from ingest.journal.port import Entry
from ingest.reading import Reading
from ingest.readings import Readings
from rules.consumer import Sink
from rules.finding import Finding
from rules.urgent import alarm, urgent_among, whose

COMMIT_EVERY_S = 60.0
"""All there is to commit is the decoder's state; what is told again after a crash changes nothing."""


class LaneConsumer:
    """Consumer "urgent". The sink must have made the findings durable when it returns, and know again what it has taken."""

    def __init__(self, decoder: Decoding, sink: Sink, version: Callable[[], str]) -> None:
        """`version` of the rule table in force."""
        self._decoder, self._sink, self._version = decoder, sink, version

    @property
    def name(self) -> str:
        """The cursor's name."""
        return "urgent"

    def restore(self, state: bytes | None) -> None:
        """Begin from a committed state (None: from nothing)."""
        self._decoder.restore(state)

    def take(self, entries: Sequence[Entry]) -> None:
        """Tell what is urgent among these."""
        found: list[Finding] = []
        for part in self._decoder.read(entries).runs():
            urgent = urgent_among(part) if isinstance(part, Readings) else [part] if isinstance(part, Reading) else []
            found += [alarm(one, whose(one), self._version()) for one in urgent if one.value > 0]
        if found:
            self._sink(found)

    def at_head(self, now: Millis) -> None:
        """Nothing to do: what is urgent does not wait for a time."""

    def state(self) -> bytes | None:
        """The decoder's."""
        return self._decoder.snapshot()
