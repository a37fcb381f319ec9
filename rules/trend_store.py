"""What is remembered of a home's days: two as quarters of an hour with motion or a door, and five weeks in figures."""

from __future__ import annotations

import numpy as np

from ingest.clock import DAY, HOUR, MINUTE, Millis
from rules.columns import Columns, Field, Ints, Rows, Small
from rules.trend_days import PAST, RECENT

U1, I4 = "|u1", "<i4"
BIN: Millis = 15 * MINUTE
BINS = DAY // BIN
"""Quarters of an hour of a day, which here is from noon to noon in Seoul, so that a night is never cut in two."""
BYTES = BINS // 8
MEASURES = 4
"""Activity, night waking, outings, sleep: see `rules.trend.Measure`."""
ACTIVITY, WAKING, OUTINGS, SLEEP = range(MEASURES)
DAYS = RECENT + PAST
UNKNOWN = 255
"""Of a day that could not be observed, or says nothing: never a quiet one."""
MOST_COUNTED = 14
"""Night waking and outings are two halves of one byte: so many and more are alike, and one more is unknown."""
_HALF = 15
_PLACES = {ACTIVITY: 0, WAKING: 1, OUTINGS: 1, SLEEP: 2}
_NOON: Millis = 3 * HOUR  # in Seoul, as time of day UTC


def day_of(at: Millis) -> int:
    """The number of the day from noon to noon in which this instant lies."""
    return (at - _NOON) // DAY


def noon(day: int) -> Millis:
    """When that day begins. ms UTC."""
    return day * DAY + _NOON


class Trends(Columns):
    """One row for each row of Households. Of the two days that are gathered, day `d` lies in the half `d % 2`."""

    FIELDS = (
        Field("motion", U1, 0, 2 * BYTES),  # bits: a quarter of an hour with motion
        Field("door", U1, 0, 2 * BYTES),  # bits: one in which a door told of somebody, and not of coming home
        Field("days", U1, UNKNOWN, 3 * DAYS),  # by DAYS * place + day % DAYS: activity, waking and outings, sleep
        Field("noted", I4, 0),  # day of the last note; 0: none yet
    )
    motion: Small
    door: Small
    days: Small
    noted: Ints

    def mark(self, bits: Small, rows: Rows, at: Ints, closed: int) -> None:
        """Note that something was at these instants in these homes, of the two days after `closed`; what is older is figures."""
        day, into = (at - _NOON) // DAY, (at - _NOON) % DAY // BIN
        open_days = (day > closed) & (day <= closed + 2)
        rows, day, into = rows[open_days], day[open_days], into[open_days]
        place = day % 2 * BYTES + into // 8
        # Several readings of one home may meet in one byte: `at` takes them all, and one index far faster than two.
        np.bitwise_or.at(bits.reshape(-1), place * bits.shape[1] + rows, np.left_shift(1, 7 - into % 8).astype(np.uint8))

    def keep(self, day: int, rows: slice, activity: Small, waking: Small, outings: Small, sleep: Small) -> None:
        """Put these figures into the place of this day."""
        counts = _half(waking) << 4 | _half(outings)
        for place, figures in enumerate((activity, counts, sleep)):
            self.days[DAYS * place + day % DAYS, rows] = figures

    def figures(self, measure: int, days: Ints, rows: Rows) -> Small:
        """The figures of one measure on these days in these homes, `[day, row]`."""
        kept = self.days[(DAYS * _PLACES[measure] + days % DAYS)[:, None], rows]
        if measure in (ACTIVITY, SLEEP):
            return kept
        half = kept >> 4 if measure == WAKING else kept & _HALF
        return np.where(half == _HALF, UNKNOWN, half).astype(np.uint8)


def _half(counts: Small) -> Small:
    return np.where(counts == UNKNOWN, _HALF, np.minimum(counts, MOST_COUNTED)).astype(np.uint8)
