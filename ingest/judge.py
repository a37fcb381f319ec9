"""What one message says, held against the register, its number, the clocks and the conduct of its sender.

Choices where the payload rules leave room: a retained motion, door, call, steps or heartbeat of ours is refused (an
event means nothing later); any other retained value, a gateway's status and whatever a vendor retains by habit among
them, is kept as state without being credible; and a retained message does not use up its number, so that the live copy
still counts. What concerns the whole message is said once: unknown device before duplicate before register mismatch
before anything in the payload.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from zlib import crc32

import msgspec
import numpy as np

from ingest.clock import Millis
from ingest.dating import FUTURE_LIMIT, Arrival, date, earliest_believable
from ingest.decoding import Other
from ingest.enrolment import Enrolment, Place
from ingest.facts import MessageReread
from ingest.heard import EvenPack, Heard, Said, Wrong
from ingest.journal.port import Entry, Message
from ingest.reading import URGENT, DeviceId, DongCode, Reading, Reason, Rejection, Signal
from ingest.readings import AGAIN, CREDIBLE, SKEWED, Gathered
from ingest.set_aside import NOT_COUNTED, SetAside
from ingest.urgent import LastUrgent, Mark
from ingest.window import Windows
from ingest.wire import Topic

_EVENTS = frozenset({Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.CALL_MISSED, Signal.STEPS, Signal.HEARTBEAT})
_URGENT = frozenset(signal.code for signal in URGENT)

_NOTHING: frozenset[int] = frozenset()


class Case(msgspec.Struct, frozen=True, gc=False):
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


class Judge:
    """Over one register and what is remembered of the devices: their numbers, their last alarms, their conduct.

    What can be taken goes into `gathered`; all else comes back.
    """

    def __init__(self, enrolment: Enrolment) -> None:
        self._enrolment = enrolment
        self.windows = Windows()
        self.urgent = LastUrgent()
        self.set_aside = SetAside()
        self.gathered = Gathered()

    def settle(self, case: Case) -> list[Other]:
        """Hold what was heard against the register, the window and the clocks, and count what could not be taken."""
        others = self._judge(case)
        if others and case.again is None:
            for other in others:
                if type(other) is Rejection:
                    self.count(other, case.topic.device_id)
        return others

    def take_pack(self, entry: Entry, message: Message, topic: Topic, pack: EvenPack) -> bool:
        """Take all of a pack that nothing speaks against; False: nothing was done, and it is to be judged value by value."""
        received_at, sender = entry.received_at, self._enrolment.place(topic.device_id)
        places = [self._stands_well(device_id, topic, received_at) for device_id in pack.devices]
        if message.retain or sender is None or self._stands_well(topic.device_id, topic, received_at) is None:
            return False
        known = [place for place in places if place is not None]
        if len(known) < len(places) or (pack.t > (received_at + FUTURE_LIMIT) / 1_000).any():
            return False
        if not self.windows.settle(sender.device_id, pack.boot, pack.seq):
            return False
        earliest = np.array([earliest_believable(place.enrolled_at, received_at) for place in known], dtype=np.int64)
        observed_at = np.rint(pack.t * 1_000).astype(np.int64)
        self.gathered.add_all(
            np.arange(pack.first, pack.first + len(pack.t)),
            np.array([place.number for place in known], dtype=np.int64)[pack.sensor],
            pack.signal,
            observed_at,
            np.where(observed_at >= earliest[pack.sensor], CREDIBLE, 0),
            pack.value,
            offset=entry.offset,
            received_at=received_at,
            boot=pack.boot,
            seq=pack.seq,
        )
        return True

    def _stands_well(self, device_id: str, topic: Topic, at: Millis) -> Place | None:
        """The place, where the topic agrees with the register and the device is not set aside."""
        judged = _judge_place(self._enrolment.place(device_id), topic, None)
        return judged if isinstance(judged, Place) and not self.set_aside.holds(device_id, at) else None

    def count(self, refused: Rejection, sender: str | None) -> None:
        """Against the device whose value it is, where it stands in the sender's own home; else against the sender."""
        said_by, at_fault = (None if one is None else self._enrolment.place(one) for one in (sender, refused.device_id))
        if said_by is None or refused.reason in NOT_COUNTED:
            return
        if at_fault is None or at_fault.household_id != said_by.household_id:
            at_fault = said_by  # nobody gets another home's device set aside
        self.set_aside.count(at_fault.device_id, refused.received_at)

    def _judge(self, case: Case) -> list[Other]:
        heard = case.heard
        sender = self._judge_sender(case)
        places: dict[str, Place] = {}  # of others in a pack: each is asked for once
        wrong = heard.wrong if isinstance(sender, Place) else [sender]
        others: list[Other] = [_reject(case, one) for one in wrong] if wrong else []
        for said in heard.said:
            if said.signal.code in _URGENT:
                others += self._take_urgent(case, said, told=isinstance(sender, Wrong) or said.index in case.ill)
            elif isinstance(sender, Place):
                if said.device_id == sender.device_id:
                    place = sender
                elif (known := places.get(said.device_id)) is not None:
                    place = known
                else:
                    others += self._take_other(case, said, places)
                    continue
                if case.message.retain:
                    others += self._take_retained(case, said, place)
                else:
                    self._take(case, said, place)
        return others

    def _judge_sender(self, case: Case) -> Place | Wrong:
        """Where the sender stands, or what is wrong with the message as a whole; either way its number is noted."""
        boot, seq = case.heard.boot, case.heard.seq
        place = self._enrolment.place(case.topic.device_id)
        if place is not None and not place.ended and boot is not None and seq is not None:
            ask = self.windows.settled if case.message.retain else self.windows.settle
            known = ask(place.device_id, boot, seq) is case.message.retain
            if known and not (case.again is not None and case.again.numbered):
                return Wrong(Reason.DUPLICATE, f"boot {boot} seq {seq} was settled before")
        if case.repeat:
            return Wrong(Reason.DUPLICATE, "was heard before")
        judged = _judge_place(place, case.topic, None)
        return self._unless_aside(case, judged) if isinstance(judged, Place) else judged

    def _unless_aside(self, case: Case, place: Place, index: int = 0) -> Place | Wrong:
        """What is read again was asked for by somebody who knows; all else of a device set aside is not taken."""
        if case.again is None and self.set_aside.holds(place.device_id, case.entry.received_at):
            return Wrong(Reason.SET_ASIDE, "too much of this device could not be taken", index, place.device_id)
        return place

    def _take_other(self, case: Case, said: Said, places: dict[str, Place]) -> list[Other]:
        """The value of a device that may not be the sender; where it may be taken, its place is noted in `places`."""
        place = self._enrolment.place(said.device_id)
        judged = _judge_place(place, case.topic, said, vouched=case.address is not None)
        if isinstance(judged, Place):
            judged = self._unless_aside(case, judged, said.index)
        if isinstance(judged, Wrong):
            return [_reject(case, judged)]
        places[said.device_id] = judged
        return self._take_retained(case, said, judged)

    def _take_retained(self, case: Case, said: Said, place: Place) -> list[Other]:
        """Take the value, unless a retain flag speaks against it."""
        if case.message.retain and said.signal in _EVENTS and case.address is None:
            return [_reject(case, Wrong(Reason.RETAINED, f"a retained {said.signal} is no event", said.index, said.device_id))]
        self._take(case, said, place)
        return []

    def _take(self, case: Case, said: Said, place: Place) -> None:
        """The value is a reading of the household in which the device stands."""
        heard, dated = case.heard, date(said.t, case.arrival, place.enrolled_at, relative=said.relative)
        credible = dated.credible and not case.message.retain and not heard.test
        self.gathered.add(
            case.entry.offset,
            said.index,
            place.number,
            said.signal.code,
            dated.observed_at,
            case.entry.received_at,
            -1 if heard.boot is None else heard.boot,
            -1 if heard.seq is None else heard.seq,
            CREDIBLE * credible | SKEWED * dated.skewed | AGAIN * (case.again is not None),
            said.value,
        )

    def _take_urgent(self, case: Case, said: Said, *, told: bool) -> list[Other]:
        """The alarm, whatever else is wrong, and what is wrong unless that is `told`; of an echo only the latter.

        An echo is retained, marked DUP or read again, and says what the last one of this device and signal said.
        """
        place = self._enrolment.place(said.device_id)
        heard, message = case.heard, case.message
        mark = Mark(said.value, said.t, heard.boot, heard.seq, case.checksum if said.index in case.ill else 0)
        new = self.urgent.note(said.device_id, said.signal, mark, enrolled=place is not None)
        if said.value == 0.0:
            return [] if told else self._take_other(case, said, {})
        if (not new and (message.retain or message.dup)) or _was_raised(case.again, new=new):
            echo = Wrong(Reason.DUPLICATE, "says what the last one said", said.index, said.device_id)
            return [] if told else [_reject(case, echo)]
        stands = _judge_place(place, case.topic, said)
        others: list[Other] = [] if told or isinstance(stands, Place) else [_reject(case, stands)]
        if place is None or place.ended:
            return [*others, _alarm_of_nobody(case, said, place)]
        self._take(case, said, place)
        return others


def make_case(
    entry: Entry,
    message: Message,
    topic: Topic,
    heard: Heard,
    arrival: Arrival,
    address: str | None = None,
    *,
    repeat: bool = False,
    again: MessageReread | None = None,
) -> Case:
    ill = frozenset([one.index for one in heard.wrong]) if heard.said else _NOTHING
    checksum = crc32(message.payload) if ill else 0
    return Case(entry, message, topic, heard, arrival, ill, checksum, address, repeat, again)


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


def _alarm_of_nobody(case: Case, said: Said, place: Place | None) -> Reading:
    """An urgent reading of the dong alone: no one lives there to our knowledge."""
    dated = date(said.t, case.arrival, place.enrolled_at if place else 0, relative=said.relative)
    return Reading(
        offset=case.entry.offset,
        index=said.index,
        dong_code=place.dong_code if place is not None else DongCode(case.topic.dong_code),
        household_id=None,
        device_id=DeviceId(said.device_id),
        signal=said.signal,
        value=said.value,
        observed_at=dated.observed_at,
        received_at=case.entry.received_at,
        boot=case.heard.boot,
        seq=case.heard.seq,
        credible=False,
        skewed=dated.skewed,
        again=case.again is not None,
    )


def _reject(case: Case, wrong: Wrong) -> Rejection:
    return Rejection(
        offset=case.entry.offset,
        index=wrong.index,
        received_at=case.entry.received_at,
        reason=wrong.reason,
        detail=wrong.detail,
        topic=case.message.topic,
        device_id=DeviceId(wrong.device_id if wrong.device_id is not None else case.topic.device_id),
        address=case.address,
        messages=1 if case.again is None else 0,
    )
