"""The stillnesses of one home, in two bytes each: in which ten minutes of the Seoul day they began and how long they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.clock import DAY, HOUR, MINUTE, Millis

Bytes: TypeAlias = npt.NDArray[np.uint8]

SHORTEST: Millis = HOUR
"""A shorter stillness is never spoken of, so it is not kept either."""
DAYS = 60
"""A home is judged by at most this many of its observed days."""
ROOM = 480
"""Gaps kept of a home, eight a day over the days kept. When there is no room the shortest of all goes, the older first."""
BINS = 144
"""Ten-minute bins of the Seoul day."""

_BIN: Millis = 10 * MINUTE
_CLASS: Millis = 6 * MINUTE
_CLASSES = 128  # the last stands for 13 h 42 min and whatever is longer: past the official tiers nothing is to be told apart
_CENSORED = 128
_SEOUL: Millis = 9 * HOUR  # no summer time since 1988


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Past gaps of one home while somebody was in, in any order."""

    bins: Bytes  # [gap] ten-minute bin of the Seoul day in which it began, 0..143
    minutes: npt.NDArray[np.float64]  # [gap] how long it was, SHORTEST or more
    censored: npt.NDArray[np.bool_]  # [gap] it ended because we could not see on, not by a sign of life
    days: int  # observed days they come from


class GapRow:
    """The store of one home: views into the columns of the state, changed in place.

    `bins` [ROOM] as in Gaps; `codes` [ROOM] the class of length, +128 when censored; `counts` [DAYS] gaps of each
    observed day, the newest last. The gaps stand in the order of their days.
    """

    def __init__(self, bins: Bytes, codes: Bytes, counts: Bytes) -> None:
        self._bins, self._codes, self._counts = bins, codes, counts

    def open_day(self) -> None:
        """A new observed day begins; the oldest of DAYS is forgotten with its gaps."""
        gone = int(self._counts[0])
        for array in (self._bins, self._codes):
            array[: ROOM - gone] = array[gone:].copy()
            array[ROOM - gone :] = 0
        self._counts[:-1] = self._counts[1:].copy()
        self._counts[-1] = 0

    def append(self, start: Millis, length: Millis, censored: bool) -> None:
        """Book a gap (ms UTC, ms) of the newest day; one shorter than SHORTEST is not kept."""
        if length < SHORTEST:
            return
        filled, code = self._filled(), _class_of(length)
        if filled == ROOM:
            lengths = self._codes % _CENSORED
            shortest = int(np.argmin(lengths))
            if code <= int(lengths[shortest]):
                return
            self._cut(shortest)
            filled -= 1
        self._bins[filled] = bin_of(start)
        self._codes[filled] = code + _CENSORED * censored
        self._counts[-1] += 1

    def remove(self, age: int, start: Millis, length: Millis, censored: bool) -> None:
        """Take out a gap that was booked so, `age` days before the newest; nothing where there was no room to keep it."""
        ends = np.cumsum(self._counts, dtype=np.int64)
        day = DAYS - 1 - age
        first, last = int(ends[day]) - int(self._counts[day]), int(ends[day])
        code = _class_of(length) + _CENSORED * censored
        same = (self._bins[first:last] == bin_of(start)) & (self._codes[first:last] == code)
        if same.any():
            self._cut(first + int(np.argmax(same)))

    def gaps(self, days: int, more: Iterable[tuple[Millis, Millis, bool]] = ()) -> Gaps:
        """What it holds, and `more` (start, length, censored) not booked yet; lengths at the middle of their class."""
        extra = [
            (bin_of(start), _class_of(length) + _CENSORED * censored) for start, length, censored in more if length >= SHORTEST
        ]
        filled = self._filled()
        bins = np.concatenate([self._bins[:filled], np.array([one[0] for one in extra], dtype=np.uint8)])
        codes = np.concatenate([self._codes[:filled], np.array([one[1] for one in extra], dtype=np.uint8)])
        minutes = (SHORTEST + (codes % _CENSORED + 0.5) * _CLASS) / MINUTE
        return Gaps(bins=bins, minutes=minutes, censored=codes >= _CENSORED, days=days)

    def _filled(self) -> int:
        return int(self._counts.sum(dtype=np.int64))

    def _cut(self, at: int) -> None:
        """Take out the gap at this place."""
        ends = np.cumsum(self._counts, dtype=np.int64)
        self._counts[int(np.searchsorted(ends, at, side="right"))] -= 1
        for array in (self._bins, self._codes):
            array[at:-1] = array[at + 1 :].copy()
            array[-1] = 0


def empty_row() -> GapRow:
    """A row of its own, without a gap."""
    return GapRow(np.zeros(ROOM, dtype=np.uint8), np.zeros(ROOM, dtype=np.uint8), np.zeros(DAYS, dtype=np.uint8))


def no_gaps() -> Gaps:
    """Of a home that nothing is known of."""
    return empty_row().gaps(0)


def bin_of(at: Millis) -> int:
    """The ten-minute bin of the Seoul day in which this instant lies."""
    return (at + _SEOUL) % DAY // _BIN


def _class_of(length: Millis) -> int:
    return min((length - SHORTEST) // _CLASS, _CLASSES - 1)
