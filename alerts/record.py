"""How a decision is written: state, transitions, live events and deliveries together, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, and_, insert, or_, update

from alerts import metrics
from alerts.check import Check, CheckState, Decision, NoticeKind, Transition
from alerts.delivery import DeliveryState, address
from alerts.live import tell
from alerts.policy import Policy
from alerts.rows import free_code, write_check, write_ticket
from alerts.tables import delivery, transition
from alerts.telling import Telling, tell_people
from alerts.ticket import Ticket, TicketDecision
from ingest.clock import Clock, Millis
from ingest.seal import Sealer


class Recorder:
    """Writes decisions; one for each process, because nothing in it changes."""

    def __init__(self, clock: Clock, sealer: Sealer | None, policy: Policy) -> None:
        self._clock = clock
        self._sealer = sealer
        self._policy = policy

    def write(self, connection: Connection, before: Check | None, decision: Decision, text: str = "") -> Check | None:
        """Write the decision; `text` is sealed into its last transition. Returns the check as it is now."""
        after = decision.check
        if after is None:
            return before
        if before is None:
            after = replace(after, code=free_code(connection, after.id, after.dong_code))
        write_check(connection, before, after)
        self._write_transitions(connection, decision.transitions, text, after.dong_code, check_id=after.id)
        self._withdraw(connection, before, after, decision)
        self._write_deliveries(connection, after, decision)
        return after

    def write_ticket(
        self, connection: Connection, before: Ticket | None, decision: TicketDecision, text: str = ""
    ) -> Ticket | None:
        """Write the decision about a ticket, likewise."""
        after = decision.ticket
        if after is None:
            return before
        write_ticket(connection, after, new=before is None)
        self._write_transitions(connection, decision.transitions, text, after.dong_code, ticket_id=after.id)
        return after

    def _write_transitions(
        self,
        connection: Connection,
        changes: Sequence[Transition],
        text: str,
        dong_code: str,
        *,
        check_id: str | None = None,
        ticket_id: str | None = None,
    ) -> None:
        for number, change in enumerate(changes, start=1):
            values = {name: getattr(change, name) for name in Transition.__slots__}
            sealed = self._seal(text, check_id, ticket_id) if number == len(changes) else None
            connection.execute(insert(transition).values(check_id=check_id, ticket_id=ticket_id, sealed_note=sealed, **values))
            tell(
                connection,
                at=change.at,
                machine_at=self._clock.machine_now(),
                dong_code=dong_code,
                kind="check" if check_id else "ticket",
                ref=check_id or ticket_id or "",
                action=change.action,
            )
            metrics.transitions.labels(change.action.value).inc()

    def _seal(self, text: str, check_id: str | None, ticket_id: str | None) -> bytes | None:
        if not text.strip():
            return None
        if self._sealer is None:
            raise ValueError("text cannot be kept without a sealer")
        return self._sealer.seal(text.strip().encode(), about=note_about(check_id, ticket_id))

    def _withdraw(self, connection: Connection, before: Check | None, after: Check, decision: Decision) -> None:
        """After the end nothing leaves; a newer telling replaces what still waits; nobody is reminded of what is taken."""
        if before is None:
            return
        now = self._clock.machine_now()
        if decision.notices or after.state is CheckState.RESOLVED:
            withdraw(connection, after.id, now, reminders_only=False)
        elif after.state is CheckState.ACKNOWLEDGED:
            withdraw(connection, after.id, now, reminders_only=True)

    def _write_deliveries(self, connection: Connection, after: Check, decision: Decision) -> None:
        machine_now = self._clock.machine_now()
        rows = [
            {
                "id": each.id,
                "check_id": each.check_id,
                "channel": each.channel,
                "recipient": each.recipient,
                "step": each.step,
                "level": each.level,
                "body": each.body.decode(),
                "created_at": machine_now,
                "due_at": machine_now,
                "attempts": 0,
                "state": DeliveryState.WAITING,
            }
            for told in decision.notices
            for each in address(after, told, self._clock.home_now(), self._policy)
        ]
        if rows:
            connection.execute(insert(delivery), rows)
        people = [
            route.recipient
            for route in self._policy.routes
            if route.channel is None and route.wants(after.level, after.dong_code)
        ]
        for told in decision.notices:
            telling = Telling.of_check(after, told)
            tell_people(connection, telling, people, self._policy, home_now=self._clock.home_now(), machine_now=machine_now)


def note_about(check_id: str | None, ticket_id: str | None) -> str:
    """What a sealed note is bound to, so that it opens nowhere else."""
    return f"check:{check_id}" if check_id else f"ticket:{ticket_id}"


def withdraw(connection: Connection, check_id: str, machine_now: Millis, *, reminders_only: bool) -> None:
    """Take back what waits for this check, save what is just being sent: its sender settles that itself."""
    idle = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= machine_now)
    unsent = delivery.c.state.in_([DeliveryState.WAITING, DeliveryState.HELD])
    which = and_(delivery.c.check_id == check_id, unsent, idle)
    if reminders_only:
        which = and_(which, delivery.c.step.startswith(f"{NoticeKind.REMINDER}:"))
    connection.execute(update(delivery).where(which).values(state=DeliveryState.WITHDRAWN, lease_until=None))
