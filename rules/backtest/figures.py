"""What a back-test tells of a rule: false alarms with their interval, and how long an emergency waited for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from ingest.clock import DAY, HOUR, Millis

MONTH_DAYS = 30.4375
_DECIMALS = 4


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One rule and level, over one home or several."""

    false_alarms: int  # raised in the judged days, in which nothing had happened
    months: float  # household-months that were judged
    per_month: float
    interval95: tuple[float, float]  # of per_month: the exact one of a Poisson count
    injections: int  # emergencies at home
    missed: int  # not spoken of within the time looked on
    delay_h_median: float | None  # hours from the emergency, of those spoken of; None: of none
    delay_h_p95: float | None
    delay_h_mean: float | None


def row(false_alarms: int, judged: Millis, delays: Sequence[Millis | None]) -> Row:
    """The row of these alarms in so much time, and of these delays (None: missed)."""
    months = judged / DAY / MONTH_DAYS
    heard = np.array([delay for delay in delays if delay is not None], dtype=np.float64) / HOUR
    low, high = poisson95(false_alarms)
    return Row(
        false_alarms=false_alarms,
        months=round(months, _DECIMALS),
        per_month=_rate(false_alarms, months),
        interval95=(_rate(low, months), _rate(high, months)),
        injections=len(delays),
        missed=len(delays) - len(heard),
        delay_h_median=_rounded(np.median(heard)) if len(heard) else None,
        delay_h_p95=_rounded(np.quantile(heard, 0.95)) if len(heard) else None,
        delay_h_mean=_rounded(heard.mean()) if len(heard) else None,
    )


def poisson95(count: int) -> tuple[float, float]:
    """The exact (Garwood) interval of a Poisson mean of which `count` events were seen."""
    low = _mean_where(lambda mean: _at_most(count - 1, mean) <= 0.975, count) if count else 0.0
    return low, _mean_where(lambda mean: _at_most(count, mean) <= 0.025, count)


def _mean_where(true: Callable[[float], bool], count: int) -> float:
    """The mean from which on this, false for small means, is true."""
    low, high = 0.0, 10.0 + 4.0 * count
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if true(middle) else (middle, high)
    return high


def _at_most(count: int, mean: float) -> float:
    """P(X <= count) of a Poisson variable."""
    return math.fsum(math.exp(n * math.log(mean) - mean - math.lgamma(n + 1)) for n in range(count + 1))


def _rate(count: float, months: float) -> float:
    return _rounded(count / months) if months else 0.0


def _rounded(value: float) -> float:
    return round(float(value), _DECIMALS)
