"""The rule table: which limits hold, for whom, and under which version."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ingest.clock import Millis
from rules.finding import Level, RuleKey
from rules.reader import Reader, RulesWrong

__all__ = ["AbsenceLimits", "Breach", "Channel", "DeviceLimits", "Grade", "RuleTable", "RulesWrong", "load_table"]

DEFAULT = Path(__file__).with_name("default.toml")
LEVELS = tuple(Level)


class Grade(StrEnum):
    """고위험군, 중위험군, 일반군."""

    HIGH = "high"
    ELEVATED = "elevated"
    ORDINARY = "ordinary"


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

    def limit(self, level: Level) -> ThresholdLimit:
        """The limit of a level this rule has; KeyError otherwise."""
        found = self.levels[level - 1]
        if found is None:
            raise KeyError(level)
        return found


Limits = tuple[Millis | None, Millis | None, Millis | None]
"""Milliseconds to caution, warning and danger; None where the rule has no such level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsenceLimits:
    """How long a household of one grade may be without a sign of life."""

    motion: Limits
    call: Limits
    phone: Limits
    cannot_verify: Limits
    cannot_verify_excused: Limits
    away: Limits

    def shortest(self) -> Millis:
        """No event at an instant can bring a deadline nearer to it than this."""
        every = (self.motion, self.call, self.phone, self.cannot_verify, self.cannot_verify_excused, self.away)
        return min(limit for limits in every for limit in limits if limit is not None)


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
class RuleTable:
    """Everything that may be tuned, as one version. Lengths in milliseconds."""

    version: str
    absence: dict[Grade, AbsenceLimits]
    thresholds: dict[Channel, Threshold]
    dwell_tolerance: float
    gap_reports: int
    report_interval: Millis
    humidity_max_age: Millis
    door_gap: Millis
    door_inside: Millis
    settle: Millis
    caught_up: Millis
    away_motion: Millis
    inactive: dict[RuleKey, Millis]
    longest_away: Millis
    device: DeviceLimits


def load_table(path: Path | None) -> RuleTable:
    """The table in this TOML file (None: the shipped default); RulesWrong names every wrong line at once."""
    source = DEFAULT if path is None else path
    return read_table(source.read_text(encoding="utf-8"), source.name)


def read_table(text: str, name: str = "rules") -> RuleTable:
    """The table in this TOML text; RulesWrong names every wrong line at once."""
    reader = Reader(text, name)
    table = RuleTable(
        version=reader.version(),
        thresholds={channel: _threshold(reader, channel) for channel in Channel},
        absence=_grades(reader),
        dwell_tolerance=reader.number("samples", "dwell_tolerance", low=0.0, high=0.5),
        gap_reports=reader.count("samples", "gap_reports"),
        report_interval=reader.length("samples", "report_interval"),
        humidity_max_age=reader.length("samples", "humidity_max_age"),
        door_gap=reader.length("life", "door_gap"),
        door_inside=reader.length("life", "door_inside"),
        settle=reader.length("life", "settle"),
        caught_up=reader.length("life", "caught_up"),
        away_motion=_composite(reader, RuleKey.AWAY_MOTION, "caution"),
        inactive={rule: _composite(reader, rule, "inactive") for rule in (RuleKey.HEAT_INACTIVE, RuleKey.COLD_INACTIVE)},
        longest_away=reader.length("life", "longest_away"),
        device=_device(reader),
    )
    reader.finish()
    return table


def _composite(reader: Reader, rule: RuleKey, key: str) -> Millis:
    reader.word(rule, "kind", ("composite",))
    return reader.length(rule, key)


def _threshold(reader: Reader, channel: Channel) -> Threshold:
    reader.word(channel, "kind", ("threshold",))
    breach = Breach(reader.word(channel, "breach", tuple(Breach)))
    levels: list[ThresholdLimit | None] = []
    for level in LEVELS:
        key = level.name.lower()
        if not reader.has(channel, key):
            levels.append(None)
            continue
        section = f"{channel}.{key}"
        limit = ThresholdLimit(
            raise_at=reader.number(section, "raise_at", low=-100.0, high=200.0),
            clear_at=reader.number(section, "clear_at", low=-100.0, high=200.0),
            dwell=reader.length(section, "dwell"),
        )
        right = limit.clear_at > limit.raise_at if breach is Breach.BELOW else limit.clear_at < limit.raise_at
        if not right:
            side = "above" if breach is Breach.BELOW else "below"
            reader.wrong(section, "clear_at", f"must lie {side} raise_at, or the finding flutters")
        levels.append(limit)
    sign = -1 if breach is Breach.BELOW else 1
    reader.rising(channel, [None if one is None else sign * one.raise_at for one in levels], "graver levels need graver limits")
    return Threshold(breach=breach, levels=tuple(levels))


_RULES = ("motion", "call", "phone", "cannot_verify", "cannot_verify_excused", "away")


def _grades(reader: Reader) -> dict[Grade, AbsenceLimits]:
    base = {rule: _limits(reader, rule) for rule in _RULES}
    found: dict[Grade, AbsenceLimits] = {}
    for grade in Grade:
        section = f"grade.{grade}"
        factor = reader.number(section, "factor", low=0.05, high=1.0) if reader.has(section, "factor") else 1.0
        found[grade] = AbsenceLimits(**{rule: _shortened(reader, grade, rule, base[rule], factor) for rule in _RULES})
    return found


def _limits(reader: Reader, rule: str) -> Limits:
    reader.word(rule, "kind", ("absence",))
    limits = [reader.length(rule, key) if reader.has(rule, key) else None for key in ("caution", "warning", "danger")]
    reader.rising(rule, [None if one is None else float(one) for one in limits], "graver levels need longer limits")
    if limits[2] is None:
        reader.wrong(rule, "danger", "is missing: every absence ends in danger")
    return (limits[0], limits[1], limits[2])


def _shortened(reader: Reader, grade: Grade, rule: str, base: Limits, factor: float) -> Limits:
    """A grade may shorten and never lengthen: the away times are a promise to the resident and stay."""
    section = f"grade.{grade}.{rule}"
    limits: list[Millis | None] = []
    for key, limit in zip(("caution", "warning", "danger"), base, strict=True):
        shorter = limit if limit is None or rule == "away" else round(limit * factor)
        if reader.has(section, key):
            own = reader.length(section, key)
            if limit is None or own > limit:
                reader.wrong(section, key, "may only shorten the limit of everybody")
            shorter = own
        limits.append(shorter)
    return (limits[0], limits[1], limits[2])


def _device(reader: Reader) -> DeviceLimits:
    limits = DeviceLimits(
        missed_reports=reader.count("device", "missed_reports"),
        late_report=reader.number("device", "late_report", low=0.0, high=1.0),
        gateway_offline=reader.length("device", "gateway_offline"),
        battery_caution=reader.number("device", "battery_caution", low=0.0, high=100.0),
        battery_warning=reader.number("device", "battery_warning", low=0.0, high=100.0),
        battery_clear=reader.number("device", "battery_clear", low=0.0, high=100.0),
        link_weak=reader.number("device", "link_weak", low=0.0, high=100.0),
        link_clear=reader.number("device", "link_clear", low=0.0, high=100.0),
        clock_faults=reader.count("device", "clock_faults"),
        rejections=reader.count("device", "rejections"),
        window=reader.length("device", "window"),
        not_commissioned=reader.length("device", "not_commissioned"),
        stuck_flat=reader.length("device", "stuck_flat"),
        stuck_on=reader.length("device", "stuck_on"),
        stuck_pause=reader.length("device", "stuck_pause"),
        stuck_paced=reader.length("device", "stuck_paced"),
        stuck_times=reader.count("device", "stuck_times"),
        clock_drift=reader.length("device", "clock_drift"),
        duplicates=reader.count("device", "duplicates"),
        duplicate_back=reader.count("device", "duplicate_back"),
    )
    if not limits.battery_warning < limits.battery_caution < limits.battery_clear:
        reader.wrong("device", "battery_clear", "must lie above battery_caution, and that above battery_warning")
    if not limits.link_weak < limits.link_clear:
        reader.wrong("device", "link_clear", "must lie above link_weak")
    return limits
