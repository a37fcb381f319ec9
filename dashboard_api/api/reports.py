"""Neighbours' reports over the API: the bot's signed webhook, the list for staff, the match."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request

from alerts.aftercare.report import Words
from alerts.channels.webhook import is_signed
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.care_models import MatchIn, ReportIn, ReportOut, ReportsOut, ReportTakenOut
from dashboard_api.pace import Pace
from dashboard_api.problems import Problem
from ingest.clock import HOUR

router = APIRouter(prefix="/reports", tags=["reports"])

BOT = "bot"
BOT_REPORTS = 600
FORM_REPORTS = 5
WINDOW = HOUR
"""At most so many reports an hour from the bot, and from one address of the form."""


def pace_of(request: Request) -> Pace:
    """How often the bot may report."""
    return cast(Pace, request.app.state.bot_pace)


async def signed(
    request: Request,
    services: ServicesDep,
    anbu_timestamp: Annotated[str, Header(max_length=16)] = "",
    anbu_signature: Annotated[str, Header(max_length=80)] = "",
) -> None:
    """Refuses a body that the site's secret did not sign, or signed long ago, before any field of it is looked at."""
    if services.report_secret is None:
        raise Problem(404, "not_found")
    body = await request.body()
    if not is_signed(services.report_secret, anbu_timestamp, anbu_signature, body, services.clock.machine_now()):
        raise Problem(401, "not_signed")


@router.post("", status_code=202, dependencies=[Depends(signed)])
def take(request: Request, services: ServicesDep, wanted: ReportIn) -> ReportTakenOut:
    """A bot (such as a KakaoTalk channel's) passes on what a neighbour wrote.

    The body is signed as our own webhooks are: `Anbu-Signature: v1=<hex of HMAC-SHA256 over "<Anbu-Timestamp>.<body>">`.
    """
    pace_of(request).count(BOT)
    words = Words(address=wanted.address, text=wanted.text, reporter=wanted.reporter, phone=wanted.phone)
    taken = services.aftercare.reports.take(wanted.dong, words, channel=BOT, number=wanted.number)
    return ReportTakenOut(number=taken.id)


@router.get("")
def reports(viewer: ViewerDep, services: ServicesDep, unmatched: Annotated[bool, Query()] = False) -> ReportsOut:
    """Reports of the viewer's dong with their words; the look is logged."""
    found = services.aftercare.reports.reports(dong=viewer.dong, login=viewer.login, unmatched=unmatched)
    return ReportsOut(reports=[ReportOut.of(one) for one in found])


@router.post("/{report_id}/match")
def match(report_id: int, wanted: MatchIn, viewer: ViewerDep, services: ServicesDep) -> ReportOut:
    """Say which household is meant."""
    done = services.aftercare.reports.match(report_id, wanted.household, actor=viewer.login, dong=viewer.dong)
    return ReportOut.of(done)
