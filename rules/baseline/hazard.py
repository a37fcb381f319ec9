"""How readily a stillness ends: by how long it has lasted, and in what part of the day.

The part of the day is the middle of the stillness so far. Whether people get up goes by the clock and by when they lay down;
the middle moves with both, and foretold gaps better than either alone (ADR 15).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rules.baseline.clock import spread
from rules.baseline.gaps import BINS, Bytes, Gaps

Table: TypeAlias = npt.NDArray[np.float64]
"""[bin, class]: by ten minutes of the Seoul day in which its middle lies, and class of elapsed time."""
Steps: TypeAlias = npt.NDArray[np.int64]

STEP = 10  # minutes
FIRST = 6
"""Steps before this one (an hour) are not looked at: shorter gaps are not kept."""
LAST = 82
"""Steps after this one are not looked at: it lies past the official tiers."""
EDGES = (60, 120, 180, 240, 300, 420, 540, 600)
"""Where the classes of elapsed time begin, minutes."""
CLASS = np.searchsorted(np.array(EDGES) // STEP, np.arange(LAST), side="right") - 1
"""[step] the class of each step; -1 before the first that is looked at."""
CLASSES = len(EDGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was seen."""

    risk: Table  # ten-minute steps of stillness lived through
    hits: Table  # those in which it ended


def count(gaps: Gaps) -> Counts:
    """What these gaps say of the hazard; the steps of a censored one are lived through and end in nothing."""
    steps = np.clip(np.ceil(gaps.minutes / STEP).astype(np.int64), FIRST + 1, LAST)
    lived = steps - FIRST
    which = np.repeat(np.arange(len(steps)), lived)
    step = FIRST + np.arange(len(which)) - np.repeat(np.cumsum(lived) - lived, lived)
    ended = ~gaps.censored
    return Counts(risk=_tally(_cell(gaps.bins[which], step)), hits=_tally(_cell(gaps.bins[ended], steps[ended] - 1)))


def smooth(counts: Counts) -> Counts:
    """The counts spread over the time of day and, by half, over the neighbouring classes."""
    return Counts(risk=_smooth(counts.risk), hits=_smooth(counts.hits))


def lasting(hazard: Table) -> npt.NDArray[np.float64]:
    """[bin, step] -log10 of the chance that a gap begun in this bin lasts so many steps once it has lasted FIRST, 0..LAST."""
    begins = np.arange(BINS)[:, None]
    step = np.arange(FIRST, LAST)
    ends = hazard[(begins + step // 2) % BINS, CLASS[step]]
    unusual = np.zeros((BINS, LAST + 1))
    unusual[:, FIRST + 1 :] = np.cumsum(-np.log10(1.0 - ends), axis=1)
    return unusual


def _cell(bins: Bytes, step: Steps) -> Steps:
    return np.asarray((bins.astype(np.int64) + step // 2) % BINS * CLASSES + CLASS[step], dtype=np.int64)


def _tally(cells: Steps) -> Table:
    return np.bincount(cells, minlength=BINS * CLASSES).astype(np.float64).reshape(BINS, CLASSES)


def _smooth(table: Table) -> Table:
    round_the_clock = spread(table)
    near = round_the_clock.copy()
    near[:, 1:] += round_the_clock[:, :-1] / 2
    near[:, :-1] += round_the_clock[:, 1:] / 2
    return near
