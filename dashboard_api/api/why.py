"""What the rules saw of a home at a moment, over the API."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, Field

from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.households import household_of
from dashboard_api.api.models import Instant
from dashboard_api.problems import Problem
from rules.explain_words import explain_lines
from rules.seen import BlindSpan, CannotSay, LevelSeen, RuleSeen

router = APIRouter(tags=["rules"])


class LevelSeenOut(BaseModel):
    """A level: its limit (ms, or the signal's unit), and when it would be told if nothing happened."""

    level: int
    limit: float
    reached: bool
    due: Instant | None


class BlindOut(BaseModel):
    """A stretch that could not be observed; `until` null: it lasted."""

    since: Instant
    until: Instant | None
    cause: str


class RuleSeenOut(BaseModel):
    """One rule: what it counted from, how much of it counted, and what it lacked."""

    rule: str
    standing: int | None
    lacking: str = Field(description="why it counted nothing, or not reliably; empty: nothing was lacking")
    since: Instant | None
    elapsed_ms: int
    observed_ms: int
    coverage: float
    value: float | None
    sampled_at: Instant | None
    device: str | None
    levels: list[LevelSeenOut]
    blind: list[BlindOut]


class WhyOut(BaseModel):
    """The whole answer, and in words."""

    household: str
    at: Instant = Field(description="the moment at which the rules were last evaluated")
    rule_version: str
    grade: str
    seasons: list[str]
    rules: list[RuleSeenOut]
    words: list[str]


@router.get("/households/{household_id}/why")
def why(household_id: str, viewer: ViewerDep, services: ServicesDep, at: Instant | None = None) -> WhyOut:
    """The journal run again up to `at` (now unless told). The look is logged."""
    home = household_of(services, viewer, household_id)
    if services.looks_back is None:
        raise Problem(404, "not_found")
    services.register.note_view(home.id, login=viewer.login, purpose="api why", fields="rules")
    try:
        seen = services.looks_back(home.id, services.clock.home_now() if at is None else at)
    except CannotSay as error:
        raise Problem(409, "cannot_say", why=error.words.said(viewer.lang.value)) from error
    return WhyOut(
        household=seen.household_id,
        at=seen.at,
        rule_version=seen.rule_version,
        grade=seen.grade,
        seasons=list(seen.seasons),
        rules=[_rule(one) for one in seen.rules],
        words=explain_lines(seen, viewer.lang.value),
    )


def _rule(one: RuleSeen) -> RuleSeenOut:
    return RuleSeenOut(
        rule=one.rule,
        standing=one.standing,
        lacking=one.lacking,
        since=one.since,
        elapsed_ms=one.elapsed,
        observed_ms=one.observed,
        coverage=one.coverage,
        value=one.value,
        sampled_at=one.sampled_at,
        device=one.device_id,
        levels=[_level(level) for level in one.levels],
        blind=[_blind(span) for span in one.blind],
    )


def _level(level: LevelSeen) -> LevelSeenOut:
    return LevelSeenOut(level=int(level.level), limit=level.limit, reached=level.reached, due=level.due)


def _blind(span: BlindSpan) -> BlindOut:
    return BlindOut(since=span.since, until=span.until, cause=str(span.cause))
