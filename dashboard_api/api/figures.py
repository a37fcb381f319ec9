"""The figures of a month over the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts.aftercare.referral import CareKind
from alerts.check import Outcome
from alerts.figures.figures import Figures
from alerts.figures.month import Month, month_around, month_named
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.models import Instant, LevelWord
from dashboard_api.problems import Problem
from dashboard_api.services import Services

router = APIRouter(prefix="/figures", tags=["figures"])
MonthAsked = Annotated[str | None, Query(max_length=7, examples=["2026-11"], description="this month unless told")]
DongAsked = Annotated[str | None, Query(max_length=32, description="all that the viewer may see unless told")]


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, from_attributes=True)


class AnsweredOut(_Out):
    """Of the checks a person was told of, how many were answered within 60 and 180 s of that telling."""

    asked: int
    within_60_s: int
    within_180_s: int


class SpreadOut(_Out):
    """How long something took over `count` checks, in ms; null where there was none."""

    count: int
    median_ms: int | None = Field(validation_alias="median")
    p90_ms: int | None = Field(validation_alias="p90")


class LevelTimesOut(_Out):
    """From opening to the first acknowledgement, and to the end."""

    level: LevelWord
    opened: int
    acknowledged: SpreadOut
    resolved: SpreadOut


class MissedOut(_Out):
    """A warning or danger on which nobody had acted by the end of the duty in which it was opened."""

    check_id: str
    code: str
    dong_code: str
    level: LevelWord
    opened_at: Instant
    due_at: Instant
    acted_at: Instant | None


class RuleOut(_Out):
    """How often one rule spoke in checks settled in the month, and how often nobody had needed it."""

    rule: str
    alerts: int
    false: int
    needed: int
    false_per_household_month: float | None


class ChannelOut(_Out):
    """How the deliveries of one channel went."""

    channel: str
    written: int
    sent: int
    failed: int


class PersonOut(_Out):
    """What one member of staff did."""

    login: str
    acknowledged: int
    attempted: int
    resolved: int


class ReferralCountOut(_Out):
    """How many referrals of one kind came into each state."""

    kind: CareKind
    offered: int
    accepted: int
    delivered: int
    closed: int
    declined: int


class FiguresOut(BaseModel):
    """A month of one dong, or (null) of all."""

    model_config = ConfigDict(frozen=True)

    month: str = Field(examples=["2026-11"])
    dong: str | None
    household_months: float
    answered: AnsweredOut
    times: list[LevelTimesOut]
    end_of_duty_due: int
    end_of_duty_met: int
    exceptions: list[MissedOut]
    opened_by_day: int
    opened_by_night: int
    outcomes: dict[Outcome, int]
    rules: list[RuleOut]
    channels: list[ChannelOut]
    people: list[PersonOut]
    referrals: list[ReferralCountOut]

    @classmethod
    def of(cls, found: Figures) -> FiguresOut:
        """The figures as the API gives them."""
        return cls(
            month=found.month.name,
            dong=found.dong_code,
            household_months=found.household_months,
            answered=AnsweredOut.model_validate(found.answered),
            times=[
                LevelTimesOut(
                    level=LevelWord.of(one.level),
                    opened=one.opened,
                    acknowledged=SpreadOut.model_validate(one.acknowledged),
                    resolved=SpreadOut.model_validate(one.resolved),
                )
                for one in found.times
            ],
            end_of_duty_due=found.end_of_duty.due,
            end_of_duty_met=found.end_of_duty.met,
            exceptions=[
                MissedOut(
                    check_id=one.check_id,
                    code=one.code,
                    dong_code=one.dong_code,
                    level=LevelWord.of(one.level),
                    opened_at=one.opened_at,
                    due_at=one.due_at,
                    acted_at=one.acted_at,
                )
                for one in found.end_of_duty.missed
            ],
            opened_by_day=found.parts.day,
            opened_by_night=found.parts.night,
            outcomes=dict(found.outcomes),
            rules=[RuleOut.model_validate(one) for one in found.rules],
            channels=[ChannelOut.model_validate(one) for one in found.channels],
            people=[PersonOut.model_validate(one) for one in found.people],
            referrals=[ReferralCountOut.model_validate(one) for one in found.referrals],
        )


@router.get("")
def figures(viewer: ViewerDep, services: ServicesDep, month: MonthAsked = None, dong: DongAsked = None) -> FiguresOut:
    """The month's figures of the viewer's dong, or of one or all dongs for those who see all."""
    return FiguresOut.of(asked_figures(services, viewer, month, dong))


def asked_figures(services: Services, viewer: Viewer, month: str | None, dong: str | None) -> Figures:
    """What was asked for; 404 for another dong's, 422 for no month."""
    if viewer.dong is not None and dong not in (None, viewer.dong):
        raise Problem(404, "not_found")
    return services.figures.figures(month_asked(services, month), dong=viewer.dong or dong or None)


def month_asked(services: Services, month: str | None) -> Month:
    """The month of this name; this one where none is given. 422 for what is no month."""
    try:
        return month_named(month) if month else month_around(services.clock.home_now())
    except ValueError as error:
        raise Problem(422, "month_wrong") from error
