"""The pages of duty: roster, handovers, tonight's list, silences with absences, outages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from alerts.duty.away import AwayReason
from alerts.duty.silence import LONGEST, SILENCEABLE, SilenceKind, SilenceReason
from alerts.duty.tonight import How
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.accounts import Role
from dashboard_api.api.duty import dongs_shown, may_roster, roster_now, unheard
from dashboard_api.pages.shell import dong_names, place_of, shell
from dashboard_api.problems import Problem
from dashboard_api.render import local_text
from dashboard_api.rows import level_word
from dashboard_api.services import Services
from ingest.clock import DAY, HOUR, Millis, parse_local
from rules.finding import Level
from rules.sentence import RULE_WORDS

router = APIRouter()

Short = Annotated[str, Form(max_length=64)]


@router.get("/roster")
def roster(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Who has duty now, and the entries that decide it."""
    rows, now = roster_now(services)
    return _page(
        request,
        services,
        viewer,
        "roster.html",
        period=rows.period(now),
        turns=[(dong, rows.on_duty(dong, now), rows.rostered(dong, now)) for dong in dongs_shown(services, viewer)],
        shifts=sorted(rows.shifts, key=lambda one: (one.desk, one.dong_code or "", one.position)),
        absences=[one for one in rows.absences if one.until_at > now],
        days=services.duty.rota.days(),
        unheard=unheard(services, rows),
        dongs=dong_names(services),
        keeps=viewer.account.role is not Role.OFFICER,
        soon=local_text(now + HOUR),
        later=local_text(now + DAY),
    )


@router.post("/roster/shifts")
def add_shift(
    viewer: ViewerDep,
    services: ServicesDep,
    desk: Short,
    login: Short,
    dong: Short = "",
    position: Annotated[int, Form()] = 1,
    part: Short = "",
    weekdays: Short = "1234567",
    from_day: Short = "",
    until_day: Short = "",
) -> Response:
    """Put somebody on the roster."""
    may_roster(viewer)
    services.duty.rota.add_shift(
        desk=desk,
        login=login.strip(),
        by=viewer.login,
        dong=dong or None,
        position=position,
        part=part or None,
        weekdays=weekdays.strip(),
        from_day=from_day or None,
        until_day=until_day or None,
    )
    return _back("/roster")


@router.post("/roster/shifts/{shift_id}/remove")
def remove_shift(viewer: ViewerDep, services: ServicesDep, shift_id: int) -> Response:
    """Take an entry off."""
    may_roster(viewer)
    services.duty.rota.remove_shift(shift_id, by=viewer.login)
    return _back("/roster")


@router.post("/roster/absences")
def add_absence(
    viewer: ViewerDep,
    services: ServicesDep,
    login: Short,
    from_at: Short,
    until_at: Short,
    substitute: Short = "",
    reason: Short = "leave",
) -> Response:
    """Somebody will not be there; an officer may say so of themselves alone."""
    if login.strip() != viewer.login:
        may_roster(viewer)
    services.duty.rota.add_absence(
        login=login.strip(),
        from_at=_instant(from_at),
        until_at=_instant(until_at),
        by=viewer.login,
        substitute=substitute.strip() or None,
        reason=reason,
    )
    return _back("/roster")


@router.post("/roster/absences/{absence_id}/remove")
def remove_absence(viewer: ViewerDep, services: ServicesDep, absence_id: int) -> Response:
    """They are there after all."""
    may_roster(viewer)
    services.duty.rota.remove_absence(absence_id, by=viewer.login)
    return _back("/roster")


@router.post("/roster/days")
def set_day(viewer: ViewerDep, services: ServicesDep, day: Short, name: Short, off: Short = "off") -> Response:
    """Say of a day that it is off, or worked."""
    may_roster(viewer)
    services.duty.rota.set_day(day, off=off == "off", name=name, by=viewer.login)
    return _back("/roster")


@router.post("/roster/days/{day}/remove")
def unset_day(viewer: ViewerDep, services: ServicesDep, day: str) -> Response:
    """The calendar of the law holds again."""
    may_roster(viewer)
    services.duty.rota.unset_day(day)
    return _back("/roster")


@router.get("/handover")
def handover(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The sheets of the last 7 days, those unsigned open."""
    return _page(
        request,
        services,
        viewer,
        "handover.html",
        sheets=services.duty.handovers.recent(dong=viewer.dong),
        dongs=dong_names(services),
        level_words={int(level): level_word(level, viewer.lang) for level in Level},
        rule_words=RULE_WORDS[viewer.lang.value],
    )


@router.post("/handover/{handover_id}/sign")
def sign(viewer: ViewerDep, services: ServicesDep, handover_id: int) -> Response:
    """The one who takes over has read it."""
    services.duty.handovers.sign(handover_id, by=viewer.login, dong=viewer.dong)
    return _back("/handover")


@router.get("/tonight")
def tonight(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The newest list, the worst first."""
    day, homes = services.duty.tonight.newest(dong=viewer.dong)
    now = services.clock.home_now()
    return _page(
        request,
        services,
        viewer,
        "tonight.html",
        day=day,
        homes=homes,
        dongs=dong_names(services),
        hows=[str(how) for how in How],
        level_words={int(level): level_word(level, viewer.lang) for level in Level},
        rule_words=RULE_WORDS[viewer.lang.value],
        returns_default=local_text(now + DAY),
    )


@router.post("/tonight/{household}/clear")
def clear(
    viewer: ViewerDep, services: ServicesDep, household: str, how: Annotated[How, Form()], returns_at: Short = ""
) -> Response:
    """The home was cleared by day."""
    until = _instant(returns_at) if how is How.AWAY else None
    services.duty.tonight.clear(household, how=how, by=viewer.login, dong=viewer.dong, returns_at=until)
    return _back("/tonight")


@router.get("/silences")
def silences(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Silences in force and past, and who is away."""
    now = services.clock.home_now()
    return _page(
        request,
        services,
        viewer,
        "silences.html",
        standing=services.duty.silences.now(dong=viewer.dong),
        past=services.duty.silences.past(dong=viewer.dong),
        away=services.duty.absences.now(dong=viewer.dong),
        dongs=dong_names(services),
        rules=[(str(rule), RULE_WORDS[viewer.lang.value][rule]) for rule in SILENCEABLE],
        reasons=[str(reason) for reason in SilenceReason],
        away_reasons=[str(reason) for reason in AwayReason],
        ends_default=local_text(now + 2 * HOUR),
        ends_latest=local_text(now + LONGEST[SilenceKind.HOUSEHOLD]),
        returns_default=local_text(now + DAY),
    )


@router.post("/silences")
def lay(
    viewer: ViewerDep,
    services: ServicesDep,
    kind: Annotated[SilenceKind, Form()],
    ends_at: Short,
    reason: Annotated[SilenceReason, Form()],
    target: Short = "",
    rule: Short = "",
    text: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Hold notices back for a while."""
    meant = rule if kind is SilenceKind.RULE else target.strip() or (viewer.dong or "" if kind is SilenceKind.DONG else "")
    services.duty.silences.lay(
        kind, meant, ends_at=_instant(ends_at), reason=reason, author=viewer.login, dong=viewer.dong, text=text
    )
    return _back("/silences")


@router.post("/silences/{silence_id}/lift")
def lift(viewer: ViewerDep, services: ServicesDep, silence_id: int) -> Response:
    """End it now."""
    services.duty.silences.lift(silence_id, by=viewer.login, dong=viewer.dong)
    return _back("/silences")


@router.post("/away")
def declare_away(
    viewer: ViewerDep, services: ServicesDep, household: Short, returns_at: Short, reason: Annotated[AwayReason, Form()]
) -> Response:
    """The resident is away until then."""
    services.duty.absences.declare(
        household.strip(), returns_at=_instant(returns_at), reason=reason, by=viewer.login, dong=viewer.dong
    )
    return _back("/silences")


@router.post("/away/{household}/end")
def end_away(viewer: ViewerDep, services: ServicesDep, household: str) -> Response:
    """They are back."""
    services.duty.absences.end(household, by=viewer.login, dong=viewer.dong)
    return _back("/silences")


@router.get("/outages")
def outages(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Outages that touch the viewer's dong."""
    return _page(
        request,
        services,
        viewer,
        "outages.html",
        outages=services.duty.outages.recent(services.clock.home_now(), dong=viewer.dong),
        dongs=dong_names(services),
    )


@router.get("/outages/{outage_id}")
def one_outage(request: Request, viewer: ViewerDep, services: ServicesDep, outage_id: str) -> Response:
    """One outage with its homes, those quiet longest before it first."""
    found = services.duty.outages.recent(services.clock.home_now(), dong=viewer.dong)
    one = next((each for each in found if each.id == outage_id), None)
    if one is None:
        raise Problem(404, "not_found")
    return _page(
        request,
        services,
        viewer,
        "outage.html",
        outage=one,
        homes=services.duty.outages.homes(outage_id, dong=viewer.dong),
        tickets=len(services.desk.tickets(dong=viewer.dong, outage=outage_id, limit=500)),
        dongs=dong_names(services),
        level_words={int(level): level_word(level, viewer.lang) for level in Level},
    )


def _page(request: Request, services: Services, viewer: Viewer, template: str, **shown: Any) -> Response:
    last_event = services.desk.last_event_id()
    return shell(request, services, viewer, template, last_event=last_event, place=place_of(services, viewer), **shown)


def _back(path: str) -> Response:
    return RedirectResponse(path, status_code=303)


def _instant(text: str) -> Millis:
    """What somebody typed, in Seoul; 422 where it cannot be read."""
    try:
        return parse_local(text)
    except ValueError as error:
        raise Problem(422, "bad_time") from error
