"""Whether a device can be believed: motions no person makes, a temperature no room has, a drifting clock, one id used twice."""

from __future__ import annotations

import numpy as np

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.readings import Mask
from rules.batch import Batch, Numbers
from rules.columns import Ints, Rows, distinct
from rules.device_rows import NO_LAG, SEEN_LATER
from rules.limits import DeviceLimits
from rules.movements import Change
from rules.state import State
from rules.turns import by_turns

LEAST_LAGS = 3
"""Readings of an hour of which all must be old before the clock is blamed and not the way."""
HANDED_OVER: Millis = 10 * MINUTE
"""What had waited for a link is handed over within so long; until then old readings say nothing of a clock."""
_HALF = 2**31


class Credibility:
    """Folds what tells a working device from a broken one. Late numbers say nothing of that."""

    def __init__(self, limits: DeviceLimits) -> None:
        self._limits = limits

    def fold(self, state: State, batch: Batch) -> list[Change]:
        """Take a batch before its signs of life are; of which motion sensors it changes what no person makes, and how."""
        changes = self._fold_motions(state, batch.movers, batch.motion.at) if len(batch.movers) else []
        self._fold_lags(state, batch)
        self._fold_numbers(state, batch.numbers)
        for device, card, at in batch.sims:
            state.devices.note_card(device, card, at)
            state.devices.due[device] = 0
        return changes

    def _fold_motions(self, state: State, movers: Rows, at: Ints) -> list[Change]:
        devices = state.devices
        np.maximum.at(devices.moved_at, movers, at)
        rows = devices.movement[movers].astype(np.int64)
        if rows.min() < 0:
            new = np.array(list(dict.fromkeys(movers[rows < 0].tolist())))  # in the order in which they were heard
            devices.movement[new] = state.movements.add(new)
            rows = devices.movement[movers].astype(np.int64)
        return state.movements.fold(self._limits, rows, np.clip(at // SECOND, 1, SEEN_LATER))

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
