"""How high the scores of ordinary gaps reach: peaks over a threshold, and the score passed at a wanted rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FEWEST = 6
_HIDDEN = 10
"""Of so many peaks the highest counts only as "at least as high as the next": a fall that nobody reported, or a missed way out
of the door, may stand among them, and one such gap would put off every alarm for two months."""
_LEAST_EXCESS = 0.05  # of the threshold itself, so that a few equal peaks do not promise that nothing lies above


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """Above `start` scores fall off exponentially."""

    start: float
    excess: float  # mean height above it
    per_day: float  # how many a day are above it

    def passed(self, rate: float) -> float:
        """The score that ordinary gaps pass `rate` times a day."""
        return self.start + self.excess * float(np.log(self.per_day / rate))


def tail_of(scores: npt.NDArray[np.float64], days: int) -> Tail | None:
    """The tail of these scores, seen over so many days: one peak a day. None for fewer than FEWEST + 1 scores.

    The excess is the maximum-likelihood one of an exponential of which the highest tenth is censored.
    """
    if len(scores) <= FEWEST:
        return None
    falling = np.sort(scores)[::-1]
    peaks = min(max(FEWEST, days), len(scores) - 1)
    start = float(falling[peaks])
    hidden = -(-peaks // _HIDDEN)
    excess = (float(falling[hidden:peaks].sum()) + hidden * float(falling[hidden]) - peaks * start) / (peaks - hidden)
    return Tail(start=start, excess=max(excess, _LEAST_EXCESS * abs(start)), per_day=peaks / days)
