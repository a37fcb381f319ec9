"""What a neighbour tells of somebody they worry about, and the finding it makes."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey, Verb

LONGEST_ADDRESS = 200
LONGEST_TEXT = 1000


class Words(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was told; sealed at rest, and never printed. The reporter may stay unnamed."""

    address: str
    text: str
    reporter: str = ""
    phone: str = ""

    def __repr__(self) -> str:
        return "Words(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report. `household_id` None: the address is not (yet) matched to a household. Instants are home time."""

    id: int
    dong_code: str
    came_at: Millis
    channel: str
    household_id: str | None
    matched_by: str | None  # a login, or `address`
    check_id: str | None
    words: Words | None  # None where they were not asked for, or cannot be opened


def reported(report: Report, *, attempt: str = "") -> Finding:
    """The finding that a report makes: 경보, because somebody who knows the person worries today."""
    name = f"report:{report.id}{attempt}"
    return Finding(
        finding_id=name,
        episode=name,
        dong_code=DongCode(report.dong_code),
        household_id=None if report.household_id is None else HouseholdId(report.household_id),
        rule=RuleKey.REPORTED,
        level=Level.WARNING,
        verb=Verb.RAISED,
        at=report.came_at,
        evidence=Evidence(since=report.came_at),
    )
