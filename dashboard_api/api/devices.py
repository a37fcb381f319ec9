"""Devices that publish without being enrolled, over the API: the list, and the claim."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.models import DeviceOut, Instant
from dashboard_api.api.views import device_out
from dashboard_api.problems import Problem
from dashboard_api.services import Services
from ingest.reading import Signal
from ingest.register.homes import Device
from ingest.register.strangers import Stranger, Strangers

router = APIRouter(prefix="/devices", tags=["devices"])

SHOWN_BYTES = 500

Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]


class StrangerOut(BaseModel):
    """A device nobody has claimed; dong and household are what its topics say."""

    id: str
    dialect: str = Field(examples=["native"])
    dong: str | None
    household: str | None
    signals: list[str]
    topic: str
    payload: str = Field(description="the last one, cut to 500 bytes; what is no UTF-8 is written out")
    messages: int
    last_received_at: Instant


class StrangersOut(BaseModel):
    """Devices nobody has claimed, the last heard first."""

    unclaimed: list[StrangerOut]


class ClaimIn(BaseModel):
    """Where the device stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    household: Id
    model: str = Field(default="unknown", min_length=1, max_length=64)
    signals: list[Signal] = Field(default=[], description="those heard of it so far unless told")
    report_interval_s: int = Field(default=0, ge=0, le=7 * 86_400)
    since: Instant | None = Field(
        default=None, description="known to stand there since then; what it saw since is a sign of life"
    )


def strangers_of(services: Services) -> Strangers:
    """The list of strangers; Problem 404 where there is none."""
    if services.strangers is None:
        raise Problem(404, "not_found")
    return services.strangers


def payload_text(payload: bytes) -> str:
    """The beginning of a payload as text."""
    return payload[:SHOWN_BYTES].decode("utf-8", errors="backslashreplace")


@router.get("/unclaimed")
def unclaimed(viewer: ViewerDep, services: ServicesDep) -> StrangersOut:
    """Devices that publish without being enrolled; an officer sees those whose topics name the officer's dong."""
    found = strangers_of(services).unclaimed(dong=viewer.dong)
    return StrangersOut(unclaimed=[_out(one) for one in found])


@router.post("/{device_id}/claim", status_code=201)
def claim(device_id: Id, wanted: ClaimIn, viewer: ViewerDep, services: ServicesDep) -> DeviceOut:
    """Put it into a household; what it had sent is read again."""
    return device_out(claimed(services, viewer, device_id, wanted))


def claimed(services: Services, viewer: Viewer, device_id: str, wanted: ClaimIn) -> Device:
    """The device in its household, claimed by this viewer."""
    return strangers_of(services).claim(
        device_id,
        wanted.household,
        at=services.clock.home_now(),
        by=viewer.login,
        dong=viewer.dong,
        model=wanted.model,
        signals=[signal.value for signal in wanted.signals],
        report_interval_s=wanted.report_interval_s,
        since=wanted.since,
    )


def _out(one: Stranger) -> StrangerOut:
    return StrangerOut(
        id=one.device_id,
        dialect=one.dialect,
        dong=one.dong_code,
        household=one.household_id,
        signals=list(one.signals),
        topic=one.topic,
        payload=payload_text(one.payload),
        messages=one.messages,
        last_received_at=one.last_received_at,
    )
