"""What follows where a motion sensor turns out to be stuck, or not to have been: for life, for its home's sight, for habits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ingest.clock import SECOND, Millis
from rules.batch import NO_MOMENTS, Batch, Moments, joined
from rules.columns import NEVER, UNSET
from rules.movements import Change
from rules.outage import OutageBook
from rules.pauses import NONE
from rules.roll import MOTION_BIT
from rules.runs import NO_RUN, Run
from rules.state import State


class Doubt:
    """Takes a sensor for stuck while a run of its motions lasts that no person makes."""

    def __init__(self, outages: OutageBook) -> None:
        self._outages = outages

    def take(self, state: State, batch: Batch, changes: Sequence[Change]) -> set[int]:
        """Let the batch hold the motions that can be believed, as such runs have changed. Homes that turn blind or see again."""
        changed: set[int] = set()
        told = [one for one in _joined(changes) if state.devices.household[one.device] >= 0 and not _goes_on(state, one)]
        seconds = {one: set((batch.motion.at[batch.movers == one] // SECOND).tolist()) for one in _standing_with(state, told)}
        freed = [_freed(state, change) for change in told]
        for change in told:
            home = int(state.devices.household[change.device])
            if self._turn(state, home, change, seconds):
                changed.add(home)
        over_by_now = [(one.device, one.was) for one in told if 0 < one.was.until < one.now.since]
        batch.motion = joined(_believed(state, batch, over_by_now), *freed)
        return changed

    def end(self, state: State, device: int, at: Millis) -> bool:
        """Let a motion sensor be one that works again once its run is over; whether its home sees again, as of then."""
        ended = over(state, device) if state.devices.stuck_since[device] < UNSET else UNSET
        if ended > at:
            return False
        state.devices.stuck_since[device] = UNSET
        return self._outages.settle_sensors(state, int(state.devices.household[device]), ended, (MOTION_BIT,))

    def _turn(self, state: State, home: int, change: Change, seconds: Mapping[int, set[int]]) -> bool:
        """Take a sensor for stuck, or no longer, as its motions have turned out; whether its home turned blind or sees again."""
        device, was, now, _ = change
        devices, changed = state.devices, False
        if devices.stuck_since[device] < UNSET and now.since != was.since:
            devices.stuck_since[device] = UNSET
            end = was.over if now.since > was.until else was.since
            changed = self._outages.settle_sensors(state, home, end * SECOND, (MOTION_BIT,))
        if now.since and (now.since != was.since or now.until > was.until):
            _doubt_past(state, home, change, seconds)
            devices.stuck_since[device] = now.since * SECOND
            _blind_together(state, home)
            changed |= self._outages.settle_sensors(state, home, now.since * SECOND)
        devices.due[device] = 0
        return changed


def _blind_together(state: State, home: int) -> None:
    """While the runs of all its motion sensors lasted the home was blind, though one of them is over when this is known."""
    seeing = [one for one in state.standing(home) if int(state.devices.signals[one]) & MOTION_BIT]
    runs = [_run(state, one) for one in seeing]
    over_by_now = [run.over for one, run in zip(seeing, runs, strict=True) if state.devices.stuck_since[one] == UNSET]
    since, ended = max((one.since for one in runs), default=0), min(over_by_now, default=0)
    if since < ended and state.observability.sensors_lost(home, MOTION_BIT, since * SECOND):
        state.observability.sensors_found(home, MOTION_BIT, ended * SECOND)


def _joined(changes: Sequence[Change]) -> list[Change]:
    """What became of each run in all: a run that goes on from cell to cell changes once."""
    found: dict[int, list[Change]] = {}
    for one in changes:
        mine = found.setdefault(one.device, [])
        if mine and one.was == mine[-1].now and one.was.since == one.now.since:
            mine[-1] = Change(one.device, mine[-1].was, one.now, mine[-1].late or one.late)
        else:
            mine.append(one)
    return [one for _, mine in sorted(found.items()) for one in mine]


def _goes_on(state: State, change: Change) -> bool:
    """Whether a sensor known to be stuck merely says more of the same."""
    known = state.devices.stuck_since[change.device] < UNSET and not change.late
    return bool(known and change.now.since == change.was.since and change.now.until > change.was.until)


def _standing_with(state: State, changes: Sequence[Change]) -> list[int]:
    """All devices of the homes of these devices."""
    homes = {int(state.devices.household[one.device]) for one in changes}
    return [device for home in sorted(homes) for device in state.standing(home)]


def _run(state: State, device: int) -> Run:
    row = int(state.devices.movement[device])
    return NO_RUN if row < 0 else state.movements.run(row)


def _freed(state: State, change: Change) -> Moments:
    """What was not believed and is now: something that came late shows that no such run went on there."""
    device, was, now, _ = change
    if now.since > was.until:
        return NO_MOMENTS
    home, last = int(state.devices.household[device]), _run(state, device)  # the run after all that the batch has changed
    recent = state.movements.recent(int(state.devices.movement[device]))
    freed = [one for one in recent if was.holds(one) and not last.holds(one)]
    if freed:  # what it told before is not known any more: that stretch says nothing of habits
        state.left_out.setdefault(home, []).append((was.since * SECOND, freed[0] * SECOND))
    moved = int(state.devices.moved_at[device])
    at = np.array([moved if one == moved // SECOND else one * SECOND for one in freed], dtype=np.int64)
    return Moments(np.full(len(at), home, dtype=np.int64), at)


def over(state: State, device: int) -> Millis:
    """When a stuck motion sensor that tells nothing more is one that works again (ms UTC)."""
    return _run(state, device).over * SECOND


def _believed(state: State, batch: Batch, over_by_now: Sequence[tuple[int, Run]]) -> Moments:
    """Those of the batch's motions that count as life: all but the ones that a run no person makes goes on with.

    `over_by_now`: runs, by device, that others have followed.
    """
    motion, runs = batch.motion, state.movements.now
    rows = state.devices.movement[batch.movers]
    since = runs.stuck_since[rows]
    if not since.any():
        return motion
    second = motion.at // SECOND
    life = (second <= since) | (second > runs.stuck_until[rows])
    for device, run in over_by_now:
        life &= (batch.movers != device) | (second <= run.since) | (second > run.until)
    # The first of such a run counts as of its second, whether it was taken for life before the run was found or not.
    at = np.where(second == since, second * SECOND, motion.at)
    return Moments(motion.rows[life], at[life])


def _doubt_past(state: State, home: int, change: Change, seconds: Mapping[int, set[int]]) -> None:
    """A sensor of the home is stuck: what it told in its run was no motion. What came now, `seconds`, is yet to be folded."""
    homes, run = state.households, change.now
    if run.holds(int(homes.last_motion[home]) // SECOND):
        moved = max(_last_believed(state, one, seconds[one]) for one in state.standing(home))
        homes.last_motion[home] = min(int(homes.last_motion[home]), moved)
    if run.holds(int(homes.life_first[home]) // SECOND):
        homes.life_first[home] = UNSET
    if homes.first_event[home] > run.since:  # the run's first motion came after it
        homes.first_event[home] = NONE
    homes.due[home] = 0
    last = max(int(column[home]) for column in (homes.last_motion, homes.last_enter, homes.last_door))
    state.habits.forget_after(int(state.households.habit[home]), last)


def _last_believed(state: State, device: int, told: set[int]) -> Millis:
    """The last motion of this device that counts as life and has been folded (ms UTC)."""
    row, moved, run = int(state.devices.movement[device]), int(state.devices.moved_at[device]), _run(state, device)
    if row < 0:
        return NEVER
    known = {run.since, int(state.movements.before.last[row]), *state.movements.recent(row)} - {0} - told
    last = max((one for one in known if not run.holds(one)), default=NEVER // SECOND)
    return moved if last == moved // SECOND else last * SECOND
