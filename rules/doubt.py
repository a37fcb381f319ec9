"""What follows where a motion sensor turns out to be stuck, or not to have been: for life, for its home's sight, for habits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.clock import SECOND, Millis
from rules.batch import NO_MOMENTS, Batch, Moments, joined
from rules.columns import NEVER, UNSET
from rules.movements import Change
from rules.outage import OutageBook
from rules.pauses import NONE
from rules.roll import MOTION_BIT
from rules.state import State


class Doubt:
    """Takes a sensor for stuck while a run of its motions lasts that no person makes."""

    def __init__(self, outages: OutageBook) -> None:
        self._outages = outages

    def take(self, state: State, batch: Batch, changes: Sequence[Change]) -> set[int]:
        """Let the batch hold the motions that can be believed, as such runs have changed. Homes that turn blind or see again."""
        changed: set[int] = set()
        told = [one for one in changes if state.devices.household[one.device] >= 0 and not self._goes_on(state, one)]
        freed = [self._freed(state, change) for change in told]
        for change in told:
            home = int(state.devices.household[change.device])
            if self._turn(state, home, change, batch):
                changed.add(home)
        batch.set_motions(joined(_believed(state, batch), *freed))
        return changed

    def end(self, state: State, device: int, at: Millis) -> bool:
        """Let a motion sensor be one that works again once its run is over; whether its home sees again, as of then."""
        ended = over(state, device) if state.devices.stuck_since[device] < UNSET else UNSET
        if ended > at:
            return False
        state.devices.stuck_since[device] = UNSET
        return self._outages.settle_sensors(state, int(state.devices.household[device]), ended, (MOTION_BIT,))

    def _goes_on(self, state: State, change: Change) -> bool:
        """Whether a sensor known to be stuck merely says more of the same: nothing that was taken for life was none."""
        device, was, now = change
        last = state.households.last_motion[state.devices.household[device]]
        known = state.devices.stuck_since[device] < UNSET and last <= was.until * SECOND
        return bool(known and now.since == was.since and now.until >= was.until)

    def _freed(self, state: State, change: Change) -> Moments:
        """What was not believed and is now: something that came late shows that no such run went on there."""
        device, was, now = change
        if now.since > was.until:
            return NO_MOMENTS
        moved, row = int(state.devices.moved_at[device]), int(state.devices.movement[device])
        last = state.movements.run(row)  # of all that the batch has changed
        freed = [one for one in state.movements.recent(row) if was.holds(one) and not last.holds(one)]
        at = np.array([moved if one == moved // SECOND else one * SECOND for one in freed], dtype=np.int64)
        return Moments(np.full(len(at), state.devices.household[device], dtype=np.int64), at)

    def _turn(self, state: State, home: int, change: Change, batch: Batch) -> bool:
        """Take a sensor for stuck, or no longer, as its motions have turned out; whether its home turned blind or sees again."""
        device, was, now = change
        devices, changed = state.devices, False
        if devices.stuck_since[device] < UNSET and now.since != was.since:
            devices.stuck_since[device] = UNSET
            end = was.over if now.since > was.until else was.since
            changed = self._outages.settle_sensors(state, home, end * SECOND, (MOTION_BIT,))
        if now.since and (now.since != was.since or now.until > was.until):
            _doubt_past(state, home, now.since * SECOND, batch)
            devices.stuck_since[device] = now.since * SECOND
            changed |= self._outages.settle_sensors(state, home, now.since * SECOND)
        devices.due[device] = 0
        return changed


def over(state: State, device: int) -> Millis:
    """When a stuck motion sensor that tells nothing more is one that works again (ms UTC)."""
    return state.movements.run(int(state.devices.movement[device])).over * SECOND


def _believed(state: State, batch: Batch) -> Moments:
    """Those of the batch's motions that count as life: all but the ones that a run no person makes goes on with."""
    motion, runs = batch.motion, state.movements.now
    rows = state.devices.movement[batch.movers]
    since = runs.stuck_since[rows]
    if not since.any():
        return motion
    second = motion.at // SECOND
    life = (second <= since) | (second > runs.stuck_until[rows])
    # The first of such a run counts as of its second, whether it was taken for life before the run was found or not.
    at = np.where(second == since, second * SECOND, motion.at)
    return Moments(motion.rows[life], at[life])


def _doubt_past(state: State, home: int, since: Millis, batch: Batch) -> None:
    """A sensor of the home is stuck since then: what it told after that was no motion. The batch is yet to be folded."""
    homes = state.households
    moved = max(_last_believed(state, one, batch) for one in state.standing(home))
    homes.last_motion[home] = min(int(homes.last_motion[home]), moved)
    if homes.life_first[home] > since:
        homes.life_first[home] = UNSET
    if homes.first_event[home] > since // SECOND:  # the run's first motion came after it
        homes.first_event[home] = NONE
    homes.due[home] = 0
    last = max(int(column[home]) for column in (homes.last_motion, homes.last_enter, homes.last_door))
    state.habits.forget_after(int(state.households.habit[home]), last)


def _last_believed(state: State, device: int, batch: Batch) -> Millis:
    """The last motion of this device that counts as life and is not the batch's (ms UTC)."""
    row, moved = int(state.devices.movement[device]), int(state.devices.moved_at[device])
    if row < 0:
        return NEVER
    run = state.movements.run(row)
    known = {run.since, int(state.movements.before.last[row]), *state.movements.recent(row)} - {0}
    known -= set((batch.motion.at[batch.movers == device] // SECOND).tolist())
    last = max((one for one in known if not run.holds(one)), default=NEVER // SECOND)
    return moved if last == moved // SECOND else last * SECOND
