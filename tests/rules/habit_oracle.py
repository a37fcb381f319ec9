"""What a home's past makes of its personal limits, worked out anew from every event each time it is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise

from rules.baseline.prior import shipped
from tests.rules.baseline_oracle import Gap, Known, fit

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000
SEOUL = 9 * HOUR
SLOT = 3 * HOUR
NOT_WELL = ("emergency_119", "death_found", "hospital", "away")


def day_of(at: int) -> int:
    """The Seoul day of an instant."""
    return (at + SEOUL) // DAY


def midnight(day: int) -> int:
    return day * DAY - SEOUL


@dataclass
class Past:
    """What staff said of a home: spans with when they came to be known, and starts of pauses that were no rest."""

    spans: list[tuple[int, int, int]] = field(default_factory=list)  # from, to, known since
    lost: list[int] = field(default_factory=list)
    told: list[int] = field(default_factory=list)  # starts of pauses whose check is open

    def declare(self, at: int, until: int) -> None:
        self.spans.append((at, until, at))

    def come_back(self, at: int) -> None:
        self.spans = [(start, min(end, max(start, at)), known) for start, end, known in self.spans]

    def resolve(self, at: int, outcome: str, events: list[int]) -> None:
        told, self.told = self.told, []
        if outcome not in NOT_WELL:
            return
        for start in told:
            self.lost.append(start)
            after = [one for one in events if one > start // SECOND * SECOND]
            long = any(low <= start < high and high - low >= HOUR for low, high in pairwise(events))
            self.spans.append((start, (min(after) - 1 if long else start) if after else at, at))
        self.spans.append((at, at, at))


def slot_before(at: int, row: int) -> int:
    """The last nightly turn of this row."""
    turn = SLOT - SEOUL + row % 720 * 10 * SECOND
    return (at - turn) // DAY * DAY + turn


class Learner:
    """One home of which the events are told by kind (ms UTC), and when it could not be observed."""

    def __init__(
        self,
        kinds: tuple[list[int], list[int], list[int]],
        past: Past,
        blind: Callable[[int, int], list[tuple[int, int]]],
        door_gap: int,
    ) -> None:
        self.motions, self.enters, self.doors = ([one // SECOND * SECOND for one in kind] for kind in kinds)
        self.events = sorted({*self.motions, *self.enters, *self.doors})
        self.past, self.blind, self.door_gap = past, blind, door_gap

    def gaps(self, fitted_at: int) -> tuple[list[Gap], int]:
        """The gaps that count at this nightly turn, and the observed days they come from."""
        today = day_of(fitted_at)
        if not self.events:
            return [], 0
        first = self.events[0]
        days = [day for day in range(day_of(first), today) if self.observed(day, first, fitted_at)]
        found = []
        for start, end in pairwise(self.events):
            day = day_of(start)
            if end - start >= HOUR and end <= fitted_at and day < today and (day in days or day == today - 1):
                found += self.gap(start, end)
        return found, len(days)

    def observed(self, day: int, first: int, fitted_at: int) -> bool:
        """Whether half a day or more of it is known; what was said three days later changes nothing any more."""
        start, end = midnight(day), midnight(day + 1)
        closed = midnight(day + 3) + SLOT
        spans = [(left, back) for left, back, known in self.past.spans if known < closed or closed > fitted_at]
        lost = sum(stop - begin for begin, stop in self.blind(start, end))
        lost += sum(max(0, min(back, end) - max(left, start)) for left, back in [(start, first), *spans])
        return lost <= 12 * HOUR

    def gap(self, start: int, end: int) -> list[Gap]:
        """The pause as far as it was spent at home and observed."""
        motion, enter, door = (
            max((one for one in kind if one <= start), default=0) for kind in (self.motions, self.enters, self.doors)
        )
        if door and motion <= door + self.door_gap // SECOND * SECOND and enter < door:
            return []
        if any(start <= one < end for one in self.past.lost):
            return []
        if any(left < end and start <= back for left, back, _ in self.past.spans):
            return []
        dark = [begin for begin, _ in self.blind(start, end)]
        length = min(dark) - start if dark else end - start
        if length < HOUR:
            return []
        minutes = 60 + (min((length - HOUR) // (6 * MINUTE), 127) + 0.5) * 6
        return [Gap((start + SEOUL) % DAY // (10 * MINUTE), minutes, bool(dark))]


@cache
def limits(gaps: tuple[Gap, ...], days: int, from_day: int, rates: tuple[float, float]) -> list[list[int]]:
    """By level and ten minutes of the Seoul day, in five minutes."""
    prior = shipped()
    known = Known(
        prior.hazard.tolist(),
        prior.pace.begun.tolist(),
        prior.pace.lively.tolist(),
        (prior.tail.start, prior.tail.excess, prior.tail.per_day),
    )
    return fit(list(gaps), min(days, 60), known, rates) if days >= from_day else fit([], 0, known, rates)
