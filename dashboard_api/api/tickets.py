"""Tickets (기기 점검) over the API: list, resolve."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alerts.desk import TicketState
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import TicketOut, TicketResolveIn, TicketsOut
from dashboard_api.api.views import ticket_out

router = APIRouter(prefix="/tickets", tags=["tickets"])


@router.get("")
def list_tickets(
    viewer: ViewerDep,
    services: ServicesDep,
    state: Annotated[list[TicketState] | None, Query(description="open unless told")] = None,
    household: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> TicketsOut:
    """Tickets of the viewer's dong."""
    found = services.desk.tickets(dong=viewer.dong, states=state or (TicketState.OPEN,), household=household, limit=limit)
    return TicketsOut(tickets=[ticket_out(ticket, viewer.lang) for ticket in found])


@router.post("/{ticket_id}/resolve")
def resolve(ticket_id: str, viewer: ViewerDep, services: ServicesDep, wanted: TicketResolveIn | None = None) -> TicketOut:
    """The device is well again, or was looked after."""
    text = wanted.text if wanted else ""
    done = services.desk.resolve_ticket(ticket_id, actor=viewer.login, dong=viewer.dong, text=text)
    return ticket_out(done, viewer.lang)
