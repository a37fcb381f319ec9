"""How each section of a rule file is read; what is wrong is noted with the reader and stands in for nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.clock import DAY, HOUR, Millis
from rules.bilingual import Words
from rules.hours import Dates, Hours, parse_day, parse_hours
from rules.limits import (
    ABSENCES,
    LEVEL_KEYS,
    AbsenceLimits,
    Breach,
    Channel,
    DeviceLimits,
    Grade,
    Limits,
    PersonalLimits,
    Season,
    Threshold,
    ThresholdLimit,
    Tighter,
    TrendLimits,
)
from rules.profile import Profile
from rules.reader import Reader
from rules.trend_days import PAST, RECENT

SIGNALS: dict[str, str] = {
    "motion": "motion",
    "call": "call",
    "phone": "phone",
    "cannot_verify": "life",
    "cannot_verify_excused": "life",
    "away": "life",
    "heat": "temperature",
    "cold": "temperature",
    "dry": "humidity",
    "damp": "humidity",
    "temperature_fall": "temperature",
    "frozen": "temperature",
}
"""What each rule listens to; `life` is every credible sign of life."""
WITH_HOURS = ("motion", "call", "phone", *Channel)
"""Rules that may be given active hours. The net under everything, and a promise to a resident, hold at any hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonMode:
    """A season: when it comes by itself (None: only when declared), and what it asks."""

    dates: Dates | None = None
    tighter: Tighter = field(default_factory=Tighter)


def read_absences(reader: Reader) -> AbsenceLimits:
    """The absence limits of everybody."""
    return AbsenceLimits(**{rule: _absence(reader, rule) for rule in ABSENCES})


def read_thresholds(reader: Reader) -> dict[Channel, Threshold]:
    """The thresholds of everybody."""
    return {channel: _threshold(reader, channel) for channel in Channel}


def read_grades(reader: Reader, base: Profile) -> dict[Grade, Tighter]:
    """What each grade asks."""
    return {grade: _tighter(reader, f"grade.{grade}", base) for grade in Grade}


def read_seasons(reader: Reader, base: Profile) -> dict[Season, SeasonMode]:
    """What each season asks, and when."""
    return {
        season: SeasonMode(dates=_dates(reader, f"season.{season}"), tighter=_tighter(reader, f"season.{season}", base))
        for season in Season
    }


def read_hours(reader: Reader) -> dict[str, Hours]:
    """The active hours of the rules that have some."""
    found: dict[str, Hours] = {}
    for section in WITH_HOURS:
        if reader.has(section, "active"):
            hours = reader.parsed(section, "active", parse_hours)
            if hours is not None:
                found[section] = hours
    return found


def read_composite(reader: Reader, rule: str, key: str) -> Millis:
    """The one length that a composite rule has."""
    reader.word(rule, "kind", ("composite",))
    return reader.length(rule, key)


def read_personal(reader: Reader) -> PersonalLimits:
    """How a home's own rhythm is used."""
    reader.word("personal", "kind", ("absence",))
    limits = PersonalLimits(
        used=reader.flag("personal", "used"),
        check_rate=reader.number("personal", "check_rate", low=0.0001, high=1.0),
        alert_rate=reader.number("personal", "alert_rate", low=0.0001, high=1.0),
        from_day=reader.count("personal", "from_day"),
        refit_at=reader.length("personal", "refit_at"),
        refit_within=reader.length("personal", "refit_within"),
        shortest=reader.length("personal", "shortest"),
    )
    if not limits.alert_rate <= limits.check_rate:
        reader.wrong(
            "personal",
            "alert_rate",
            "check_rate보다 클 수 없습니다: 더 무거운 단계는 더 드물게 알립니다",
            "must not lie above check_rate: the graver level speaks more rarely",
        )
    return limits


def read_trend(reader: Reader) -> TrendLimits:
    """The limits of notes on a home's weeks."""
    reader.word("trend", "kind", ("trend",))
    reader.word("trend", "signal", ("motion",))
    limits = TrendLimits(
        q=reader.number("trend", "q", low=0.0, high=0.5),
        after_noon=(reader.length("trend", "at") + 12 * HOUR) % DAY,
        quiet_days=reader.count("trend", "quiet_days"),
        recent_days=reader.count("trend", "recent_days"),
        past_days=reader.count("trend", "past_days"),
    )
    if limits.quiet_days < RECENT:
        reader.wrong(
            "trend",
            "quiet_days",
            f"{RECENT} 이상이어야 합니다: 한 가구에 일주일에 한 번까지입니다",
            f"must be {RECENT} or more: at most one note a household a week",
        )
    if limits.recent_days > RECENT or limits.past_days > PAST:
        reader.wrong(
            "trend",
            "past_days",
            f"{PAST} 이하, recent_days는 {RECENT} 이하여야 합니다",
            f"must be at most {PAST}, and recent_days at most {RECENT}",
        )
    return limits


def read_device(reader: Reader) -> DeviceLimits:
    """The limits of devices."""
    reader.word("device", "kind", ("device",))
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
        reader.wrong(
            "device",
            "battery_clear",
            "battery_caution보다, battery_caution은 battery_warning보다 커야 합니다",
            "must lie above battery_caution, and that above battery_warning",
        )
    if not limits.link_weak < limits.link_clear:
        reader.wrong("device", "link_clear", "link_weak보다 커야 합니다", "must lie above link_weak")
    return limits


def _absence(reader: Reader, rule: str) -> Limits:
    reader.word(rule, "kind", ("absence",))
    reader.word(rule, "signal", (SIGNALS[rule],))
    limits = [reader.length(rule, key) if reader.has(rule, key) else None for key in LEVEL_KEYS]
    reader.rising(
        rule,
        [None if one is None else float(one) for one in limits],
        Words("더 무거운 단계는 더 길어야 합니다", "graver levels need longer limits"),
    )
    if limits[2] is None:
        reader.wrong(
            rule, "danger", "값이 없습니다: 모든 무소식은 위험으로 끝나야 합니다", "is missing: every absence ends in danger"
        )
    return (limits[0], limits[1], limits[2])


def _threshold(reader: Reader, channel: Channel) -> Threshold:
    reader.word(channel, "kind", ("threshold",))
    reader.word(channel, "signal", (SIGNALS[channel],))
    breach = Breach(reader.word(channel, "breach", tuple(Breach)))
    levels = tuple(_level(reader, f"{channel}.{key}", breach) if reader.has(channel, key) else None for key in LEVEL_KEYS)
    if not any(levels):
        reader.wrong(
            "", channel, "단계가 있어야 합니다: caution, warning, danger 중 하나", "needs a level: caution, warning or danger"
        )
    sign = -1 if breach is Breach.BELOW else 1
    reader.rising(
        channel,
        [None if one is None else sign * one.raise_at for one in levels],
        Words("더 무거운 단계는 기준도 더 무거워야 합니다", "graver levels need graver limits"),
    )
    return Threshold(breach=breach, levels=levels)


def _level(reader: Reader, section: str, breach: Breach) -> ThresholdLimit:
    limit = ThresholdLimit(
        raise_at=reader.number(section, "raise_at", low=-100.0, high=200.0),
        clear_at=reader.number(section, "clear_at", low=-100.0, high=200.0),
        dwell=reader.length(section, "dwell"),
    )
    right = limit.clear_at > limit.raise_at if breach is Breach.BELOW else limit.clear_at < limit.raise_at
    if not right:
        side, ko_side = ("above", "높아") if breach is Breach.BELOW else ("below", "낮아")
        reader.wrong(
            section,
            "clear_at",
            f"raise_at보다 {ko_side}야 합니다: 아니면 판정이 되풀이됩니다",
            f"must lie {side} raise_at, or the finding flutters",
        )
    return limit


def _tighter(reader: Reader, section: str, base: Profile) -> Tighter:
    """What a grade or season asks; anything less careful than what holds for everybody is wrong."""
    return Tighter(
        factor=reader.number(section, "factor", low=0.05, high=1.0) if reader.has(section, "factor") else 1.0,
        absences={rule: _shorter(reader, f"{section}.{rule}", base.absence.of(rule)) for rule in ABSENCES if rule != "away"},
        inactive={
            rule: _stiller(reader, f"{section}.{rule}", limit)
            for rule, limit in base.inactive.items()
            if reader.has(section, rule)
        },
        thresholds={
            channel: _more_careful(reader, f"{section}.{channel}", rule)
            for channel, rule in base.thresholds.items()
            if reader.has(section, channel)
        },
    )


def _shorter(reader: Reader, section: str, base: Limits) -> Limits:
    limits: list[Millis | None] = []
    for key, limit in zip(LEVEL_KEYS, base, strict=True):
        own = reader.length(section, key) if reader.has(section, key) else None
        if own is not None and (limit is None or own > limit):
            reader.wrong(section, key, "모두의 기준을 줄일 수만 있습니다", "may only shorten the limit of everybody")
        limits.append(own)
    return (limits[0], limits[1], limits[2])


def _stiller(reader: Reader, section: str, base: Millis) -> Millis:
    limit = reader.length(section, "inactive")
    if limit > base:
        reader.wrong(section, "inactive", "모두의 기준을 줄일 수만 있습니다", "may only shorten the limit of everybody")
    return limit


def _more_careful(reader: Reader, section: str, base: Threshold) -> tuple[ThresholdLimit | None, ...]:
    sign = -1 if base.breach is Breach.BELOW else 1
    levels: list[ThresholdLimit | None] = []
    for key, limit in zip(LEVEL_KEYS, base.levels, strict=True):
        own = _level(reader, f"{section}.{key}", base.breach) if reader.has(section, key) else None
        if own is not None and (
            limit is None
            or sign * own.raise_at > sign * limit.raise_at
            or sign * own.clear_at > sign * limit.clear_at
            or own.dwell > limit.dwell
        ):
            reader.wrong(
                section, key, "모두의 기준보다 더 조심스러워야 합니다", "may only be more careful than the limit of everybody"
            )
        levels.append(own)
    return tuple(levels)


def _dates(reader: Reader, section: str) -> Dates | None:
    given = [key for key in ("from", "until") if reader.has(section, key)]
    if not given:
        return None
    if len(given) < 2:
        reader.wrong(section, given[0], 'from과 until은 함께 씁니다(예: "07-20")', 'from and until go together (such as "07-20")')
    first, last = (reader.parsed(section, key, parse_day) if key in given else None for key in ("from", "until"))
    if first is None or last is None:
        return None
    dates = Dates(first=first, last=last)
    if dates.all_year:
        reader.wrong(
            section,
            "until",
            "계절 밖의 날이 없습니다: 그런 기준은 모두의 기준입니다",
            "leaves no day outside the season: such limits are those of everybody",
        )
    return dates
