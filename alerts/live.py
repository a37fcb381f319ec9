"""What the live stream tells and replays: which check or ticket changed, in the order of the changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select

from alerts.tables import live_event
from ingest.clock import DAY, Clock, Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveEvent:
    """One change. `ref` is the check's or ticket's id; what it is like now is for the reader to ask."""

    id: int
    at: Millis  # home time
    dong_code: str
    kind: str  # check, ticket
    ref: str
    action: str  # alerts.check.Action


def event_row(*, at: Millis, machine_at: Millis, dong_code: str, kind: str, ref: str, action: str) -> dict[str, Any]:
    """One event as a row."""
    return {"at": at, "machine_at": machine_at, "dong_code": dong_code, "kind": kind, "ref": ref, "action": action}


def events_after(connection: Connection, after: int, dong: str | None, limit: int) -> list[LiveEvent]:
    """Events with an id above `after`, oldest first, of one dong or (None) of all."""
    columns = [live_event.c[name] for name in LiveEvent.__slots__]
    found = select(*columns).where(live_event.c.id > after).order_by(live_event.c.id).limit(limit)
    if dong is not None:
        found = found.where(live_event.c.dong_code == dong)
    return [LiveEvent(**row) for row in connection.execute(found).mappings()]


def newest(connection: Connection) -> int:
    """The id of the last event, 0 before the first."""
    return connection.execute(select(func.max(live_event.c.id))).scalar() or 0


def prune_live_events(engine: Engine, clock: Clock, keep: Millis = DAY) -> int:
    """Drop events older than `keep` of machine time; returns how many.

    The newest always stays: SQLite would give its id out again, and a stream that had seen it would miss the next.
    """
    with engine.begin() as connection:
        old = delete(live_event).where(live_event.c.machine_at < clock.machine_now() - keep, live_event.c.id < newest(connection))
        return connection.execute(old).rowcount
