"""How a message that is read once more means what it says: by its own marks, and only the values that are meant."""

from __future__ import annotations

from ingest.dating import Arrival
from ingest.facts import MessageReread
from ingest.heard import Heard
from ingest.journal.port import Message
from ingest.wire import Topic


def message_of(fact: MessageReread) -> Message:
    """The message as it first came."""
    return Message(
        received_at=fact.received_at,
        source=fact.source,
        topic=fact.topic,
        payload=fact.payload,
        retain=fact.retain,
        dup=fact.dup,
        catching_up=fact.catching_up,
    )


def arrived(message: Message) -> Arrival:
    """How it came, by its own marks alone: which connection a queued one waited for is not known any more."""
    certain = message.retain or not (message.dup or message.catching_up)
    return Arrival(message.received_at, message.received_at, certain)


def narrowed(heard: Heard, claim: Topic | None, fact: MessageReread) -> Heard:
    """What the message says, without the values that were taken the first time. A vendor's has one speaker alone."""
    if fact.indexes:
        heard.said = [one for one in heard.said if one.index in fact.indexes]
        heard.wrong = [one for one in heard.wrong if one.index in fact.indexes]
    if fact.device_id is not None and claim is not None:
        heard.said = [one for one in heard.said if one.device_id == fact.device_id]
        heard.wrong = [one for one in heard.wrong if (one.device_id or claim.device_id) == fact.device_id]
    return heard
