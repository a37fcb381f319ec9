"""When something was observed: the device's time where it can be believed, ours where it cannot.

A message without a usable device time that had been queued (DUP set, or read before our canary came back) was sent
at some moment since our connection was lost: it is dated at that loss, the earliest it can be, because a later date
could pass off an old movement as a sign of life. Where we do not know of any loss, it is not credible.
"""

from __future__ import annotations

import msgspec

from ingest.clock import MINUTE, Millis
from ingest.facts import Fact, LinkDown, LinkUp
from ingest.journal.port import Message

FUTURE_LIMIT: Millis = 5 * MINUTE
YEAR_2020: Millis = 1_577_836_800_000
RELATIVE_BELOW_S = 2**28
"""RFC 8428: a SenML time below this many seconds counts from now."""


class Dated(msgspec.Struct, frozen=True, gc=False):
    """`credible` is False before 2020, before the enrolment, or where nobody can tell."""

    observed_at: Millis
    credible: bool
    skewed: bool


class _Link(msgspec.Struct, array_like=True):
    up: bool = False
    heard_at: Millis | None = None  # when a message last came as it happened
    ended_at: Millis | None = None  # when the last connection that was up ended


class _State(msgspec.Struct, array_like=True):
    links: list[tuple[str, _Link]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class Links:
    """When each source's connection to its broker last ended, from the facts and messages read so far.

    A killed process leaves no LinkDown. Then the next connection shows itself, by a queued message or its LinkUp, while
    the one before still counts as up: that one is taken to have ended when it last brought something.
    """

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}

    def fold(self, fact: Fact) -> None:
        """Take one fact of the journal."""
        if isinstance(fact, LinkUp):
            self.queued(fact.source)
            link = self._links.setdefault(fact.source, _Link())
            link.up = True
            link.heard_at = fact.at
        elif isinstance(fact, LinkDown):
            link = self._links.setdefault(fact.source, _Link())
            if link.up or link.ended_at is None:  # one that ends twice ended the first time
                link.ended_at = fact.at
            link.up = False

    def heard(self, source: str, at: Millis) -> None:
        """A message of this source came as it happened."""
        link = self._links.get(source)
        if link is not None:
            link.heard_at = at

    def queued(self, source: str) -> None:
        """Something of a new connection of this source came."""
        link = self._links.get(source)
        if link is not None and link.up:
            link.up = False
            link.ended_at = link.heard_at

    def ended_at(self, source: str) -> Millis | None:
        """When the previous connection of the source ended; None where none is known to have ended."""
        link = self._links.get(source)
        return link.ended_at if link is not None else None

    def snapshot(self) -> bytes:
        """Everything known; the same content gives the same bytes."""
        return _encoder.encode(_State(sorted(self._links.items(), key=lambda item: item[0])))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        self._links = dict(_decoder.decode(state).links) if state is not None else {}


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """What dating a message's readings needs to know of its way to us."""

    at: Millis  # the moment that stands in for a missing device time: receipt, or the end of the connection before
    received_at: Millis
    certain: bool  # False: queued, and no end of a connection is known


def arrive(message: Message, received_at: Millis, links: Links) -> Arrival:
    """How the message came. A retained one is what holds now, whenever it was sent: it is dated at receipt."""
    if message.retain or not (message.dup or message.catching_up):
        return Arrival(received_at, received_at, True)
    ended_at = links.ended_at(message.source)
    if ended_at is None:
        return Arrival(received_at, received_at, False)
    return Arrival(min(ended_at, received_at), received_at, True)


def earliest_believable(enrolled_at: Millis, received_at: Millis) -> Millis:
    """A device time before this is a clock fault: the enrolment, and 2020, unless we received it before 2020 ourselves.

    That happens in a replay, where home time runs in the recorded year (docs/adr/0004).
    """
    return max(enrolled_at, YEAR_2020) if received_at >= YEAR_2020 else enrolled_at


def date(t: float | None, arrival: Arrival, enrolled_at: Millis, *, relative: bool = False) -> Dated:
    """The time of a reading whose device says `t` (seconds since 1970 UTC, or since now where `relative`).

    A time more than 5 min after receipt is not believed; the reading is then dated like one without. One dated by us
    never lies before the enrolment: then it is not credible, but not the device's clock to blame either.
    """
    skewed = False
    if t is not None:
        if relative:
            t += arrival.at / 1_000
        if t <= (arrival.received_at + FUTURE_LIMIT) / 1_000:
            observed_at = round(t * 1_000) if t > 0 else 0
            return Dated(observed_at, observed_at >= earliest_believable(enrolled_at, arrival.received_at), False)
        skewed = True
    credible = arrival.certain and arrival.at >= enrolled_at
    return Dated(max(arrival.at, min(enrolled_at, arrival.received_at)), credible, skewed)
