"""The motions of each motion sensor, in whatever order they come.

Of each is kept what is known up to some hours ago (`before`), when it told motion since then (`Cells`), and what follows from
both (`now`): a motion that comes late is put among the cells, and what follows is found anew.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from ingest.clock import HOUR, SECOND
from rules.columns import Columns, Dumped, Field, Ints, Rows
from rules.limits import DeviceLimits
from rules.metrics import MOTIONS_LEFT_OUT
from rules.runs import Folding, Run, Runs
from rules.turns import by_turns

CELLS = 13
"""Stretches of the clock, each at most a pause long, whose motions are kept: two hours where a pause is ten minutes."""
_LONGEST_CELL = HOUR // SECOND
_NONE = -1
_ROW_BITS = 32


class Cells(Columns):
    """Row by row with `Runs`, the motions of the newest cells: place is the cell's number modulo `CELLS`."""

    FIELDS = (
        Field("first", "<i2", _NONE, CELLS),  # s after the start of the cell; -1: no motion in it
        Field("last", "<i2", _NONE, CELLS),
    )
    first: Ints
    last: Ints


class Change(NamedTuple):
    """What is known of the newest such run of a device, before and now."""

    device: int  # row in Devices
    was: Run
    now: Run


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot keeps them."""

    now: Dumped
    before: Dumped
    cells: Dumped
    cell: int


class Movements:
    """The runs of all motion sensors."""

    def __init__(self) -> None:
        self.now = Runs()
        self.before = Runs()
        self._cells = Cells()
        self._cell = 0  # how long a cell is, in seconds

    def add(self, devices: Rows) -> Rows:
        """A row for each of these devices."""
        rows = self._cells.add(len(devices)) + np.arange(len(devices))
        for runs in (self.before, self.now):
            runs.add(len(devices))
            runs.device[rows] = devices
        return rows

    def adopt(self, limits: DeviceLimits) -> None:
        """These limits hold from here on. Where another pause does, what was judged stays as it was, whatever comes late."""
        cell = max(1, min(limits.stuck_pause // SECOND, _LONGEST_CELL))
        if cell != self._cell:
            self._cell = cell
            rows = self.now.rows()
            self.before.take(rows, self.now)
            self._cells.first[:, rows] = self._cells.last[:, rows] = _NONE

    def fold(self, limits: DeviceLimits, rows: Rows, seconds: Ints) -> list[Change]:
        """Motions of these rows at these seconds, in any order and any of them again; what changed of runs no person makes."""
        folding = Folding(limits)
        row, cell, first, last = self._gathered(rows, seconds)
        ahead = cell > self.now.last[row].astype(np.int64) // self._cell
        changes: list[Change] = []
        if not ahead.all():
            behind = ~ahead
            was = self._stuck(row[behind])
            self._among(folding, row[behind], cell[behind], first[behind], last[behind])
            changes += self._changes(row[behind], was)
            row, cell, first, last = row[ahead], cell[ahead], first[ahead], last[ahead]
        for turn in by_turns(row) if (row[1:] == row[:-1]).any() else (slice(None),):
            was = self._stuck(row[turn])
            self._go_on(folding, row[turn], cell[turn], first[turn], last[turn])
            changes += self._changes(row[turn], was)
        return changes

    def run(self, row: int) -> Run:
        """The newest run of this row that no person makes."""
        return Run(*(int(column[row]) for column in (self.now.stuck_since, self.now.stuck_until, self.now.stuck_over)))

    def recent(self, row: int) -> list[int]:
        """The first and last motion of each cell of this row, in order (s UTC)."""
        found: set[int] = set()
        newest = int(self.now.last[row]) // self._cell
        for cell in range(newest - CELLS + 1, newest + 1):
            place = cell % CELLS
            if self._cells.first[place, row] != _NONE:
                found |= {cell * self._cell + int(column[place, row]) for column in (self._cells.first, self._cells.last)}
        return sorted(found)

    def forget(self, row: int) -> None:
        """What this device told counts no more."""
        self._cells.reset(row)
        for runs in (self.before, self.now):
            device = runs.device[row]
            runs.reset(row)
            runs.device[row] = device

    def _gathered(self, rows: Rows, seconds: Ints) -> tuple[Rows, Ints, Ints, Ints]:
        """Row and cell, each pair once and in order, with the first and the last motion of it."""
        told = np.sort(rows << _ROW_BITS | seconds)
        rows, seconds = told >> _ROW_BITS, told & (1 << _ROW_BITS) - 1
        cell = seconds // self._cell
        begins = np.ones(len(told), dtype=bool)
        begins[1:] = (rows[1:] != rows[:-1]) | (cell[1:] != cell[:-1])
        starts = np.flatnonzero(begins)
        return rows[starts], cell[starts], seconds[starts], seconds[np.append(starts[1:], len(told)) - 1]

    def _stuck(self, rows: Rows) -> tuple[Ints, Ints, Ints]:
        since = self.now.stuck_since[rows]
        return (since, self.now.stuck_until[rows], self.now.stuck_over[rows]) if since.any() else (since, since, since)

    def _changes(self, rows: Rows, was: tuple[Ints, Ints, Ints]) -> list[Change]:
        """What has become of the runs of these rows that no person makes; a row may stand in it twice."""
        now = self._stuck(rows)
        changed = np.flatnonzero((now[0] != was[0]) | (now[1] != was[1]) | (now[2] != was[2]))
        if not len(changed):
            return []
        told = zip(*(one[changed].tolist() for one in (self.now.device[rows], *was, *now)), strict=True)
        return [Change(device, Run(*runs[:3]), Run(*runs[3:])) for device, *runs in dict.fromkeys(told)]

    def _go_on(self, folding: Folding, row: Rows, cell: Ints, first: Ints, last: Ints) -> None:
        """Motions of a newer cell than any of their row; each row once."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        for step in range(1, CELLS + 1):  # what has left the newest cells is given up, the oldest of them first
            on = np.flatnonzero(cell - newest >= step)
            if not len(on):
                break
            self._give_up(folding, row[on], newest[on] + step - CELLS)
        place = cell % CELLS
        self._cells.first[place, row] = first - cell * self._cell
        self._cells.last[place, row] = last - cell * self._cell
        folding.take(self.now, row, first, last)

    def _give_up(self, folding: Folding, row: Rows, cell: Ints) -> None:
        """Fold what this cell of each row holds into what is known before the cells."""
        place = cell % CELLS
        first = self._cells.first[place, row]
        full = np.flatnonzero(first != _NONE)
        if len(full):
            row, place, begin = row[full], place[full], cell[full] * self._cell
            folding.take(self.before, row, begin + first[full], begin + self._cells.last[place, row])
            self._cells.first[place, row] = self._cells.last[place, row] = _NONE

    def _among(self, folding: Folding, row: Rows, cell: Ints, first: Ints, last: Ints) -> None:
        """Motions of cells that are not newer than the newest of their row."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        near = (cell > newest - CELLS) & (first > self.before.last[row])
        far = ~near
        changed = self._before_all(folding, row[far], first[far], last[far])
        row, newest, cell, first, last = row[near], newest[near], cell[near], first[near], last[near]
        place, begin = cell % CELLS, cell * self._cell
        had_first, had_last = self._cells.first[place, row], self._cells.last[place, row]
        empty = had_first == _NONE
        earlier, later = empty | (first - begin < had_first), last - begin > had_last
        self._cells.first[place[earlier], row[earlier]] = (first - begin)[earlier]
        self._cells.last[place[later], row[later]] = (last - begin)[later]
        in_turn = (cell == newest) & ~earlier
        folding.go_on(self.now, row[in_turn & later], last[in_turn & later])
        again = np.union1d(changed, row[~in_turn & (earlier | later)])
        if len(again):
            self._find_anew(folding, again)

    def _before_all(self, folding: Folding, row: Rows, first: Ints, last: Ints) -> Rows:
        """Motions older than the cells: in order after what was given up they count, others do not. The rows they change."""
        known = self.before.last[row].astype(np.int64) // self._cell
        lost = first // self._cell < known
        MOTIONS_LEFT_OUT.inc(int(np.count_nonzero(lost)))
        row, first, last = row[~lost], first[~lost], last[~lost]
        for turn in by_turns(row):
            one, begun, ended = row[turn], first[turn], last[turn]
            known = self.before.last[one].astype(np.int64)
            same = known // self._cell == begun // self._cell
            longer = same & (ended > known)
            folding.take(self.before, one[~same], begun[~same], ended[~same])
            folding.go_on(self.before, one[longer], ended[longer])
        return np.unique(row)

    def _find_anew(self, folding: Folding, row: Rows) -> None:
        """What follows from what is known before the cells, and from them."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        self.now.take(row, self.before)
        for step in range(1 - CELLS, 1):
            cell = newest + step
            place = cell % CELLS
            first = self._cells.first[place, row]
            full = np.flatnonzero(first != _NONE)
            if len(full):
                begin = cell[full] * self._cell
                last = self._cells.last[place[full], row[full]]
                folding.take(self.now, row[full], begin + first[full], begin + last)

    def bytes_per_row(self) -> int:
        """What one motion sensor takes."""
        return 2 * self.now.bytes_per_row() + self._cells.bytes_per_row()

    def dump(self) -> Kept:
        """What a snapshot keeps."""
        return Kept(self.now.dump(), self.before.dump(), self._cells.dump(), self._cell)

    def load(self, kept: Kept) -> None:
        """Hold what `dump` gave."""
        self.now.load(kept.now)
        self.before.load(kept.before)
        self._cells.load(kept.cells)
        self._cell = kept.cell
