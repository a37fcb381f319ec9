"""How much life a home shows between its long gaps: the fewer of them, the sooner one is worth a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rules.baseline.clock import WEIGHT, spread
from rules.baseline.gaps import BINS, Gaps

Round: TypeAlias = npt.NDArray[np.float64]
"""[bin]: by ten minutes of the Seoul day."""

_BIN = 10.0  # minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """By ten minutes of the day, smoothed."""

    begun: Round  # gaps of an hour or more that begin there, a day
    lively: Round  # minutes a day there that lie in no such gap


def pace_of(gaps: Gaps, prior: Pace | None, prior_days: float) -> Pace:
    """The pace of a home of at least one day, leaning on a prior as if that were so many days of its own."""
    begun = np.bincount(gaps.bins, minlength=BINS).astype(np.float64)
    steps = np.minimum(np.ceil(gaps.minutes / _BIN).astype(np.int64), BINS)
    which = np.repeat(np.arange(len(steps)), steps)
    within = gaps.bins[which].astype(np.int64) + np.arange(len(which)) - np.repeat(np.cumsum(steps) - steps, steps)
    still = np.bincount(within % BINS, minlength=BINS).astype(np.float64)
    lean = np.zeros(BINS) if prior is None else prior.begun * prior_days
    return Pace(
        begun=(spread(begun) / WEIGHT + lean) / (gaps.days + prior_days),
        lively=_BIN * np.clip(1.0 - spread(still) / WEIGHT / gaps.days, 0.0, 1.0),
    )
