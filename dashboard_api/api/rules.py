"""The limits over the API: what holds, for whom, and a supervisor's changes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from alerts.rulebook import ChangeRefused, Rulebook
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.accounts import Role
from dashboard_api.api.households import household_of
from dashboard_api.api.models import Instant, LevelWord
from dashboard_api.problems import Problem
from dashboard_api.services import Services
from ingest.clock import SECOND
from rules.limits import ABSENCES, STILLNESS, Grade, Season
from rules.profile import Profile
from rules.table import RulesWrong, RuleTable, read_table
from rules.wording import differences, limit_rows

router = APIRouter(tags=["rules"])

Reason = Annotated[str, Field(min_length=1, max_length=500, description="kept sealed", examples=["폭염 특보"])]


class _In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LimitRowOut(BaseModel):
    """One rule in words; "-" where it has no such level."""

    rule: str
    name: str
    levels: tuple[str, str, str]
    hours: str


class RulesOut(BaseModel):
    """The limits in force."""

    version: str
    limits: list[LimitRowOut]
    seasons: dict[str, Instant] = Field(description="declared seasons, and until when")
    text: str | None = Field(description="the table as TOML")


class RulesIn(_In):
    """A table to be put in force."""

    text: str = Field(max_length=60_000)
    reason: Reason
    apply: bool = Field(default=False, description="false: only say what it would change")


class ChangesOut(BaseModel):
    """What a table changes, one line a value."""

    version: str
    changes: list[str]
    applied: bool


class SeasonIn(_In):
    """A season to be declared until then, or (none) ended now."""

    season: Season
    until: Instant | None = None
    reason: Reason


class LimitIn(_In):
    """A limit of one household: seconds for absences, the signal's unit for thresholds; none: that of everybody again."""

    rule: str = Field(max_length=32, examples=["motion"])
    level: LevelWord
    limit: float | None = Field(examples=[18_000])
    reason: Reason


def rulebook_of(services: Services) -> Rulebook:
    """The rulebook; Problem 404 where there is none."""
    if services.rulebook is None:
        raise Problem(404, "not_found")
    return services.rulebook


def _in_force(services: Services) -> tuple[Rulebook, RuleTable]:
    book = rulebook_of(services)
    table = book.in_force()
    if table is None:
        raise Problem(404, "not_found")
    return book, table


def _supervisor(viewer: Viewer) -> None:
    if viewer.account.role is not Role.SUPERVISOR:
        raise Problem(403, "limits_supervisors_only")


@router.get("/rules")
def rules_in_force(viewer: ViewerDep, services: ServicesDep, grade: Grade = Grade.ORDINARY) -> RulesOut:
    """The limits of a grade, without seasons and single households; the whole table as text."""
    book, table = _in_force(services)
    return _out(book, table, table.profile(grade), viewer, text=table.text)


@router.post("/rules")
def apply_rules(wanted: RulesIn, viewer: ViewerDep, services: ServicesDep) -> ChangesOut:
    """Say what a table would change, and (apply) put it in force. A wrong one is refused whole, with its lines."""
    _supervisor(viewer)
    book, now = _in_force(services)
    try:
        table = read_table(wanted.text)
    except RulesWrong as error:
        raise Problem(422, "rules_wrong", lines="; ".join(error.lines(viewer.lang.value))) from error
    if wanted.apply:
        _refusable(viewer, lambda: book.apply(table, actor=viewer.login, reason=wanted.reason))
    return ChangesOut(version=table.version, changes=differences(now, table, viewer.lang.value), applied=wanted.apply)


@router.post("/rules/season")
def declare_season(wanted: SeasonIn, viewer: ViewerDep, services: ServicesDep) -> RulesOut:
    """Declare a heat or cold wave, or end it."""
    _supervisor(viewer)
    book, table = _in_force(services)
    until = wanted.until
    if until is None:
        _refusable(viewer, lambda: book.end_season(wanted.season, actor=viewer.login, reason=wanted.reason))
    else:
        _refusable(viewer, lambda: book.declare_season(wanted.season, until, actor=viewer.login, reason=wanted.reason))
    return _out(book, table, table.profile(Grade.ORDINARY), viewer)


@router.get("/households/{household_id}/limits")
def household_limits(household_id: str, viewer: ViewerDep, services: ServicesDep) -> RulesOut:
    """What holds for this home now: its grade, the season and its own limits in it."""
    home = household_of(services, viewer, household_id)
    book, table = _in_force(services)
    return _out(book, table, book.profile(home.id), viewer)


@router.post("/households/{household_id}/limits")
def set_household_limit(household_id: str, wanted: LimitIn, viewer: ViewerDep, services: ServicesDep) -> RulesOut:
    """Give this home a limit of its own, which can only be more careful."""
    _supervisor(viewer)
    home = household_of(services, viewer, household_id)
    book, table = _in_force(services)
    level = int(wanted.level.level)
    limit = wanted.limit if wanted.limit is None or wanted.rule not in (*ABSENCES, *STILLNESS) else wanted.limit * SECOND
    _refusable(viewer, lambda: book.set_limit(home.id, wanted.rule, level, limit, actor=viewer.login, reason=wanted.reason))
    return _out(book, table, book.profile(home.id), viewer)


def _refusable(viewer: Viewer, change: Callable[[], int]) -> None:
    try:
        change()
    except ChangeRefused as error:
        raise Problem(422, "change_refused", why=error.words.said(viewer.lang.value)) from error


def _out(book: Rulebook, table: RuleTable, profile: Profile, viewer: Viewer, *, text: str | None = None) -> RulesOut:
    rows = limit_rows(table, profile, viewer.lang.value)
    limits = [LimitRowOut(rule=row.rule, name=row.name, levels=row.levels, hours=row.hours) for row in rows]
    return RulesOut(version=table.version, limits=limits, seasons=book.declared(), text=text)
