"""How an asked range is cut into equal buckets, and which stretch of it comes from readings and which from whole hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.clock import HOUR, Millis
from ingest.history.port import Bucket


class Stretch(NamedTuple):
    """Part of a range, answered from one place."""

    hourly: bool
    start: Millis
    end: Millis


class Sum(NamedTuple):
    """What one place knows of one bucket."""

    number: int  # which bucket, counted from the span's origin
    readings: int
    total: float
    min: float
    max: float


class Span(NamedTuple):
    """Equal buckets of `width` from `origin` on that cover `start` to `end`."""

    start: Millis
    end: Millis
    origin: Millis
    width: Millis
    hourly: bool

    def stretches(self, rolled_to: Millis | None, raw_since: Millis | None = None) -> Sequence[Stretch]:
        """Whole hours that are rolled up from the hours, the rest from the readings; where these are gone, whole hours."""
        if not self.hourly or rolled_to is None:
            return [Stretch(False, self.start, self.end)]
        gone = raw_since if raw_since is not None else self.start
        first = _down(self.start) if self.start < gone else _up(self.start)
        last = min(_up(self.end) if self.end <= gone else _down(self.end), rolled_to)
        if first >= last:
            return [Stretch(False, self.start, self.end)]
        found = [Stretch(False, self.start, first), Stretch(True, first, last), Stretch(False, last, self.end)]
        return [stretch for stretch in found if stretch.start < stretch.end]

    def buckets(self, sums: Iterable[Sum]) -> Iterator[Bucket]:
        """The buckets of these sums, oldest first; several sums may speak of one bucket."""
        found: dict[int, Sum] = {}
        for one in sums:
            had = found.get(one.number)
            found[one.number] = one if had is None else _joined(had, one)
        for number in sorted(found):
            _, count, total, low, high = found[number]
            # A mean of equal values must not lie beside them for the sake of rounding.
            mean = min(max(total / count, low), high)
            start = max(self.origin + number * self.width, self.start)
            yield Bucket(start=start, count=count, mean=mean, min=low, max=high)


def span_of(start: Millis, end: Millis, points: int, raw_since: Millis | None = None) -> Span:
    """The span of at most `points` buckets; ValueError for an empty range or none.

    `raw_since`: readings before it are gone, so that a range that begins there is told by the hour.
    """
    if start >= end or points <= 0:
        raise ValueError(f"a series needs start < end and points > 0, not {start}, {end} and {points}")
    width = _parts(end - start, points)
    if width < HOUR and (raw_since is None or start >= raw_since):
        return Span(start, end, start, width, hourly=False)
    origin = _down(start)
    return Span(start, end, origin, _up(_parts(end - origin, points)), hourly=True)


def _parts(length: Millis, points: int) -> Millis:
    return -(-length // points)


def _down(at: Millis) -> Millis:
    return at // HOUR * HOUR


def _up(at: Millis) -> Millis:
    return -(-at // HOUR) * HOUR


def _joined(one: Sum, two: Sum) -> Sum:
    return Sum(one.number, one.readings + two.readings, one.total + two.total, min(one.min, two.min), max(one.max, two.max))
