"""What each entry of the journal means at its offset: readings, rejections, or the fact itself.

The register as folded from the facts before it says where a device stands; the window says whether the message was
settled before; the links say when a queued one can have been sent. All of it comes out of the journal, so a decoder
restored from a snapshot goes on exactly as one that read everything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ingest.dating import Arrival, Links, arrive
from ingest.decoding import Decoded, Other
from ingest.dialects.port import NOBODY, Dialect, Route
from ingest.dialects.registry import make_dialects
from ingest.enrolment import Enrolment
from ingest.facts import DeviceEnrolled, DeviceRemoved, Fact, MessageReread, MessagesLeftOut
from ingest.heard import Heard
from ingest.journal.port import Entry, Message
from ingest.judge import Case, Judge, make_case
from ingest.reading import DeviceId, Reason, Rejection
from ingest.readings import Gathered
from ingest.reread import arrived, message_of, narrowed
from ingest.vendors import Vendors, address_of, stand_in
from ingest.wire import Topic

ROUTES = 50_000
"""Topics of enrolled devices remembered; the memory is emptied when full."""

NOWHERE = "-"
"""The dong of an alarm of which nobody knows where it comes from: seen by those who see every dong."""

_NO_UTF8 = re.compile(r"\\x[89a-f][0-9a-f]|[\ud800-\udfff]")
"""How bytes that are no UTF-8 look in a topic: written out by the source, or kept as lone surrogates."""


class _State(msgspec.Struct, array_like=True):
    enrolment: bytes
    windows: bytes
    links: bytes
    urgent: bytes
    vendors: bytes
    set_aside: bytes = b""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class Decoder:
    """Reads the journal in order, each entry once; one for every consumer. No bytes make it raise.

    `dialects`: made for this decoder alone, some remember. `dong` is told of an alarm from a vendor's device that nobody
    has enrolled, since no vendor's topic names a dong.
    """

    def __init__(self, dialects: Sequence[Dialect] | None = None, *, dong: str = NOWHERE) -> None:
        self.enrolment = Enrolment()
        self._judge = Judge(self.enrolment)
        self._links = Links()
        self._routes: dict[str, Route] = {}
        self._vendors = Vendors(make_dialects(("native",)) if dialects is None else dialects)
        self._dong = dong

    def read(self, entries: Sequence[Entry]) -> Decoded:
        """What these entries mean; a fact stands for itself."""
        self._judge.gathered = gathered = Gathered()
        others = [(entry.offset, other) for entry in entries for other in self._read(entry)]
        return Decoded(entries, gathered.close(self.enrolment.standing), others)

    def snapshot(self) -> bytes:
        """Everything learnt from the journal so far; the same journal gives the same bytes."""
        return _encoder.encode(
            _State(
                self.enrolment.snapshot(),
                self._judge.windows.snapshot(),
                self._links.snapshot(),
                self._judge.urgent.snapshot(),
                self._vendors.snapshot(),
                self._judge.set_aside.snapshot(),
            )
        )

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state is not None else None
        self.enrolment.restore(past.enrolment if past else None)
        self._judge.windows.restore(past.windows if past else None)
        self._links.restore(past.links if past else None)
        self._judge.urgent.restore(past.urgent if past else None)
        self._vendors.restore(past.vendors if past else None)
        self._judge.set_aside.restore(past.set_aside if past else None)

    def _read(self, entry: Entry) -> list[Other]:
        body = entry.body
        if not isinstance(body, Message):
            return self._read_fact(entry, body)
        if body.catching_up:
            self._links.queued(body.source)
        else:
            self._links.heard(body.source, entry.received_at)
        route = self._routes.get(body.topic) or self._route(body.topic)
        if route is None:
            return [self._refuse_topic(entry, body.topic)]
        if route.hear_even is not None and route.claim is not None:
            pack = route.hear_even(body.payload)
            if pack is not None and self._judge.take_pack(entry, body, route.claim, pack):
                return []
        heard = route.hear(body.payload)
        arrival = arrive(body, entry.received_at, self._links)
        if route.claim is None:
            return self._read_vendor(entry, body, route, heard, arrival)
        if heard.wrong and heard.said:
            return self._judge.settle(make_case(entry, body, route.claim, heard, arrival))
        return self._judge.settle(Case(entry, body, route.claim, heard, arrival))

    def _read_fact(self, entry: Entry, fact: Fact) -> list[Other]:
        self._fold(fact)
        if isinstance(fact, MessageReread):
            return self._read_again(entry, fact)
        if isinstance(fact, MessagesLeftOut):
            return [fact, self._refuse_flood(entry, fact)]
        return [fact]

    def _read_again(self, entry: Entry, fact: MessageReread) -> list[Other]:
        """The values that are meant, by the register as it is here and by the clock as it was then."""
        message = message_of(fact)
        route = self._routes.get(message.topic) or self._route(message.topic)
        if route is None:
            return [self._refuse_topic(entry, message.topic)]
        arrival = arrived(message)
        heard = narrowed(self._vendors.hear_again(route, message.payload), route.claim, fact)
        if route.claim is None:
            return self._read_vendor(entry, message, route, heard, arrival, again=fact)
        return self._judge.settle(make_case(entry, message, route.claim, heard, arrival, again=fact))

    def _fold(self, fact: Fact) -> None:
        self.enrolment.fold(fact)
        self._links.fold(fact)
        if isinstance(fact, DeviceRemoved):
            self._judge.windows.forget(fact.device_id)
            self._judge.urgent.forget(fact.device_id)
            self._vendors.forget(fact.device_id)
        if isinstance(fact, DeviceRemoved | DeviceEnrolled):
            self._judge.set_aside.forget(fact.device_id)

    def _route(self, topic: str) -> Route | None:
        route = self._vendors.route(topic)
        if route is not None and route.claim is not None and self.enrolment.place(route.claim.device_id) is not None:
            if len(self._routes) >= ROUTES:
                self._routes.clear()
            self._routes[topic] = route
        return route

    def _refuse_topic(self, entry: Entry, topic: str) -> Rejection:
        if _NO_UTF8.search(topic):
            reason, detail = Reason.INVALID_UTF8, "the topic is no UTF-8"
        else:
            reason, detail = Reason.UNKNOWN_TOPIC, "the topic is of none of the dialects that are on"
        return Rejection(offset=entry.offset, received_at=entry.received_at, reason=reason, detail=detail, topic=topic)

    def _refuse_flood(self, entry: Entry, fact: MessagesLeftOut) -> Rejection:
        """What was left out counts as one rejection of its sender."""
        route = self._route(fact.topic)
        device_id, address = None, None
        if route is not None and route.claim is not None:
            device_id = DeviceId(route.claim.device_id)
        elif route is not None and route.address != NOBODY:
            address = address_of(route)
            device = self.enrolment.at_address(address)
            device_id = stand_in(address) if device is None else device.device_id
        refused = Rejection(
            offset=entry.offset,
            received_at=entry.received_at,
            reason=Reason.FLOODED,
            detail=f"{fact.messages} messages within {(fact.at - fact.since + 999) // 1000} s were left out: too many",
            topic=fact.topic,
            device_id=device_id,
            address=address,
            messages=fact.messages,
        )
        self._judge.count(refused, device_id)
        return refused

    def _read_vendor(
        self,
        entry: Entry,
        message: Message,
        route: Route,
        heard: Heard,
        arrival: Arrival,
        again: MessageReread | None = None,
    ) -> list[Other]:
        """As if the device had named its own place: the register alone says where a vendor's device stands."""
        if route.address == NOBODY:
            return []
        address = address_of(route)
        device = self.enrolment.at_address(address)
        if device is None:
            stranger = stand_in(address)
            said = [msgspec.structs.replace(one, device_id=stranger) for one in heard.said if not one.device_id]
            topic = Topic(self._dong, "", stranger, "")
            return self._judge.settle(make_case(entry, message, topic, Heard(said, heard.wrong), arrival, address, again=again))
        repeat = self._vendors.adapt(route, heard, message, device, self.enrolment)
        repeat = repeat and not (again is not None and again.numbered)
        place = self.enrolment.place(device.device_id)
        topic = Topic(place.dong_code if place else self._dong, device.household_id, device.device_id, "")
        return self._judge.settle(make_case(entry, message, topic, heard, arrival, address, repeat=repeat, again=again))
