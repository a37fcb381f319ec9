"""How the viewer is reached, what was last proven, and what comes back from automatic calls."""

from __future__ import annotations

from typing import Annotated, cast

import structlog
from fastapi import APIRouter, Header, Request, Response
from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool

from alerts.call import CallResult
from alerts.channels.webhook import is_signed
from alerts.contacts import ContactPoint, ContactRefused, Kind
from alerts.trial import try_channels
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import Instant, Model
from dashboard_api.pace import Pace
from dashboard_api.problems import Problem
from dashboard_api.services import Reach, Services
from ingest.clock import MINUTE, Millis

router = APIRouter(tags=["reach"])
_log = structlog.get_logger(__name__)

OWN_KINDS = (Kind.EMAIL, Kind.PHONE, Kind.PUSH)
"""What people set for themselves; an address that makes our machine ask another one is for the operator (anbu channel)."""

TRIALS = 5
TRIALS_WITHIN: Millis = 10 * MINUTE
"""Tests that somebody may send themselves: each is a message the site pays for, or a call."""


class ContactIn(Model):
    """A way to reach the viewer."""

    kind: Kind
    address: str = Field(min_length=1, max_length=2048, examples=["010-0000-1234"])


class ContactOut(Model):
    """One of the viewer's; the address is masked."""

    id: int
    kind: Kind
    shown: str


class ContactsOut(Model):
    """In the order they are tried."""

    contacts: list[ContactOut]
    push_key: str | None = Field(description="what a browser subscribes with; null: no web push")


class TrialOut(Model):
    """How a test went by one channel."""

    channel: str
    error: str = Field(description="empty: it was taken")


class TrialsOut(Model):
    """One for each channel; none where the viewer has no contact point this site can use."""

    trials: list[TrialOut]


class PathOut(Model):
    """One dong by one channel."""

    dong: str
    channel: str
    proven: bool = Field(description="proven within two hours, or too new to say")
    proven_at: Instant | None
    alarmed_at: Instant | None


class PathsOut(Model):
    """Every path; `proving` false: no synthetic alarms are sent."""

    proving: bool
    paths: list[PathOut]


class CallAnswerIn(Model):
    """What came of one call."""

    id: str = Field(max_length=32)
    result: CallResult
    key: str | None = Field(default=None, max_length=4)


def reach_of(services: Services) -> Reach:
    """Problem 404 where people are told by the page alone."""
    if services.reach is None:
        raise Problem(404, "not_found")
    return services.reach


@router.get("/contacts")
def contacts(viewer: ViewerDep, services: ServicesDep) -> ContactsOut:
    """The viewer's contact points."""
    reach = reach_of(services)
    found = [ContactOut(id=one.id, kind=one.kind, shown=one.shown) for one in reach.contacts.of(viewer.login)]
    return ContactsOut(contacts=found, push_key=reach.push_key)


@router.post("/contacts", status_code=201)
def add_contact(wanted: ContactIn, viewer: ViewerDep, services: ServicesDep) -> ContactOut:
    """Add one; 422 where the address can be none of its kind."""
    added = add_own(services, viewer.login, wanted.kind, wanted.address)
    return ContactOut(id=added.id, kind=added.kind, shown=added.shown)


@router.delete("/contacts/{number}", status_code=204)
def remove_contact(number: int, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Forget one of the viewer's."""
    if not reach_of(services).contacts.remove(viewer.login, number):
        raise Problem(404, "not_found")
    return Response(status_code=204)


@router.post("/contacts/test")
def test_contacts(request: Request, viewer: ViewerDep, services: ServicesDep) -> TrialsOut:
    """Send the viewer a test by each of their channels; 429 after five within ten minutes."""
    return TrialsOut(trials=tried(request, services, viewer.login))


@router.get("/paths")
def paths(viewer: ViewerDep, services: ServicesDep) -> PathsOut:
    """When each path of the viewer's dongs was last proven (machine time)."""
    reach, now = reach_of(services), services.clock.machine_now()
    found = [path for path in reach.paths.all() if viewer.dong in (None, path.dong_code)]
    return PathsOut(
        proving=reach.proving,
        paths=[
            PathOut(
                dong=path.dong_code,
                channel=path.channel,
                proven=path.proven(now),
                proven_at=path.proven_at,
                alarmed_at=path.alarmed_at,
            )
            for path in found
        ],
    )


@router.post("/calls/answers", status_code=204)
async def call_answer(
    request: Request,
    services: ServicesDep,
    timestamp: Annotated[str, Header(alias="Anbu-Timestamp", max_length=20)] = "",
    signature: Annotated[str, Header(alias="Anbu-Signature", max_length=128)] = "",
) -> Response:
    """Take the answer of an automatic call from its bridge, signed as our own webhooks are; the same one may come twice."""
    reach, body = reach_of(services), await request.body()
    secret = reach.call_secret
    if secret is None or reach.calls is None:
        raise Problem(404, "not_found")
    if not is_signed(secret, timestamp, signature, body, services.clock.machine_now()):
        _log.warning("an answer to a call came without its signature")
        raise Problem(401, "not_signed")
    try:
        answer = CallAnswerIn.model_validate_json(body)
    except ValidationError as error:
        raise Problem(422, "call_answer") from error
    if not await run_in_threadpool(reach.calls.take, answer.id, answer.result, answer.key):
        raise Problem(404, "not_found")
    return Response(status_code=204)


def add_own(services: Services, login: str, kind: Kind, address: str) -> ContactPoint:
    """Add a contact point of somebody's own. Problem 422."""
    if kind not in OWN_KINDS:
        raise Problem(422, "contact_kind")
    try:
        return reach_of(services).contacts.add(login, kind, address)
    except ContactRefused as error:
        raise Problem(422, "contact_refused") from error


def tried(request: Request, services: Services, login: str) -> list[TrialOut]:
    """A test by each channel; TooManyRequests."""
    cast(Pace, request.app.state.trial_pace).count(login)
    reach = reach_of(services)
    found = try_channels(reach.channels, reach.contacts, login, services.clock, reach.base_url)
    return [TrialOut(channel=one.channel, error=one.error) for one in found]
