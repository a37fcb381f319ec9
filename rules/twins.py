"""Devices whose id is used twice: while that is told, what such a one says may be of another home, and is no sign of life."""

from __future__ import annotations

import numpy as np

from ingest.clock import Millis
from ingest.reading import Signal
from ingest.readings import SIGNALS
from rules.columns import UNSET, Ints, Rows, distinct
from rules.finding import RuleKey
from rules.state import State

_OF_LIFE = np.array([one in (Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.STEPS) for one in SIGNALS])


def twin_since(state: State, device: int) -> Millis:
    """Since when it is told that this device's id is used twice (ms UTC); UNSET: it is not."""
    episode = state.episodes.get(f"device:{state.devices.ids[device]}", RuleKey.DEVICE_DUPLICATE)
    return UNSET if episode is None else episode.start


def without_life_of_twins(state: State, device: Rows, code: Ints, observed: Ints) -> Ints:
    """The signals' codes, where a sign of life of a device that is told of is no more than a heartbeat.

    SOS, smoke and gas are what they are.
    """
    told_of = state.devices.dirty[device] > 0
    if not told_of.any():
        return code
    found = code
    for one in distinct(device[told_of]):
        since = twin_since(state, one)
        if since < UNSET:
            doubted = (device == one) & _OF_LIFE[code] & (observed >= since)
            found = np.where(doubted, Signal.HEARTBEAT.code, found)
    return np.asarray(found)
