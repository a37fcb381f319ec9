"""How often somebody may ask: a bucket that fills evenly, remembered in this process."""

from __future__ import annotations

import threading

from ingest.clock import SECOND, Clock, Millis

WATCHED = 10_000
"""Who is remembered at once; beyond it all begin anew."""


class TooManyRequests(Exception):
    """This one asks too often."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class Pace:
    """At most `requests` in each stretch of `window` machine ms, by key. Safe to use from several threads."""

    def __init__(self, clock: Clock, requests: int, window: Millis) -> None:
        self._clock = clock
        self._most = float(requests)
        self._window = window
        self._lock = threading.Lock()
        self._room: dict[str, tuple[float, Millis]] = {}  # requests somebody may still make, as of then

    def count(self, key: str) -> None:
        """Count one; TooManyRequests where there is no room for it."""
        now = self._clock.machine_now()
        with self._lock:
            room, since = self._room.get(key, (self._most, now))
            room = min(self._most, room + (now - since) * self._most / self._window)
            if room < 1:
                raise TooManyRequests(max(1, round((1 - room) * self._window / self._most / SECOND)))
            if len(self._room) >= WATCHED:
                self._room.clear()
            self._room[key] = (room - 1, now)
