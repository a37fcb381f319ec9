"""What has been settled of each device's numbers, what is missing between them, and what is given up as lost.

Kept per device and boot as the newest number and the gaps below it. Times are home time as the journal has it
(`received_at`, the frontier, link facts), never the machine's: whoever reads the same journal again, at any speed, comes
to the same gaps and the same losses.

A boot begins at 0. What lies before the first number ever heard of a device is asked for like any gap and then let go
without counting as lost: the device may have been running on a bench before it was enrolled.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

import msgspec

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.window import BOOTS, RANGES
from ingest.wire import Ack

ASK_AFTER: Millis = 60 * SECOND
"""Age of a gap at which the device is asked to send again."""

ASK_AGAIN: Millis = 10 * MINUTE
"""A device that was asked for a gap is left in peace about it for so long."""

LOST_AFTER: Millis = DAY
"""Age of a gap at which it is written down as lost."""

HEARD_FOR: Millis = HOUR
"""However old: a gap is not lost before the link has been up for so long, since nobody could answer while it was down."""

REJECTED_TOLD = 32
RANGES_TOLD = 32
"""Per acknowledgement. What does not fit is told by a later one."""

LOSSES_KEPT = 64
"""Lost ranges remembered per boot, to notice what arrives after all."""

_HALF = 2**31
_ALL = 2**32


class Gap(msgspec.Struct, array_like=True):
    """Numbers not heard, `first` to `last`, though later ones were."""

    first: int
    last: int
    noticed_at: Millis
    lost_at: Millis  # when it will count as lost
    asked_at: Millis | None = None  # forgotten by a restart, so that the device is asked again


class Loss(msgspec.Struct, array_like=True):
    """A range given up. `late`: how many of them arrived after all."""

    first: int
    last: int
    noticed_at: Millis
    lost_at: Millis
    late: int = 0


class Book(msgspec.Struct, array_like=True):
    """The account of one boot of one device. Numbers are unwrapped: each is the nearest to the newest."""

    device_id: str
    boot: int
    is_first: bool  # of this device since it was enrolled
    newest: int
    gaps: list[Gap] = []  # ascending
    losses: list[Loss] = []  # in the order they were given up
    rejected: list[int] = []

    def place(self, seq: int) -> int:
        """`seq` unwrapped."""
        return self.newest + (seq - self.newest + _HALF) % _ALL - _HALF

    def ack(self, now: Millis | None) -> Ack:
        """What to tell the device; gaps old enough at `now` are asked for and marked so. None: nothing is asked for."""
        upto = self.gaps[0].first - 1 if self.gaps else self.newest
        kept = [(a.last + 1, b.first - 1) for a, b in zip(self.gaps, self.gaps[1:], strict=False)]
        if self.gaps:
            kept.append((self.gaps[-1].last + 1, self.newest))
        asked = [gap for gap in self.gaps if now is not None and _is_to_be_asked(gap, now)][:RANGES_TOLD]
        for gap in asked:
            gap.asked_at = now
        return Ack(
            boot=self.boot,
            upto=upto % _ALL if upto >= 0 else -1,
            rejected=[number % _ALL for number in self.rejected],
            kept=[(first % _ALL, last % _ALL) for first, last in kept[-RANGES_TOLD:]],
            missing=[(gap.first % _ALL, gap.last % _ALL) for gap in asked],
        )

    def fill(self, number: int) -> bool:
        """Take a number at or below the newest; False where it is in no gap."""
        at = bisect_left(self.gaps, number, key=_last)
        if at == len(self.gaps) or number < self.gaps[at].first:
            return False
        gap = self.gaps[at]
        if gap.first == gap.last:
            del self.gaps[at]
        elif number == gap.first:
            gap.first += 1
        elif number == gap.last:
            gap.last -= 1
        else:
            upper = Gap(number + 1, gap.last, gap.noticed_at, gap.lost_at, gap.asked_at)
            gap.last = number - 1
            self.gaps.insert(at + 1, upper)
        return True

    def refuse(self, seq: int) -> None:
        """Note that something of this message could not be taken."""
        number = self.place(seq)
        if number not in self.rejected:
            self.rejected.append(number)
            del self.rejected[:-REJECTED_TOLD]

    def came_late(self, number: int) -> Loss | None:
        """Note that a number given up has arrived; its loss, None where it was not lost."""
        for loss in self.losses:
            if loss.first <= number <= loss.last and loss.late <= loss.last - loss.first:
                loss.late += 1
                return loss
        return None


class Given(msgspec.Struct, frozen=True):
    """A loss that was written down, or changed."""

    device_id: str
    boot: int
    loss: Loss


class _State(msgspec.Struct, array_like=True):
    books: list[Book]
    hears: bool


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class Ledger:
    """The books of all devices. `given_up` collects what was lost, until somebody takes it."""

    def __init__(self) -> None:
        self.given_up: list[Given] = []
        self._books: dict[str, list[Book]] = {}  # a device's boots, the latest heard at the end
        self._gappy: dict[tuple[str, int], Book] = {}
        self._hears = True
        self._next_loss: Millis | None = None  # no gap is lost before

    @property
    def open_gaps(self) -> int:
        """Gaps waiting to be filled."""
        return sum(len(book.gaps) for book in self._gappy.values())

    @property
    def hears(self) -> bool:
        """Whether what devices send reaches us as it happens; while it does not, nothing is asked for and nothing lost."""
        return self._hears

    def settle(self, device_id: str, boot: int, seq: int, at: Millis, *, repeated: bool = False) -> Book:
        """Note a message received at `at`; the boot's book. `repeated`: whoever counts readings has had it before."""
        books = self._books.get(device_id)
        if books is not None and books[-1].boot == boot:
            book = books[-1]
            if seq == book.newest + 1:  # the common case: the next one, before any wrap
                book.newest = seq
                return book
        else:
            book = self._turn_to(device_id, boot, seq, at)
        number = book.place(seq)
        if number > book.newest:
            if number > book.newest + 1:
                self._open_gap(book, book.newest + 1, number - 1, at)
            book.newest = number
        elif book.fill(number):
            if not book.gaps:
                self._gappy.pop((device_id, boot), None)
            self._bound(book, at)
            if repeated:  # its window gave the gap up before we did: the reading was not counted
                self._lose(book, Gap(number, number, at, at), at)
        elif not repeated and (loss := book.came_late(number)) is not None:
            self.given_up.append(Given(device_id, boot, loss))
        return book

    def expire(self, now: Millis) -> None:
        """Give up what has been missing for too long at `now`; to be called before anything received at `now` is settled."""
        if self._next_loss is None or now < self._next_loss or not self._hears:
            return
        for key, book in sorted(self._gappy.items()):
            for gap in [gap for gap in book.gaps if gap.lost_at <= now]:
                book.gaps.remove(gap)
                self._lose(book, gap, gap.lost_at)
            if not book.gaps:
                del self._gappy[key]
        self._plan()

    def link_down(self) -> None:
        """We hear nothing, or have just begun to run."""
        self._hears = False

    def link_up(self, at: Millis) -> None:
        """From `at` on we hear as it happens; every gap gets at least `HEARD_FOR` from here."""
        self._hears = True
        for book in self._gappy.values():
            for gap in book.gaps:
                gap.lost_at = max(gap.lost_at, at + HEARD_FOR)
        self._plan()

    def forget(self, device_id: str, at: Millis) -> None:
        """The device is gone: what is missing of it will not come."""
        for book in self._books.pop(device_id, ()):
            self._close(book, at)

    def asking(self, now: Millis) -> Iterator[Book]:
        """The books with a gap to be asked for at `now`."""
        if self._hears:
            for book in self._gappy.values():
                if any(_is_to_be_asked(gap, now) for gap in book.gaps):
                    yield book

    def book(self, device_id: str, boot: int) -> Book | None:
        """The book of that boot."""
        return next((book for book in self._books.get(device_id, ()) if book.boot == boot), None)

    def snapshot(self) -> bytes:
        """Everything but when who was asked; the same journal gives the same bytes."""
        books = [_unasked(book) for _device_id, books in sorted(self._books.items()) for book in books]
        return _encoder.encode(_State(books, self._hears))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state is not None else _State([], True)
        self.given_up = []
        self._books = {}
        self._hears = past.hears
        for book in past.books:
            self._books.setdefault(book.device_id, []).append(book)
        self._gappy = {(book.device_id, book.boot): book for book in past.books if book.gaps}
        self._plan()

    def _turn_to(self, device_id: str, boot: int, seq: int, at: Millis) -> Book:
        """The boot's book, put at the end; a new one begins at 0."""
        books = self._books.setdefault(device_id, [])
        for place, book in enumerate(books):
            if book.boot == boot:
                books.append(books.pop(place))
                return book
        book = Book(device_id, boot, not books, seq)
        books.append(book)
        if seq > 0:
            self._open_gap(book, 0, seq - 1, at)
        for old in books[:-BOOTS]:
            self._close(old, at)
        del books[:-BOOTS]
        return book

    def _open_gap(self, book: Book, first: int, last: int, at: Millis) -> None:
        book.gaps.append(Gap(first, last, at, at + LOST_AFTER))
        self._gappy[book.device_id, book.boot] = book
        self._bound(book, at)
        if self._next_loss is None or at + LOST_AFTER < self._next_loss:
            self._next_loss = at + LOST_AFTER

    def _bound(self, book: Book, at: Millis) -> None:
        """Give up the oldest gap between two ranges where the window of whoever counts readings does."""
        if len(book.gaps) >= RANGES:
            from_0 = book.gaps[0].first == 0
            if len(book.gaps) - from_0 >= RANGES:
                self._lose(book, book.gaps.pop(int(from_0)), at)

    def _close(self, book: Book, at: Millis) -> None:
        self._gappy.pop((book.device_id, book.boot), None)
        for gap in book.gaps:
            self._lose(book, gap, at)

    def _lose(self, book: Book, gap: Gap, at: Millis) -> None:
        if book.is_first and gap.first == 0:
            return
        loss = Loss(gap.first, gap.last, gap.noticed_at, at)
        book.losses.append(loss)
        del book.losses[:-LOSSES_KEPT]
        self.given_up.append(Given(book.device_id, book.boot, loss))

    def _plan(self) -> None:
        self._next_loss = min((gap.lost_at for book in self._gappy.values() for gap in book.gaps), default=None)


def _is_to_be_asked(gap: Gap, now: Millis) -> bool:
    return now - gap.noticed_at >= ASK_AFTER and (gap.asked_at is None or now - gap.asked_at >= ASK_AGAIN)


def _unasked(book: Book) -> Book:
    if all(gap.asked_at is None for gap in book.gaps):
        return book
    return msgspec.structs.replace(book, gaps=[msgspec.structs.replace(gap, asked_at=None) for gap in book.gaps])


def _last(gap: Gap) -> int:
    return gap.last
