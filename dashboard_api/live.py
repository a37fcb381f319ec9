"""What happens while somebody looks: one reader of the live events, handed to every open stream of its dong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import structlog
from starlette.concurrency import run_in_threadpool

from alerts.desk import Desk, LiveEvent
from dashboard_api.metrics import STREAMS
from ingest.clock import pause

POLL_S = 0.25
BEAT_S = 10.0  # a page that hears nothing for longer than two beats says that it is blind
PAGE = 500
BACKLOG = 1_000  # events one slow stream may be behind before it is ended; its browser comes back with Last-Event-ID

_log = structlog.get_logger(__name__)


class Beat:
    """Nothing happened, but the stream lives."""


@dataclass(slots=True, eq=False)
class _Follower:
    dong: str | None
    waiting: asyncio.Queue[LiveEvent | None] = field(default_factory=lambda: asyncio.Queue(BACKLOG))
    overrun: bool = False

    def offer(self, event: LiveEvent | None) -> None:
        if event is not None and self.dong not in (None, event.dong_code):
            return
        try:
            self.waiting.put_nowait(event)
        except asyncio.QueueFull:
            self.overrun = True


class LiveStream:
    """Polls the store once for all, however many look. Belongs to one event loop."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._followers: set[_Follower] = set()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to read; called inside the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._read())

    def close(self) -> None:
        """End every stream now, so that a stopping server need not wait for them; called inside the loop."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
        for follower in self._followers:
            while follower.waiting.full():
                follower.waiting.get_nowait()
            follower.offer(None)

    async def follow(self, *, after: int | None, dong: str | None) -> AsyncGenerator[LiveEvent | Beat]:
        """Events of the dong (None: all) with an id above `after` (None: from now on), a `Beat` where 10 s pass without."""
        follower = _Follower(dong=dong)
        self._followers.add(follower)  # before the replay, so that nothing falls between the two
        STREAMS.inc()
        try:
            newest = await run_in_threadpool(self._desk.last_event_id)
            # An id from the future is one of another store (a demo begun anew): nothing of it can be replayed.
            seen = newest if after is None else min(after, newest)
            yield Beat()
            while not self._closed and (missed := await run_in_threadpool(self._missed, seen, dong)):
                for event in missed:
                    seen = event.id
                    yield event
            while not self._closed and not follower.overrun:
                try:
                    event_or_end = await asyncio.wait_for(follower.waiting.get(), BEAT_S)
                except TimeoutError:
                    yield Beat()
                    continue
                if event_or_end is None:
                    return
                if event_or_end.id > seen:
                    seen = event_or_end.id
                    yield event_or_end
        finally:
            self._followers.discard(follower)
            STREAMS.dec()

    def _missed(self, after: int, dong: str | None) -> list[LiveEvent]:
        return self._desk.events(after=after, dong=dong, limit=PAGE)

    async def _read(self) -> None:
        seen: int | None = None
        while not self._closed:
            try:
                if seen is None:
                    seen = await run_in_threadpool(self._desk.last_event_id)
                for event in await run_in_threadpool(self._missed, seen, None):
                    seen = event.id
                    for follower in tuple(self._followers):
                        follower.offer(event)
            except Exception:  # whatever it is: the one reader of all streams must never die and leave pages silent
                _log.exception("live events could not be read; trying again", next="look at the alerts store")
            await pause(POLL_S)
