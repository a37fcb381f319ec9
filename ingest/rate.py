"""How much of one device is journalled: so many messages a second, and a burst; above that only what may be a call for help.

What is left out is acknowledged to the broker, so that it holds up nobody, and told to the journal as a fact, so that
the installer sees it; our own acknowledgement never covers it. The last word on each topic is kept and let in after all:
a door that swung a hundred times in a second is known to be shut. What waited for us in the broker came at its own pace
once and is let in whole.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from uuid import uuid4

from ingest import mqtt_metrics as metrics
from ingest.clock import SECOND, Millis
from ingest.dialects.port import NOBODY, Dialect, Remembering
from ingest.facts import MessagesLeftOut
from ingest.heard import Heard
from ingest.journal.port import Body, Message
from ingest.reading import URGENT

PER_S = 20
BURST = 200

TOPICS = 50_000
"""Topics remembered; the memory is emptied when full, and everybody has a burst again."""

TOLD_EVERY: Millis = 5 * SECOND
"""How often what is left out of one device is told to the journal, home time."""

LAST_WORDS = 20
"""Topics of one device of which the last word is kept at a time: more than any device has, and a bound for one gone wild."""


class _Sender:
    """One device's two allowances as the home time (microseconds) to which each is used up, and what was left out of it."""

    __slots__ = ("is_told_of", "last_words", "left_out", "since", "topic", "until", "urgent_until")

    def __init__(self) -> None:
        self.until = self.urgent_until = 0
        self.is_told_of = False
        self.left_out = 0
        self.since: Millis = 0  # when the first of these was left out, or the last were told
        self.topic = ""
        self.last_words: dict[str, Message] = {}  # by topic, where nothing newer was let in


class RateLimit:
    """Used by one thread. `per_s` messages a second of home time on average, `burst` at once, of each device."""

    def __init__(
        self, dialects: Sequence[Dialect], *, per_s: float = PER_S, burst: int = BURST, told_every: Millis = TOLD_EVERY
    ) -> None:
        self._dialects, self._told_every = tuple(dialects), told_every
        self._step = round(1_000_000 / per_s)  # microseconds that one message uses up; whole, so that sums stay exact
        self._room = burst * self._step
        self._senders: dict[str, _Sender] = {}  # by device
        self._by_topic: dict[str, tuple[_Sender, Callable[[bytes], bool]]] = {}
        self._telling: list[_Sender] = []  # of whom something was left out that the journal does not know yet

    def admit(self, bodies: Sequence[Body], now: Millis) -> list[Body]:
        """What of these is to be journalled, in their order."""
        admitted: list[Body] = []
        for body in bodies:
            if not isinstance(body, Message) or body.catching_up or self._lets_in(body, now):
                admitted.append(body)
        if len(admitted) < len(bodies):
            metrics.LEFT_OUT.inc(len(bodies) - len(admitted))
        return admitted

    def _lets_in(self, message: Message, now: Millis) -> bool:
        sender, may_be_urgent = self._by_topic.get(message.topic) or self._remember(message.topic)
        used = self._used(sender.until, now)
        if used <= self._room:
            sender.until = now * 1_000 + used
            sender.last_words.pop(message.topic, None)
            return True
        if may_be_urgent(message.payload):
            used = self._used(sender.urgent_until, now)
            if used <= self._room:
                sender.urgent_until = now * 1_000 + used
                sender.last_words.pop(message.topic, None)
                return True
        if not sender.is_told_of:
            sender.is_told_of, sender.since = True, now
            self._telling.append(sender)
        sender.left_out += 1
        sender.topic = message.topic
        if message.topic in sender.last_words or len(sender.last_words) < LAST_WORDS:
            sender.last_words[message.topic] = message
        return False

    def _used(self, until: int, now: Millis) -> int:
        """How much of an allowance this message brings it to, in microseconds. A clock that was set back begins it anew."""
        ahead = until - now * 1_000
        return (ahead if 0 < ahead <= self._room else 0) + self._step

    def _remember(self, topic: str) -> tuple[_Sender, Callable[[bytes], bool]]:
        if len(self._by_topic) >= TOPICS:
            self._by_topic.clear()
            self._senders.clear()
        device, may_be_urgent = self._who(topic)
        sender = self._senders.setdefault(device, _Sender())
        self._by_topic[topic] = sender, may_be_urgent
        return sender, may_be_urgent

    def _who(self, topic: str) -> tuple[str, Callable[[bytes], bool]]:
        """Who sends on this topic, and how to tell a payload that must not be left out; a topic nobody knows is its own."""
        for dialect in self._dialects:
            route = dialect.route(topic)
            if route is None:
                continue
            if route.claim is not None:
                return f"native/{route.claim.device_id}", partial(_calls_for_help, route.hear)
            if route.address == NOBODY:
                break
            if isinstance(dialect, Remembering):  # what a payload means depends on others that we have not kept
                return f"{route.dialect}/{route.address}", _may_be
            return f"{route.dialect}/{route.address}", partial(_calls_for_help, route.hear)
        return f"/{topic}", _never

    def tell(self, now: Millis) -> list[Body]:
        """For the journal, at most once for each device and `told_every`: last words, then a fact about what was left out."""
        told: list[Body] = []
        for sender in list(self._telling):
            if 0 <= now - sender.since < self._told_every:
                continue
            if not sender.left_out:
                sender.is_told_of = False
                self._telling.remove(sender)
                continue
            told += sender.last_words.values()
            if lost := sender.left_out - len(sender.last_words):
                fact_id, since = f"left-out-{uuid4().hex}", min(sender.since, now)
                told.append(MessagesLeftOut(fact_id=fact_id, at=now, topic=sender.topic, messages=lost, since=since))
            sender.last_words, sender.left_out, sender.since = {}, 0, now
        return told


def _calls_for_help(hear: Callable[[bytes], Heard], payload: bytes) -> bool:
    return any(said.signal in URGENT and said.value != 0.0 for said in hear(payload).said)


def _may_be(_payload: bytes) -> bool:
    return True


def _never(_payload: bytes) -> bool:
    return False
