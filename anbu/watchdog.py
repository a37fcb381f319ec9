"""The dead man's switch: somewhere else cries when this stops, and it stops as soon as one of our stages does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from alerts.channels.wire import Answer, Wire
from dashboard_api.services import StageHealth
from ingest.clock import Clock

log = structlog.get_logger(__name__)

EVERY_S = 60.0

_NEEDED = ("broker", "journal", "rules", "tick")
_OUTBOX = "outbox "


class Watchdog:
    """Pings once a minute while ingest, rules, ladder and outbox have all moved; says nothing else to anybody."""

    def __init__(self, url: str, stages: Callable[[], Sequence[StageHealth]], wire: Wire, clock: Clock) -> None:
        self._url, self._stages, self._wire, self._clock = url, stages, wire, clock
        self._pinged_at: float | None = None

    def turn(self) -> bool:
        """Whether it pinged and was heard; one that was not is tried again at the next turn."""
        now = self._clock.monotonic()
        if self._pinged_at is not None and now - self._pinged_at < EVERY_S:
            return False
        if still := standing(self._stages()):
            log.error("the watchdog is not pinged: a stage does not move", stages=still)
            return False
        answer = self._wire.ask("GET", self._url, headers={}, read=False)
        if isinstance(answer, Answer) and answer.ok:
            self._pinged_at = now
            return True
        log.warning(
            "the watchdog did not hear us", reason=f"status {answer.status}" if isinstance(answer, Answer) else answer.error
        )
        return False


def standing(stages: Sequence[StageHealth]) -> list[str]:
    """Those of the stages a life depends on that do not move, or are not there at all."""
    well = {stage.name: stage.ok for stage in stages}
    outboxes = [name for name in well if name.startswith(_OUTBOX)] or [_OUTBOX.strip()]
    return [name for name in (*_NEEDED, *outboxes) if not well.get(name, False)]
