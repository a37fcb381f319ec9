"""Devices that publish without being enrolled: the list, and the claim, for installers and operators."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import StringConstraints

from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.devices import ClaimIn, claimed, payload_text, strangers_of
from dashboard_api.pages.shell import place_of, shell
from dashboard_api.words import WORDS, Lang, say
from ingest.clock import Millis
from ingest.register.strangers import Stranger

router = APIRouter()


class StrangerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One device nobody has claimed."""

    id: str
    dialect: str
    topic: str
    payload: str
    household: str  # as its topics say, where such a household is looked after; to be put right or confirmed
    signals: str
    messages: int
    last_received_at: Millis


@router.get("/devices/unclaimed")
def unclaimed(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The whole page."""
    last_event = services.desk.last_event_id()
    homes = {str(home.id) for home in services.register.households(viewer.dong)}
    found = strangers_of(services).unclaimed(dong=viewer.dong)
    return shell(
        request,
        services,
        viewer,
        "strangers.html",
        last_event=last_event,
        rows=[_row(one, homes, viewer.lang) for one in found],
        homes=sorted(homes),
        place=place_of(services, viewer),
    )


@router.post("/devices/{device_id}/claim")
def claim(
    device_id: str,
    viewer: ViewerDep,
    services: ServicesDep,
    household: Annotated[str, Form(), StringConstraints(pattern=r"^[a-z0-9-]{1,32}$", strip_whitespace=True)],
    model: Annotated[str, Form(max_length=64)] = "",
) -> Response:
    """Put it into the household, then the list as it is now."""
    claimed(services, viewer, device_id, ClaimIn(household=household, model=model.strip() or "unknown"))
    return RedirectResponse("/devices/unclaimed", status_code=303)


def _row(one: Stranger, homes: set[str], lang: Lang) -> StrangerRow:
    return StrangerRow(
        id=one.device_id,
        dialect=one.dialect,
        topic=one.topic,
        payload=payload_text(one.payload),
        household=one.household_id if one.household_id in homes else "",
        signals=", ".join(say(lang, f"signal.{key}") if f"signal.{key}" in WORDS else key for key in one.signals),
        messages=one.messages,
        last_received_at=one.last_received_at,
    )
