"""The rule table: which limits hold, for whom, and under which version (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.clock import Millis
from rules.finding import RuleKey
from rules.hours import Hours
from rules.limits import (
    STILLNESS,
    AbsenceLimits,
    Breach,
    Channel,
    DeviceLimits,
    Grade,
    Limits,
    PersonalLimits,
    Season,
    Threshold,
    Tighter,
    TrendLimits,
)
from rules.profile import Profile, tightened
from rules.reader import Reader, RulesWrong
from rules.sections import (
    SeasonMode,
    read_absences,
    read_composite,
    read_device,
    read_grades,
    read_hours,
    read_personal,
    read_seasons,
    read_thresholds,
    read_trend,
)

__all__ = [
    "AbsenceLimits",
    "Breach",
    "Channel",
    "DeviceLimits",
    "Grade",
    "Limits",
    "RuleTable",
    "RulesWrong",
    "Threshold",
    "load_table",
    "read_table",
]

DEFAULT = Path(__file__).with_name("default.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable:
    """Everything that may be tuned, as one version. Lengths in milliseconds. `text` is the TOML it was read from."""

    version: str
    text: str = field(repr=False)
    everybody: AbsenceLimits
    thresholds: Mapping[Channel, Threshold]
    grades: Mapping[Grade, Tighter]
    seasons: Mapping[Season, SeasonMode]
    hours: Mapping[str, Hours]  # by section: a caution or warning waits for these
    dwell_tolerance: float
    gap_reports: int
    report_interval: Millis
    humidity_max_age: Millis
    door_gap: Millis
    door_inside: Millis
    settle: Millis
    caught_up: Millis
    away_motion: Millis
    inactive: Mapping[str, Millis]
    longest_away: Millis
    device: DeviceLimits
    personal: PersonalLimits
    trend: TrendLimits

    def profile(self, grade: Grade, seasons: frozenset[Season] = frozenset()) -> Profile:
        """The limits of a household of this grade without limits of its own, while these seasons are in force."""
        everybody = Profile(absence=self.everybody, thresholds=self.thresholds, inactive=self.inactive)
        found = tightened(everybody, self.grades[grade])
        for season in sorted(seasons):
            found = tightened(found, self.seasons[season].tighter)
        return found


def load_table(path: Path | None) -> RuleTable:
    """The table in this TOML file (None: the shipped default); RulesWrong names every wrong line at once."""
    source = DEFAULT if path is None else path
    return read_table(source.read_text(encoding="utf-8"), source.name)


def read_table(text: str, name: str = "rules") -> RuleTable:
    """The table in this TOML text; RulesWrong names every wrong line at once.

    A section the text does not have is as in the shipped default: a table written before there was such a rule stays whole.
    """
    reader = Reader(text, name, DEFAULT.read_text(encoding="utf-8"))
    everybody = read_absences(reader)
    thresholds = read_thresholds(reader)
    inactive = {rule: read_composite(reader, rule, "inactive") for rule in STILLNESS}
    base = Profile(absence=everybody, thresholds=thresholds, inactive=inactive)
    table = RuleTable(
        version=reader.version(),
        text=text,
        everybody=everybody,
        thresholds=thresholds,
        grades=read_grades(reader, base),
        seasons=read_seasons(reader, base),
        hours=read_hours(reader),
        dwell_tolerance=reader.number("samples", "dwell_tolerance", low=0.0, high=0.5),
        gap_reports=reader.count("samples", "gap_reports"),
        report_interval=reader.length("samples", "report_interval"),
        humidity_max_age=reader.length("samples", "humidity_max_age"),
        door_gap=reader.length("life", "door_gap"),
        door_inside=reader.length("life", "door_inside"),
        settle=reader.length("life", "settle"),
        caught_up=reader.length("life", "caught_up"),
        away_motion=read_composite(reader, RuleKey.AWAY_MOTION, "caution"),
        inactive=inactive,
        longest_away=reader.length("life", "longest_away"),
        device=read_device(reader),
        personal=read_personal(reader),
        trend=read_trend(reader),
    )
    reader.finish()
    return table
