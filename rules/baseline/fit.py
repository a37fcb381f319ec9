"""After how long a stillness is too long for this home, by the ten minutes of the day in which it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.baseline.gaps import BINS, Bytes, Gaps
from rules.baseline.hazard import Counts, Table, count, smooth
from rules.baseline.pace import pace_of
from rules.baseline.prior import Prior
from rules.baseline.score import Scores, reached, scores, scores_of
from rules.baseline.tail import tail_of

RATES = (0.05, 0.02)
"""False alarms a day that are wanted of "check" and of "alert"."""
FEWEST_DAYS = 7
"""With fewer observed days the prior speaks alone."""
UNIT = 5
"""Minutes a limit counts in."""
NEVER = 255
"""A limit that is reached after the official tiers, if ever."""

_NIGHT = (np.arange(BINS) >= 132) | (np.arange(BINS) < 48)  # 22 to 8 h
_FACTOR = 6.0  # ends of gaps, worth of prior, in how much livelier than others the home is
_LOCAL = 20.0  # steps, worth of prior, in each ten minutes
_PACE = 7.0  # days, worth of prior, in how often long gaps begin
_LEAST, _MOST = 0.004, 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """When to speak of a home."""

    limits: Bytes  # [level, bin] in units of UNIT minutes since the gap began; NEVER


def fit(gaps: Gaps, prior: Prior, rates: tuple[float, float] = RATES) -> Fitted:
    """The limits of a home from its own past and that of others; the same bits for the same input."""
    if gaps.days < FEWEST_DAYS:
        return Fitted(limits=_limits(scores(prior.hazard, prior.pace), [prior.tail.passed(rate) for rate in rates]))
    table = scores(_hazard(count(gaps), prior), pace_of(gaps, prior.pace, _PACE))
    own = tail_of(scores_of(table, gaps), gaps.days)
    tail = prior.tail if own is None else own
    return Fitted(limits=_limits(table, [tail.passed(rate) for rate in rates]))


def usual_minutes(gaps: Gaps, at_bin: int) -> int | None:
    """How long a stillness that begins about this time of day lasts at the longest, but for one in twenty. None: none known.

    About this time: within an hour of the bin.
    """
    away = (gaps.bins.astype(np.int64) - at_bin) % BINS
    near = gaps.minutes[np.minimum(away, BINS - away) <= 6]
    return int(np.quantile(near, 0.95, method="lower")) if len(near) else None


def _hazard(counts: Counts, prior: Prior) -> Table:
    """The home's own hazard, leaning on the prior where it has seen little."""
    lean = np.empty_like(prior.hazard)
    for part in (_NIGHT, ~_NIGHT):
        expected = float((counts.risk[part] * prior.hazard[part]).sum())
        livelier = (float(counts.hits[part].sum()) + _FACTOR) / (expected + _FACTOR)
        lean[part] = 1.0 - (1.0 - prior.hazard[part]) ** livelier
    near = smooth(counts)
    return np.clip((near.hits + _LOCAL * lean) / (near.risk + _LOCAL), _LEAST, _MOST)


def _limits(table: Scores, marks: list[float]) -> Bytes:
    """[level, bin] when the score reaches the level's mark."""
    units = np.array([np.rint(reached(table, mark) / UNIT) for mark in marks])
    return np.asarray(np.minimum(units, NEVER), dtype=np.uint8)
