"""The pages of reaching people: the viewer's own contact points, and when each path was last proven."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from alerts.contacts import Kind
from alerts.proof import Path
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.reach import OWN_KINDS, TrialOut, add_own, reach_of, tried
from dashboard_api.pages.shell import dong_names, place_of, shell
from dashboard_api.problems import Problem
from ingest.clock import Millis

router = APIRouter()

FORM_KINDS = tuple(kind for kind in OWN_KINDS if kind is not Kind.PUSH)  # a browser is subscribed by itself


class PathRow(msgspec.Struct, frozen=True, kw_only=True):
    """One path, as it is shown."""

    dong: str
    channel: str
    proven: bool
    proven_at: Millis | None


@router.get("/contacts")
def contacts(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The viewer's contact points."""
    return _contacts(request, viewer, services, ())


@router.post("/contacts")
def add(
    viewer: ViewerDep,
    services: ServicesDep,
    kind: Annotated[Kind, Form()],
    address: Annotated[str, Form(min_length=1, max_length=2048)],
) -> Response:
    """Add one, then the list as it is now."""
    add_own(services, viewer.login, kind, address)
    return RedirectResponse("/contacts", status_code=303)


@router.post("/contacts/test")
def test(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Send a test by every channel and show how each went."""
    return _contacts(request, viewer, services, tried(request, services, viewer.login), tested=True)


@router.post("/contacts/{number}/remove")
def remove(number: int, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Forget one, then the list as it is now."""
    if not reach_of(services).contacts.remove(viewer.login, number):
        raise Problem(404, "not_found")
    return RedirectResponse("/contacts", status_code=303)


@router.get("/paths")
def paths(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Each dong by each channel."""
    reach, now = reach_of(services), services.clock.machine_now()
    names = dong_names(services)
    found = [path for path in reach.paths.all() if viewer.dong in (None, path.dong_code)]
    return shell(
        request,
        services,
        viewer,
        "paths.html",
        last_event=services.desk.last_event_id(),
        proving=reach.proving,
        rows=[_row(path, names, now) for path in found],
        place=place_of(services, viewer),
    )


def _row(path: Path, names: dict[str, str], now: Millis) -> PathRow:
    return PathRow(
        dong=names.get(path.dong_code, path.dong_code),
        channel=path.channel,
        proven=path.proven(now),
        proven_at=path.proven_at,
    )


def _contacts(
    request: Request, viewer: ViewerDep, services: ServicesDep, trials: list[TrialOut] | tuple[()], *, tested: bool = False
) -> Response:
    reach = reach_of(services)
    return shell(
        request,
        services,
        viewer,
        "contacts.html",
        last_event=services.desk.last_event_id(),
        points=reach.contacts.of(viewer.login),
        kinds=FORM_KINDS,
        push_key=reach.push_key,
        trials=trials,
        tested=tested,
    )
