"""The stage that acknowledges to native devices what the journal holds, asks for what is missing, and writes down what is lost.

Everything it reads is durable, so everything it says is true for good: no acknowledgement can come before the commit.
Which devices are still to be told is part of the committed state, so that after a crash they are told again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Engine

from ingest import acks_metrics as metrics
from ingest.acks_book import Book
from ingest.acks_ledger import Given, Ledger
from ingest.acks_numbers import numbers_in, numbers_of
from ingest.acks_tray import AckTray, OutgoingAck
from ingest.clock import Clock, Millis
from ingest.decoding import Decoding, Other
from ingest.facts import DeviceRemoved, Fact, LinkDown, LinkUp, MessageReread, RunStarted, RunStopped
from ingest.journal.port import Entry, Message
from ingest.losses import LostRange, write_losses
from ingest.reading import Reason, Rejection
from ingest.reread import message_of
from ingest.window import MAX_SEQ
from ingest.wire import encode_ack, parse_topic

ACK_EVERY_S = 5.0
"""At most one acknowledgement per device and boot in so many machine seconds, a request to send again apart."""

LOOK_EVERY_S = 0.25
"""How often it is looked who is to be told, in machine seconds."""

ASK_LOOK_EVERY_S = 1.0
TOPICS = 50_000
"""Topics remembered with the device in them; the memory is emptied when full."""


class _State(msgspec.Struct, array_like=True):
    decoder: bytes
    ledger: bytes
    owed: list[tuple[str, int]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class _Debt:
    """A book whose device is to be told."""

    __slots__ = ("book", "serial", "told_at", "waits")

    def __init__(self, book: Book) -> None:
        self.book = book
        self.told_at = float("-inf")  # monotonic seconds of the last acknowledgement handed on
        self.serial = 0  # of that one; 0 when the broker has taken it over
        self.waits = False  # something has been settled since


class AcksConsumer:
    """Implements Consumer. Acknowledgements go into the tray; losses are written in one transaction per turn."""

    def __init__(self, engine: Engine, decoder: Decoding, tray: AckTray, clock: Clock, *, every_s: float = ACK_EVERY_S) -> None:
        self._engine, self._decoder, self._tray, self._clock, self._every_s = engine, decoder, tray, clock, every_s
        self._ledger = Ledger()
        self._debts: dict[str, _Debt] = {}  # by device, of the boot it was last heard in
        self._older: dict[tuple[str, int], _Debt] = {}  # of other boots, while they are owed something
        self._waiting: list[_Debt] = []
        self._devices: dict[str, str | None] = {}
        self._now: Millis = 0
        self._serial = 0
        self._looked_at = self._asked_at = float("-inf")
        self._counted = 0  # the last offset in the metrics

    @property
    def name(self) -> str:
        """The cursor's name."""
        return "acks"

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state; whoever was still to be told then is to be told now."""
        past = _decoder.decode(state) if state is not None else None
        self._decoder.restore(past.decoder if past else None)
        self._ledger.restore(past.ledger if past else None)
        self._debts, self._older, self._waiting = {}, {}, []
        for device_id, boot in past.owed if past else ():
            book = self._ledger.book(device_id, boot)
            if book is not None:
                self._owe(book)

    def take(self, entries: Sequence[Entry]) -> None:
        """Settle what these entries hold; an error of the store goes up before anything is acknowledged."""
        decoded = self._decoder.read(entries)
        others: dict[int, list[Other]] = {}
        for offset, other in decoded.others:
            others.setdefault(offset, []).append(other)
        for entry, numbers in zip(entries, numbers_of(decoded), strict=True):
            self._ledger.expire(entry.received_at)
            self._now = entry.received_at
            body = message_of(entry.body) if isinstance(entry.body, MessageReread) else entry.body
            if not isinstance(body, Message):
                self._fold(body, entry.received_at)
            elif not body.retain:
                self._settle(entry, body, numbers, others.get(entry.offset, ()))
        self._counted = max(self._counted, entries[-1].offset if entries else 0)
        self._write_losses()
        self._tell()

    def at_head(self, now: Millis) -> None:
        """Give up and ask for what is old enough at home time `now`, and tell who is to be told."""
        self._now = max(self._now, now)
        self._ledger.expire(self._now)
        self._write_losses()
        mono = self._clock.monotonic()
        if mono - self._asked_at >= ASK_LOOK_EVERY_S:
            self._asked_at = mono
            metrics.GAPS.set(self._ledger.open_gaps)
            for book in list(self._ledger.asking(self._now)):
                self._owe(book).told_at = self._looked_at = float("-inf")  # at once
        self._tell()

    def state(self) -> bytes | None:
        """The decoder's state, the ledger, and who is still to be told; losses are durable already."""
        self._hear_confirmed()
        debts = (*self._debts.values(), *self._older.values())
        owed = sorted((debt.book.device_id, debt.book.boot) for debt in debts if debt.waits or debt.serial)
        return _encoder.encode(_State(self._decoder.snapshot(), self._ledger.snapshot(), owed))

    def _fold(self, fact: Fact, at: Millis) -> None:
        if isinstance(fact, LinkUp):
            self._ledger.link_up(at)
        elif isinstance(fact, LinkDown | RunStarted | RunStopped):
            self._ledger.link_down()
        elif isinstance(fact, DeviceRemoved):
            self._ledger.forget(fact.device_id, at)
            self._debts.pop(fact.device_id, None)
            self._older = {key: debt for key, debt in self._older.items() if key[0] != fact.device_id}

    def _settle(self, entry: Entry, message: Message, numbers: tuple[int, int] | None, others: Sequence[Other]) -> None:
        """`numbers`: boot and seq of its first reading, -1 for none; None where it brought no reading of a household."""
        device_id = self._device(message.topic)
        if device_id is None:
            return
        refused = repeated = False
        boot: int | None
        seq: int | None
        rejections = [other for other in others if isinstance(other, Rejection)]
        if rejections:
            if _is_nobodys(device_id, rejections):
                return
            repeated = rejections[0].reason is Reason.DUPLICATE and rejections[0].index == 0
            refused = not repeated
        if rejections or numbers is None:
            boot, seq = numbers_in(message)
        else:
            boot, seq = (None if number < 0 else number for number in numbers)
        if boot is None or seq is None:
            return
        book = self._ledger.settle(device_id, boot, seq, entry.received_at, repeated=repeated)
        if refused:
            book.refuse(seq)
        if repeated and entry.offset > self._counted:
            metrics.REPEATED.inc()
        debt = self._debts.get(device_id)
        if debt is None or debt.book is not book:
            self._owe(book)
        elif not debt.waits:
            debt.waits = True
            self._waiting.append(debt)

    def _device(self, topic: str) -> str | None:
        """Who sends on this topic; None where it is not a native one."""
        try:
            return self._devices[topic]
        except KeyError:
            if len(self._devices) >= TOPICS:
                self._devices.clear()
            parts = parse_topic(topic)
            device_id = self._devices[topic] = parts.device_id if parts is not None else None
            return device_id

    def _owe(self, book: Book) -> _Debt:
        debt = self._debts.get(book.device_id)
        if debt is None or debt.book is not book:
            if debt is not None and (debt.waits or debt.serial):
                self._older[book.device_id, debt.book.boot] = debt
            debt = self._older.pop((book.device_id, book.boot), None)
            if debt is None or debt.book is not book:
                debt = _Debt(book)
            self._debts[book.device_id] = debt
        if not debt.waits:
            debt.waits = True
            self._waiting.append(debt)
        return debt

    def _tell(self) -> None:
        """Hand on the acknowledgements that are due."""
        mono = self._clock.monotonic()
        if mono - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = mono
        self._hear_confirmed()
        later: list[_Debt] = []
        acks: list[OutgoingAck] = []
        for debt in self._waiting:
            if mono - debt.told_at < self._every_s:
                later.append(debt)
            elif debt.waits:
                acks.append(self._write_ack(debt, mono))
        self._waiting = later
        self._tray.put(acks)
        metrics.WAITING.set(len(self._tray) + len(later))

    def _write_ack(self, debt: _Debt, mono: float) -> OutgoingAck:
        self._serial += 1
        debt.waits, debt.serial, debt.told_at = False, self._serial, mono
        ack = debt.book.ack(self._now if self._ledger.hears else None)
        if ack.missing:
            metrics.ASKED.inc(len(ack.missing))
        return OutgoingAck(device_id=debt.book.device_id, boot=debt.book.boot, serial=self._serial, payload=encode_ack(ack))

    def _hear_confirmed(self) -> None:
        for ack in self._tray.confirmed():
            debt = self._debts.get(ack.device_id)
            if debt is None or debt.book.boot != ack.boot:
                debt = self._older.get((ack.device_id, ack.boot))
            if debt is not None and debt.serial == ack.serial:
                debt.serial = 0
                if not debt.waits:
                    self._older.pop((ack.device_id, ack.boot), None)

    def _write_losses(self) -> None:
        given = self._ledger.given_up
        if not given:
            return
        with self._engine.begin() as connection:
            write_losses(connection, [self._lost_range(one) for one in given])
        metrics.LOST.inc(sum(one.loss.last - one.loss.first + 1 for one in given if not one.loss.late))
        metrics.LATE.inc(sum(1 for one in given if one.loss.late))
        given.clear()

    def _lost_range(self, given: Given) -> LostRange:
        place, loss = self._decoder.enrolment.place(given.device_id), given.loss
        return LostRange(
            device_id=given.device_id,
            boot=given.boot,
            first_seq=loss.first % (MAX_SEQ + 1),
            last_seq=loss.last % (MAX_SEQ + 1),
            messages=loss.last - loss.first + 1,
            household_id=place.household_id if place is not None else None,
            noticed_at=loss.noticed_at,
            lost_at=loss.lost_at,
            came_late=loss.late,
        )


def _is_nobodys(sender: str, rejections: Iterable[Rejection]) -> bool:
    """Whether nobody has enrolled the sender itself; another device in its pack does not matter here."""
    return any(one.reason is Reason.UNKNOWN_DEVICE and one.device_id == sender for one in rejections)
