"""Round the clock: what is known of one ten minutes of the day is known of those about it, too."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rules.baseline.gaps import BINS

_SPREAD = 8.0  # bins, the standard deviation of the bell: 80 minutes


def _circulant() -> npt.NDArray[np.float64]:
    """[bin, bin]: a bell round the clock, 1 at its own bin.

    In 64ths, so that sums of counts are exact and a fit gives the same bits on every machine.
    """
    away = np.arange(BINS)
    away = np.minimum(away, BINS - away)
    bell = np.rint(64 * np.exp(-0.5 * (away / _SPREAD) ** 2)) / 64
    return np.asarray(bell[(np.arange(BINS)[:, None] - np.arange(BINS)) % BINS], dtype=np.float64)


_BELL = _circulant()
WEIGHT = float(_BELL[0].sum())
"""What one count at each ten minutes becomes."""


def spread(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[bin, ...] each count spread over the time about it."""
    return np.asarray(_BELL @ counts, dtype=np.float64)


def quantised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """To a millionth or so: logarithms may differ in their last bit between machines."""
    return np.asarray(np.rint(values * 2.0**20) / 2.0**20, dtype=np.float64)
