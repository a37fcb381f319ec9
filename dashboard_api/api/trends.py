"""Notes on a home's weeks, for the visiting nurse."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.households import household_of
from dashboard_api.api.models import Instant
from dashboard_api.services import Services
from rules.trend import Measure
from rules.trend_words import trend_sentence

router = APIRouter(tags=["trends"])


class TrendOut(BaseModel):
    """A home's last week against its own four before it. Hours, times a day, or (sleep) hours after 18:00."""

    id: str
    household: str
    dong: str
    at: Instant
    measure: Measure
    recent: float
    past: float
    recent_days: int = Field(description="of 7, how many could be observed")
    past_days: int = Field(description="of 28")
    q: float = Field(description="of all notes of a night over all homes, at most this share is false")
    rule_version: str
    sentence: str = Field(examples=["지난 1주 하루 활동 시간이 평균 4.1시간으로, 그 전 4주의 8.3시간보다 줄었습니다."])


class TrendsOut(BaseModel):
    """The newest first."""

    trends: list[TrendOut]


@router.get("/trends")
def all_trends(viewer: ViewerDep, services: ServicesDep, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> TrendsOut:
    """Notes on homes of the viewer's dong."""
    return TrendsOut(trends=_found(services, viewer, None, limit))


@router.get("/households/{household_id}/trends")
def trends(
    household_id: str, viewer: ViewerDep, services: ServicesDep, limit: Annotated[int, Query(ge=1, le=500)] = 20
) -> TrendsOut:
    """Notes on this home; the look is logged."""
    home = household_of(services, viewer, household_id)
    services.register.note_view(home.id, login=viewer.login, purpose="api trends", fields="trends")
    return TrendsOut(trends=_found(services, viewer, home.id, limit))


def _found(services: Services, viewer: Viewer, household: str | None, limit: int) -> list[TrendOut]:
    if services.trends is None:
        return []
    return [
        TrendOut(
            id=note.note_id,
            household=note.household_id,
            dong=note.dong_code,
            at=note.at,
            measure=note.measure,
            recent=note.recent,
            past=note.past,
            recent_days=note.recent_days,
            past_days=note.past_days,
            q=note.q,
            rule_version=note.rule_version,
            sentence=trend_sentence(note, viewer.lang.value),
        )
        for note in services.trends.all(dong=viewer.dong, household=household, limit=limit)
    ]
