"""A rule table tried on a dong's recorded past before it is applied."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import Instant, Model
from dashboard_api.problems import Problem
from dashboard_api.whatif import WhatIfBusy, WhatIfFailed
from ingest.clock import DAY
from ingest.reading import DongCode
from rules.backtest.whatif import Outcome
from rules.reader import RulesWrong
from rules.table import read_table

router = APIRouter(tags=["rules"])

MINUTES_A_CHECK = 10.0
"""Of work, unless told: between a call that is answered and a visit."""


class WhatIfIn(Model):
    """Rules to try."""

    table: str = Field(description="the rule file (TOML)", max_length=200_000, examples=['version = "gu-7"'])
    days: int = Field(default=7, ge=1, le=31, description="the last so many days are judged; what is usual is learnt before them")
    dong: str | None = Field(default=None, description="for whoever sees every dong; else one's own")
    minutes_a_check: float = Field(default=MINUTES_A_CHECK, gt=0, le=240, description="work that one check takes")


class OutcomeOut(Model):
    """What one table says of those days."""

    rule_version: str
    alerts_a_day: float = Field(description="conditions of residents that were raised, by rule and home")
    pages_a_day: float = Field(description="of those, the ones that came to 경보 or 위험")
    checks_a_day: float
    minutes_a_day: float
    delay_h_median: float | None = Field(description="hours from a fall at home, at any hour, to the first 경보")
    emergencies_missed: int = Field(description="past checks that ended in an emergency, of which nothing was said in time")


class WhatIfOut(Model):
    """Both tables over the same days, and the difference; negative: the proposed one has less."""

    dong: str
    since: Instant
    until: Instant
    households: int
    minutes_a_check: float
    emergencies: int
    in_force: OutcomeOut
    proposed: OutcomeOut
    alerts_a_day_added: float
    minutes_a_day_added: float
    delay_h_added_median: float | None
    delay_h_added_worst: float | None


@router.post("/rules/what-if", status_code=200)
def what_if(wanted: WhatIfIn, viewer: ViewerDep, services: ServicesDep) -> WhatIfOut:
    """What these rules would have meant in the last days, against those in force. May take minutes; changes nothing."""
    if services.tries_rules is None or services.rulebook is None:
        raise Problem(404, "not_found")
    dong = _dong(wanted, viewer.dong, {one.code for one in services.register.dongs()})
    try:
        read_table(wanted.table, "table")
    except RulesWrong as error:
        raise Problem(422, "rules_wrong", lines="\n".join(error.lines(viewer.lang.value))) from error
    in_force = services.rulebook.in_force()
    if in_force is None:
        raise Problem(409, "no_rules_yet")
    until = services.clock.home_now()
    try:
        found = services.tries_rules(
            dong=dong,
            in_force=in_force.text,
            proposed=wanted.table,
            since=until - wanted.days * DAY,
            until=until,
            minutes_a_check=wanted.minutes_a_check,
        )
    except WhatIfBusy as error:
        raise Problem(409, "what_if_busy") from error
    except WhatIfFailed as error:
        raise Problem(503, f"what_if_{error.why}") from error
    return WhatIfOut(
        dong=found.dong,
        since=found.since,
        until=found.until,
        households=found.households,
        minutes_a_check=found.minutes_a_check,
        emergencies=found.emergencies,
        in_force=_outcome(found.in_force),
        proposed=_outcome(found.proposed),
        alerts_a_day_added=found.alerts_a_day_added,
        minutes_a_day_added=found.minutes_a_day_added,
        delay_h_added_median=found.delay_h_added_median,
        delay_h_added_worst=found.delay_h_added_worst,
    )


def _dong(wanted: WhatIfIn, own: str | None, known: set[str]) -> DongCode:
    """Out of one's dong is not found; whoever sees all names one."""
    if own is not None and wanted.dong not in (None, own):
        raise Problem(404, "not_found")
    dong = own or wanted.dong
    if dong is None:
        raise Problem(422, "name_a_dong")
    if dong not in known:
        raise Problem(404, "not_found")
    return DongCode(dong)


def _outcome(one: Outcome) -> OutcomeOut:
    return OutcomeOut(
        rule_version=one.rule_version,
        alerts_a_day=one.alerts_a_day,
        pages_a_day=one.pages_a_day,
        checks_a_day=one.checks_a_day,
        minutes_a_day=one.minutes_a_day,
        delay_h_median=one.delay_h_median,
        emergencies_missed=one.emergencies_missed,
    )
