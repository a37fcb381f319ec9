"""Whether a device can be believed: motions no person makes, a temperature no room has, a drifting clock, one id used twice."""

from __future__ import annotations

import numpy as np

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from rules.batch import Batch, Numbers, by_turns
from rules.columns import NEVER, UNSET, Ints, Rows, distinct
from rules.device_rows import NO_LAG
from rules.limits import DeviceLimits
from rules.seconds import later_seconds
from rules.state import State

LEAST_LAGS = 3
"""Readings of an hour of which all must be old before the clock is blamed and not the way."""
HANDED_OVER: Millis = 10 * MINUTE
"""What had waited for a link is handed over within so long; until then old readings say nothing of a clock."""
_SAME_PACE = 0.02
_SAME_PACE_MS = 2_000
_HALF = 2**31
_LONGEST_PACE: Millis = DAY

Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


class Credibility:
    """Folds what tells a working device from a broken one. Late motions and numbers say nothing of that."""

    def __init__(self, limits: DeviceLimits) -> None:
        self._limits = limits

    def fold(self, state: State, batch: Batch) -> set[int]:
        """Take a batch before its signs of life are; the devices that it shows to be stuck. Time alone ends that."""
        stuck: set[int] = set()
        movers, at = batch.movers, batch.motion.at
        told = later_seconds(movers, at // SECOND, state.devices.moved_at[movers] // SECOND)
        movers, at = movers[told], at[told]
        for turn in by_turns(movers):
            stuck |= self._move(state, movers[turn], at[turn])
        self._fold_lags(state, batch)
        self._fold_numbers(state, batch.numbers)
        for device, card in batch.sims:
            if np.isnan(state.devices.sim[device]):
                state.devices.sim[device] = card
            state.devices.sim_now[device] = card
            state.devices.due[device] = 0
        return stuck

    def _move(self, state: State, rows: Rows, at: Ints) -> set[int]:
        """One motion of each of these devices, of a later second than its last one."""
        devices, limits = state.devices, self._limits
        before = devices.moved_at[rows]
        gap, pace = np.minimum(at - before, _LONGEST_PACE), devices.pace[rows]
        devices.busy_since[rows] = np.where(gap <= limits.stuck_pause, devices.busy_since[rows], at)
        same = (pace > 0) & (np.abs(gap - pace) <= np.maximum(_SAME_PACE_MS, _SAME_PACE * pace))
        paced = np.where(same, devices.paced_since[rows], np.where(gap < _LONGEST_PACE, before, at))
        devices.paced_since[rows] = paced
        devices.pace[rows] = gap
        devices.moved_at[rows] = at
        busy = at - devices.busy_since[rows] >= limits.stuck_on
        steady = (at - paced >= limits.stuck_paced) & (at - paced >= (1 - _SAME_PACE) * limits.stuck_times * gap)
        since = np.where(steady, np.minimum(paced, np.where(busy, devices.busy_since[rows], UNSET)), devices.busy_since[rows])
        since = np.where(busy | steady, since, UNSET)
        was = devices.stuck_since[rows] < UNSET
        devices.due[rows[was != (since < UNSET)]] = 0
        newly = ~was & (since < UNSET)
        devices.stuck_since[rows[newly]] = since[newly]
        return set(rows[newly].tolist())

    def unstuck_at(self, state: State, device: int) -> Millis:
        """When a stuck motion sensor that tells nothing more is one that works again (ms UTC); NEVER: its run is broken."""
        devices = state.devices
        since = devices.stuck_since[device]
        if devices.busy_since[device] > since and devices.paced_since[device] > since:
            return NEVER
        return int(devices.moved_at[device]) + max(self._limits.stuck_pause, 2 * int(devices.pace[device]))

    def flat(self, state: State, rows: Rows) -> Mask:
        """Whether each has told one temperature for too long."""
        sensor = state.devices.climate[rows]
        return np.asarray((sensor >= 0) & state.climates.flat(np.maximum(sensor, 0), self._limits.stuck_flat))

    def _fold_lags(self, state: State, batch: Batch) -> None:
        """Of each hour of the clock the shortest lag; once the hour is over it says whether the device's clock is right."""
        devices, (rows, received, lag) = state.devices, batch.health
        hours = received // HOUR
        for hour in distinct(hours):
            now = hours == hour
            mine = rows[now]
            begun = devices.lag_hour[mine] < hour
            if begun.any():
                over = np.unique(mine[begun])
                self._judge_hour(state, over)
                devices.lag_hour[over], devices.lag[over], devices.lags[over] = hour, NO_LAG, 0
            current = devices.lag_hour[mine] == hour
            # Of the columns' own type: numpy takes thirty times as long where it has to convert one by one.
            np.minimum.at(devices.lag, mine[current], np.clip(lag[now][current], -_HALF, NO_LAG).astype(np.int32))
            np.add.at(devices.lags, mine[current], np.int32(1))

    def _judge_hour(self, state: State, rows: Rows) -> None:
        devices, limit = state.devices, self._limits.clock_drift
        lag = devices.lag[rows]
        told = devices.lags[rows] > 0
        wrong = told & ((lag < -limit) | ((lag > limit) & (devices.lags[rows] >= LEAST_LAGS)))
        drift = np.where(wrong, lag, np.nan)
        slow = np.flatnonzero(wrong & (lag > limit))
        unknown = slow[self._kept_back(state, rows[slow])]
        drift[unknown] = devices.drift[rows[unknown]]
        devices.due[rows[np.isnan(devices.drift[rows]) != np.isnan(drift)]] = 0
        devices.drift[rows] = drift

    def _kept_back(self, state: State, rows: Rows) -> Mask:
        """Whose messages may have waited, in that hour or just before it, for our link or for the home's gateway."""
        watch, homes = state.observability, state.devices.household[rows]
        since = state.devices.lag_hour[rows].astype(np.int64) * HOUR - HANDED_OVER
        kept = np.zeros(len(rows), dtype=bool)
        for start in distinct(since):  # first our link, which keeps back those of every home
            kept[since == start] = watch.blind_between(-1, start, start + HANDED_OVER + HOUR) > 0
        for place in np.flatnonzero(~kept).tolist():
            start = int(since[place])
            kept[place] = watch.blind_between(int(homes[place]), start, start + HANDED_OVER + HOUR) > 0
        return kept

    def _fold_numbers(self, state: State, numbers: Numbers) -> None:
        """Boot and seq of messages that are not late, each against the one before it of the same device."""
        devices, (device, boots, seqs, received) = state.devices, numbers
        for turn in by_turns(device):
            rows, boot, seq = device[turn], boots[turn], seqs[turn]
            last, behind = devices.boot[rows], devices.seq[rows] - seq
            again = (boot != last) & (boot == devices.boot_before[rows])
            back = again | ((boot == last) & (behind >= self._limits.duplicate_back) & (behind < _HALF))
            devices.boot_before[rows] = np.where(boot == last, devices.boot_before[rows], last)
            devices.boot[rows], devices.seq[rows] = boot, seq
            for row, at in zip(rows[back].tolist(), received[turn][back].tolist(), strict=True):
                self.count(devices.mixed_from, devices.mixed, devices.mixed_last, row, at)
                devices.due[row] = 0

    def count(self, begun: Ints, count: Ints, last: Ints, device: int, at: Millis, more: int = 1) -> None:
        """One event more within the window, or as many as are told at once."""
        if at >= begun[device] + self._limits.window:
            begun[device] = at
            count[device] = 0
        count[device] = min(int(count[device]) + more, 1_000_000)
        last[device] = at


def believed(state: State, movers: Rows, at: Ints) -> Mask:
    """Which of these motions may count as life: those from before their device was stuck."""
    return np.asarray(at < state.devices.stuck_since[movers])


def doubt_past(state: State, home: int) -> None:
    """A sensor of the home was found stuck: what it told since then was no motion."""
    homes, devices = state.households, state.devices
    moved = [min(int(devices.moved_at[one]), int(devices.stuck_since[one])) for one in state.standing(home)]
    homes.last_motion[home] = min(int(homes.last_motion[home]), max(moved, default=NEVER))
    homes.life_first[home] = UNSET
    homes.due[home] = 0
    last = max(int(column[home]) for column in (homes.last_motion, homes.last_enter, homes.last_door))
    state.habits.forget_after(int(state.households.habit[home]), last)
