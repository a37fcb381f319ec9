"""The account of one boot of one device: the newest number heard, the gaps below it, and what it is told of them."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

from ingest.clock import MINUTE, SECOND, Millis
from ingest.wire import Ack

ASK_AFTER: Millis = 60 * SECOND
"""Age of a gap at which the device is asked to send again."""

ASK_AGAIN: Millis = 10 * MINUTE
"""A device that was asked for a gap is left in peace about it for so long."""

REJECTED_TOLD = 32
RANGES_TOLD = 32
"""Per acknowledgement. What does not fit is told by a later one."""

_HALF = 2**31
_ALL = 2**32


class Gap(msgspec.Struct, array_like=True):
    """Numbers not heard, `first` to `last`, though later ones were."""

    first: int
    last: int
    noticed_at: Millis
    lost_at: Millis  # when it will count as lost
    asked_at: Millis | None = None  # forgotten by a restart, so that the device is asked again

    def is_to_be_asked(self, now: Millis) -> bool:
        """Old enough, and not asked for just now."""
        return now - self.noticed_at >= ASK_AFTER and (self.asked_at is None or now - self.asked_at >= ASK_AGAIN)


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
        asked = [gap for gap in self.gaps if now is not None and gap.is_to_be_asked(now)][:RANGES_TOLD]
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


def _last(gap: Gap) -> int:
    return gap.last
