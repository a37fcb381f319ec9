"""How signs of life move the arrays that the absence clocks are read from."""

from __future__ import annotations

import numpy as np

from ingest.clock import Millis
from rules.batch import Batch, Moments
from rules.columns import NEVER, UNSET, Ints, Rows
from rules.state import State


def fold_life(state: State, batch: Batch, shortest: Millis) -> None:
    """Take the signs of life of a batch. The newest counts, in whatever order they come.

    `shortest`: no event at an instant can bring a deadline nearer to it than this.
    """
    homes = state.households
    for moments, column in (
        (batch.motion, homes.last_motion),
        (batch.enter, homes.last_enter),
        (batch.door, homes.last_door),
        (batch.call, homes.last_call),
        (batch.steps, None),
    ):
        if not moments.rows:
            continue
        rows, at = moments.arrays()
        if column is not None:
            np.maximum.at(column, rows, at)
        np.maximum.at(homes.last_life, rows, at)
        fresh = (homes.asked_at[rows] > NEVER) & (at > homes.asked_at[rows])
        np.minimum.at(homes.life_first, rows[fresh], at[fresh])
        hasten(state, rows, at, shortest)
    _hear(state, batch.heard, batch.heard_received, shortest)
    for home, at_ms, on in batch.phone:
        _fold_phone(state, home, at_ms, on)
        hasten(state, np.array([home]), np.array([at_ms]), shortest)


def hasten(state: State, rows: Rows, at: Ints, shortest: Millis) -> None:
    """Something happened there: look again when a deadline could be due, at once where an episode is open."""
    homes = state.households
    np.minimum.at(homes.due, rows, at + shortest)
    homes.due[rows[homes.dirty[rows] > 0]] = 0


def _hear(state: State, heard: Moments, received: list[Millis], shortest: Millis) -> None:
    if not heard.rows:
        return
    rows, at = heard.arrays()
    homes = state.households
    earlier = at < homes.heard_from[rows]
    if not earlier.any():
        return
    rows, at, came = rows[earlier], at[earlier], np.array(received, dtype=np.int64)[earlier]
    for home in rows[homes.commissioned_at[rows] == UNSET].tolist():
        for device in state.homes.get(home, []):
            state.devices.due[device] = 0
    np.minimum.at(homes.heard_from, rows, at)
    np.minimum.at(homes.commissioned_at, rows, came)
    hasten(state, rows, at, shortest)


def _fold_phone(state: State, home: int, at: Millis, on: bool) -> None:
    homes = state.households
    last = int(homes.phone_off_last[home])
    if on:
        homes.phone_on[home] = max(at, int(homes.phone_on[home]))
        if at >= homes.phone_off[home]:
            homes.phone_off[home] = last if last > at else UNSET
    elif at > homes.phone_on[home]:
        homes.phone_off[home] = min(at, int(homes.phone_off[home]))
        homes.phone_off_last[home] = max(at, last)
