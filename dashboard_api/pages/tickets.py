"""Devices that need an installer."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from alerts.desk import TicketState
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.pages.shell import dong_names, place_of, shell
from dashboard_api.render import page
from dashboard_api.rows import ticket_row
from dashboard_api.services import Services

router = APIRouter()

SHOWN = 300


@router.get("/tickets")
def tickets(request: Request, viewer: ViewerDep, services: ServicesDep, state: Literal["open", "resolved"] = "open") -> Response:
    """The whole page."""
    return _tickets(request, services, viewer, state, "tickets.html")


@router.get("/tickets/list")
def tickets_part(
    request: Request, viewer: ViewerDep, services: ServicesDep, state: Literal["open", "resolved"] = "open"
) -> Response:
    """The list alone, for a page that is open."""
    return _tickets(request, services, viewer, state, "part/tickets.html")


def _tickets(request: Request, services: Services, viewer: Viewer, state: str, template: str) -> Response:
    last_event = services.desk.last_event_id()
    found = services.desk.tickets(dong=viewer.dong, states=(TicketState(state),), limit=SHOWN)
    dongs = dong_names(services)
    return shell(
        request,
        services,
        viewer,
        template,
        last_event=last_event,
        rows=[ticket_row(ticket, dongs, viewer.lang) for ticket in found],
        state=state,
        url="/tickets/list" if state == "open" else f"/tickets/list?state={state}",
        place=place_of(services, viewer),
    )


@router.post("/tickets/{ticket_id}/resolve")
def resolve(
    request: Request,
    ticket_id: str,
    viewer: ViewerDep,
    services: ServicesDep,
    text: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The installer is done; the row comes back as it is now."""
    done = services.desk.resolve_ticket(ticket_id, actor=viewer.login, dong=viewer.dong, text=text.strip())
    if "hx-request" not in request.headers:
        return RedirectResponse("/tickets", status_code=303)
    return page(request, services, "part/ticket.html", row=ticket_row(done, dong_names(services), viewer.lang))
