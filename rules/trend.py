"""How a home's last week differs from its own four weeks before: a note for the visiting nurse, no check and no ticket."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.clock import DAY, HOUR, Millis
from ingest.reading import DongCode, HouseholdId
from rules.batch import Batch
from rules.columns import UNSET, Floats, Ints, Rows, Small
from rules.discovery import discoveries, rank_test
from rules.episodes import digest
from rules.roll import MOTION_BIT
from rules.state import State
from rules.table import RuleTable
from rules.trend_days import PAST, RECENT
from rules.trend_store import BIN, BINS, BYTES, DAYS, MEASURES, UNKNOWN, noon

Truths: TypeAlias = npt.NDArray[np.bool_]
AT_ONCE = 50_000
"""Homes that are looked at together: so many days of quarters of an hour are 5 MB."""
EVENING = 6 * HOUR // BIN
MIDNIGHT = 12 * HOUR // BIN
FIVE = 17 * HOUR // BIN
"""18:00, 00:00 and 05:00 as quarters of an hour since noon."""
SLEEP = 6 * HOUR // BIN
MOST_AWAKE = SLEEP // 2
"""Of the stillest six hours: with more motion than this nobody slept."""
LEAST_OUTING = 2
"""So many quarters without motion after a door: somebody went out."""
BLIND_SHARE = 0.1
"""A day of which more than this could not be observed is unknown."""


class Measure(StrEnum):
    """What is compared, in the order in which the store keeps it."""

    ACTIVITY = "activity"  # hours a day with motion in them (quarters of an hour)
    NIGHT_WAKING = "night_waking"  # times up between 00:00 and 05:00
    OUTINGS = "outings"  # a door, then no motion for half an hour
    SLEEP = "sleep"  # middle of the stillest six hours between 18:00 and noon, hours after 18:00


MEASURE = tuple(Measure)
SCALE = (BIN / HOUR, 1.0, 1.0, BIN / HOUR / 2)
"""What one unit of the store is, in the unit of the measure."""


class TrendNote(msgspec.Struct, frozen=True, kw_only=True):
    """A home's last week differs from the four before it. Means over the known days of each; `note_id` as with findings."""

    note_id: str
    household_id: HouseholdId
    dong_code: DongCode
    at: Millis  # home time
    measure: Measure
    recent: float  # in the measure's unit
    past: float
    recent_days: int
    past_days: int
    p_value: float  # of no difference, two-sided
    q: float  # of all notes of a night, at most this share is false
    rule_version: str


class Trend:
    """The trend rule of one table, over one state. Each night the day that ended at noon is closed, and all homes compared."""

    def __init__(self, table: RuleTable) -> None:
        self._limits = table.trend
        self._version = table.version

    def fold(self, state: State, batch: Batch) -> None:
        """Take motion and doors, in whatever order they come."""
        closed, trends = state.trend_closed, state.trends
        for moments, bits in ((batch.motion, trends.motion), (batch.door, trends.door)):
            if closed is not None and len(moments.rows):
                trends.mark(bits, moments.rows, moments.at, closed)

    def due(self, state: State) -> Millis:
        """When the next day is to be closed; UNSET before the first grid point."""
        closed = state.trend_closed
        return UNSET if closed is None else noon(closed + 2) + self._limits.after_noon

    def run(self, state: State, at: Millis) -> list[TrendNote]:
        """Close the day after the last closed one, and say what differs."""
        closed = state.trend_closed
        if closed is None:
            return []
        day = state.trend_closed = closed + 1
        blind = self._unknown(state, day)
        for start in range(0, len(state.households), AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, len(state.households)))
            _close(state, rows, day, blind[rows])
        return self._compare(state, day, at)

    def _unknown(self, state: State, day: int) -> Truths:
        """The homes of which this day cannot be known: not observed for a tenth of it, or declared away."""
        start, end, watch = noon(day), noon(day + 1), state.observability
        homes, count = state.households, len(state.households)
        everybody = watch.blind_between(-1, start, end) > BLIND_SHARE * DAY
        unknown = np.full(count, everybody) | (homes.away_until[:count] > start)
        for home in watch.with_outages():
            unknown[home] |= watch.blind_between(home, start, end, MOTION_BIT) > BLIND_SHARE * DAY
        for home, spans in state.left_out.items():
            unknown[home] |= any(min(e, end) - max(s, start) > BLIND_SHARE * DAY for s, e in spans)
        return np.asarray(unknown | (homes.active[:count] == 0))

    def _compare(self, state: State, day: int, at: Millis) -> list[TrendNote]:
        trends, homes, count = state.trends, state.households, len(state.households)
        rested = (trends.noted[:count] == 0) | (day - trends.noted[:count] >= self._limits.quiet_days)
        rows = np.flatnonzero(rested & (homes.active[:count] > 0))
        tested = [self._test(state, rows, measure, day) for measure in range(MEASURES)]
        p_values = np.concatenate([p for p, _, _, _ in tested])
        enough = np.concatenate([kept for _, kept, _, _ in tested])
        told = np.zeros(len(p_values), dtype=bool)
        told[enough] = discoveries(p_values[enough], self._limits.q)
        p_values = np.where(told, p_values, np.inf).reshape(MEASURES, len(rows))
        notes: list[TrendNote] = []
        for place in np.flatnonzero(np.isfinite(p_values).any(axis=0)).tolist():
            measure, home = int(p_values[:, place].argmin()), int(rows[place])  # the clearest one; one note is enough
            trends.noted[home] = day
            sizes = int(tested[measure][2][place]), int(tested[measure][3][place])
            notes.append(self._note(state, home, measure, day, at, float(p_values[measure, place]), sizes))
        return notes

    def _test(self, state: State, rows: Rows, measure: int, day: int) -> tuple[Floats, Truths, Ints, Ints]:
        """For each row: p, whether enough days are known, and how many of each."""
        parts = [_weeks(state, rows[start : start + AT_ONCE], measure, day) for start in range(0, len(rows), AT_ONCE)]
        done = [rank_test(recent, past, UNKNOWN) for recent, past in parts]
        p, first, second = (np.concatenate([np.zeros(0), *(one[n] for one in done)]) for n in range(3))
        enough = (first >= self._limits.recent_days) & (second >= self._limits.past_days)
        return p, enough, first.astype(np.int64), second.astype(np.int64)

    def _note(
        self, state: State, home: int, measure: int, day: int, at: Millis, p_value: float, sizes: tuple[int, int]
    ) -> TrendNote:
        recent, past = (week[week != UNKNOWN].mean() * SCALE[measure] for week in _weeks(state, np.array([home]), measure, day))
        subject = state.subject(home)
        return TrendNote(
            note_id=digest(subject.name, "trend", MEASURE[measure], day),
            household_id=HouseholdId(subject.name),
            dong_code=subject.dong_code,
            at=at,
            measure=MEASURE[measure],
            recent=round(float(recent), 2),
            past=round(float(past), 2),
            recent_days=sizes[0],
            past_days=sizes[1],
            p_value=p_value,
            q=self._limits.q,
            rule_version=self._version,
        )


def _weeks(state: State, rows: Rows, measure: int, day: int) -> tuple[Small, Small]:
    """The last week and the four before it, `[day, row]`, units of the store."""
    kept = state.trends.figures(measure, day - np.arange(DAYS), rows)
    return kept[:RECENT], kept[RECENT : RECENT + PAST]


def _close(state: State, rows: Rows, day: int, unknown: Truths) -> None:
    """Put the figures of this day into its place, and let its half be gathered anew."""
    trends = state.trends
    half = slice(day % 2 * BYTES, (day % 2 + 1) * BYTES)
    first, last = int(rows[0]), int(rows[-1]) + 1
    motion = np.unpackbits(trends.motion[half, first:last], axis=0)
    door = np.unpackbits(trends.door[half, first:last], axis=0)
    silent = unknown | ~motion.any(axis=0)  # no motion in a whole day is for other rules; it is no figure
    figures = (_activity(motion), _waking(motion), _outings(motion, door), _sleep(motion))
    activity, waking, outings, sleep = (np.where(silent, UNKNOWN, one).astype(np.uint8) for one in figures)
    trends.keep(day, slice(first, last), activity, waking, outings, sleep)
    trends.motion[half, first:last] = 0
    trends.door[half, first:last] = 0


def _activity(motion: Small) -> Small:
    return np.asarray(motion.sum(axis=0), dtype=np.uint8)


def _waking(motion: Small) -> Small:
    night = motion[MIDNIGHT:FIVE]
    began = night & ~np.vstack([motion[MIDNIGHT - 1 : MIDNIGHT], night[:-1]])
    return np.asarray(began.sum(axis=0), dtype=np.uint8)


def _outings(motion: Small, door: Small) -> Small:
    """Doors after which nobody moved for a while, a stretch counted once; unknown where no door has told anything."""
    count = np.zeros(motion.shape[1], dtype=np.uint8)
    out = np.zeros(motion.shape[1], dtype=bool)
    for place in range(BINS - LEAST_OUTING):
        still = ~motion[place + 1 : place + 1 + LEAST_OUTING].any(axis=0)
        leaves = (door[place] > 0) & still & ~out
        count += leaves
        out = (out | leaves) & still
    return np.where(door.any(axis=0), count, UNKNOWN).astype(np.uint8)


def _sleep(motion: Small) -> Small:
    """Twice the middle of the stillest six hours between 18:00 and noon, in quarters after 18:00; of several, their middle.

    Getting up in the night hardly moves it, which it does with the longest stretch without motion.
    """
    upto = np.cumsum(np.vstack([np.zeros_like(motion[:1]), motion[EVENING:]]), axis=0, dtype=np.int16)
    moved = upto[SLEEP:] - upto[:-SLEEP]
    least = moved.min(axis=0)
    first = (moved == least).argmax(axis=0)
    last = len(moved) - 1 - (moved == least)[::-1].argmax(axis=0)
    return np.where(least <= MOST_AWAKE, first + last + SLEEP, UNKNOWN).astype(np.uint8)
