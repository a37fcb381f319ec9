"""What a limit is: of an absence, of a measured value, of a device; for a grade, a season, a household."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

import msgspec

from ingest.clock import Millis
from rules.finding import Level


class Grade(StrEnum):
    """고위험군, 중위험군, 일반군."""

    HIGH = "high"
    ELEVATED = "elevated"
    ORDINARY = "ordinary"


class Season(StrEnum):
    """폭염, 한파: times in which other limits hold, by date or because a supervisor said so."""

    HEATWAVE = "heatwave"
    COLDWAVE = "coldwave"


class Channel(StrEnum):
    """What is held against a threshold; dry and damp are both told as humidity."""

    HEAT = "heat"
    COLD = "cold"
    DRY = "dry"
    DAMP = "damp"
    TEMPERATURE_FALL = "temperature_fall"
    FROZEN = "frozen"


class Breach(StrEnum):
    """On which side of the limit a sample breaches it."""

    AT_OR_ABOVE = "at_or_above"
    ABOVE = "above"
    BELOW = "below"


ABSENCES = ("motion", "call", "phone", "cannot_verify", "cannot_verify_excused", "away")
"""The absence rules of a table. The away times are a promise to the resident: nothing shortens them."""
STILLNESS = ("heat_inactive", "cold_inactive")
"""The composite rules of a table that have a length of their own: for how long nobody has moved. Their level is the caution."""
LEVEL_KEYS = tuple(level.name.lower() for level in Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdLimit:
    """One level of a threshold; limits in the signal's unit."""

    raise_at: float
    clear_at: float
    dwell: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold rule; `levels[i]` is the limit of the i-th level, None where the rule has no such level."""

    breach: Breach
    levels: tuple[ThresholdLimit | None, ...]

    def limit(self, level: int) -> ThresholdLimit:
        """The limit of this level; where the rule has it no more, of the gravest below it, else of the mildest there is."""
        there = [(place, one) for place, one in enumerate(self.levels, 1) if one is not None]
        return next((one for place, one in reversed(there) if place <= level), there[0][1])


Limits: TypeAlias = tuple[Millis | None, Millis | None, Millis | None]
"""Milliseconds to caution, warning and danger; None where the rule has no such level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceLimits:
    """How long a household may be without a sign of life."""

    motion: Limits
    call: Limits
    phone: Limits
    cannot_verify: Limits
    cannot_verify_excused: Limits
    away: Limits

    def of(self, rule: str) -> Limits:
        """The limits of one of `ABSENCES`."""
        found: Limits = getattr(self, rule)
        return found

    def shortest(self) -> Millis:
        """No event at an instant can bring a deadline nearer to it than this."""
        return min(limit for rule in ABSENCES for limit in self.of(rule) if limit is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tighter:
    """What a grade or a season asks beyond the limits of everybody; it is never less careful than they are."""

    factor: float = 1.0
    """Shortens every absence limit but those of away, and every stillness."""
    absences: Mapping[str, Limits] = field(default_factory=dict)
    inactive: Mapping[str, Millis] = field(default_factory=dict)
    thresholds: Mapping[Channel, tuple[ThresholdLimit | None, ...]] = field(default_factory=dict)


class OwnLimit(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One limit of one household alone: `limit` in ms for absences and stillness, in the signal's unit for thresholds."""

    rule: str
    level: int
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendLimits:
    """When a week is told as unlike the four before it. `after_noon`: when a day is closed, ms after the noon that follows it."""

    q: float
    after_noon: Millis
    quiet_days: int
    recent_days: int
    past_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLimits:
    """When a device is worth a ticket. Battery and radio link in percent, lengths in milliseconds."""

    missed_reports: int
    late_report: float
    gateway_offline: Millis
    battery_caution: float
    battery_warning: float
    battery_clear: float
    link_weak: float
    link_clear: float
    clock_faults: int
    rejections: int
    window: Millis
    not_commissioned: Millis
    stuck_flat: Millis
    stuck_on: Millis
    stuck_pause: Millis
    stuck_paced: Millis
    stuck_times: int
    clock_drift: Millis
    duplicates: int
    duplicate_back: int

    def silence(self, interval: Millis) -> Millis:
        """How long a device with this report interval may be silent."""
        return self.missed_reports * interval + round(self.late_report * interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalLimits:
    """How a home's own rhythm tightens the motion limits."""

    used: bool  # False: no home is fitted and nothing said
    check_rate: float  # false alarms a day that are put up with at 주의
    alert_rate: float  # likewise at 경보
    from_day: int  # observed days before the home's own pauses count
    refit_at: Millis  # after midnight in Seoul
    refit_within: Millis  # the homes have their turns one after another within this
    shortest: Millis  # nothing is said of a shorter pause
