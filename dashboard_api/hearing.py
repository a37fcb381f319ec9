"""How much of a dong is heard at all: an empty queue means calm only where homes are heard."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec

from dashboard_api.services import Services
from ingest.clock import HOUR, SECOND, Millis
from ingest.history.port import HistoryUnavailable

RECENT: Millis = HOUR  # home time; the slowest device of ours reports hourly, most every ten minutes
KEPT: Millis = 10 * SECOND  # machine time for which an answer is good enough,
KEPT_HOME: Millis = 20 * SECOND  # and home time, which runs ahead in a demo


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """`heard` of `homes` sent something within the last hour of home time; `last_at` is the newest reading of all."""

    homes: int
    heard: int
    last_at: Millis | None
    since: Millis  # what "lately" means here
    newest: Mapping[str, Millis]  # newest reading by household, those never heard left out
    available: bool = True  # False: the history does not answer


class HearingBoard:
    """Asks the history at most once in ten seconds for each dong, more often where home time runs ahead. Thread-safe."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._known: dict[str | None, tuple[Millis, Millis, Hearing]] = {}

    def of(self, dong: str | None) -> Hearing:
        """The hearing of this dong (None: all)."""
        now, home_now = self._services.clock.machine_now(), self._services.clock.home_now()
        with self._lock:
            known = self._known.get(dong)
            if known is not None and now - known[0] < KEPT and home_now - known[1] < KEPT_HOME:
                return known[2]
            hearing = self._ask(dong)
            self._known[dong] = (now, home_now, hearing)
            return hearing

    def _ask(self, dong: str | None) -> Hearing:
        homes = self._services.register.households(dong)
        since = self._services.clock.home_now() - RECENT
        newest: dict[str, Millis] = {}
        try:
            for home in homes:
                readings = self._services.history.latest(home.id)
                if readings:
                    newest[home.id] = max(at for at, _ in readings.values())
        except HistoryUnavailable:
            return Hearing(homes=len(homes), heard=0, last_at=None, since=since, newest={}, available=False)
        heard = sum(at >= since for at in newest.values())
        return Hearing(homes=len(homes), heard=heard, last_at=max(newest.values(), default=None), since=since, newest=newest)
