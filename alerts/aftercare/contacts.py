"""Contact plans as they are stored: set, met by whatever counts as a contact, listed when due."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from alerts.aftercare.plan import Contact, ContactKind, Plan, contact_of, counts_for, due_after
from alerts.aftercare.tables import contact, contact_plan
from alerts.check import Check, NotFound, Outcome, WrongValue
from ingest.clock import Clock, Millis
from ingest.register import tables as register
from ingest.store import reading

LONGEST_DAYS = 92


class Contacts:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock

    def plan(self, household_id: str, kind: ContactKind, every_days: int, *, responsible: str, dong: str | None) -> Plan:
        """Want a contact of this kind every so many days from now on; said again, it is replaced. NotFound, WrongValue."""
        if not 1 <= every_days <= LONGEST_DAYS:
            raise WrongValue("plan_days", f"a contact is wanted every 1 to {LONGEST_DAYS} days")
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            owner = _owner(connection, household_id, dong)
            kinds = [each for each in ContactKind if kind in counts_for(each)]
            seen = select(contact.c.at).where(contact.c.household_id == household_id, contact.c.kind.in_(kinds))
            last = connection.execute(seen.order_by(contact.c.at.desc()).limit(1)).scalar()
            due_at = max(now, due_after(now if last is None else last, every_days))
            which = (contact_plan.c.household_id == household_id) & (contact_plan.c.kind == kind)
            connection.execute(delete(contact_plan).where(which))
            row: dict[str, Any] = {"household_id": household_id, "kind": kind, "dong_code": owner, "every_days": every_days}
            row |= {"responsible": responsible, "last_at": last, "due_at": due_at, "remind_at": due_at}
            connection.execute(insert(contact_plan).values(**row))
            return _plan(connection.execute(select(contact_plan).where(which)).one())

    def drop(self, household_id: str, kind: ContactKind, *, dong: str | None) -> None:
        """Want no such contact any more. NotFound."""
        which = (contact_plan.c.household_id == household_id) & (contact_plan.c.kind == kind)
        with self._engine.begin() as connection:
            _owner(connection, household_id, dong)
            if not connection.execute(delete(contact_plan).where(which)).rowcount:
                raise NotFound("there is no such plan")

    def plans(self, *, dong: str | None, household: str | None = None, due_by: Millis | None = None) -> list[Plan]:
        """Plans, the first to fall due first; with `due_by` those due by then."""
        homes = contact_plan.join(register.household, register.household.c.id == contact_plan.c.household_id)
        wanted = select(contact_plan).select_from(homes).where(register.household.c.ended_at.is_(None))
        if dong is not None:
            wanted = wanted.where(contact_plan.c.dong_code == dong)
        if household is not None:
            wanted = wanted.where(contact_plan.c.household_id == household)
        if due_by is not None:
            wanted = wanted.where(contact_plan.c.due_at <= due_by)
        ordered = wanted.order_by(contact_plan.c.due_at, contact_plan.c.household_id, contact_plan.c.kind)
        with self._reading.begin() as connection:
            return [_plan(row) for row in connection.execute(ordered)]

    def contacts(self, household_id: str, *, dong: str | None, limit: int = 20) -> list[Contact]:
        """The household's last contacts, the newest first. NotFound."""
        mine = select(contact).where(contact.c.household_id == household_id)
        with self._reading.begin() as connection:
            _owner(connection, household_id, dong)
            rows = connection.execute(mine.order_by(contact.c.at.desc(), contact.c.id.desc()).limit(limit)).all()
        return [
            Contact(household_id=row.household_id, kind=ContactKind(row.kind), at=row.at, actor=row.actor, source=row.source)
            for row in rows
        ]

    def record(self, household_id: str, kind: ContactKind, *, actor: str, dong: str | None) -> None:
        """Somebody has spoken with the resident, or was there, without any check. NotFound."""
        with self._engine.begin() as connection:
            _owner(connection, household_id, dong)
            note_contact(connection, household_id, kind, self._clock.home_now(), actor=actor, source="plan")


def note_contact(connection: Connection, household_id: str, kind: ContactKind, at: Millis, *, actor: str, source: str) -> None:
    """Write a contact and move the due dates it meets, in the caller's transaction."""
    connection.execute(insert(contact).values(household_id=household_id, kind=kind, at=at, actor=actor, source=source))
    met = contact_plan.c.kind.in_(counts_for(kind)) & (contact_plan.c.household_id == household_id)
    for row in connection.execute(select(contact_plan.c.kind, contact_plan.c.every_days).where(met)).all():
        due_at = due_after(at, row.every_days)
        one = contact_plan.c.household_id == household_id, contact_plan.c.kind == row.kind
        connection.execute(update(contact_plan).where(*one).values(last_at=at, due_at=due_at, remind_at=due_at))


def count_settled(connection: Connection, settled: Check, outcome: Outcome, at: Millis, *, actor: str) -> None:
    """A check settled by speaking with the resident, or by being there, is a contact."""
    kind = contact_of(outcome)
    if kind is not None and settled.household_id is not None:
        note_contact(connection, settled.household_id, kind, at, actor=actor, source=f"check:{settled.id}")


def _owner(connection: Connection, household_id: str, dong: str | None) -> str:
    owner = connection.execute(select(register.household.c.dong_code).where(register.household.c.id == household_id)).scalar()
    if owner is None or dong not in (None, owner):
        raise NotFound("no such household")
    return str(owner)


def _plan(row: Row[Any]) -> Plan:
    return Plan(
        household_id=row.household_id,
        dong_code=row.dong_code,
        kind=ContactKind(row.kind),
        every_days=row.every_days,
        responsible=row.responsible,
        last_at=row.last_at,
        due_at=row.due_at,
    )
