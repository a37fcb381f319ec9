"""Stand-in: limits from a home's gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.baseline.gaps import Bytes, Gaps
from rules.baseline.prior import Prior


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    limits: Bytes


def fit(gaps: Gaps, prior: Prior, rates: tuple[float, float] = (0.05, 0.02)) -> Fitted:
    limits = np.full((2, 144), 255, dtype=np.uint8)
    if gaps.days:
        for b in range(144):
            near = np.minimum((gaps.bins.astype(int) - b) % 144, (b - gaps.bins.astype(int)) % 144) <= 12
            longest = gaps.minutes[near].max(initial=0.0)
            limits[:, b] = min(255, int(longest * 1.2 // 5) + 1), min(255, int(longest * 1.5 // 5) + 1)
    return Fitted(limits=limits)


def usual_minutes(gaps: Gaps, at_bin: int) -> int:
    near = np.minimum((gaps.bins.astype(int) - at_bin) % 144, (at_bin - gaps.bins.astype(int)) % 144) <= 6
    return int(gaps.minutes[near].max(initial=0.0))
