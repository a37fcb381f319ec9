"""The only place that knows what time it is, in homes and on this machine.

Two times run side by side. *Home time* is what residents, sensors, rules and staff live in; a demo scales it and a
replay steps it. *Machine time* is for sessions, leases, back-off and log lines; nothing scales it. All instants are
integer milliseconds since 1970-01-01T00:00:00Z (`Millis`); Asia/Seoul appears only where a person reads or types.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias
from zoneinfo import ZoneInfo

Millis: TypeAlias = int
"""Milliseconds since 1970-01-01T00:00:00Z, or a length of time in milliseconds."""

SEOUL = ZoneInfo("Asia/Seoul")
SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What every stage is handed instead of asking the operating system."""

    def home_now(self) -> Millis:
        """The instant it is in the homes; never goes back while the process lives."""
        ...

    def machine_now(self) -> Millis:
        """The wall time of this machine at the start plus the monotonic time since; never goes back."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, for measuring how long machine work took."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait machine seconds. Threads that must stop promptly wait on an Event instead."""
        ...


class SystemClock:
    """Real time: home time starts at `home_start` (the wall time when None) and runs at `rate` times machine time.

    `set_rate` keeps home time continuous; it is safe to call from any thread.
    """

    def __init__(self, *, rate: float = 1.0, home_start: Millis | None = None) -> None:
        if rate <= 0:
            raise ValueError(f"the rate of home time must be above 0, not {rate}")
        self._lock = threading.Lock()
        self._wall_start: Millis = time.time_ns() // 1_000_000
        self._mono_start = time.monotonic()
        self._home_anchor: Millis = self._wall_start if home_start is None else home_start
        self._mono_anchor = self._mono_start
        self._rate = rate

    @property
    def rate(self) -> float:
        """Home seconds per machine second."""
        return self._rate

    def set_rate(self, rate: float) -> None:
        """Run home time at `rate` times machine time from this moment on; ValueError unless it is above 0."""
        if rate <= 0:
            raise ValueError(f"the rate of home time must be above 0, not {rate}")
        with self._lock:
            mono = time.monotonic()
            self._home_anchor = self._home_at(mono)
            self._mono_anchor = mono
            self._rate = rate

    def home_now(self) -> Millis:
        """The instant it is in the homes."""
        with self._lock:
            return self._home_at(time.monotonic())

    def _home_at(self, mono: float) -> Millis:
        return self._home_anchor + int((mono - self._mono_anchor) * self._rate * 1_000)

    def machine_now(self) -> Millis:
        """Start wall time plus monotonic time since, so that a clock set back cannot move it back."""
        return self._wall_start + int((time.monotonic() - self._mono_start) * 1_000)

    def wall_drift(self) -> Millis:
        """How far the machine's wall clock has moved away from `machine_now` since the start (positive: ahead)."""
        return time.time_ns() // 1_000_000 - self.machine_now()

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait machine seconds."""
        time.sleep(seconds)


class VirtualClock(SystemClock):
    """Home time stands still until `advance_to` moves it; machine time is real. For replays and tests."""

    def __init__(self, home_start: Millis) -> None:
        super().__init__()
        self._home_now = home_start

    def home_now(self) -> Millis:
        """The instant last advanced to."""
        return self._home_now

    def set_rate(self, rate: float) -> None:
        """Refused: a virtual clock has no rate."""
        raise ValueError("a virtual clock is moved with advance_to, it has no rate")

    def advance_to(self, at: Millis) -> None:
        """Move home time to `at`; ValueError when that is in its past."""
        if at < self._home_now:
            raise ValueError(f"home time cannot go back from {self._home_now} to {at}")
        self._home_now = at


async def pause(seconds: float) -> None:
    """Wait machine seconds inside an event loop."""
    await asyncio.sleep(seconds)


def to_datetime(at: Millis) -> datetime:
    """The instant as an aware UTC datetime, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=at)


def to_millis(moment: datetime) -> Millis:
    """The aware datetime as an instant; ValueError for a naive one, whose zone nobody can know."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_iso(at: Millis, zone: ZoneInfo = SEOUL) -> str:
    """The instant as ISO 8601 with offset, to the second, in `zone` (Asia/Seoul unless told)."""
    return to_datetime(at).astimezone(zone).isoformat(timespec="seconds")


def home_day(at: Millis) -> int:
    """The number of the day it is in Asia/Seoul, which keeps UTC+9 all year: what journal segments and snapshots go by."""
    return (at + 9 * HOUR) // DAY


def parse_local(text: str, zone: ZoneInfo = SEOUL) -> Millis:
    """An ISO 8601 time as an instant; one without an offset is taken in `zone`. ValueError when unreadable."""
    moment = datetime.fromisoformat(text)
    return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=zone))


def process_age() -> float:
    """Seconds since this process was started by the operating system, interpreter start-up included.

    Where the system does not tell (no /proc), since this module was loaded.
    """
    try:
        stat = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace")
        started_ticks = int(stat.rsplit(")", 1)[1].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started_ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _LOADED


_LOADED = time.monotonic()
