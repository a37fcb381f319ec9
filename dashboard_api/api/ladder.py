"""The ladder of a check over the API: where it stands, what was tried, what staff try by hand; and what rules were worth."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from alerts.attempt import BY_HAND, ByHand, Result, Untold
from alerts.desk import CheckDetail
from alerts.history import AttemptView
from alerts.ladder import Rung, Who
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import CheckOut, Instant, LevelWord, Model
from dashboard_api.api.views import check_out
from dashboard_api.problems import Problem
from ingest.clock import DAY, MINUTE
from rules.finding import Level

router = APIRouter(tags=["checks"])

MONTH = 30 * DAY


class PaceOut(Model):
    """How often a rung is tried at one level, and how long each try may take."""

    tries: int
    wait_ms: int


class RungOut(Model):
    """One rung of the ladder the check was opened with."""

    name: str
    who: Who
    channel: str
    hours: str = Field(examples=["07:00-22:00"])
    paces: dict[LevelWord, PaceOut] = Field(description="by level; a level that is not there passes the rung over")
    then: str = Field(description="the rung after it, or exhausted")


class AttemptOut(Model):
    """One try to reach somebody."""

    number: int
    rung: str = Field(description="its name in the ladder, or hand")
    who: Who
    channel: str
    actor: str
    at: Instant
    ends_at: Instant | None
    told: int = Field(description="messages written for it to staff")
    untold: Untold | None = Field(description="why nobody was told; null with told 0: nobody was on duty")
    result: Result | None = Field(description="null: not known yet")
    result_at: Instant | None
    result_by: str | None


class LadderOut(Model):
    """Where a check stands on its ladder."""

    version: str
    rungs: list[RungOut]
    rung: str = Field(description="the furthest it has come to")
    tries: int = Field(description="made on it since the check last went to the queue")
    with_machine: bool = Field(description="the resident is being asked by a machine")
    exhausted: bool
    visit_at: Instant | None
    due: str | None = Field(description="what comes next by itself", examples=["rung", "acknowledgement_expires"])
    due_at: Instant | None
    attempts: list[AttemptOut]


class TryIn(Model):
    """A try by hand. `result` null: it begins now, how it went is told later."""

    who: Who = Field(examples=["contact"])
    result: ByHand | None = None
    text: str = Field(default="", max_length=2000)


class TryEndIn(Model):
    """How a try by hand went."""

    result: ByHand = Field(examples=list(BY_HAND))
    text: str = Field(default="", max_length=2000)


class VisitIn(Model):
    """Somebody is on the way."""

    text: str = Field(default="", max_length=2000)


class RuleFigureOut(Model):
    """What the checks turned out to be in which a rule spoke."""

    rule: str
    settled: int
    well: int
    explained: int = Field(description="away, moved, a device's fault")
    needed: int
    unknown: int
    false_share: float | None = Field(description="well and explained, of those of which it is known")


class RuleFiguresOut(Model):
    """The false alarms of each rule in a span of home time."""

    since: Instant
    until: Instant
    rules: list[RuleFigureOut]


@router.get("/checks/{check_id}/ladder")
def ladder(check_id: str, viewer: ViewerDep, services: ServicesDep) -> LadderOut:
    """The rungs, where the check stands, and every try."""
    found = services.desk.check(check_id, dong=viewer.dong)
    if found is None:
        raise Problem(404, "not_found")
    return ladder_out(found)


@router.post("/checks/{check_id}/visit")
def begin_visit(check_id: str, viewer: ViewerDep, services: ServicesDep, wanted: VisitIn | None = None) -> CheckOut:
    """Somebody is on the way (방문 출발): an open check is theirs from now on, and signs of life no longer stop it."""
    text = wanted.text if wanted else ""
    return check_out(services.desk.begin_visit(check_id, actor=viewer.login, dong=viewer.dong, text=text), viewer.lang)


@router.post("/checks/{check_id}/attempts")
def try_by_hand(check_id: str, wanted: TryIn, viewer: ViewerDep, services: ServicesDep) -> CheckOut:
    """Record that somebody was called, or begins to be; `text` is kept sealed."""
    done = services.desk.try_by_hand(
        check_id, actor=viewer.login, dong=viewer.dong, who=wanted.who, result=wanted.result, text=wanted.text
    )
    return check_out(done, viewer.lang)


@router.post("/checks/{check_id}/attempts/{number}")
def end_try(check_id: str, number: int, wanted: TryEndIn, viewer: ViewerDep, services: ServicesDep) -> CheckOut:
    """Record how a try by hand went that had begun; 409 where that is known already."""
    done = services.desk.end_try(check_id, number, actor=viewer.login, dong=viewer.dong, result=wanted.result, text=wanted.text)
    return check_out(done, viewer.lang)


@router.get("/rules/outcomes")
def outcomes(
    viewer: ViewerDep,
    services: ServicesDep,
    since: Annotated[Instant | None, Query(description="30 days before `until` unless told")] = None,
    until: Annotated[Instant | None, Query(description="now (home time) unless told")] = None,
) -> RuleFiguresOut:
    """By rule what its checks turned out to be, of the viewer's dong: the false-alarm figure."""
    end = services.clock.home_now() if until is None else until
    start = end - MONTH if since is None else since
    if start >= end:
        raise Problem(422, "bad_range")
    found = services.desk.rule_figures(since=start, until=end, dong=viewer.dong)
    rules = [
        RuleFigureOut(
            rule=str(each.rule),
            settled=each.settled,
            well=each.well,
            explained=each.explained,
            needed=each.needed,
            unknown=each.unknown,
            false_share=each.false_share,
        )
        for each in found
    ]
    return RuleFiguresOut(since=start, until=end, rules=rules)


def ladder_out(detail: CheckDetail) -> LadderOut:
    """The ladder of a check as the API gives it."""
    check = detail.check
    return LadderOut(
        version=check.ladder.version,
        rungs=[_rung_out(rung) for rung in check.ladder.rungs],
        rung=check.rung,
        tries=check.tries,
        with_machine=check.with_machine,
        exhausted=check.exhausted,
        visit_at=check.visit_at,
        due=None if check.due is None else check.due.kind,
        due_at=None if check.due is None else check.due.due_at,
        attempts=[_attempt_out(each) for each in detail.attempts],
    )


def _rung_out(rung: Rung) -> RungOut:
    paces = {level: rung.pace(level) for level in Level}
    return RungOut(
        name=rung.name,
        who=rung.who,
        channel=rung.channel,
        hours=hours_text(rung),
        paces={LevelWord.of(level): PaceOut(tries=one.tries, wait_ms=one.wait) for level, one in paces.items() if one.tries},
        then=rung.then,
    )


def hours_text(rung: Rung) -> str:
    """07:00-22:00."""
    opens, closes = (divmod(at // MINUTE, 60) for at in (rung.opens, rung.closes))
    return f"{opens[0]:02}:{opens[1]:02}-{closes[0]:02}:{closes[1]:02}"


def _attempt_out(view: AttemptView) -> AttemptOut:
    each = view.attempt
    return AttemptOut(
        number=each.number,
        rung=each.rung,
        who=each.who,
        channel=each.channel,
        actor=each.actor,
        at=each.at,
        ends_at=each.ends_at,
        told=view.told,
        untold=view.untold,
        result=each.result,
        result_at=each.result_at,
        result_by=each.result_by,
    )
