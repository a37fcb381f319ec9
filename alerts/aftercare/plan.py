"""The nouns of a contact plan: what counts as a contact, and when the next one is due."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alerts.check import Outcome
from ingest.clock import DAY, Millis

USUAL = {"call": 7, "visit": 30}
"""Days: a video or phone contact each week, a visit each month (domain: frail residents)."""

REMIND_EVERY: Millis = DAY
"""How long after a telling the responsible officer is told again."""


class ContactKind(StrEnum):
    """A visit is a call too: who was there has spoken with the resident."""

    CALL = "call"  # by video or phone
    VISIT = "visit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often a household wants one kind of contact. All instants are home time."""

    household_id: str
    dong_code: str
    kind: ContactKind
    every_days: int
    responsible: str
    last_at: Millis | None
    due_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """That somebody spoke with the resident or was there."""

    household_id: str
    kind: ContactKind
    at: Millis
    actor: str
    source: str


_CONTACT_OF = {Outcome.SAFE_BY_PHONE: ContactKind.CALL, Outcome.SAFE_BY_VISIT: ContactKind.VISIT}


def contact_of(outcome: Outcome) -> ContactKind | None:
    """Which contact a check settled so was; an automatic call is none: a plan is there so that a person speaks with them."""
    return _CONTACT_OF.get(outcome)


def counts_for(kind: ContactKind) -> tuple[ContactKind, ...]:
    """Whose due date a contact moves."""
    return (ContactKind.VISIT, ContactKind.CALL) if kind is ContactKind.VISIT else (ContactKind.CALL,)


def due_after(last_at: Millis, every_days: int) -> Millis:
    """When the next contact is due."""
    return last_at + every_days * DAY
