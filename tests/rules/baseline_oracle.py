"""The fit of a home said once more, one gap and one ten minutes at a time, with nothing but lists and dicts."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

EDGES = (60, 120, 180, 240, 300, 420, 540, 600)
LAST = 82
NEVER = 255
Cell = tuple[int, int]


class Gap(NamedTuple):
    """Ten minutes of the day, minutes long, not ended by a sign of life."""

    bin: int
    minutes: float
    censored: bool


class Known(NamedTuple):
    """A prior: hazard by middle and class, gaps begun a day and lively minutes by bin, and the tail."""

    hazard: list[list[float]]
    begun: list[float]
    lively: list[float]
    tail: tuple[float, float, float]


def bell(one: int, other: int) -> float:
    away = min((one - other) % 144, (other - one) % 144)
    return round(64 * math.exp(-0.5 * (away / 8) ** 2)) / 64


BELL = [[bell(one, other) for other in range(144)] for one in range(144)]


def class_of(step: int) -> int:
    return max(number for number, edge in enumerate(EDGES) if edge <= step * 10)


def fit(gaps: list[Gap], days: int, prior: Known, rates: tuple[float, ...]) -> list[list[int]]:
    """Limits by level and bin, in five minutes."""
    if days < 7:
        table, tail = scores(prior.hazard, prior.begun, prior.lively), prior.tail
    else:
        table = scores(hazard_of(gaps, prior), *pace_of(gaps, days, prior))
        tail = tail_of([score_at(table[gap.bin], gap.minutes) for gap in gaps if not gap.censored], days) or prior.tail
    start, excess, per_day = tail
    marks = [start + excess * math.log(per_day / rate) for rate in rates]
    return [[limit(table[begun], mark) for begun in range(144)] for mark in marks]


def hazard_of(gaps: list[Gap], prior: Known) -> list[list[float]]:
    risk: dict[Cell, float] = defaultdict(float)
    hits: dict[Cell, float] = defaultdict(float)
    for gap in gaps:
        steps = min(max(math.ceil(gap.minutes / 10), 7), LAST)
        for step in range(6, steps):
            cell = ((gap.bin + step // 2) % 144, class_of(step))
            risk[cell] += 1
            if step == steps - 1 and not gap.censored:
                hits[cell] += 1
    lean = [[0.0] * 8 for _ in range(144)]
    for part in (True, False):
        bins = [place for place in range(144) if (place >= 132 or place < 48) is part]
        seen = sum(hits[place, one] for place in bins for one in range(8))
        expected = sum(risk[place, one] * prior.hazard[place][one] for place in bins for one in range(8))
        livelier = (seen + 6) / (expected + 6)
        for place in bins:
            lean[place] = [1 - (1 - chance) ** livelier for chance in prior.hazard[place]]
    near_risk, near_hits = near(risk), near(hits)
    return [
        [min(max((near_hits[place][one] + 20 * lean[place][one]) / (near_risk[place][one] + 20), 0.004), 0.9) for one in range(8)]
        for place in range(144)
    ]


def near(counts: dict[Cell, float]) -> list[list[float]]:
    found = [[0.0] * 8 for _ in range(144)]
    for (place, one), count in counts.items():
        for about in range(144):
            for neighbour, share in ((one - 1, 0.5), (one, 1.0), (one + 1, 0.5)):
                if 0 <= neighbour < 8:
                    found[about][neighbour] += share * BELL[about][place] * count
    return found


def pace_of(gaps: list[Gap], days: int, prior: Known) -> tuple[list[float], list[float]]:
    weight = sum(BELL[0])
    begun, lively = [], []
    for place in range(144):
        starts = sum(BELL[place][gap.bin] for gap in gaps) / weight
        begun.append((starts + 7 * prior.begun[place]) / (days + 7))
        still = 0.0
        for gap in gaps:
            for step in range(min(math.ceil(gap.minutes / 10), 144)):
                still += BELL[place][(gap.bin + step) % 144]
        lively.append(10 * min(max(1 - still / weight / days, 0.0), 1.0))
    return begun, lively


def scores(hazard: list[list[float]], begun: list[float], lively: list[float]) -> list[list[float]]:
    table = []
    for place in range(144):
        unusual = [0.0] * 7
        for step in range(6, LAST):
            unusual.append(unusual[-1] - math.log10(1 - hazard[(place + step // 2) % 144][class_of(step)]))
        expected = 10 * sum(10 ** -unusual[step] for step in range(LAST))
        worth = math.log10(expected + lively[place] / begun[place]) * 2 / 3
        table.append([one + worth for one in unusual])
    return table


def score_at(row: list[float], minutes: float) -> float:
    at = min(minutes / 10, LAST)
    low = math.floor(at)
    return row[low] + (at - low) * (row[min(low + 1, LAST)] - row[low])


def tail_of(found: list[float], days: int) -> tuple[float, float, float] | None:
    if len(found) <= 6:
        return None
    falling = sorted(found, reverse=True)
    peaks = min(max(6, days), len(found) - 1)
    start = falling[peaks]
    hidden = math.ceil(peaks / 10)
    heights = [min(height, falling[hidden]) - start for height in falling[:peaks]]
    return start, max(sum(heights) / (peaks - hidden), 0.05 * abs(start)), peaks / days


def limit(row: list[float], mark: float) -> int:
    if row[6] >= mark:
        return 12
    for step, (low, high) in enumerate(pairwise(row)):
        if low < mark <= high:
            return min(round((step + (mark - low) / (high - low)) * 2), NEVER)
    return NEVER
