"""What follows a check over the API: cases, visits, referrals, contact plans."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from alerts.aftercare.plan import ContactKind
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.accounts import Role
from dashboard_api.api.care_models import (
    AssignIn,
    CareRegisterOut,
    CaseDetailOut,
    CaseIn,
    CaseOut,
    CasesOut,
    ContactOut,
    ContactsOut,
    PlanIn,
    PlanOut,
    PlansOut,
    ProgrammeIn,
    ProgrammeOut,
    ProviderIn,
    ProviderOut,
    ReferralIn,
    ReferralOut,
    ReferralsOut,
    ReferralStepIn,
    TextIn,
    VisitDoneIn,
    VisitIn,
    VisitOut,
    VisitsOut,
)
from dashboard_api.api.views import check_out
from dashboard_api.problems import Problem
from dashboard_api.services import Services

router = APIRouter(tags=["aftercare"])
HouseholdAsked = Annotated[str | None, Query(max_length=32)]


@router.get("/cases")
def cases(viewer: ViewerDep, services: ServicesDep, household: HouseholdAsked = None, closed: bool = False) -> CasesOut:
    """Cases of the viewer's dong: open ones, or closed ones."""
    found = services.aftercare.cases.cases(dong=viewer.dong, household=household, closed=closed)
    return CasesOut(cases=[CaseOut.model_validate(one) for one in found])


@router.post("/cases", status_code=201)
def open_case(wanted: CaseIn, viewer: ViewerDep, services: ServicesDep) -> CaseOut:
    """The household's case, opened where there is none."""
    made = services.aftercare.cases.open(wanted.household, actor=viewer.login, dong=viewer.dong, check_id=wanted.check)
    return CaseOut.model_validate(made)


@router.get("/cases/{case_id}")
def one_case(case_id: int, viewer: ViewerDep, services: ServicesDep) -> CaseDetailOut:
    """A case with its checks, visits and referrals."""
    care = services.aftercare
    found, checks = care.cases.case(case_id, dong=viewer.dong)
    return CaseDetailOut(
        case=CaseOut.model_validate(found),
        checks=[check_out(check, viewer.lang) for check in checks],
        visits=[VisitOut.model_validate(one) for one in care.visits.visits(dong=viewer.dong, case_id=case_id)],
        referrals=[ReferralOut.model_validate(one) for one in care.referrals.referrals(dong=viewer.dong, case_id=case_id)],
    )


@router.post("/cases/{case_id}/assign")
def assign(case_id: int, wanted: AssignIn, viewer: ViewerDep, services: ServicesDep) -> CaseOut:
    """Put the case into another officer's hands."""
    case, _ = services.aftercare.cases.case(case_id, dong=viewer.dong)
    in_whose_hands(services, viewer, wanted.responsible, case.dong_code)
    return CaseOut.model_validate(services.aftercare.cases.assign(case_id, wanted.responsible, dong=viewer.dong))


@router.post("/cases/{case_id}/close")
def close_case(case_id: int, wanted: TextIn, viewer: ViewerDep, services: ServicesDep) -> CaseOut:
    """End the case with its reason."""
    ended = services.aftercare.cases.close(case_id, actor=viewer.login, dong=viewer.dong, text=wanted.text)
    return CaseOut.model_validate(ended)


@router.get("/visits")
def visits(viewer: ViewerDep, services: ServicesDep, household: HouseholdAsked = None, planned: bool = True) -> VisitsOut:
    """Visits still to be made, or all."""
    found = services.aftercare.visits.visits(dong=viewer.dong, household=household, planned=planned)
    return VisitsOut(visits=[VisitOut.model_validate(one) for one in found])


@router.post("/visits", status_code=201)
def plan_visit(wanted: VisitIn, viewer: ViewerDep, services: ServicesDep) -> VisitOut:
    """Plan a visit."""
    made = services.aftercare.visits.plan(
        wanted.household,
        planned_at=wanted.planned_at,
        visitor=someone(services, viewer, wanted.visitor, wanted.household),
        actor=viewer.login,
        dong=viewer.dong,
        companion=wanted.companion,
        check_id=wanted.check,
    )
    return VisitOut.model_validate(made)


@router.post("/visits/{visit_id}/record")
def record_visit(visit_id: int, wanted: VisitDoneIn, viewer: ViewerDep, services: ServicesDep) -> VisitOut:
    """The visit was made."""
    done = services.aftercare.visits.record(visit_id, wanted.result, actor=viewer.login, dong=viewer.dong, text=wanted.text)
    return VisitOut.model_validate(done)


@router.post("/visits/{visit_id}/cancel")
def cancel_visit(visit_id: int, viewer: ViewerDep, services: ServicesDep, wanted: TextIn | None = None) -> VisitOut:
    """It will not be made."""
    text = wanted.text if wanted else ""
    return VisitOut.model_validate(services.aftercare.visits.cancel(visit_id, actor=viewer.login, dong=viewer.dong, text=text))


@router.get("/referrals")
def referrals(viewer: ViewerDep, services: ServicesDep, household: HouseholdAsked = None, going_on: bool = True) -> ReferralsOut:
    """Referrals that go on, or all."""
    found = services.aftercare.referrals.referrals(dong=viewer.dong, household=household, going_on=going_on)
    return ReferralsOut(referrals=[ReferralOut.model_validate(one) for one in found])


@router.post("/referrals", status_code=201)
def offer(wanted: ReferralIn, viewer: ViewerDep, services: ServicesDep) -> ReferralOut:
    """Offer a service of care."""
    made = services.aftercare.referrals.offer(
        wanted.household,
        wanted.kind,
        provider_id=wanted.provider,
        programme_id=wanted.programme,
        cost_won=wanted.cost_won,
        check_id=wanted.check,
        actor=viewer.login,
        dong=viewer.dong,
        text=wanted.text,
    )
    return ReferralOut.model_validate(made)


@router.post("/referrals/{referral_id}/advance")
def advance(referral_id: int, wanted: ReferralStepIn, viewer: ViewerDep, services: ServicesDep) -> ReferralOut:
    """Go on to the next state."""
    done = services.aftercare.referrals.advance(
        referral_id, wanted.state, actor=viewer.login, dong=viewer.dong, text=wanted.text, due_at=wanted.due_at
    )
    return ReferralOut.model_validate(done)


@router.get("/care")
def care_register(viewer: ViewerDep, services: ServicesDep) -> CareRegisterOut:
    """Providers that serve the viewer's dong, and programmes."""
    kept = services.aftercare.referrals
    return CareRegisterOut(
        providers=[ProviderOut.model_validate(one) for one in kept.providers(dong=viewer.dong)],
        programmes=[ProgrammeOut.model_validate(one) for one in kept.programmes()],
    )


@router.post("/care/providers", status_code=201)
def add_provider(wanted: ProviderIn, viewer: ViewerDep, services: ServicesDep) -> ProviderOut:
    """Enter a provider; for supervisors."""
    _supervisor(viewer)
    made = services.aftercare.referrals.add_provider(wanted.name, wanted.kinds, phone=wanted.phone, dong=wanted.dong)
    return ProviderOut.model_validate(made)


@router.post("/care/programmes", status_code=201)
def add_programme(wanted: ProgrammeIn, viewer: ViewerDep, services: ServicesDep) -> ProgrammeOut:
    """Enter a programme; for supervisors."""
    _supervisor(viewer)
    return ProgrammeOut.model_validate(services.aftercare.referrals.add_programme(wanted.name, wanted.yearly_cap_won))


@router.get("/contact-plans")
def plans(viewer: ViewerDep, services: ServicesDep, household: HouseholdAsked = None, due: bool = False) -> PlansOut:
    """Contact plans; with `due` those due by now."""
    by = services.clock.home_now() if due else None
    found = services.aftercare.contacts.plans(dong=viewer.dong, household=household, due_by=by)
    return PlansOut(plans=[PlanOut.model_validate(one) for one in found])


@router.put("/households/{household_id}/contact-plans/{kind}")
def set_plan(household_id: str, kind: ContactKind, wanted: PlanIn, viewer: ViewerDep, services: ServicesDep) -> PlanOut:
    """Want a contact of this kind every so many days."""
    made = services.aftercare.contacts.plan(
        household_id,
        kind,
        wanted.every_days,
        responsible=someone(services, viewer, wanted.responsible, household_id),
        dong=viewer.dong,
    )
    return PlanOut.model_validate(made)


@router.delete("/households/{household_id}/contact-plans/{kind}", status_code=204)
def drop_plan(household_id: str, kind: ContactKind, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Want no such contact any more."""
    services.aftercare.contacts.drop(household_id, kind, dong=viewer.dong)
    return Response(status_code=204)


@router.get("/households/{household_id}/contacts")
def contacts(household_id: str, viewer: ViewerDep, services: ServicesDep) -> ContactsOut:
    """The household's last contacts."""
    found = services.aftercare.contacts.contacts(household_id, dong=viewer.dong)
    return ContactsOut(contacts=[ContactOut.model_validate(one) for one in found])


@router.post("/households/{household_id}/contacts/{kind}", status_code=204)
def record_contact(household_id: str, kind: ContactKind, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Somebody has spoken with the resident, or was there."""
    services.aftercare.contacts.record(household_id, kind, actor=viewer.login, dong=viewer.dong)
    return Response(status_code=204)


def someone(services: Services, viewer: Viewer, login: str | None, household: str) -> str:
    """The login that is to do it, the viewer's where none is given; 422 for one who may not see the household, 404 for none."""
    if not login:
        return viewer.login
    home = services.register.household(household, viewer.dong)
    if home is None:
        raise Problem(404, "not_found")
    return in_whose_hands(services, viewer, login, home.dong_code)


def in_whose_hands(services: Services, viewer: Viewer, login: str, dong: str) -> str:
    """The login again; 422 where nobody of it may see the dong: what is put into their hands they must be able to open."""
    if login != viewer.login and not services.accounts.works_for(login, dong):
        raise Problem(422, "no_such_login")
    return login


def _supervisor(viewer: Viewer) -> None:
    if viewer.account.role is Role.OFFICER:
        raise Problem(403, "supervisors_only")
