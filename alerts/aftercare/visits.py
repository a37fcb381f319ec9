"""Visits as they are stored: planned, recorded, cancelled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from alerts.aftercare.cases import case_for
from alerts.aftercare.contacts import note_contact
from alerts.aftercare.plan import ContactKind
from alerts.aftercare.tables import visit
from alerts.aftercare.visit import REMIND_BEFORE, Companion, Visit, VisitResult, VisitState
from alerts.check import Conflict, NotFound, WrongValue
from alerts.notes import open_note, seal_note
from ingest.clock import DAY, HOUR, Clock, Millis
from ingest.seal import Sealer
from ingest.store import reading

FURTHEST: Millis = 92 * DAY


class Visits:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer

    def plan(
        self,
        household_id: str,
        *,
        planned_at: Millis,
        visitor: str,
        actor: str,
        dong: str | None,
        companion: Companion = Companion.NONE,
        check_id: str | None = None,
    ) -> Visit:
        """Plan a visit; it joins the household's case, which is opened where there is none. NotFound, WrongValue."""
        now = self._clock.home_now()
        if not now - HOUR <= planned_at <= now + FURTHEST:
            raise WrongValue("visit_time", "a visit is planned for a time from now on, 92 days ahead at most")
        with self._engine.begin() as connection:
            case = case_for(connection, household_id, check_id, actor=actor, dong=dong, now=now)
            row: dict[str, Any] = {
                "case_id": case.id,
                "household_id": household_id,
                "dong_code": case.dong_code,
                "check_id": check_id,
                "visitor": visitor,
                "companion": companion,
                "planned_at": planned_at,
                "remind_at": planned_at - REMIND_BEFORE,
                "state": VisitState.PLANNED,
            }
            made = connection.execute(insert(visit).values(**row, added_at=now, added_by=actor).returning(visit)).one()
            return self._visit(made)

    def record(self, visit_id: int, result: VisitResult, *, actor: str, dong: str | None, text: str = "") -> Visit:
        """The visit was made; who was met has been contacted. NotFound, Conflict."""
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            before = _planned(connection, visit_id, dong)
            self._end(connection, visit_id, VisitState.DONE, actor, text, result)
            if result is not VisitResult.NOT_MET:
                source = f"visit:{visit_id}"
                note_contact(connection, before.household_id, ContactKind.VISIT, now, actor=actor, source=source)
            return self._visit(_found(connection, visit_id, dong))

    def cancel(self, visit_id: int, *, actor: str, dong: str | None, text: str = "") -> Visit:
        """It will not be made. NotFound, Conflict."""
        with self._engine.begin() as connection:
            _planned(connection, visit_id, dong)
            self._end(connection, visit_id, VisitState.CANCELLED, actor, text, None)
            return self._visit(_found(connection, visit_id, dong))

    def visits(
        self,
        *,
        dong: str | None,
        household: str | None = None,
        case_id: int | None = None,
        planned: bool = False,
        limit: int = 200,
    ) -> list[Visit]:
        """Visits by their planned time; with `planned` those still to be made."""
        wanted = select(visit).order_by(visit.c.planned_at, visit.c.id).limit(limit)
        filters = {visit.c.dong_code: dong, visit.c.household_id: household, visit.c.case_id: case_id}
        for column, value in filters.items():
            if value is not None:
                wanted = wanted.where(column == value)
        if planned:
            wanted = wanted.where(visit.c.state == VisitState.PLANNED)
        with self._reading.begin() as connection:
            return [self._visit(row) for row in connection.execute(wanted)]

    def _end(
        self, connection: Connection, visit_id: int, state: VisitState, actor: str, text: str, result: VisitResult | None
    ) -> None:
        values: dict[str, Any] = {"state": state, "result": result, "remind_at": None}
        values |= {"ended_at": self._clock.home_now(), "ended_by": actor}
        values["sealed_note"] = seal_note(self._sealer, text, _about(visit_id))
        connection.execute(update(visit).where(visit.c.id == visit_id).values(**values))

    def _visit(self, row: Row[Any]) -> Visit:
        return Visit(
            id=row.id,
            case_id=row.case_id,
            household_id=row.household_id,
            dong_code=row.dong_code,
            check_id=row.check_id,
            visitor=row.visitor,
            companion=Companion(row.companion),
            planned_at=row.planned_at,
            state=VisitState(row.state),
            result=None if row.result is None else VisitResult(row.result),
            ended_at=row.ended_at,
            ended_by=row.ended_by,
            note=open_note(self._sealer, row.sealed_note, _about(row.id)),
        )


def _found(connection: Connection, visit_id: int, dong: str | None) -> Row[Any]:
    row = connection.execute(select(visit).where(visit.c.id == visit_id)).one_or_none()
    if row is None or dong not in (None, row.dong_code):
        raise NotFound("no such visit")
    return row


def _planned(connection: Connection, visit_id: int, dong: str | None) -> Row[Any]:
    row = _found(connection, visit_id, dong)
    if row.state != VisitState.PLANNED:
        raise Conflict(f"the visit is {row.state} already")
    return row


def _about(visit_id: int) -> str:
    return f"visit:{visit_id}"
