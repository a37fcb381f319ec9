"""How signs of life move the arrays that the absence clocks are read from."""

from __future__ import annotations

from bisect import bisect_right, insort

import numpy as np

from ingest.clock import Millis
from rules.batch import Batch, Moments
from rules.columns import NEVER, UNSET, Ints, Rows
from rules.state import State

OFFS_KEPT = 1_000
"""Reports of a phone that is off which are remembered, for a late one of it on among them."""


def fold_life(state: State, batch: Batch, shortest: Millis, heard_again: Millis | None) -> None:
    """Take the signs of life of a batch. The newest counts, in whatever order they come.

    `shortest`: no event at an instant can bring a deadline nearer to it than this. `heard_again`: when the outage of ours
    ended whose backlog is waited for (ms UTC); None: none is.
    """
    homes = state.households
    if len(batch.motion.rows):
        rows, at = batch.motion
        np.maximum.at(homes.last_motion, rows, at)
        _answer(state, rows, at)
        hasten(state, rows, at, shortest)
        homes.due[rows[homes.away_until[rows] > at]] = 0
    for moments, column in (
        (batch.enter, homes.last_enter),
        (batch.door, homes.last_door),
        (batch.call, homes.last_call),
        (batch.life, homes.last_life),
    ):
        if not len(moments.rows):
            continue
        rows, at = moments
        np.maximum.at(column, rows, at)
        if column is homes.last_life:
            _answer(state, rows, at)
        hasten(state, rows, at, shortest)
    _hear(state, batch.heard, batch.heard_received, shortest)
    _catch_up(state, batch.fresh, heard_again)
    for home, at_ms, on in batch.phone:
        _fold_phone(state, home, at_ms, on)
        hasten(state, np.array([home]), np.array([at_ms]), shortest)


def _answer(state: State, rows: Rows, at: Ints) -> None:
    """A sign of life, where an absence was raised before it: the first one since is remembered."""
    homes = state.households
    fresh = (homes.asked_at[rows] > NEVER) & (at > homes.asked_at[rows])
    np.minimum.at(homes.life_first, rows[fresh], at[fresh])


def hasten(state: State, rows: Rows, at: Ints, shortest: Millis) -> None:
    """Something happened there: look again when a deadline could be due, at once where an episode is open."""
    homes = state.households
    np.minimum.at(homes.due, rows, at + shortest)
    homes.due[rows[homes.dirty[rows] > 0]] = 0


def _hear(state: State, heard: Moments, received: Ints, shortest: Millis) -> None:
    rows, at = heard
    homes = state.households
    earlier = at < homes.heard_from[rows]
    if not earlier.any():
        return
    rows, at, came = rows[earlier], at[earlier], received[earlier]
    for home in rows[homes.commissioned_at[rows] == UNSET].tolist():
        for device in state.standing(home):
            state.devices.due[device] = 0
    np.minimum.at(homes.heard_from, rows, at)
    np.minimum.at(homes.commissioned_at, rows, came)
    hasten(state, rows, at, shortest)


def _fold_phone(state: State, home: int, at: Millis, on: bool) -> None:
    """The first report of it off after the last of it on counts, in whatever order they come."""
    homes = state.households
    offs = state.phone_offs.pop(home, [])
    if on:
        homes.phone_on[home] = max(at, int(homes.phone_on[home]))
        offs = offs[bisect_right(offs, at) :]
    elif at > homes.phone_on[home] and at not in offs:
        insort(offs, at)
        del offs[1 : len(offs) - OFFS_KEPT]
    homes.phone_off[home] = offs[0] if offs else UNSET
    if offs:
        state.phone_offs[home] = offs


def _catch_up(state: State, fresh: Moments, heard_again: Millis | None) -> None:
    """A home heard as it happens has no backlog: after an outage of ours it need not be waited for any longer."""
    homes, (rows, at) = state.households, fresh
    if heard_again is not None:
        homes.due[rows[(homes.fresh_at[rows] < heard_again) & (at >= heard_again)]] = 0
    np.maximum.at(homes.fresh_at, rows, at)
