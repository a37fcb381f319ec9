"""The stillnesses of one home, in two bytes each: in which ten minutes of the Seoul day they began and how long they were."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

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
_SEOUL: Millis = 9 * HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Past gaps of one home while somebody was in, in any order."""

    bins: Bytes  # [gap] ten-minute bin of the Seoul day in which it began, 0..143
    minutes: npt.NDArray[np.float64]  # [gap] how long it was
    censored: npt.NDArray[np.bool_]  # [gap] it ended because we could not see on, not by a sign of life
    days: int  # observed days they come from


class Row(NamedTuple):
    """The store of one home: views into the columns of the state, changed in place.

    The gaps of `days[0]` come first, then those of `days[1]`; within a day in the order they were booked.
    """

    bins: Bytes  # [ROOM]
    codes: Bytes  # [ROOM] length class, +128 when censored
    counts: Bytes  # [DAYS] gaps of each observed day, oldest first
    days: npt.NDArray[np.uint16]  # [DAYS] that Seoul day, in days since 1970; 0: no day there yet


def empty_row() -> Row:
    """A row without a day."""
    return Row(
        np.zeros(ROOM, dtype=np.uint8),
        np.zeros(ROOM, dtype=np.uint8),
        np.zeros(DAYS, dtype=np.uint8),
        np.zeros(DAYS, dtype=np.uint16),
    )


def bin_of(at: Millis) -> int:
    """The ten-minute bin of the Seoul day in which this instant lies."""
    return (at + _SEOUL) % DAY // _BIN


def seoul_day(at: Millis) -> int:
    """The Seoul day of this instant, in days since 1970."""
    return (at + _SEOUL) // DAY


def observed_days(row: Row) -> int:
    """How many days stand in the row."""
    return int(np.count_nonzero(row.days))


def observe(row: Row, day: int) -> bool:
    """Let this day be one of the row's, if need be instead of the oldest. False: it is older than all of a full row."""
    filled = observed_days(row)
    place = int(np.searchsorted(row.days[:filled], day))
    if place < filled and int(row.days[place]) == day:
        return True
    if filled == DAYS:
        if place == 0:
            return False
        _drop_oldest(row)
        filled, place = filled - 1, place - 1
    for array, value in ((row.days, day), (row.counts, 0)):
        array[place + 1 : filled + 1] = array[place:filled].copy()
        array[place] = value
    return True


def append(row: Row, day: int, start: Millis, length: Millis, censored: bool) -> None:
    """Book a gap (ms UTC, ms) under the Seoul day in which it began; shorter than SHORTEST: it only shows the day was observed."""
    if not observe(row, day) or length < SHORTEST:
        return
    place = int(np.flatnonzero(row.days == day)[0])
    filled = int(row.counts.sum(dtype=np.int64))
    code = _class_of(length)
    if filled == ROOM:
        lengths = row.codes[:filled] % _CENSORED
        shortest = int(np.argmin(lengths))
        if code <= int(lengths[shortest]):
            return
        _cut(row, shortest)
        filled -= 1
    at = int(row.counts[: place + 1].sum(dtype=np.int64))
    for array, value in ((row.bins, bin_of(start)), (row.codes, code + _CENSORED * censored)):
        array[at + 1 : filled + 1] = array[at:filled].copy()
        array[at] = value
    row.counts[place] += 1


def remove(row: Row, day: int, start: Millis) -> bool:
    """Forget the gap that began at this instant; False when it is not (or no longer) there."""
    found = np.flatnonzero(row.days == day)
    if not len(found):
        return False
    first = int(row.counts[: found[0]].sum(dtype=np.int64))
    same = np.flatnonzero(row.bins[first : first + int(row.counts[found[0]])] == bin_of(start))
    if not len(same):
        return False
    _cut(row, first + int(same[-1]))
    return True


def gaps_of(row: Row, days: int, more: Iterable[tuple[Millis, Millis, bool]] = ()) -> Gaps:
    """The gaps of a row, and `more` (start, length, censored) that are not booked yet; lengths at the middle of their class."""
    extra = [(bin_of(start), _class_of(length), censored) for start, length, censored in more if length >= SHORTEST]
    filled = int(row.counts.sum(dtype=np.int64))
    bins = np.concatenate([row.bins[:filled], np.array([one[0] for one in extra], dtype=np.uint8)])
    codes = np.concatenate([row.codes[:filled], np.array([one[1] + _CENSORED * one[2] for one in extra], dtype=np.uint8)])
    classes = (codes % _CENSORED).astype(np.float64)
    minutes = (SHORTEST + (classes + 0.5) * _CLASS) / MINUTE
    return Gaps(bins=bins, minutes=minutes, censored=codes >= _CENSORED, days=days)


def _class_of(length: Millis) -> int:
    return min((length - SHORTEST) // _CLASS, _CLASSES - 1)


def _drop_oldest(row: Row) -> None:
    gone = int(row.counts[0])
    for array in (row.bins, row.codes):
        array[: ROOM - gone] = array[gone:].copy()
        array[ROOM - gone :] = 0
    for days in (row.days, row.counts):
        days[:-1] = days[1:].copy()
        days[-1] = 0


def _cut(row: Row, at: int) -> None:
    """Take out the gap at this place."""
    ends = np.cumsum(row.counts, dtype=np.int64)
    row.counts[int(np.searchsorted(ends, at, side="right"))] -= 1
    for array in (row.bins, row.codes):
        array[at:-1] = array[at + 1 :].copy()
        array[-1] = 0
