"""A piece of machine work done again and again on its own thread, which never dies of an error and says how it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from ingest.clock import Clock, Millis

log = structlog.get_logger(__name__)


class Beat:
    """Calls `work` every `period_s` machine seconds, or at once when the last call returned that there is more to do.

    A failing call is logged with its name, kept in `error` until one succeeds, and tried again at the next beat.
    """

    def __init__(self, name: str, period_s: float, work: Callable[[], object], clock: Clock) -> None:
        self.name = name
        self.period_s = period_s
        self.error: str | None = None
        self.progressed_at: Millis = clock.machine_now()
        self._work = work
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """End after the call under way, or after `timeout` machine seconds."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
            self._stopping.wait(self.period_s)

    def turn(self) -> None:
        """One call of the work, whatever comes of it."""
        try:
            self._work()
        except Exception as error:  # the thread must outlive every surprise; the next beat tries again
            self.error = type(error).__name__
            log.exception("a stage failed and will be tried again", stage=self.name, again_in_s=self.period_s)
        else:
            self.error = None
            self.progressed_at = self._clock.machine_now()
