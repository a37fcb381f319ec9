"""How the motions of a sensor follow one another: without a pause, or at one pace, for longer than a person lasts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ingest.clock import DAY, HOUR, SECOND
from ingest.readings import Mask
from rules.columns import Columns, Field, Ints, Rows
from rules.limits import DeviceLimits

_LONGEST_PACE = (DAY + HOUR) // SECOND
_SAME_PACE = 0.02
_SAME_PACE_S = 1  # what whole seconds make of even gaps


class Runs(Columns):
    """One row for each device that has told motion. Instants in whole seconds since 1970, UTC; 0: none."""

    FIELDS = (
        Field("device", "<i4", -1),  # row in Devices
        Field("last", "<u4", 0),  # the last motion
        Field("first", "<u4", 0),  # the first of the cell in which that lies
        Field("busy_since", "<u4", 0),  # since when no two motions lay further apart than a pause
        Field("pace", "<u4", 0),  # s between the last motions of two cells
        Field("paced_since", "<u4", 0),  # since when they come at that pace
        Field("stuck_since", "<u4", 0),  # the first motion of the newest run that no person makes
        Field("stuck_until", "<u4", 0),  # its last
        Field("stuck_over", "<u4", 0),  # when it is over unless another belongs to it
    )
    device: Ints
    last: Ints
    first: Ints
    busy_since: Ints
    pace: Ints
    paced_since: Ints
    stuck_since: Ints
    stuck_until: Ints
    stuck_over: Ints


class Run(NamedTuple):
    """A run that no person makes. Its first motion is one that is believed. s UTC; all 0: there is none."""

    since: int
    until: int  # its last motion
    over: int

    def holds(self, second: int) -> bool:
        """Whether a motion then belongs to it and proves nothing."""
        return self.since < second <= self.until


NO_RUN = Run(0, 0, 0)


class Folding:
    """Folds cells into runs, the cells of each row in order. Each row once at a time; instants in seconds."""

    def __init__(self, limits: DeviceLimits) -> None:
        self._pause = max(1, limits.stuck_pause // SECOND)
        self._on = limits.stuck_on // SECOND
        self._paced = limits.stuck_paced // SECOND
        self._times = (1 - _SAME_PACE) * limits.stuck_times

    def take(self, runs: Runs, row: Rows, first: Ints, last: Ints) -> None:
        """The next cell with a motion in it, by its first and its last."""
        began, ended_at = runs.first[row].astype(np.int64), runs.last[row].astype(np.int64)
        gap = np.clip(first - ended_at, 0, _LONGEST_PACE)
        busy = np.where(gap <= self._pause, runs.busy_since[row], first)
        pace, short = runs.pace[row].astype(np.int64), gap < _LONGEST_PACE
        same = short & (np.abs(gap - pace) <= np.maximum(_SAME_PACE_S, _SAME_PACE * pace)) & ~_odd(began, ended_at, pace)
        paced = np.where(same, runs.paced_since[row], np.where(short, ended_at, first))
        runs.first[row], runs.busy_since[row], runs.pace[row], runs.paced_since[row] = first, busy, gap, paced
        since = runs.stuck_since[row]
        lasts = _lasts(since, busy, paced)
        steady = (first - paced >= self._paced) & (first - paced >= self._times * gap) & ~lasts
        if steady.any():
            row_, busy_, paced_ = row[steady], busy[steady], paced[steady]
            both = first[steady] - busy_ >= self._on
            runs.stuck_since[row_] = np.where(both, np.minimum(busy_, paced_), paced_)
        ended = (since > 0) & ~steady & ~lasts
        if ended.any():
            runs.stuck_over[row[ended]] = np.minimum(runs.stuck_over[row[ended]], first[ended])
        self.go_on(runs, row, last)

    def go_on(self, runs: Runs, row: Rows, last: Ints) -> None:
        """The newest cell lasts until then. Within a cell there is no pause; who keeps a pace has nothing to say between two."""
        runs.last[row] = last
        since, busy, paced = runs.stuck_since[row], runs.busy_since[row], runs.paced_since[row]
        lasts = _lasts(since, busy, paced)
        newly = ~lasts & (last - busy >= self._on)
        told = newly | lasts
        if not told.any():
            return
        row, last, busy = row[told], last[told], busy[told]
        since = np.where(newly[told], busy, since[told])
        first, pace = runs.first[row].astype(np.int64), runs.pace[row].astype(np.int64)
        left = (busy > since) & _odd(first, last, pace)
        runs.stuck_since[row], runs.stuck_until[row] = since, np.where(left, first, last)
        runs.stuck_over[row] = np.where(left, first, last + np.maximum(self._pause, 2 * pace))


def _odd(first: Ints, last: Ints, pace: Ints) -> Mask:
    """Whether in a cell of these motions another lay than those of the pace."""
    return np.asarray((last > first) & (last - first < (1 - _SAME_PACE) * pace))


def _lasts(since: Ints, busy: Ints, paced: Ints) -> Mask:
    """Whether the motions still run without a pause, or at one pace, since the run began that no person makes."""
    return np.asarray((since > 0) & ((busy <= since) | (paced <= since)))
