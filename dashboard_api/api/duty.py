"""Duty over the API: roster, handovers, tonight's list, silences, absences, outages."""

from __future__ import annotations

from fastapi import APIRouter, Response

from alerts.duty.rota import RosterRows
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.accounts import Role
from dashboard_api.api import duty_views as views
from dashboard_api.api.duty_models import (
    AbsenceIn,
    AbsenceOut,
    AwayIn,
    AwayListOut,
    AwayOut,
    CapIn,
    ClearIn,
    DayIn,
    DayOut,
    HandoverOut,
    HandoversOut,
    OutageDetailOut,
    OutagesOut,
    RosterOut,
    ShiftIn,
    ShiftOut,
    SilenceIn,
    SilenceOut,
    SilencesOut,
    TonightHomeOut,
    TonightOut,
)
from dashboard_api.problems import Problem
from dashboard_api.services import Services
from ingest.clock import Millis

router = APIRouter(tags=["duty"])


def may_roster(viewer: Viewer) -> None:
    """The roster of all dongs is kept by the gu office."""
    if viewer.account.role is Role.OFFICER:
        raise Problem(403, "supervisors_only")


def dongs_shown(services: Services, viewer: Viewer) -> list[str]:
    """The dongs this viewer may see."""
    return [dong.code for dong in services.register.dongs() if viewer.dong in (None, dong.code)]


def roster_now(services: Services) -> tuple[RosterRows, Millis]:
    """The roster, and the home time it is asked for."""
    return services.duty.rota.rows(), services.clock.home_now()


def unheard(services: Services, rows: RosterRows) -> dict[str, str]:
    """Whom of the roster no message reaches: by login `no_account`, or `no_contact` (no contact point this site can use)."""
    logins = rows.logins
    there, reach = services.accounts.known(logins), services.reach
    ways = None if reach is None else reach.contacts.ways(logins, reach.channels)
    why = {login: "no_contact" for login in logins if ways is not None and not ways[login]}
    return why | {login: "no_account" for login in logins if login not in there}


@router.get("/roster")
def roster(viewer: ViewerDep, services: ServicesDep) -> RosterOut:
    """Who has duty now, and the entries that decide it."""
    rows, now = roster_now(services)
    gaps = {gap.dong_code: gap.found_at for gap in services.duty.gaps(dong=viewer.dong)}
    return views.roster_out(rows, now, dongs_shown(services, viewer), gaps, services.duty.rota.days(), unheard(services, rows))


@router.post("/roster/shifts", status_code=201)
def add_shift(viewer: ViewerDep, services: ServicesDep, wanted: ShiftIn) -> ShiftOut:
    """Put somebody on the roster."""
    may_roster(viewer)
    return views.shift_out(services.duty.rota.add_shift(**dict(wanted), by=viewer.login))


@router.delete("/roster/shifts/{shift_id}", status_code=204)
def remove_shift(viewer: ViewerDep, services: ServicesDep, shift_id: int) -> Response:
    """Take an entry off."""
    may_roster(viewer)
    services.duty.rota.remove_shift(shift_id, by=viewer.login)
    return Response(status_code=204)


@router.post("/roster/absences", status_code=201)
def add_absence(viewer: ViewerDep, services: ServicesDep, wanted: AbsenceIn) -> AbsenceOut:
    """Somebody will not be there; an officer may say so of themselves alone."""
    if wanted.login != viewer.login:
        may_roster(viewer)
    return views.absence_out(services.duty.rota.add_absence(**dict(wanted), by=viewer.login))


@router.delete("/roster/absences/{absence_id}", status_code=204)
def remove_absence(viewer: ViewerDep, services: ServicesDep, absence_id: int) -> Response:
    """They are there after all."""
    may_roster(viewer)
    services.duty.rota.remove_absence(absence_id, by=viewer.login)
    return Response(status_code=204)


@router.put("/roster/days/{day}")
def set_day(viewer: ViewerDep, services: ServicesDep, day: str, wanted: DayIn) -> DayOut:
    """Say of a day that it is off, or worked."""
    may_roster(viewer)
    return views.day_out(services.duty.rota.set_day(day, off=wanted.off, name=wanted.name, by=viewer.login))


@router.delete("/roster/days/{day}", status_code=204)
def unset_day(viewer: ViewerDep, services: ServicesDep, day: str) -> Response:
    """The calendar of the law holds again."""
    may_roster(viewer)
    services.duty.rota.unset_day(day)
    return Response(status_code=204)


@router.put("/roster/caps/{login}", status_code=204)
def set_cap(viewer: ViewerDep, services: ServicesDep, login: str, wanted: CapIn) -> Response:
    """How many open checks this person may hold."""
    may_roster(viewer)
    services.duty.rota.set_cap(login, wanted.open_checks)
    return Response(status_code=204)


@router.get("/handovers")
def handovers(viewer: ViewerDep, services: ServicesDep) -> HandoversOut:
    """The sheets of the last 7 days."""
    return HandoversOut(handovers=[views.handover_out(one) for one in services.duty.handovers.recent(dong=viewer.dong)])


@router.post("/handovers/{handover_id}/sign")
def sign(viewer: ViewerDep, services: ServicesDep, handover_id: int) -> HandoverOut:
    """The one who takes over has read it."""
    return views.handover_out(services.duty.handovers.sign(handover_id, by=viewer.login, dong=viewer.dong))


@router.get("/tonight")
def tonight(viewer: ViewerDep, services: ServicesDep) -> TonightOut:
    """The newest list."""
    day, homes = services.duty.tonight.newest(dong=viewer.dong)
    return TonightOut(evening=None if day is None else day.isoformat(), homes=[views.tonight_out(one) for one in homes])


@router.post("/tonight/{household}/clear")
def clear(viewer: ViewerDep, services: ServicesDep, household: str, wanted: ClearIn) -> TonightHomeOut:
    """The home was cleared by day."""
    done = services.duty.tonight.clear(household, how=wanted.how, by=viewer.login, dong=viewer.dong, returns_at=wanted.returns_at)
    return views.tonight_out(done)


@router.get("/silences")
def silences(viewer: ViewerDep, services: ServicesDep) -> SilencesOut:
    """Silences in force."""
    return SilencesOut(silences=[views.silence_out(one) for one in services.duty.silences.now(dong=viewer.dong)])


@router.post("/silences", status_code=201)
def lay_silence(viewer: ViewerDep, services: ServicesDep, wanted: SilenceIn) -> SilenceOut:
    """Hold notices back for a while."""
    laid = services.duty.silences.lay(
        wanted.kind,
        wanted.target,
        ends_at=wanted.ends_at,
        reason=wanted.reason,
        author=viewer.login,
        dong=viewer.dong,
        text=wanted.text,
    )
    return views.silence_out(laid)


@router.delete("/silences/{silence_id}", status_code=204)
def lift_silence(viewer: ViewerDep, services: ServicesDep, silence_id: int) -> Response:
    """End it now; what it held back is told."""
    services.duty.silences.lift(silence_id, by=viewer.login, dong=viewer.dong)
    return Response(status_code=204)


@router.get("/away")
def away(viewer: ViewerDep, services: ServicesDep) -> AwayListOut:
    """Who is known to be away."""
    return AwayListOut(away=[views.away_out(one) for one in services.duty.absences.now(dong=viewer.dong)])


@router.put("/households/{household}/away")
def declare_away(viewer: ViewerDep, services: ServicesDep, household: str, wanted: AwayIn) -> AwayOut:
    """The resident is away until then."""
    made = services.duty.absences.declare(
        household, returns_at=wanted.returns_at, reason=wanted.reason, by=viewer.login, dong=viewer.dong
    )
    return views.away_out(made)


@router.delete("/households/{household}/away", status_code=204)
def end_away(viewer: ViewerDep, services: ServicesDep, household: str) -> Response:
    """They are back."""
    services.duty.absences.end(household, by=viewer.login, dong=viewer.dong)
    return Response(status_code=204)


@router.get("/outages")
def outages(viewer: ViewerDep, services: ServicesDep) -> OutagesOut:
    """Outages that touch the viewer's dong."""
    found = services.duty.outages.recent(services.clock.home_now(), dong=viewer.dong)
    return OutagesOut(outages=[views.outage_out(one) for one in found])


@router.get("/outages/{outage_id}")
def one_outage(viewer: ViewerDep, services: ServicesDep, outage_id: str) -> OutageDetailOut:
    """One outage with its homes."""
    found = services.duty.outages.recent(services.clock.home_now(), dong=viewer.dong)
    one = next((each for each in found if each.id == outage_id), None)
    if one is None:
        raise Problem(404, "not_found")
    homes = services.duty.outages.homes(outage_id, dong=viewer.dong)
    return OutageDetailOut(outage=views.outage_out(one), homes=[views.outage_home_out(home) for home in homes])
