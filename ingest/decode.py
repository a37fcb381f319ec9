"""What each entry of the journal means at its offset: readings, rejections, or the fact itself.

The register as folded from the facts before it says where a device stands; the window says whether the message was
settled before; the links say when a queued one can have been sent. All of it comes out of the journal, so a decoder
restored from a snapshot goes on exactly as one that read everything.

Choices where the payload rules leave room: a retained motion, door, call, steps or heartbeat of ours is refused (an
event means nothing later); any other retained value, a gateway's status and whatever a vendor retains by habit among
them, is kept as state without being credible; and a retained message does not use up its number, so that the live copy
still counts. What concerns the whole message is said once: unknown device before duplicate before register mismatch
before anything in the payload.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias
from zlib import crc32

import msgspec

from ingest.dating import Arrival, Links, arrive, date
from ingest.dialects.port import NOBODY, Dialect, Route
from ingest.dialects.registry import make_dialects
from ingest.enrolment import Enrolment, Place
from ingest.facts import DeviceEnrolled, DeviceRemoved, Fact, MessageReread, MessagesLeftOut
from ingest.heard import Heard, Said, Wrong
from ingest.journal.port import Entry, Message
from ingest.reading import URGENT, DeviceId, DongCode, Reading, Reason, Rejection, Signal
from ingest.reread import arrived, message_of, narrowed
from ingest.set_aside import NOT_COUNTED, SetAside
from ingest.urgent import LastUrgent, Mark
from ingest.vendors import Vendors, address_of, stand_in
from ingest.window import Windows
from ingest.wire import Topic

Item: TypeAlias = Reading | Rejection | Fact

ROUTES = 50_000
"""Topics of enrolled devices remembered; the memory is emptied when full."""

NOWHERE = "-"
"""The dong of an alarm of which nobody knows where it comes from: seen by those who see every dong."""

_NO_UTF8 = re.compile(r"\\x[89a-f][0-9a-f]|[\ud800-\udfff]")
"""How bytes that are no UTF-8 look in a topic: written out by the source, or kept as lone surrogates."""

_EVENTS = frozenset({Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.CALL_MISSED, Signal.STEPS, Signal.HEARTBEAT})


_NOTHING: frozenset[int] = frozenset()


class _Case(msgspec.Struct, frozen=True, gc=False):
    """One message and what settling its values needs."""

    entry: Entry
    message: Message
    topic: Topic
    heard: Heard
    arrival: Arrival
    ill: AbstractSet[int] = _NOTHING  # indexes at which something heard is wrong
    checksum: int = 0  # of the payload where anything is
    address: str | None = None  # `dialect/address` in a vendor's dialect
    repeat: bool = False  # told so by that dialect
    again: MessageReread | None = None  # the message was read before, at its first place in the journal


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
        self._windows = Windows()
        self._links = Links()
        self._urgent = LastUrgent()
        self._set_aside = SetAside()
        self._routes: dict[str, Route] = {}
        self._vendors = Vendors(make_dialects(("native",)) if dialects is None else dialects)
        self._dong = dong

    def read(self, entries: Sequence[Entry]) -> list[tuple[Entry, list[Item]]]:
        """What each of these entries means; a fact stands for itself."""
        return [(entry, self._read(entry)) for entry in entries]

    def snapshot(self) -> bytes:
        """Everything learnt from the journal so far; the same journal gives the same bytes."""
        return _encoder.encode(
            _State(
                self.enrolment.snapshot(),
                self._windows.snapshot(),
                self._links.snapshot(),
                self._urgent.snapshot(),
                self._vendors.snapshot(),
                self._set_aside.snapshot(),
            )
        )

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state is not None else None
        self.enrolment.restore(past.enrolment if past else None)
        self._windows.restore(past.windows if past else None)
        self._links.restore(past.links if past else None)
        self._urgent.restore(past.urgent if past else None)
        self._vendors.restore(past.vendors if past else None)
        self._set_aside.restore(past.set_aside if past else None)

    def _read(self, entry: Entry) -> list[Item]:
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
        heard = route.hear(body.payload)
        arrival = arrive(body, entry.received_at, self._links)
        if route.claim is None:
            return self._read_vendor(entry, body, route, heard, arrival)
        if heard.wrong and heard.said:
            return self._settle(_case(entry, body, route.claim, heard, arrival))
        return self._settle(_Case(entry, body, route.claim, heard, arrival))

    def _read_fact(self, entry: Entry, fact: Fact) -> list[Item]:
        self._fold(fact)
        if isinstance(fact, MessageReread):
            return self._read_again(entry, fact)
        if isinstance(fact, MessagesLeftOut):
            return [fact, self._refuse_flood(entry, fact)]
        return [fact]

    def _read_again(self, entry: Entry, fact: MessageReread) -> list[Item]:
        """The values that are meant, by the register as it is here and by the clock as it was then."""
        message = message_of(fact)
        route = self._routes.get(message.topic) or self._route(message.topic)
        if route is None:
            return [self._refuse_topic(entry, message.topic)]
        arrival = arrived(message)
        heard = narrowed(self._vendors.hear_again(route, message.payload), route.claim, fact)
        if route.claim is None:
            return self._read_vendor(entry, message, route, heard, arrival, again=fact)
        return self._settle(_case(entry, message, route.claim, heard, arrival, again=fact))

    def _fold(self, fact: Fact) -> None:
        self.enrolment.fold(fact)
        self._links.fold(fact)
        if isinstance(fact, DeviceRemoved):
            self._windows.forget(fact.device_id)
            self._urgent.forget(fact.device_id)
            self._vendors.forget(fact.device_id)
        if isinstance(fact, DeviceRemoved | DeviceEnrolled):
            self._set_aside.forget(fact.device_id)

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
        )
        self._count(refused, device_id)
        return refused

    def _read_vendor(
        self,
        entry: Entry,
        message: Message,
        route: Route,
        heard: Heard,
        arrival: Arrival,
        again: MessageReread | None = None,
    ) -> list[Item]:
        """As if the device had named its own place: the register alone says where a vendor's device stands."""
        if route.address == NOBODY:
            return []
        address = address_of(route)
        device = self.enrolment.at_address(address)
        if device is None:
            stranger = stand_in(address)
            said = [msgspec.structs.replace(one, device_id=stranger) for one in heard.said if not one.device_id]
            topic = Topic(self._dong, "", stranger, "")
            return self._settle(_case(entry, message, topic, Heard(said, heard.wrong), arrival, address, again=again))
        repeat = self._vendors.adapt(route, heard, message, device, self.enrolment)
        repeat = repeat and not (again is not None and again.numbered)
        place = self.enrolment.place(device.device_id)
        topic = Topic(place.dong_code if place else self._dong, device.household_id, device.device_id, "")
        return self._settle(_case(entry, message, topic, heard, arrival, address, repeat=repeat, again=again))

    def _settle(self, case: _Case) -> list[Item]:
        """Hold what was heard against the register, the window and the clocks, and count what could not be taken."""
        items = self._judge(case)
        if case.again is None:
            for item in items:
                if type(item) is Rejection:
                    self._count(item, case.topic.device_id)
        return items

    def _count(self, refused: Rejection, sender: str | None) -> None:
        """Against the device whose value it is, where it stands in the sender's own home; else against the sender."""
        said_by, at_fault = (None if one is None else self.enrolment.place(one) for one in (sender, refused.device_id))
        if said_by is None or refused.reason in NOT_COUNTED:
            return
        if at_fault is None or at_fault.household_id != said_by.household_id:
            at_fault = said_by  # nobody gets another home's device set aside
        self._set_aside.count(at_fault.device_id, refused.received_at)

    def _judge(self, case: _Case) -> list[Item]:
        heard = case.heard
        sender = self._judge_sender(case)
        places: dict[str, Place] = {}  # of others in a pack: each is asked for once
        wrong = heard.wrong if isinstance(sender, Place) else [sender]
        items: list[Item] = [_reject(case, one) for one in wrong] if wrong else []
        for said in heard.said:
            if said.signal in URGENT:
                items += self._take_urgent(case, said, told=isinstance(sender, Wrong) or said.index in case.ill)
            elif isinstance(sender, Place):
                if said.device_id == sender.device_id:
                    items.append(_take(case, said, sender))
                elif (place := places.get(said.device_id)) is not None:
                    items.append(_take(case, said, place))
                else:
                    items.append(self._take_other(case, said, places))
        return items

    def _judge_sender(self, case: _Case) -> Place | Wrong:
        """Where the sender stands, or what is wrong with the message as a whole; either way its number is noted."""
        boot, seq = case.heard.boot, case.heard.seq
        place = self.enrolment.place(case.topic.device_id)
        if place is not None and not place.ended and boot is not None and seq is not None:
            window = self._windows.of(place.device_id)
            known = window.settled(boot, seq) if case.message.retain else not window.settle(boot, seq)
            if known and not (case.again is not None and case.again.numbered):
                return Wrong(Reason.DUPLICATE, f"boot {boot} seq {seq} was settled before")
        if case.repeat:
            return Wrong(Reason.DUPLICATE, "was heard before")
        judged = _judge_place(place, case.topic, None)
        return self._unless_aside(case, judged) if isinstance(judged, Place) else judged

    def _unless_aside(self, case: _Case, place: Place, index: int = 0) -> Place | Wrong:
        """What is read again was asked for by somebody who knows; all else of a device set aside is not taken."""
        if case.again is None and self._set_aside.holds(place.device_id, case.entry.received_at):
            return Wrong(Reason.SET_ASIDE, "too much of this device could not be taken", index, place.device_id)
        return place

    def _take_other(self, case: _Case, said: Said, places: dict[str, Place]) -> Reading | Rejection:
        """The value of a device that may not be the sender; where it may be taken, its place is noted in `places`."""
        place = self.enrolment.place(said.device_id)
        judged = _judge_place(place, case.topic, said, vouched=case.address is not None)
        if isinstance(judged, Place):
            judged = self._unless_aside(case, judged, said.index)
        if isinstance(judged, Wrong):
            return _reject(case, judged)
        places[said.device_id] = judged
        return _take(case, said, judged)

    def _take_urgent(self, case: _Case, said: Said, *, told: bool) -> list[Item]:
        """The alarm, whatever else is wrong, and what is wrong unless that is `told`; of an echo only the latter.

        An echo is retained, marked DUP or read again, and says what the last one of this device and signal said.
        """
        place = self.enrolment.place(said.device_id)
        heard, message = case.heard, case.message
        mark = Mark(said.value, said.t, heard.boot, heard.seq, case.checksum if said.index in case.ill else 0)
        new = self._urgent.note(said.device_id, said.signal, mark, enrolled=place is not None)
        if said.value == 0.0:
            return [] if told else [self._take_other(case, said, {})]
        if (not new and (message.retain or message.dup)) or _was_raised(case.again, new=new):
            echo = Wrong(Reason.DUPLICATE, "says what the last one said", said.index, said.device_id)
            return [] if told else [_reject(case, echo)]
        alarm = _alarm(case, said, place)
        stands = _judge_place(place, case.topic, said)
        return [alarm] if told or isinstance(stands, Place) else [_reject(case, stands), alarm]


def _case(
    entry: Entry,
    message: Message,
    topic: Topic,
    heard: Heard,
    arrival: Arrival,
    address: str | None = None,
    *,
    repeat: bool = False,
    again: MessageReread | None = None,
) -> _Case:
    ill = frozenset([one.index for one in heard.wrong]) if heard.said else _NOTHING
    checksum = crc32(message.payload) if ill else 0
    return _Case(entry, message, topic, heard, arrival, ill, checksum, address, repeat, again)


def _was_raised(again: MessageReread | None, *, new: bool) -> bool:
    """Whether an alarm read again was raised when it came: as that of a device nobody had enrolled, or as the last one."""
    return again is not None and (again.device_id is not None or not new)


def _judge_place(place: Place | None, topic: Topic, said: Said | None, *, vouched: bool = False) -> Place | Wrong:
    """The place, or what the register says against a device speaking on this topic; `vouched`: the topic claims nothing."""
    if place is None:
        reason, detail = Reason.UNKNOWN_DEVICE, "nobody has enrolled this device"
    elif place.ended:
        reason, detail = Reason.UNKNOWN_DEVICE, "its household is no longer looked after"
    elif vouched:
        return place
    elif place.household_id != topic.household_id:
        reason, detail = Reason.REGISTER_MISMATCH, "the register has it in another household"
    elif place.dong_code != topic.dong_code:
        reason, detail = Reason.REGISTER_MISMATCH, "the register has its household in another dong"
    else:
        return place
    return Wrong(reason, detail) if said is None else Wrong(reason, detail, said.index, said.device_id)


def _take(case: _Case, said: Said, place: Place) -> Reading | Rejection:
    """The value as a reading of the device's household, unless a retain flag speaks against it."""
    retained = case.message.retain
    if retained and said.signal in _EVENTS and case.address is None:
        return _reject(case, Wrong(Reason.RETAINED, f"a retained {said.signal} is no event", said.index, said.device_id))
    dated = date(said.t, case.arrival, place.enrolled_at, relative=said.relative)
    return Reading(
        offset=case.entry.offset,
        index=said.index,
        dong_code=place.dong_code,
        household_id=place.household_id,
        device_id=place.device_id,
        signal=said.signal,
        value=said.value,
        observed_at=dated.observed_at,
        received_at=case.entry.received_at,
        boot=case.heard.boot,
        seq=case.heard.seq,
        credible=dated.credible and not retained and not case.heard.test,
        skewed=dated.skewed,
    )


def _alarm(case: _Case, said: Said, place: Place | None) -> Reading:
    """An urgent reading: of the register's household, or of the dong alone where no one lives there to our knowledge."""
    homeless = place is None or place.ended
    dated = date(said.t, case.arrival, place.enrolled_at if place else 0, relative=said.relative)
    return Reading(
        offset=case.entry.offset,
        index=said.index,
        dong_code=place.dong_code if place is not None else DongCode(case.topic.dong_code),
        household_id=place.household_id if place is not None and not homeless else None,
        device_id=DeviceId(said.device_id),
        signal=said.signal,
        value=said.value,
        observed_at=dated.observed_at,
        received_at=case.entry.received_at,
        boot=case.heard.boot,
        seq=case.heard.seq,
        credible=dated.credible and not homeless and not case.message.retain,
        skewed=dated.skewed,
    )


def _reject(case: _Case, wrong: Wrong) -> Rejection:
    return Rejection(
        offset=case.entry.offset,
        index=wrong.index,
        received_at=case.entry.received_at,
        reason=wrong.reason,
        detail=wrong.detail,
        topic=case.message.topic,
        device_id=DeviceId(wrong.device_id if wrong.device_id is not None else case.topic.device_id),
        address=case.address,
    )
