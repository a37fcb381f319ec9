"""What the API takes and gives about what follows a check; times are ISO 8601 with the offset of Asia/Seoul."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from alerts.aftercare.plan import ContactKind
from alerts.aftercare.referral import CareKind, ReferralState
from alerts.aftercare.report import Report
from alerts.aftercare.visit import Companion, VisitResult, VisitState
from dashboard_api.api.models import CheckOut, Instant

HOUSEHOLD = r"^[a-z0-9-]{1,32}$"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Out(BaseModel):
    """Read from the attributes of what the stores give."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class VisitOut(_Out):
    """One visit; `note` is opened from its seal."""

    id: int
    case_id: int
    household_id: str
    dong_code: str
    check_id: str | None
    visitor: str
    companion: Companion
    planned_at: Instant
    state: VisitState
    result: VisitResult | None
    ended_at: Instant | None
    ended_by: str | None
    note: str | None


class VisitsOut(_Model):
    """Visits by their planned time."""

    visits: list[VisitOut]


class VisitIn(_Model):
    """A visit to be planned; it joins the household's case."""

    household: str = Field(pattern=HOUSEHOLD)
    planned_at: Instant
    visitor: str | None = Field(default=None, min_length=1, max_length=64, description="a login; who asks unless told")
    companion: Companion = Companion.NONE
    check: str | None = Field(default=None, max_length=16, description="the check it comes from")


class VisitDoneIn(_Model):
    """What was found."""

    result: VisitResult
    text: str = Field(default="", max_length=1000)


class TextIn(_Model):
    """Words, kept sealed."""

    text: str = Field(default="", max_length=1000)


class StepOut(_Out):
    """One change of a referral."""

    at: Instant
    actor: str
    old: ReferralState | None
    new: ReferralState
    note: str | None


class ReferralOut(_Out):
    """One service asked for."""

    id: int
    case_id: int
    household_id: str
    dong_code: str
    check_id: str | None
    kind: CareKind
    provider: str
    programme: str | None
    cost_won: int
    state: ReferralState
    responsible: str
    offered_at: Instant
    accepted_at: Instant | None
    due_at: Instant | None
    steps: list[StepOut]


class ReferralsOut(_Model):
    """Referrals."""

    referrals: list[ReferralOut]


class ReferralIn(_Model):
    """A service to be offered; it joins the household's case."""

    household: str = Field(pattern=HOUSEHOLD)
    kind: CareKind
    provider: int
    programme: int | None = None
    cost_won: int = Field(default=0, ge=0)
    check: str | None = Field(default=None, max_length=16)
    text: str = Field(default="", max_length=1000)


class ReferralStepIn(_Model):
    """The state it comes into; `due_at` in place of the usual pace."""

    state: ReferralState
    text: str = Field(default="", max_length=1000)
    due_at: Instant | None = None


class ProviderOut(_Out):
    """Who gives services; dong null serves all."""

    id: int
    name: str
    kinds: list[CareKind]
    dong_code: str | None
    phone: str


class ProviderIn(_Model):
    """A provider to be entered (supervisor)."""

    name: str = Field(min_length=1, max_length=64)
    kinds: list[CareKind] = Field(min_length=1)
    phone: str = Field(default="", max_length=32)
    dong: str | None = Field(default=None, max_length=32)


class ProgrammeOut(_Out):
    """Who pays, and how much for a person in a calendar year of Seoul."""

    id: int
    name: str
    yearly_cap_won: int


class ProgrammeIn(_Model):
    """A programme to be entered (supervisor)."""

    name: str = Field(min_length=1, max_length=64)
    yearly_cap_won: int = Field(ge=1, examples=[1_560_000])


class CareRegisterOut(_Model):
    """Providers and programmes."""

    providers: list[ProviderOut]
    programmes: list[ProgrammeOut]


class CaseOut(_Out):
    """What is done for one household."""

    id: int
    household_id: str
    dong_code: str
    responsible: str
    begins_at: Instant
    opened_at: Instant
    closed_at: Instant | None
    closed_by: str | None
    note: str | None


class CasesOut(_Model):
    """Cases."""

    cases: list[CaseOut]


class CaseDetailOut(_Model):
    """A case with all that belongs to it."""

    case: CaseOut
    checks: list[CheckOut]
    visits: list[VisitOut]
    referrals: list[ReferralOut]


class CaseIn(_Model):
    """A case to be opened, in the asker's hands."""

    household: str = Field(pattern=HOUSEHOLD)
    check: str | None = Field(default=None, max_length=16)


class AssignIn(_Model):
    """Whose hands it goes into."""

    responsible: str = Field(min_length=1, max_length=64)


class PlanOut(_Out):
    """How often a household wants one kind of contact."""

    household_id: str
    dong_code: str
    kind: ContactKind
    every_days: int
    responsible: str
    last_at: Instant | None
    due_at: Instant


class PlansOut(_Model):
    """Contact plans, the first to fall due first."""

    plans: list[PlanOut]


class PlanIn(_Model):
    """A contact plan to be set."""

    every_days: int = Field(ge=1, le=92, examples=[7])
    responsible: str | None = Field(default=None, min_length=1, max_length=64)


class ContactOut(_Out):
    """That somebody spoke with the resident or was there."""

    household_id: str
    kind: ContactKind
    at: Instant
    actor: str
    source: str


class ContactsOut(_Model):
    """The last contacts, the newest first."""

    contacts: list[ContactOut]


class ReportIn(_Model):
    """What a bot passes on from a neighbour; `number` is the bot's own, the same one again is no second report."""

    dong: str = Field(pattern=HOUSEHOLD)
    number: str = Field(min_length=1, max_length=40, pattern=r"^[\x21-\x7e]+$")
    address: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=1000)
    reporter: str = Field(default="", max_length=64)
    phone: str = Field(default="", max_length=32)


class ReportTakenOut(_Model):
    """The report is kept and its check is open; nothing of what we know of the address is told."""

    number: int


class ReportOut(_Model):
    """One report, opened from its seal; the look was logged."""

    id: int
    dong: str
    came_at: Instant
    channel: str
    household: str | None
    matched_by: str | None
    check: str | None
    address: str | None
    text: str | None
    reporter: str | None
    phone: str | None

    @classmethod
    def of(cls, report: Report) -> ReportOut:
        """The report as the API gives it."""
        words = report.words
        return cls(
            id=report.id,
            dong=report.dong_code,
            came_at=report.came_at,
            channel=report.channel,
            household=report.household_id,
            matched_by=report.matched_by,
            check=report.check_id,
            address=words and words.address,
            text=words and words.text,
            reporter=words and (words.reporter or None),
            phone=words and (words.phone or None),
        )


class ReportsOut(_Model):
    """Neighbours' reports, the newest first."""

    reports: list[ReportOut]


class MatchIn(_Model):
    """Whom the report means."""

    household: str = Field(pattern=HOUSEHOLD)
