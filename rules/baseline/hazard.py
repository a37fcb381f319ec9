"""How readily a stillness ends: in each ten minutes of the day, by how long it has lasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rules.baseline.gaps import BINS, Bytes, Gaps

Table: TypeAlias = npt.NDArray[np.float64]
"""[bin, class]: by ten minutes of the Seoul day and class of elapsed time."""
Steps: TypeAlias = npt.NDArray[np.int64]

STEP = 10  # minutes
FIRST = 6
"""Steps before this one (an hour) are not looked at: shorter gaps are not kept."""
LAST = 82
"""Steps after this one are not looked at: it lies past the official tiers."""
EDGES = (60, 90, 120, 180, 240, 360, 480)
"""Where the classes of elapsed time begin, minutes."""
CLASS = np.searchsorted(np.array(EDGES) // STEP, np.arange(LAST), side="right") - 1
"""[step] the class of each step; -1 before the first that is looked at."""
CLASSES = len(EDGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was seen."""

    risk: Table  # ten-minute steps of stillness lived through
    hits: Table  # those in which it ended


def _circulant() -> Table:
    """[bin, bin]: a bell with a standard deviation of an hour round the clock, 1 at its own bin.

    In 64ths, so that sums of counts are exact and a fit gives the same bits on every machine.
    """
    away = np.arange(BINS)
    away = np.minimum(away, BINS - away)
    bell = np.rint(64 * np.exp(-0.5 * (away / 6.0) ** 2)) / 64
    return np.asarray(bell[(np.arange(BINS)[:, None] - np.arange(BINS)) % BINS], dtype=np.float64)


_BELL = _circulant()


def count(gaps: Gaps) -> Counts:
    """What these gaps say of the hazard; the steps of a censored one are lived through and end in nothing."""
    steps = lengths(gaps)
    lived = steps - FIRST
    which = np.repeat(np.arange(len(steps)), lived)
    step = FIRST + np.arange(len(which)) - np.repeat(np.cumsum(lived) - lived, lived)
    cell = (gaps.bins[which].astype(np.int64) + step) % BINS * CLASSES + CLASS[step]
    ended = ~gaps.censored
    last = steps[ended] - 1
    hit = (gaps.bins[ended].astype(np.int64) + last) % BINS * CLASSES + CLASS[last]
    return Counts(risk=_tally(cell), hits=_tally(hit))


def smooth(counts: Counts) -> Counts:
    """The counts spread over the time of day and, by half, over the neighbouring classes."""
    return Counts(risk=_spread(counts.risk), hits=_spread(counts.hits))


def lengths(gaps: Gaps) -> Steps:
    """[gap] in how many steps it was over, FIRST + 1 to LAST."""
    return np.clip(np.ceil(gaps.minutes / STEP).astype(np.int64), FIRST + 1, LAST)


def scores(hazard: Table) -> Table:
    """[bin, step] how unusual a gap is that began in this bin and has lasted so many steps, 0..LAST.

    The score is -log10 of the chance to last so long, plus log10 of the length to be expected of a gap from that bin
    in units of 100 minutes. The second term is what the trade between delay and false alarms asks for: moments at
    home fall into long gaps more often than into short ones, so a minute saved there counts more.
    """
    begins = np.arange(BINS)[:, None]
    step = np.arange(FIRST, LAST)
    ends = hazard[(begins + step) % BINS, CLASS[step]]
    unusual = np.zeros((BINS, LAST + 1))
    unusual[:, FIRST + 1 :] = np.cumsum(-np.log10(1.0 - ends), axis=1)
    expected = (10.0 ** -unusual[:, :LAST]).sum(axis=1) * STEP
    return _quantised(unusual + np.log10(expected / 100.0)[:, None])


def scores_of(table: Table, bins: Bytes, steps: Steps) -> npt.NDArray[np.float64]:
    """[gap] the score at which it ended."""
    return np.asarray(table[bins.astype(np.int64), steps], dtype=np.float64)


def _tally(cells: Steps) -> Table:
    return np.bincount(cells, minlength=BINS * CLASSES).astype(np.float64).reshape(BINS, CLASSES)


def _spread(table: Table) -> Table:
    round_the_clock = np.asarray(_BELL @ table, dtype=np.float64)
    spread = round_the_clock.copy()
    spread[:, 1:] += round_the_clock[:, :-1] / 2
    spread[:, :-1] += round_the_clock[:, 1:] / 2
    return spread


def _quantised(table: Table) -> Table:
    """To a millionth or so: logarithms may differ in their last bit between machines."""
    return np.rint(table * 2.0**20) / 2.0**20
