"""How unusual a stillness is, and when it becomes too unusual."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rules.baseline.clock import quantised
from rules.baseline.gaps import BINS, Gaps
from rules.baseline.hazard import FIRST, LAST, STEP, Table, lasting
from rules.baseline.pace import Pace

Scores: TypeAlias = npt.NDArray[np.float64]
"""[bin, step]: by the ten minutes in which a gap began and the steps it has lasted, 0..LAST; never falling along the steps."""

_TRADE = 2.0 / 3.0


def scores(hazard: Table, pace: Pace) -> Scores:
    """The score of every gap there can be.

    False alarms and delay are traded best where, for every ten minutes of the day, the chance of a gap that outlasts the limit
    is in the same proportion to the minutes at home that wait for that limit (Lagrange). So the score is -log10 of the chance
    to last so long, plus two thirds of log10 of the minutes at home there are to each gap of an hour that begins there, those in
    the gap and those in shorter ones. Not all of it: that count is uncertain where such gaps are few.
    """
    unusual = lasting(hazard)
    expected = (10.0 ** -unusual[:, :LAST]).sum(axis=1) * STEP
    return quantised(unusual + _TRADE * np.log10(expected + pace.lively / pace.begun)[:, None])


def scores_of(table: Scores, gaps: Gaps) -> npt.NDArray[np.float64]:
    """[gap] the scores at which those gaps ended that a sign of life ended, between steps by proportion."""
    seen = ~gaps.censored
    bins, at = gaps.bins[seen].astype(np.int64), np.minimum(gaps.minutes[seen] / STEP, LAST)
    step = np.floor(at).astype(np.int64)
    part = at - step
    return np.asarray(table[bins, step] * (1.0 - part) + table[bins, np.minimum(step + 1, LAST)] * part, dtype=np.float64)


def reached(table: Scores, mark: float) -> npt.NDArray[np.float64]:
    """[bin] after how many minutes the score reaches the mark, between steps by proportion; inf: not within LAST steps."""
    above = table >= mark
    step = np.argmax(above, axis=1)
    rows, before = np.arange(BINS), np.maximum(step - 1, 0)
    low, high = table[rows, before], table[rows, step]
    rise = np.where(high > low, high - low, 1.0)
    minutes = np.where(step > FIRST, (before + (mark - low) / rise) * STEP, FIRST * STEP)
    return np.where(above.any(axis=1), minutes, np.inf)
