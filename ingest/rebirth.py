"""The stage that asks Sparkplug B nodes for their births anew, where a gap in their numbers makes aliases unreadable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import structlog

from ingest.clock import MINUTE, Millis
from ingest.dialects.sparkplug import Sparkplug, command_topic
from ingest.dialects.sparkplug_wire import rebirth_command
from ingest.journal.port import Entry, Message

log = structlog.get_logger(__name__)

ASK_EVERY = MINUTE
"""Home time between two requests to the same node."""

RECENT = 5 * MINUTE
"""A node that has not been heard for longer (home time) is not asked: its next word will tell."""

Publish: TypeAlias = Callable[[str, bytes], None]


class RebirthConsumer:
    """Implements Consumer with a memory of Sparkplug of its own; asks only at the head, so that a replay asks nobody."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._dialect = Sparkplug()
        self._heard: dict[str, Millis] = {}  # when a node last said something, received
        self._asked: dict[str, Millis] = {}

    @property
    def name(self) -> str:
        """The cursor's name."""
        return "rebirth"

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state."""
        self._dialect.restore(state)
        self._heard.clear()

    def take(self, entries: Sequence[Entry]) -> None:
        """Follow births and numbers."""
        for entry in entries:
            body = entry.body
            if not isinstance(body, Message):
                continue
            route = self._dialect.route(body.topic)
            if route is not None and route.address:
                route.hear(body.payload)
                self._heard["/".join(route.address.split("/")[:2])] = entry.received_at

    def at_head(self, now: Millis) -> None:
        """Ask the nodes that need it."""
        self._heard = {node: at for node, at in self._heard.items() if at >= now - RECENT}
        self._asked = {node: at for node, at in self._asked.items() if at > now - ASK_EVERY}
        for node in self._dialect.lost():
            if node in self._heard and node not in self._asked:
                self._asked[node] = now
                log.info("asks a Sparkplug node for a rebirth", node=node)
                self._publish(command_topic(node), rebirth_command(now))

    def state(self) -> bytes:
        """Births and numbers."""
        return self._dialect.snapshot()
