"""How each stage says that it is well, and what is wrong where it is not."""

from __future__ import annotations

import shutil

from anbu.beat import Beat
from dashboard_api.services import StageHealth
from ingest.acks_sender import AckSender
from ingest.clock import SECOND, Clock, Millis, SystemClock
from ingest.journal.runner import Runner
from ingest.journal.sqlite import SqliteJournal
from ingest.source import MqttSource

MOVING = "moving"

LEAST_ROOM = 512 * 1024 * 1024
"""Bytes free where the journal lies, or a twentieth of a small disk: below this the page warns, while there is still time."""

STALLED_AFTER = 30 * SECOND
"""A stage that has not moved for so long (machine time) is not well, whatever it says of itself."""

DRIFT_LIMIT = 5 * SECOND
"""Wall clock against monotonic clock: beyond this somebody set the clock and due times are in doubt."""


def of_source(source: MqttSource) -> StageHealth:
    """Of what comes from the broker."""
    status = source.status()
    detail = status.error or ("connected" if status.caught_up else "reading the backlog" if status.connected else "no connection")
    return StageHealth(name="broker", ok=status.connected and status.caught_up, detail=detail, lag=None)


def of_sender(sender: AckSender) -> StageHealth:
    """Of what goes to devices."""
    status = sender.status()
    return StageHealth(name="ack sender", ok=status.connected, detail=status.error or "connected", lag=None)


def of_journal(journal: SqliteJournal) -> StageHealth:
    """Whether it takes what comes, and the room on its disk."""
    disk = shutil.disk_usage(journal.folder)
    room = disk.free >= min(LEAST_ROOM, disk.total // 20)
    detail = journal.trouble or f"{disk.free // 1024**2} MiB free"
    return StageHealth(name="journal", ok=journal.trouble is None and room, detail=detail, lag=None)


def of_runner(runner: Runner, head: int, clock: Clock) -> StageHealth:
    """Of a consumer of the journal, whose last entry is at the offset `head`."""
    detail = runner.error or _moving(runner.progressed_at, clock)
    return StageHealth(name=runner.name, ok=detail == MOVING, detail=detail, lag=head - runner.offset)


def of_beat(beat: Beat, clock: Clock) -> StageHealth:
    """Of work that is done again and again."""
    detail = beat.error or _moving(beat.progressed_at, clock)
    return StageHealth(name=beat.name, ok=detail == MOVING, detail=detail, lag=None)


def of_clock(clock: Clock) -> StageHealth:
    """Whether somebody has set the clock."""
    drift = clock.wall_drift() if isinstance(clock, SystemClock) else 0
    return StageHealth(name="clock", ok=abs(drift) <= DRIFT_LIMIT, detail=f"wall clock {drift} ms from monotonic", lag=None)


def _moving(progressed_at: Millis, clock: Clock) -> str:
    return MOVING if clock.machine_now() - progressed_at < STALLED_AFTER else "stalled"
