"""The motions of each motion sensor, in whatever order they come.

Of each is kept what is known up to some hours ago (`before`), when it told motion since then (`Cells`), and what follows from
both (`now`): a motion that comes late is put among the cells, and what follows is found anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from ingest.clock import HOUR, SECOND
from rules.columns import Columns, Dumped, Field, Ints, Rows
from rules.limits import DeviceLimits
from rules.metrics import MOTIONS_LEFT_OUT
from rules.runs import Folding, Run, Runs
from rules.seconds import later_seconds, newest_before
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
    late: bool  # something came that is older than what was known


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot keeps them."""

    now: Dumped
    before: Dumped
    cells: Dumped
    cell: int
    judged: list[int]


class Movements:
    """The runs of all motion sensors."""

    def __init__(self) -> None:
        self.now = Runs()
        self.before = Runs()
        self._cells = Cells()
        self._cell = 1  # how long a cell is, in seconds
        self._judged: list[int] = []  # by which limits

    def add(self, devices: Rows) -> Rows:
        """A row for each of these devices."""
        rows = self._cells.add(len(devices)) + np.arange(len(devices))
        for runs in (self.before, self.now):
            runs.add(len(devices))
            runs.device[rows] = devices
        return rows

    def adopt(self, limits: DeviceLimits) -> None:
        """These limits hold from here on. Where they are other ones, what was judged stays as it was, whatever comes late."""
        judged = [limits.stuck_pause, limits.stuck_on, limits.stuck_paced, limits.stuck_times]
        if judged != self._judged:
            self._judged = judged
            self._cell = max(1, min(limits.stuck_pause // SECOND, _LONGEST_CELL))
            rows = self.now.rows()
            self.before.take(rows, self.now)
            self._cells.first[:, rows] = self._cells.last[:, rows] = _NONE

    def fold(self, limits: DeviceLimits, rows: Rows, seconds: Ints) -> list[Change]:
        """Motions of these rows at these seconds, in any order and any of them again; what changed of runs no person makes."""
        folding = Folding(limits)
        known = seconds <= self.before.last[rows]
        if known.any():
            MOTIONS_LEFT_OUT.inc(int(np.count_nonzero(known)))
            rows, seconds = rows[~known], seconds[~known]
        if not len(rows):
            return []
        groups = self._gathered(rows, seconds)
        wide = self._wide(*groups)
        if not len(wide):
            return self._fold_groups(folding, *groups)
        mine = np.isin(rows, wide)
        changes = self._fold_part(folding, rows[~mine], seconds[~mine])
        for part in self._parts(rows[mine], seconds[mine]):
            changes += self._fold_part(folding, *part)
        return changes

    def _wide(self, row: Rows, cell: Ints, first: Ints, last: Ints) -> Rows:
        """The rows of which some motions lie further apart than the cells that are kept: there it matters which came first."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        ends = np.append(row[1:] != row[:-1], True)
        begins = np.append(True, ends[:-1])
        newest, several = np.maximum(newest[ends], cell[ends]), last[ends] > first[begins]
        return np.asarray(row[ends][several & (newest - cell[begins] >= CELLS)])

    def _parts(self, rows: Rows, seconds: Ints) -> Iterator[tuple[Rows, Ints]]:
        """Motions as they came, in parts: of each row by turns those within the cells as they are by then, and those before."""
        order = np.argsort(rows, kind="stable")
        row, second = rows[order], seconds[order]
        begins = np.append(True, row[1:] != row[:-1])
        cell = second // self._cell
        beyond = cell <= newest_before(begins, cell, self.now.last[row].astype(np.int64) // self._cell) - CELLS
        turns = np.cumsum(np.append(False, beyond[1:] != beyond[:-1]) & ~begins)
        part = turns - np.maximum.accumulate(np.where(begins, turns, 0))
        for number in range(int(part.max()) + 1):
            near, far = np.flatnonzero((part == number) & ~beyond), np.flatnonzero((part == number) & beyond)
            stored = far[later_seconds(row[far], second[far], self.before.last[row[far]])]
            MOTIONS_LEFT_OUT.inc(len(far) - len(stored))
            told = np.append(near, stored)
            yield row[told], second[told]

    def _fold_part(self, folding: Folding, rows: Rows, seconds: Ints) -> list[Change]:
        return self._fold_groups(folding, *self._gathered(rows, seconds)) if len(rows) else []

    def _fold_groups(self, folding: Folding, row: Rows, cell: Ints, first: Ints, last: Ints) -> list[Change]:
        ahead = cell > self.now.last[row].astype(np.int64) // self._cell
        changes: list[Change] = []
        if not ahead.all():
            behind = ~ahead
            was = self._stuck(row[behind])
            anew = self._among(folding, row[behind], cell[behind], first[behind], last[behind])
            changes += self._changes(row[behind], was, anew)
            row, cell, first, last = row[ahead], cell[ahead], first[ahead], last[ahead]
        # In their order already, which `by_turns` would find by sorting them.
        for turn in by_turns(row) if (row[1:] == row[:-1]).any() else (slice(None),):
            was = self._stuck(row[turn])
            self._go_on(folding, row[turn], cell[turn], first[turn], last[turn])
            changes += self._changes(row[turn], was, row[:0])
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

    def _changes(self, rows: Rows, was: tuple[Ints, Ints, Ints], anew: Rows) -> list[Change]:
        """What has become of the runs of these rows that no person makes; a row may stand in it twice."""
        now = self._stuck(rows)
        changed = np.flatnonzero((now[0] != was[0]) | (now[1] != was[1]) | (now[2] != was[2]))
        if not len(changed):
            return []
        columns = (self.now.device[rows], *was, *now, np.isin(rows, anew))
        told = zip(*(one[changed].tolist() for one in columns), strict=True)
        return [Change(device, Run(*runs[:3]), Run(*runs[3:6]), runs[6]) for device, *runs in dict.fromkeys(told)]

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
        row, place = self._take_cell(folding, self.before, row, cell)
        self._cells.first[place, row] = self._cells.last[place, row] = _NONE

    def _take_cell(self, folding: Folding, runs: Runs, row: Rows, cell: Ints) -> tuple[Rows, Ints]:
        """Fold this cell of each row, where there is a motion in it, into these runs; the rows where there is, and its place."""
        full = self._cells.first[cell % CELLS, row] != _NONE
        row, cell = row[full], cell[full]
        place, begin = cell % CELLS, cell * self._cell
        if len(row):
            folding.take(runs, row, begin + self._cells.first[place, row], begin + self._cells.last[place, row])
        return row, place

    def _among(self, folding: Folding, row: Rows, cell: Ints, first: Ints, last: Ints) -> Rows:
        """Motions of cells that are not newer than the newest of their row; the rows of which all was found anew."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        near = cell > newest - CELLS
        far = ~near
        self._before_all(folding, row[far], first[far], last[far])
        changed = row[far]
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
        return again

    def _before_all(self, folding: Folding, row: Rows, first: Ints, last: Ints) -> None:
        """Motions older than the cells and newer than all that was given up: what was stored comes in order."""
        for turn in by_turns(row):
            one, begun, ended = row[turn], first[turn], last[turn]
            same = self.before.last[one] // self._cell == begun // self._cell
            folding.take(self.before, one[~same], begun[~same], ended[~same])
            folding.go_on(self.before, one[same], ended[same])

    def _find_anew(self, folding: Folding, row: Rows) -> None:
        """What follows from what is known before the cells, and from them."""
        newest = self.now.last[row].astype(np.int64) // self._cell
        self.now.take(row, self.before)
        for step in range(1 - CELLS, 1):
            self._take_cell(folding, self.now, row, newest + step)

    def bytes_per_row(self) -> int:
        """What one motion sensor takes."""
        return 2 * self.now.bytes_per_row() + self._cells.bytes_per_row()

    def dump(self) -> Kept:
        """What a snapshot keeps."""
        return Kept(self.now.dump(), self.before.dump(), self._cells.dump(), self._cell, list(self._judged))

    def load(self, kept: Kept) -> None:
        """Hold what `dump` gave."""
        self.now.load(kept.now)
        self.before.load(kept.before)
        self._cells.load(kept.cells)
        self._cell, self._judged = kept.cell, list(kept.judged)
