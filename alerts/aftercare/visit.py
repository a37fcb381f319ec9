"""The nouns of a visit: who goes along, how it stands, what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ingest.clock import HOUR, Millis

REMIND_BEFORE: Millis = HOUR
"""The visitor is told this long before the planned time, and once a day from then on until it is recorded."""


class Companion(StrEnum):
    """Who goes along with the officer."""

    NONE = "none"
    NURSE = "nurse"  # 방문간호사
    NEIGHBOUR = "neighbour"  # 이웃, 통장


class VisitState(StrEnum):
    """Planned until it is done or cancelled; neither is taken back."""

    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"


class VisitResult(StrEnum):
    """What was found. All but `not_met` are a contact with the resident."""

    WELL = "well"
    UNWELL = "unwell"
    REFUSED = "refused"  # the resident wants no visit
    NOT_MET = "not_met"  # nobody opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One visit. All instants are home time."""

    id: int
    case_id: int
    household_id: str
    dong_code: str
    check_id: str | None
    visitor: str
    companion: Companion
    planned_at: Millis
    state: VisitState
    result: VisitResult | None
    ended_at: Millis | None
    ended_by: str | None
    note: str | None
