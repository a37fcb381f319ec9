"""How fast checks were answered, taken and settled: pure figures over what happened to each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from alerts.duty.hours import DaysOff, DutyDesk, period_at
from ingest.clock import SECOND, Millis
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One check as the figures see it. All instants are home time; None: it has not happened."""

    check_id: str
    code: str
    dong_code: str
    level: Level
    opened_at: Millis
    asked_at: Millis | None  # when a person was first told of it
    acted_at: Millis | None  # the first thing a person did about it
    acknowledged_at: Millis | None  # for the first time
    resolved_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Camden's pair: of the checks a person was told of, how many were answered within 60 and 180 s of that telling."""

    asked: int
    within_60_s: int
    within_180_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How long something took, over `count` checks; ms, None where there was none."""

    count: int
    median: Millis | None
    p90: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelTimes:
    """From opening to the first acknowledgement and to the end, of the checks of one level."""

    level: Level
    opened: int
    acknowledged: Spread
    resolved: Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A 경보 or 위험 on which nobody had acted by the end of the duty in which it was opened."""

    check_id: str
    code: str
    dong_code: str
    level: Level
    opened_at: Millis
    due_at: Millis
    acted_at: Millis | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfDuty:
    """Every 경보 and 위험 is to be acted on by the end of the duty in which it was opened; those still within it wait."""

    due: int
    met: int
    missed: tuple[Missed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """How many checks were opened while the dong's centre was open, and how many while the night desk answered."""

    day: int
    night: int


def answered(checks: Sequence[Handled]) -> Answered:
    """Measured from the telling: before it, a machine was asking the resident."""
    waits = [None if one.acted_at is None else max(0, one.acted_at - one.asked_at) for one in checks if one.asked_at is not None]

    def within(limit: Millis) -> int:
        return sum(wait is not None and wait <= limit for wait in waits)

    return Answered(asked=len(waits), within_60_s=within(60 * SECOND), within_180_s=within(180 * SECOND))


def times(checks: Sequence[Handled]) -> list[LevelTimes]:
    """By level, the gravest first; levels without a check are there with 0."""
    found = []
    for level in reversed(Level):
        mine = [one for one in checks if one.level is level]
        found.append(
            LevelTimes(
                level=level,
                opened=len(mine),
                acknowledged=_spread(mine, lambda one: one.acknowledged_at),
                resolved=_spread(mine, lambda one: one.resolved_at),
            )
        )
    return found


def by_end_of_duty(checks: Sequence[Handled], own: DaysOff, now: Millis) -> EndOfDuty:
    """Over all 경보 and 위험 whose duty has ended, or that were acted on; the misses with the oldest first."""
    due, missed = 0, []
    for one in sorted(checks, key=lambda each: (each.opened_at, each.check_id)):
        if one.level is Level.CAUTION:
            continue
        ends = period_at(one.opened_at, own).ends
        if one.acted_at is not None and one.acted_at <= ends:
            due += 1
        elif now > ends:
            due += 1
            missed.append(
                Missed(
                    check_id=one.check_id,
                    code=one.code,
                    dong_code=one.dong_code,
                    level=one.level,
                    opened_at=one.opened_at,
                    due_at=ends,
                    acted_at=one.acted_at,
                )
            )
    return EndOfDuty(due=due, met=due - len(missed), missed=tuple(missed))


def parts(checks: Sequence[Handled], own: DaysOff) -> Parts:
    """Day against night, by the desk that had duty when the check was opened."""
    day = sum(period_at(one.opened_at, own).desk is DutyDesk.DONG for one in checks)
    return Parts(day=day, night=len(checks) - day)


def _spread(checks: Sequence[Handled], until: Callable[[Handled], Millis | None]) -> Spread:
    lengths = [at - one.opened_at for one in checks if (at := until(one)) is not None]
    if not lengths:
        return Spread(count=0, median=None, p90=None)
    median, p90 = np.quantile(np.array(lengths, dtype=np.float64), (0.5, 0.9))
    return Spread(count=len(lengths), median=round(float(median)), p90=round(float(p90)))
