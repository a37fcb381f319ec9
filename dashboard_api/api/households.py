"""Households, their people, readings and devices over the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alerts.duty.away import Away
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.checks import UNRESOLVED
from dashboard_api.api.models import (
    BucketOut,
    DevicesOut,
    HeardOut,
    HouseholdDetailOut,
    HouseholdsOut,
    Instant,
    PeopleOut,
    PersonOut,
    ReadingsOut,
)
from dashboard_api.api.views import away_out, check_out, device_out, household_out, sight_out
from dashboard_api.problems import Problem
from dashboard_api.services import Services
from ingest.clock import DAY, HOUR
from ingest.history.span import span_of
from ingest.reading import HouseholdId, Signal
from ingest.register.homes import Household
from ingest.register.people import People

router = APIRouter(tags=["households"])

LONGEST_RANGE = 1_830 * DAY  # as long as hours are kept
MOST_POINTS = 2_000


def household_of(services: Services, viewer: Viewer, household_id: str) -> Household:
    """The household, when there is one in what this viewer may see; Problem 404 otherwise."""
    found = services.register.household(household_id, viewer.dong)
    if found is None:
        raise Problem(404, "not_found")
    return found


def away_of(services: Services, viewer: Viewer, household_id: str) -> Away | None:
    """The absence that staff declared of this home and that lasts."""
    declared = services.duty.absences.now(dong=viewer.dong)
    return next((one for one in declared if one.household_id == household_id), None)


def has_open_check(services: Services, viewer: Viewer, household_id: str) -> bool:
    """Whether somebody needs to reach these people now."""
    return bool(services.desk.checks(dong=viewer.dong, states=UNRESOLVED, household=household_id, limit=1))


@router.get("/households")
def list_households(viewer: ViewerDep, services: ServicesDep) -> HouseholdsOut:
    """Homes looked after in the viewer's dong."""
    return HouseholdsOut(households=[household_out(home) for home in services.register.households(viewer.dong)])


@router.get("/households/{household_id}")
def one_household(household_id: str, viewer: ViewerDep, services: ServicesDep) -> HouseholdDetailOut:
    """A home with its devices, what was last heard, and its open check."""
    home = household_of(services, viewer, household_id)
    checks = services.desk.checks(dong=viewer.dong, states=UNRESOLVED, household=household_id, limit=10)
    heard = services.history.latest(home.id)
    lost = services.losses.by_device(dong=viewer.dong)
    away = away_of(services, viewer, home.id)
    stand_here = services.register.devices(dong=viewer.dong, household=household_id)
    return HouseholdDetailOut(
        household=household_out(home),
        devices=[device_out(device, lost.get(device.id, 0)) for device in stand_here],
        heard=[HeardOut(signal=str(signal), at=at, value=value) for signal, (at, value) in sorted(heard.items())],
        sight=sight_out(services.sights(), home.id, viewer.lang.value),
        away=None if away is None else away_out(away),
        people_masked=not checks,
        open_checks=[check_out(check, viewer.lang) for check in checks],
    )


@router.get("/households/{household_id}/people")
def people(household_id: str, viewer: ViewerDep, services: ServicesDep) -> PeopleOut:
    """Whom to reach: masked until the household has an open check; every look is logged."""
    household_of(services, viewer, household_id)
    shown, masked = people_of(services, viewer, household_id, "api people")
    resident = shown.resident
    return PeopleOut(
        masked=masked,
        resident=PersonOut(name=resident.name, phone=resident.phone) if resident else None,
        address=(resident.address or None) if resident else None,
        note=(resident.note or None) if resident else None,
        guardians=[PersonOut(name=one.name, phone=one.phone, relation=one.relation) for one in shown.guardians],
    )


def people_of(services: Services, viewer: Viewer, household_id: str, purpose: str) -> tuple[People, bool]:
    """The people and whether they are masked; the look is written into the view log either way."""
    if has_open_check(services, viewer, household_id):
        return services.register.view_people(household_id, login=viewer.login, purpose=purpose), False
    return services.register.masked_people(household_id, login=viewer.login, purpose=purpose), True


@router.get("/households/{household_id}/readings")
def readings(
    household_id: str,
    signal: Signal,
    viewer: ViewerDep,
    services: ServicesDep,
    start: Annotated[Instant | None, Query(description="36 h before `end` unless told")] = None,
    end: Annotated[Instant | None, Query(description="now (home time) unless told")] = None,
    points: Annotated[int, Query(ge=1, le=MOST_POINTS)] = 300,
) -> ReadingsOut:
    """A signal over `start` <= observed < `end`, put together into at most `points` stretches on the server."""
    home = household_of(services, viewer, household_id)
    until = services.clock.home_now() if end is None else end
    since = until - 36 * HOUR if start is None else start
    if not 0 < until - since <= LONGEST_RANGE:
        raise Problem(422, "bad_range")
    found = services.history.series(HouseholdId(home.id), signal, since, until, points)
    buckets = [BucketOut(start=b.start, count=b.count, mean=b.mean, min=b.min, max=b.max) for b in found]
    width = span_of(since, until, points).width
    return ReadingsOut(household=home.id, signal=signal, start=since, end=until, width_ms=width, buckets=buckets)


@router.get("/devices")
def devices(
    viewer: ViewerDep, services: ServicesDep, household: Annotated[str | None, Query(max_length=32)] = None
) -> DevicesOut:
    """Devices that stand in homes of the viewer's dong."""
    found = services.register.devices(dong=viewer.dong, household=household)
    lost = services.losses.by_device(dong=viewer.dong)
    return DevicesOut(devices=[device_out(device, lost.get(device.id, 0)) for device in found])
