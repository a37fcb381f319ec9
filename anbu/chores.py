"""The upkeep of a site, hourly: what grows old goes. A chore that fails is told of like a stage that stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from dashboard_api.services import StageHealth
from ingest.clock import SEOUL, Clock

log = structlog.get_logger(__name__)

EVERY_S = 3600.0
AGAIN_S = 300.0
"""After a failure: what is busy (a backup holds the file) is free again by then, mostly."""

TOLD_FROM = 2
"""Failures in a row from which on a chore is not well."""


class Chore:
    """Does `work` once an hour, and again after five minutes where it failed. `look`: what somebody can do about that."""

    def __init__(self, name: str, work: Callable[[], object], look: str, clock: Clock) -> None:
        self.name = name
        self._work, self._look, self._clock = work, look, clock
        self._failures = 0
        self._error = ""
        self._done = clock.monotonic()

    def turn(self) -> None:
        """Do it where it is due; nothing is raised."""
        if not self._failures and self._clock.monotonic() - self._done < EVERY_S:
            return
        try:
            self._work()
        except Exception as error:  # a chore that breaks must not be the end of the others
            self._failures += 1
            self._error = f"{type(error).__name__}: {error}"
            log.exception("a chore failed and will be tried again", chore=self.name, again_in_s=AGAIN_S, next=self._look)
        else:
            if self._failures:
                log.info("a chore is done again", chore=self.name, failures=self._failures)
            self._failures = 0
            self._done = self._clock.monotonic()

    def health(self) -> StageHealth:
        """Not well from the second failure in a row until it is done; nobody's alarm is missed for that."""
        ok = self._failures < TOLD_FROM
        detail = "done each hour" if ok else f"{self._error}; tried every {AGAIN_S / 60:.0f} min; {self._look}"
        return StageHealth(name=f"chore {self.name}", ok=ok, detail=detail, upkeep=True)


class Chores:
    """Gives each chore a turn every `every_s`, on threads of its own, from `start` to `stop`."""

    def __init__(self, chores: Sequence[Chore], *, every_s: float = AGAIN_S) -> None:
        self._chores = tuple(chores)
        self._scheduler = BackgroundScheduler(
            timezone=SEOUL, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        for chore in self._chores:
            self._scheduler.add_job(chore.turn, "interval", seconds=every_s, id=chore.name)

    def start(self) -> None:
        """The first turn of each is an hour from when it was made."""
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no more; one under way is not waited for."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def health(self) -> list[StageHealth]:
        """How each is."""
        return [chore.health() for chore in self._chores]
