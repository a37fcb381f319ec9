"""What checks turned out to be, by the rule that spoke: the false-alarm figure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, func, select

from alerts.check import Outcome
from alerts.tables import alert, check
from ingest.clock import Millis
from rules.finding import RuleKey


class Truth(StrEnum):
    """What an outcome says of the alarm."""

    WELL = "well"  # the resident was well: a false alarm
    EXPLAINED = "explained"  # nobody was in need: away, moved, a device's fault; a false alarm too
    NEEDED = "needed"  # it was right
    UNKNOWN = "unknown"  # settled in other words


TRUTH: dict[Outcome, Truth] = {
    Outcome.SAFE_BY_AUTOMATIC_CALL: Truth.WELL,
    Outcome.SAFE_BY_PHONE: Truth.WELL,
    Outcome.SAFE_BY_VISIT: Truth.WELL,
    Outcome.AWAY: Truth.EXPLAINED,
    Outcome.MOVED: Truth.EXPLAINED,
    Outcome.DEVICE_FAULT: Truth.EXPLAINED,
    Outcome.HOSPITAL: Truth.NEEDED,
    Outcome.EMERGENCY_119: Truth.NEEDED,
    Outcome.DEATH_FOUND: Truth.NEEDED,
    Outcome.OTHER: Truth.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigure:
    """The checks in which a rule spoke, settled in a span of home time, by what they turned out to be."""

    rule: RuleKey
    well: int = 0
    explained: int = 0
    needed: int = 0
    unknown: int = 0

    @property
    def settled(self) -> int:
        """All of them."""
        return self.well + self.explained + self.needed + self.unknown

    @property
    def false_share(self) -> float | None:
        """False alarms among those of which it is known; None where there is none."""
        known = self.settled - self.unknown
        return None if known == 0 else (self.well + self.explained) / known


def rule_figures(connection: Connection, since: Millis, until: Millis, dong: str | None = None) -> list[RuleFigure]:
    """One figure for each rule that spoke in checks settled at `since` <= t < `until` (home time), by rule."""
    found = (
        select(alert.c.rule, check.c.outcome, func.count().label("number"))
        .join(check, check.c.id == alert.c.check_id)
        .where(check.c.resolved_at >= since, check.c.resolved_at < until)
        .group_by(alert.c.rule, check.c.outcome)
    )
    if dong is not None:
        found = found.where(check.c.dong_code == dong)
    counts: dict[RuleKey, dict[str, int]] = {}
    for row in connection.execute(found):
        of_rule = counts.setdefault(RuleKey(row.rule), {})
        truth = TRUTH[Outcome(row.outcome)]
        of_rule[truth] = of_rule.get(truth, 0) + row.number
    return [RuleFigure(rule=rule, **by_truth) for rule, by_truth in sorted(counts.items())]
