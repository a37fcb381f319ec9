"""The pages of what follows a check: cases with their visits and referrals, contact plans, neighbours' reports."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints

from alerts.aftercare.plan import USUAL, ContactKind
from alerts.aftercare.referral import NEXT, CareKind, ReferralState
from alerts.aftercare.visit import Companion, VisitResult
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.care import someone
from dashboard_api.pages.shell import place_of, shell
from dashboard_api.problems import Problem
from ingest.clock import DAY, parse_local

router = APIRouter()
Household = Annotated[str, Form(), StringConstraints(pattern=r"^[a-z0-9-]{1,32}$", strip_whitespace=True)]
Text = Annotated[str, Form(max_length=1000)]
Number = Annotated[int | None, Form()]


@router.get("/cases")
def cases(request: Request, viewer: ViewerDep, services: ServicesDep, state: str = "open") -> Response:
    """Open cases with what is still to be done, and forms to begin."""
    care = services.aftercare
    return shell(
        request,
        services,
        viewer,
        "cases.html",
        cases=care.cases.cases(dong=viewer.dong, closed=state == "closed"),
        state=state,
        visits=care.visits.visits(dong=viewer.dong, planned=True),
        referrals=care.referrals.referrals(dong=viewer.dong, going_on=True),
        providers=care.referrals.providers(dong=viewer.dong),
        programmes=care.referrals.programmes(),
        homes=[str(home.id) for home in services.register.households(viewer.dong)],
        companions=list(Companion),
        results=list(VisitResult),
        kinds=list(CareKind),
        steps={state: sorted(after) for state, after in NEXT.items()},
        place=place_of(services, viewer),
    )


@router.get("/cases/{case_id}")
def one_case(request: Request, case_id: int, viewer: ViewerDep, services: ServicesDep) -> Response:
    """One case, whole."""
    care = services.aftercare
    found, checks = care.cases.case(case_id, dong=viewer.dong)
    return shell(
        request,
        services,
        viewer,
        "case.html",
        case=found,
        checks=checks,
        visits=care.visits.visits(dong=viewer.dong, case_id=case_id),
        referrals=care.referrals.referrals(dong=viewer.dong, case_id=case_id),
    )


@router.post("/cases/{case_id}/close")
def close_case(case_id: int, viewer: ViewerDep, services: ServicesDep, text: Text = "") -> Response:
    """End it with its reason."""
    services.aftercare.cases.close(case_id, actor=viewer.login, dong=viewer.dong, text=text)
    return _to("/cases?state=closed")


@router.post("/visits")
def plan_visit(
    viewer: ViewerDep,
    services: ServicesDep,
    household: Household,
    planned_at: Annotated[str, Form(max_length=32)],
    companion: Annotated[Companion, Form()] = Companion.NONE,
    visitor: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Plan a visit."""
    try:
        at = parse_local(planned_at)
    except ValueError as error:
        raise Problem(422, "visit_time") from error
    services.aftercare.visits.plan(
        household,
        planned_at=at,
        visitor=someone(services, viewer, visitor.strip(), household),
        actor=viewer.login,
        dong=viewer.dong,
        companion=companion,
    )
    return _to("/cases")


@router.post("/visits/{visit_id}/record")
def record_visit(
    visit_id: int, viewer: ViewerDep, services: ServicesDep, result: Annotated[str, Form(max_length=16)], text: Text = ""
) -> Response:
    """What was found, or that it will not be made."""
    visits = services.aftercare.visits
    if result == "cancel":
        visits.cancel(visit_id, actor=viewer.login, dong=viewer.dong, text=text)
    elif result in set(VisitResult):
        visits.record(visit_id, VisitResult(result), actor=viewer.login, dong=viewer.dong, text=text)
    else:
        raise Problem(422, "bad_request")
    return _to("/cases")


@router.post("/referrals")
def offer(
    viewer: ViewerDep,
    services: ServicesDep,
    household: Household,
    kind: Annotated[CareKind, Form()],
    provider: Annotated[int, Form()],
    programme: Annotated[str, Form(max_length=12, pattern=r"^\d*$")] = "",
    cost_won: Annotated[int, Form(ge=0)] = 0,
    text: Text = "",
) -> Response:
    """Offer a service."""
    services.aftercare.referrals.offer(
        household,
        kind,
        provider_id=provider,
        programme_id=int(programme) if programme else None,
        cost_won=cost_won,
        actor=viewer.login,
        dong=viewer.dong,
        text=text,
    )
    return _to("/cases")


@router.post("/referrals/{referral_id}/advance")
def advance(
    referral_id: int, viewer: ViewerDep, services: ServicesDep, state: Annotated[ReferralState, Form()], text: Text = ""
) -> Response:
    """Go on to the next state."""
    services.aftercare.referrals.advance(referral_id, state, actor=viewer.login, dong=viewer.dong, text=text)
    return _to("/cases")


@router.get("/plans")
def plans(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Contact plans: what is due, what comes, and a form to set one."""
    now = services.clock.home_now()
    found = services.aftercare.contacts.plans(dong=viewer.dong)
    return shell(
        request,
        services,
        viewer,
        "plans.html",
        due=[plan for plan in found if plan.due_at <= now],
        coming=[plan for plan in found if plan.due_at > now],
        day=DAY,
        kinds=list(ContactKind),
        usual=USUAL,
        homes=[str(home.id) for home in services.register.households(viewer.dong)],
        place=place_of(services, viewer),
    )


@router.post("/plans")
def set_plan(
    viewer: ViewerDep,
    services: ServicesDep,
    household: Household,
    kind: Annotated[ContactKind, Form()],
    every_days: Annotated[int, Form()],
    responsible: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Want a contact of this kind every so many days; 0: no more."""
    plans = services.aftercare.contacts
    if every_days == 0:
        plans.drop(household, kind, dong=viewer.dong)
    else:
        who = someone(services, viewer, responsible.strip(), household)
        plans.plan(household, kind, every_days, responsible=who, dong=viewer.dong)
    return _to("/plans")


@router.post("/plans/{household}/{kind}/done")
def contacted(household: str, kind: ContactKind, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Somebody has spoken with the resident, or was there."""
    services.aftercare.contacts.record(household, kind, actor=viewer.login, dong=viewer.dong)
    return _to("/plans")


@router.get("/reports")
def reports(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Neighbours' reports, those without a household first; the look is logged."""
    found = services.aftercare.reports.reports(dong=viewer.dong, login=viewer.login)
    return shell(
        request,
        services,
        viewer,
        "reports.html",
        reports=sorted(found, key=lambda one: one.household_id is not None),
        homes=[str(home.id) for home in services.register.households(viewer.dong)],
        forms=[dong for dong in services.register.dongs() if viewer.dong in (None, dong.code)],
        place=place_of(services, viewer),
    )


@router.post("/reports/{report_id}/match")
def match(report_id: int, viewer: ViewerDep, services: ServicesDep, household: Household) -> Response:
    """Say which household is meant, and go to its page."""
    services.aftercare.reports.match(report_id, household, actor=viewer.login, dong=viewer.dong)
    return _to(f"/households/{household}")


def _to(address: str) -> Response:
    return RedirectResponse(address, status_code=303)
