"""The live stream: server-sent events with ids, replayed by Last-Event-ID."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, cast

from fastapi import APIRouter, Header, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from alerts.desk import LiveEvent
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.live import BEAT_S, Beat, LiveStream
from ingest.clock import Millis

router = APIRouter(tags=["events"])

RETRY_MS = 2_000


class EventOut(BaseModel):
    """Something changed: fetch it by its id. Nothing personal travels here."""

    ref: str
    dong: str
    at: Millis
    action: str


class BeatOut(BaseModel):
    """The stream lives; `home_now` lets a page set its clock."""

    home_now: Millis


@router.get("/events", response_class=EventSourceResponse)
async def events(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    last_event_id: Annotated[int | None, Header(ge=0)] = None,
    after: Annotated[int | None, Query(ge=0, description="as Last-Event-ID, for clients that cannot set headers")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """`check` and `ticket` events of the viewer's dong from Last-Event-ID on, a `beat` every ten seconds of silence.

    The stream does not count as use of the session; when the session ends it says `ended` and closes.
    """
    stream = cast(LiveStream, request.app.state.live)
    known = max((given for given in (last_event_id, after) if given is not None), default=None)
    looked = services.clock.monotonic()
    async with aclosing(stream.follow(after=known, dong=viewer.dong)) as followed:
        async for event in followed:
            if services.clock.monotonic() - looked >= BEAT_S - 1:
                looked = services.clock.monotonic()
                if await run_in_threadpool(services.accounts.session, viewer.token, touch=False) is None:
                    yield ServerSentEvent(event="ended", raw_data="session")
                    return
            if isinstance(event, Beat):
                yield ServerSentEvent(event="beat", data=BeatOut(home_now=services.clock.home_now()), retry=RETRY_MS)
            else:
                yield _event(event)


def _event(event: LiveEvent) -> ServerSentEvent:
    told = EventOut(ref=event.ref, dong=event.dong_code, at=event.at, action=event.action)
    return ServerSentEvent(id=str(event.id), event=event.kind, data=told)
