"""Which limits hold for whom: those of everybody, of the grade, of the season and of the household, the most careful of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.clock import Millis
from rules.finding import Level
from rules.limits import (
    ABSENCES,
    STILLNESS,
    AbsenceLimits,
    Breach,
    Channel,
    Grade,
    Limits,
    OwnLimit,
    Threshold,
    ThresholdLimit,
    Tighter,
)

GRADES = tuple(Grade)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The limits that hold for a household at a time."""

    absence: AbsenceLimits
    thresholds: Mapping[Channel, Threshold]
    inactive: Mapping[str, Millis]  # by rules.limits.STILLNESS


def tightened(base: Profile, tighter: Tighter) -> Profile:
    """The base with what a grade or season asks. Nothing becomes less careful, whatever was asked."""
    absence = {rule: _shorter(base.absence.of(rule), rule, tighter) for rule in ABSENCES}
    thresholds = {
        channel: _more_careful(rule, tighter.thresholds.get(channel, (None,) * len(rule.levels)))
        for channel, rule in base.thresholds.items()
    }
    inactive = {
        rule: min(limit, round(limit * tighter.factor), tighter.inactive.get(rule, limit))
        for rule, limit in base.inactive.items()
    }
    return Profile(absence=AbsenceLimits(**absence), thresholds=thresholds, inactive=inactive)


def with_own(base: Profile, own: Iterable[OwnLimit]) -> Profile:
    """The base with limits of the household alone; one that asks for more time, or for a level that is not there, is as none.

    The gap between raising and clearing stays as wide as it was.
    """
    profile = base
    for one in own:
        if one.rule in ABSENCES:
            limits: list[int | None] = [None, None, None]
            limits[one.level - 1] = round(one.limit)
            profile = tightened(profile, Tighter(absences={one.rule: (limits[0], limits[1], limits[2])}))
        elif one.rule in STILLNESS and one.level == Level.CAUTION:
            profile = tightened(profile, Tighter(inactive={one.rule: round(one.limit)}))
        elif one.rule in tuple(Channel):
            channel = Channel(one.rule)
            now = profile.thresholds[channel].levels[one.level - 1]
            levels: list[ThresholdLimit | None] = [None] * 3
            if now is not None:
                moved = one.limit - now.raise_at
                levels[one.level - 1] = ThresholdLimit(raise_at=one.limit, clear_at=now.clear_at + moved, dwell=now.dwell)
            profile = tightened(profile, Tighter(thresholds={channel: tuple(levels)}))
    return profile


def _shorter(base: Limits, rule: str, tighter: Tighter) -> Limits:
    if rule == "away":
        return base
    asked = tighter.absences.get(rule, (None, None, None))
    found = [
        None if limit is None else min(limit, round(limit * tighter.factor), limit if own is None else own)
        for limit, own in zip(base, asked, strict=True)
    ]
    return (found[0], found[1], found[2])


def _more_careful(rule: Threshold, asked: tuple[ThresholdLimit | None, ...]) -> Threshold:
    careful = max if rule.breach is Breach.BELOW else min
    levels = [
        limit
        if limit is None or own is None
        else ThresholdLimit(
            raise_at=careful(limit.raise_at, own.raise_at),
            clear_at=careful(limit.clear_at, own.clear_at),
            dwell=min(limit.dwell, own.dwell),
        )
        for limit, own in zip(rule.levels, asked, strict=True)
    ]
    return Threshold(breach=rule.breach, levels=tuple(levels))
