"""What the tests of the simulators read out of published messages."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ingest.clock import Millis
from ingest.wire import Payload, Topic, parse_topic
from simulators.message import SimMessage


class Told(NamedTuple):
    """A message taken apart."""

    at: Millis
    topic: Topic
    payload: Payload
    retain: bool

    @property
    def number(self) -> float:
        """The value, where it is a number."""
        assert isinstance(self.payload.v, int | float)
        return float(self.payload.v)


def told(messages: Iterable[SimMessage], *, household: str | None = None, signal: str | None = None) -> list[Told]:
    """The messages of that household and signal (all without), taken apart."""
    found = []
    for message in messages:
        topic = parse_topic(message.topic)
        assert topic is not None, message.topic
        if household in (None, topic.household_id) and signal in (None, topic.signal):
            found.append(Told(message.at, topic, msgspec.json.decode(message.payload, type=Payload), message.retain))
    return found
