"""What is remembered of how long a home is still: its unsettled pauses, which late readings mend, and its settled habits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from ingest.clock import SECOND, Millis
from rules.baseline.fit import NEVER
from rules.baseline.gaps import BINS, DAYS, ROOM, SHORTEST, GapRow
from rules.columns import Columns, Field, Ints, Small

U4, U1, I8, I4 = "<u4", "|u1", "<i8", "<i4"
SLOTS = 36
"""Unsettled pauses of one home, of three days; with one more the oldest is settled."""

LEAST = SHORTEST // SECOND
"""Shorter pauses are not kept. Seconds."""

NONE = 0
"""No such event yet; the instants of pauses are seconds since 1970, UTC."""


class Pause(NamedTuple):
    """`start` to `until` without an event, and when each kind of event was last seen up to `start` (s)."""

    until: int
    motion: int
    enter: int
    door: int  # any door event but coming home

    @property
    def start(self) -> int:
        """The event after which nothing was heard."""
        return max(self.motion, self.enter, self.door)

    def knowing(self, at: int, kind: int) -> Pause:
        """The same pause where an event of this kind (0 motion, 1 enter, 2 door) up to its start has come to be known."""
        seen = [self.motion, self.enter, self.door]
        seen[kind] = max(seen[kind], at)
        return Pause(self.until, *seen)


class Told(msgspec.Struct, array_like=True):
    """A pause at home that was told of, until staff settle its check. `start` in ms UTC, as the finding has it.

    The last three are those of the gap it has been booked as, `age` observed days before the newest; -1: it has not been.
    """

    start: Millis
    age: int = -1
    begun: Millis = 0
    length: Millis = 0
    censored: bool = False


class Habits(Columns):
    """One row for each home that has had a pause or a night: its unsettled pauses, its settled gaps, and its limits.

    The first `count` slots hold pauses in order of time.
    """

    FIELDS = (
        Field("home", I4, -1),  # row in Households
        Field("until", U4, NONE, SLOTS),  # s, the event that ended the pause
        Field("motion", U4, NONE, SLOTS),  # s, the last motion up to its start; likewise the two below
        Field("enter", U4, NONE, SLOTS),
        Field("door", U4, NONE, SLOTS),
        Field("count", U1, 0),
        Field("last_day", I4, 0),  # the last Seoul day that was counted, in days since 1970; 0: none was
        Field("days", U1, 0),  # observed days that were counted, at most DAYS
        Field("fitted_days", U1, 0),  # observed days behind the limits
        Field("bins", U1, 0, ROOM),  # these three: rules.baseline.gaps.GapRow
        Field("codes", U1, 0, ROOM),
        Field("counts", U1, 0, DAYS),
        Field("limits", U1, NEVER, 2 * BINS),  # see rules.baseline.fit; check, then alert
    )
    home: Ints
    until: Ints
    motion: Ints
    enter: Ints
    door: Ints
    count: Small
    last_day: Ints
    days: Small
    fitted_days: Small
    bins: Small
    codes: Small
    counts: Small
    limits: Small

    def row(self, habit: int) -> GapRow:
        """The settled gaps, to be changed in place."""
        return GapRow(self.bins[:, habit], self.codes[:, habit], self.counts[:, habit])

    def pauses(self, habit: int) -> list[Pause]:
        """The unsettled pauses of this row (-1: none) in order of time."""
        count = int(self.count[habit]) if habit >= 0 else 0
        columns = (self.until, self.motion, self.enter, self.door)
        return [Pause(*one) for one in zip(*(column[:count, habit].tolist() for column in columns), strict=True)]

    def put(self, habit: int, pauses: Sequence[Pause]) -> None:
        """Let these be the unsettled pauses of this row, at most `SLOTS`."""
        self.count[habit] = len(pauses)
        for place, column in enumerate((self.until, self.motion, self.enter, self.door)):
            column[:, habit] = NONE
            column[: len(pauses), habit] = [pause[place] for pause in pauses]

    def forget_after(self, habit: int, at: Millis) -> None:
        """What ended a pause later than this (ms UTC) was no event."""
        if habit >= 0:
            self.put(habit, [pause for pause in self.pauses(habit) if pause.until <= seconds(at)])

    def put_in_order(self) -> None:
        """Let the rows lie in the order of the households, in whatever order they came to be."""
        order = np.argsort(self.home[: len(self)], kind="stable")
        if (order[1:] < order[:-1]).any():
            for array in self._kept():
                array[:] = array[..., order]


def mended(pauses: Sequence[Pause], at: int, kind: int) -> list[Pause]:
    """The pauses with an event among them that came late: one it falls into is cut in two, later ones know of it."""
    found: list[Pause] = []
    for pause in pauses:
        if at >= pause.until:
            found.append(pause)
        elif at <= pause.start:
            found.append(pause.knowing(at, kind))
        else:
            parts = (pause._replace(until=at), pause.knowing(at, kind))
            found += [part for part in parts if part.until - part.start >= LEAST]
    return found


def seconds(at: Millis) -> int:
    """The instant in seconds; an event that never was is `NONE`."""
    return max(NONE, at // SECOND)
