"""What the rules know of each household, as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rules.columns import NEVER, UNSET, Columns, Field, Floats, Ints, Rows, Small
from rules.ids import NO_ROW, Ids

I8, F8, U1, I4, U4 = "<i8", "<f8", "|u1", "<i4", "<u4"


class Households(Columns):
    """One row for each enrolled household; ended ones keep their row and are not found."""

    FIELDS = (
        Field("active", U1, 0),  # 1 while looked after
        Field("dong", I4, 0),  # place in `dongs`
        Field("grade", U1, 2),  # place in rules.limits.Grade
        Field("enrolled_at", I8, UNSET),  # ms UTC
        Field("heard_from", I8, UNSET),  # ms UTC, first credible reading of any kind by observed_at; UNSET: never heard
        Field("commissioned_at", I8, UNSET),  # ms UTC, when that first came; late readings do not move it
        Field("last_life", I8, NEVER),  # ms UTC, last credible sign of life but for motion and doors
        Field("last_motion", I8, NEVER),  # ms UTC
        Field("last_enter", I8, NEVER),  # ms UTC, the door told that the resident came home
        Field("last_door", I8, NEVER),  # ms UTC, any other door event
        Field("last_call", I8, NEVER),  # ms UTC, a call answered or dialled
        Field("phone_on", I8, NEVER),  # ms UTC, last report of a phone switched on
        Field("phone_off", I8, UNSET),  # ms UTC, first report of the phone off or unreachable since then; UNSET: on
        Field("restart_at", I8, NEVER),  # ms UTC, absence clocks do not begin before this
        Field("away_since", I8, NEVER),  # ms UTC, when the absence was first declared
        Field("away_until", I8, NEVER),  # ms UTC, declared return time; NEVER: no absence declared
        Field("fresh_at", I8, NEVER),  # ms UTC, when a reading last came that was not late
        Field("motion_from", I8, UNSET),  # ms UTC, since when a motion sensor stands there; UNSET: none
        Field("call_from", I8, UNSET),  # ms UTC, likewise a device that counts calls
        Field("phone_from", I8, UNSET),  # ms UTC, likewise a phone that tells its state
        Field("humidity", F8, np.nan),  # percent, the last of any sensor of the home
        Field("humidity_at", I8, NEVER),  # ms UTC
        Field("sampled_at", I8, NEVER),  # ms UTC, the newest sample of temperature or humidity that was judged
        Field("well_before", U1, 0),  # 1: the latest outage began while no absence finding stood
        Field("profile", I4, 2, kept=False),  # place among the limits in force, see rules.limits_in_force
        Field("halved_at", I8, NEVER),  # ms UTC, a machine was last told "I am well"; restart_at then
        Field("halved", U1, 0),  # bits by place in rules.absence.ORDER: what it was asked about
        Field("asked_at", I8, NEVER),  # ms UTC, an absence was last raised and no two signs of life came since
        Field("asked_rule", U1, 0),  # place in rules.absence.ORDER
        Field("life_first", I8, UNSET),  # ms UTC, the first sign of life after that; UNSET: none
        Field("first_event", U4, 0),  # s UTC, the first motion or door event; 0: none yet
        Field("fit_at", I8, UNSET),  # ms UTC, when the personal limits are fitted anew
        Field("habit", I4, -1, kept=False),  # row in Habits; -1: none yet
        Field("device", I4, -1, kept=False),  # row in Devices of the first that stands there; -1: none does
        Field("dirty", U1, 0, kept=False),  # 1: an episode is open: any sign of life is looked at on the next grid point
        Field("due", I8, UNSET, kept=False),  # ms UTC, no finding is due before this
    )
    active: Small
    dong: Ints
    grade: Small
    enrolled_at: Ints
    heard_from: Ints
    commissioned_at: Ints
    last_life: Ints
    last_motion: Ints
    last_enter: Ints
    last_door: Ints
    last_call: Ints
    phone_on: Ints
    phone_off: Ints
    restart_at: Ints
    away_since: Ints
    away_until: Ints
    fresh_at: Ints
    motion_from: Ints
    call_from: Ints
    phone_from: Ints
    humidity: Floats
    humidity_at: Ints
    sampled_at: Ints
    well_before: Small
    profile: Ints
    halved_at: Ints
    halved: Small
    asked_at: Ints
    asked_rule: Small
    life_first: Ints
    first_event: Ints
    fit_at: Ints
    habit: Ints
    device: Ints
    dirty: Small
    due: Ints

    def __init__(self) -> None:
        super().__init__()
        self.ids = Ids()
        self.dongs = Ids()  # every dong there is or was a household of, in the order they came

    def enrol(self, household_id: str, dong_code: str) -> int:
        """A new row for one that is looked after from now on."""
        row = self.add()
        self.ids.add(household_id)
        self.active[row] = 1
        self.move(row, dong_code)
        return row

    def move(self, row: int, dong_code: str) -> None:
        """It lies in this dong."""
        place = self.dongs.find(dong_code)
        if place is None:
            place = self.dongs.add(dong_code)
        self.dong[row] = place

    def find(self, household_id: str) -> int | None:
        """The row of one that is looked after; None: it is not."""
        row = self.ids.find(household_id)
        return None if row is None or not self.active[row] else row

    def row(self, household_id: str) -> int:
        """The row of one that is looked after; KeyError for any other."""
        row = self.find(household_id)
        if row is None:
            raise KeyError(household_id)
        return row

    def find_all(self, household_ids: Sequence[str]) -> Rows:
        """The row of each that is looked after, NO_ROW for any other."""
        rows = self.ids.find_all(household_ids)
        rows[(rows >= 0) & (self.active[rows] == 0)] = NO_ROW
        return rows

    def looked_after(self) -> Rows:
        """The rows of all that are looked after."""
        return np.flatnonzero(self.active[: len(self)])
