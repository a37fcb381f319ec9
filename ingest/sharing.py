"""One decoder for all consumers of a process that stand at the same place of the journal.

What a stretch of the journal means does not depend on who asks, only on what was read before it. So the consumer that
comes first decodes a stretch, and those behind it take what it found. A chain of decoded stretches has one decoder, at
its end. A consumer that was set back, or falls too far behind, decodes for itself, on a chain of its own, until it stands
where the others' chain ends and with the very same state; then it joins them (docs/adr/0012).

The state to commit is always exact: at the end of a chain it is the decoder's, and after the stretches where it was taken
down (one in about `marks_every_s`) it is that. Anywhere else, which a runner avoids by asking `ready`, it is made from
the last exact one and the journal after it.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence

from ingest.chain import Chain, Stretch
from ingest.clock import Clock
from ingest.decode import Decoder
from ingest.decoding import Decoded, Decoding, offset_of_entry
from ingest.enrolment import Enrolment
from ingest.journal.port import READ_BYTES, Entry, Journal, JournalDamaged
from ingest.readings import Readings

KEPT_AHEAD = 300_000
"""How much the end of a chain may be ahead of a consumer on it, see `Decoded.weight`: what is kept for it in memory."""

GIVES_WAY = 100_000
"""How far, before whoever would decode the next stretch gives those who are behind a moment, see `DecoderView._give_way`."""

HANGS_S = 1.0
"""Who has not moved for so long is not waited for."""

MARKS_EVERY_S = 3.0
"""How often the state is taken down, at most: of ten thousand homes it holds up everybody for 3 ms, or 20 after a change of the
register, and what happens in less than a hundredth of the time delays no more than one SOS in a hundred."""

JOIN_AGAIN_S = 60.0
"""A state that was not the others' (a mended decoder has read the past again) is compared again after so long."""

_CHUNK = 2_000
_SHARE = 20
"""Taking the state down takes at most one part in so many of the time."""


class SharedDecoder:
    """Hands out views, one for each consumer; `make` makes decoders that all read alike."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        make: Callable[[], Decoding] = Decoder,
        *,
        marks_every_s: float = MARKS_EVERY_S,
        kept_ahead: int = KEPT_AHEAD,
        gives_way: int = GIVES_WAY,
        hangs_s: float = HANGS_S,
    ) -> None:
        self.journal, self.clock, self.make, self.marks_every_s = journal, clock, make, marks_every_s
        self.kept_ahead, self.gives_way, self.hangs_s = kept_ahead, gives_way, hangs_s
        self.lock = threading.Lock()
        self.chain: Chain | None = None  # the one to join: that of a consumer none is ahead of
        self.views: list[DecoderView] = []
        self._next_mark = float("-inf")  # monotonic seconds

    def mark(self, chain: Chain) -> bytes | None:
        """The state at the end of the chain, where it is time to take one down; the chain's lock is held."""
        if chain.tail.state is not None:
            return chain.tail.state
        began = self.clock.monotonic()
        if began < self._next_mark:
            chain.wanted = True
            return None
        state = chain.state()
        ended = self.clock.monotonic()
        self._next_mark = ended + max(self.marks_every_s, _SHARE * (ended - began))
        return state

    def view(self) -> DecoderView:
        """For one consumer and its runner."""
        view = DecoderView(self)
        self.views.append(view)
        return view


class DecoderView:
    """Implements `Decoding` for one consumer, on whose thread alone it is used, and paces that consumer's runner."""

    def __init__(self, shared: SharedDecoder) -> None:
        self._shared = shared
        self._not_before = float("-inf")  # monotonic seconds before which no state is compared again
        self._moved = float("-inf")  # monotonic seconds when others' stretches were last taken
        self._begin(shared.make(), None, None)

    @property
    def enrolment(self) -> Enrolment:
        """See `Decoding.enrolment`."""
        return self._chain.decoder.enrolment

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        decoder = self._shared.make()
        decoder.restore(state)
        self._begin(decoder, None, state)

    def _begin(self, decoder: Decoding, at: int | None, state: bytes | None) -> None:
        """On a chain of our own; `at` None: where it stands shows with the next entry."""
        self._at = at
        self._known = (at or 0, state)  # the last exact state
        self._chain = Chain(decoder, at or 0, state)
        self._stretch: Stretch | None = self._chain.tail  # None: we have been left behind

    def read(self, entries: Sequence[Entry]) -> Decoded:
        """What these entries mean, as `Decoder.read`."""
        found: list[Decoded] = []
        if not entries:
            return Decoded(entries, Readings.join([]), [])
        if self._at is None:
            self._at = self._chain.tail.last = entries[0].offset - 1
            self._known = (self._at, self._known[1])
        last = entries[-1].offset
        while self._at < last:
            chain = self._chain
            with chain.lock:
                taken = self._walk(last)
                if taken:
                    self._moved = self._shared.clock.monotonic()
                    chain.moved.notify_all()
                found += taken
                at_end = self._stretch is chain.tail and not chain.broken
            if self._stretch is None or (chain.broken and self._at < last):
                self._leave()
            elif at_end and self._at < last:
                self._go_on(entries[bisect_right(entries, self._at, key=offset_of_entry) :])
        others = self._shared.chain
        if others is not None and others is not self._chain:
            self._join(others, last)  # now, before they move on
        return Decoded.join(found)

    def _walk(self, last: int) -> list[Decoded]:
        """Take what others have decoded, up to this offset."""
        found: list[Decoded] = []
        while self._stretch is not None and self._at is not None and self._at < last:
            if self._at >= self._stretch.last:
                if self._stretch.state is not None:
                    self._known = (self._at, self._stretch.state)
                if self._stretch.next is None:
                    break
                self._stretch = self._stretch.next
            if self._stretch.decoded is not None:
                found.append(self._stretch.decoded.between(self._at, last))
            self._at = min(last, self._stretch.last)
        return found

    def _go_on(self, entries: Sequence[Entry]) -> None:
        """We stand at the end of our chain: join the others if they stand here too, or decode the next stretch."""
        shared, at = self._shared, self._at or 0
        with shared.lock:
            others = shared.chain
            if others is None or others.broken or others.tail.last < at:
                shared.chain = others = self._chain
        if others is not self._chain:
            if self._join(others, at):
                return
            meet = others.tail.last
            if at < meet < entries[-1].offset:  # stop where they stand
                entries = entries[: bisect_right(entries, meet, key=offset_of_entry)]
        chain = self._chain
        with chain.lock:
            self._give_way(chain)
            if self._stretch is not chain.tail or chain.broken:
                return  # somebody was quicker
            if chain.wanted and (state := shared.mark(chain)) is not None:
                self._known = (at, state)
            chain.extend(entries, shared.clock)
            self._leave_behind(chain)

    def _give_way(self, chain: Chain) -> None:
        """Wait for those who are far behind and moving, at most as long as decoding took the last time; gives the lock away.

        Who is left behind decodes for itself, and falls behind all the more. So the first goes at half its pace, at worst,
        while the others catch up: that costs an SOS a moment, and their decoding everything once more would cost it a longer one.
        """
        shared = self._shared
        since = shared.clock.monotonic() - shared.hangs_s
        slow = [view for view in shared.views if view._moved > since and view._behind(chain) > shared.gives_way]
        if slow:
            chain.moved.wait_for(lambda: all(view._behind(chain) <= shared.gives_way for view in slow), chain.took_s)

    def _behind(self, chain: Chain) -> int:
        """How far behind its end we are, see `Decoded.weight`; 0 for one that reads elsewhere."""
        stretch = self._stretch
        return chain.tail.weight - stretch.weight if self._chain is chain and stretch is not None else 0

    def _join(self, others: Chain, at: int) -> bool:
        """True when we now stand at the end of theirs: the same place, and a state that is the same to the last byte."""
        now = self._shared.clock.monotonic()
        if others.tail.last != at or now < self._not_before:
            return False
        state = self.snapshot()
        with others.lock:
            if others.broken or others.tail.last != at:
                return False
            if others.state() != state:
                self._not_before = now + JOIN_AGAIN_S
                return False
            self._chain, self._stretch = others, others.tail
        return True

    def _leave_behind(self, chain: Chain) -> None:
        """Whoever is too far back has to read for itself: what is kept in memory must not grow while it hangs."""
        for view in self._shared.views:
            if (
                view._behind(chain) > self._shared.kept_ahead
                and view._stretch is not None
                and view._stretch.next is not chain.tail
            ):
                view._stretch = None

    def _leave(self) -> bytes:
        """Go on alone, from the last exact state and what the journal holds after it."""
        at, (known, state) = self._at or 0, self._known
        decoder = self._shared.make()
        decoder.restore(state)
        while known < at:
            entries = self._shared.journal.read(known, min(_CHUNK, at - known))
            if not entries:
                raise JournalDamaged(f"nothing stands after offset {known}, and {at} has been read")
            decoder.read(entries)
            known = entries[-1].offset
        exact = decoder.snapshot()
        self._begin(decoder, at, exact)
        return exact

    def limit(self, most: int) -> int:
        """How many entries to read so as to end where a decoded stretch ends, at most so many."""
        with self._chain.lock:
            stretch = self._stretch
            if stretch is None or self._at is None:
                return most
            if self._at < stretch.last:
                return max(1, min(most, stretch.last - self._at))
            ahead = stretch.next
            if ahead is None:
                return most
            while ahead.next is not None and ahead.state is None and ahead.next.last - self._at <= most:
                if ahead.next.read - stretch.read >= READ_BYTES:
                    break  # a read would end within it
                ahead = ahead.next  # but not past a place where the exact state is at hand
            return max(1, min(most, ahead.last - self._at))

    def ready(self) -> bool:
        """Whether the exact state is at hand."""
        chain = self._chain
        with chain.lock:
            stretch = self._stretch
            if stretch is chain.tail and not chain.broken and self._is_at_end(stretch):
                return self._shared.mark(chain) is not None
            chain.wanted = True
            return stretch is not None and stretch.state is not None and self._is_at_end(stretch)

    def snapshot(self) -> bytes:
        """Everything learnt from the journal so far; the same journal gives the same bytes."""
        state = self._state_here()
        if state is None:
            state = self._leave()
        self._known = (self._at or 0, state)
        return state

    def _state_here(self) -> bytes | None:
        chain = self._chain
        with chain.lock:
            stretch = self._stretch
            if stretch is None or not self._is_at_end(stretch):
                return None
            return chain.state() if stretch is chain.tail and not chain.broken else stretch.state

    def _is_at_end(self, stretch: Stretch) -> bool:
        return self._at is None or self._at >= stretch.last
