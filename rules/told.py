"""The pauses that were told of: what was learnt of one is taken back where its check ends with nobody well at home."""

from __future__ import annotations

from ingest.clock import SECOND, Millis
from rules.baseline.gaps import DAYS
from rules.pauses import Pause, Told
from rules.state import State

MOST = 16
"""Pauses of one check that are remembered."""


def note_told(state: State, home: int, start: Millis) -> None:
    """A pause at home is told of, from `start` on."""
    told = state.told.setdefault(home, [])
    if all(one.start != start for one in told):
        told.append(Told(start))
        del told[:-MOST]


def note_booked(state: State, home: int, pause: Pause, gap: tuple[Millis, Millis, bool]) -> None:
    """The pause was booked as this gap of the newest day: start, length, censored."""
    for one in state.told.get(home, []):
        if within(pause, one.start):
            one.age, one.begun, one.length, one.censored = 0, *gap


def note_day(state: State, home: int) -> None:
    """Another observed day was opened: what is forgotten with the oldest need not be taken back any more."""
    told = [one for one in state.told.pop(home, []) if one.age < DAYS - 1]
    for one in told:
        one.age += one.age >= 0
    if told:
        state.told[home] = told


def take_back(state: State, home: int, at: Millis) -> bool:
    """The check ended at `at`, and not well: none of its pauses is a habit, nor is the one of that moment; whether any was told.

    One that is booked is taken out, one that is not is among the spans left out.
    """
    homes, habit = state.households, int(state.households.habit[home])
    last = max(int(column[home]) for column in (homes.last_motion, homes.last_enter, homes.last_door))
    spans, told = state.left_out.setdefault(home, []), state.told.pop(home, [])
    for one in told:
        if one.age >= 0:
            state.habits.row(habit).remove(one.age, one.begun, one.length, one.censored)
            continue
        ended = [pause.until * SECOND - 1 for pause in state.habits.pauses(habit) if within(pause, one.start)]
        spans.append((min(one.start, at), max([*ended, one.start]) if one.start < last else at))
    spans.append((at, at))
    return bool(told)


def within(pause: Pause, at: Millis) -> bool:
    """Whether this instant (ms UTC) lies in the pause."""
    return pause.start * SECOND <= at < pause.until * SECOND
