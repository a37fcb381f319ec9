"""How tickets become rows and come back; every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, insert, select, update

from alerts.check import Condition
from alerts.rows import THESE, evidence_decoder, optional, rows_in
from alerts.tables import open_ticket, ticket
from alerts.ticket import Ticket, TicketState
from ingest.reading import DeviceId, DongCode, HouseholdId
from rules.finding import Level, RuleKey

_OPEN_TICKETS = select(ticket).where(ticket.c.subject.in_(THESE), open_ticket())


def open_tickets_of(connection: Connection, subjects: Collection[str]) -> dict[tuple[str, RuleKey], Ticket]:
    """The open tickets of these subjects by subject and rule."""
    found = [ticket_of(row) for row in rows_in(connection, _OPEN_TICKETS, sorted(subjects))]
    return {(each.subject, each.rule): each for each in found}


def write_ticket(connection: Connection, after: Ticket, *, new: bool) -> None:
    """Write a new or changed ticket."""
    values = {name: getattr(after, name) for name in Ticket.__slots__ if name != "evidence"}
    values["evidence"] = msgspec.json.encode(after.evidence)
    if new:
        connection.execute(insert(ticket).values(values))
    else:
        connection.execute(update(ticket).where(ticket.c.id == after.id).values(values))


def ticket_of(row: Row[Any]) -> Ticket:
    """The ticket a row holds."""
    return Ticket(
        id=row.id,
        household_id=optional(HouseholdId, row.household_id),
        dong_code=DongCode(row.dong_code),
        device_id=optional(DeviceId, row.device_id),
        rule=RuleKey(row.rule),
        level=Level(row.level),
        subject=row.subject,
        state=TicketState(row.state),
        condition=Condition(row.condition),
        episode=row.episode,
        opened_at=row.opened_at,
        at=row.at,
        cleared_at=row.cleared_at,
        resolved_at=row.resolved_at,
        resolved_by=row.resolved_by,
        evidence=evidence_decoder.decode(row.evidence),
    )
