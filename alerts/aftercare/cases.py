"""The case (사례) of a household: opened with its first visit or referral, in one officer's hands, closed with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from alerts.aftercare.referral import NEXT
from alerts.aftercare.tables import care_case, referral, visit
from alerts.aftercare.visit import VisitState
from alerts.check import Check, Conflict, NeedsText, NotFound
from alerts.notes import open_note, seal_note
from alerts.rows import load_checks
from alerts.tables import check
from ingest.clock import Clock, Millis
from ingest.register import tables as register
from ingest.seal import Sealer
from ingest.store import reading

GOING_ON = tuple(state for state, after in NEXT.items() if after)
"""States in which a referral still wants something done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is done for one household. All instants are home time."""

    id: int
    household_id: str
    dong_code: str
    responsible: str
    begins_at: Millis  # checks opened from then on belong to it
    opened_at: Millis
    closed_at: Millis | None
    closed_by: str | None
    note: str | None  # why it was closed


class Cases:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer

    def cases(self, *, dong: str | None, household: str | None = None, closed: bool = False, limit: int = 200) -> list[Case]:
        """Those open (or, asked for, closed), the oldest open and the newest closed first."""
        order = care_case.c.closed_at.desc() if closed else care_case.c.opened_at
        over = care_case.c.closed_at.is_not(None) if closed else care_case.c.closed_at.is_(None)
        wanted = select(care_case).where(over).order_by(order, care_case.c.id).limit(limit)
        if dong is not None:
            wanted = wanted.where(care_case.c.dong_code == dong)
        if household is not None:
            wanted = wanted.where(care_case.c.household_id == household)
        with self._reading.begin() as connection:
            return [self._case(row) for row in connection.execute(wanted)]

    def case(self, case_id: int, *, dong: str | None) -> tuple[Case, list[Check]]:
        """One case with its household's checks from its beginning to its end, oldest first. NotFound."""
        with self._reading.begin() as connection:
            found = self._case(_found(connection, case_id, dong))
            mine = select(check).where(check.c.household_id == found.household_id, check.c.opened_at >= found.begins_at)
            if found.closed_at is not None:
                mine = mine.where(check.c.opened_at <= found.closed_at)
            return found, load_checks(connection, mine.order_by(check.c.opened_at, check.c.id))

    def open(self, household_id: str, *, actor: str, dong: str | None, check_id: str | None = None) -> Case:
        """The household's open case; a new one in the actor's hands where there is none. NotFound."""
        with self._engine.begin() as connection:
            return self._case(case_for(connection, household_id, check_id, actor=actor, dong=dong, now=self._clock.home_now()))

    def assign(self, case_id: int, responsible: str, *, dong: str | None) -> Case:
        """Put it into another officer's hands, with what is still to be done. NotFound, Conflict."""
        with self._engine.begin() as connection:
            _open(connection, case_id, dong)
            connection.execute(update(care_case).where(care_case.c.id == case_id).values(responsible=responsible))
            mine = referral.c.case_id == case_id, referral.c.state.in_(GOING_ON)
            connection.execute(update(referral).where(*mine).values(responsible=responsible))
            return self._case(_found(connection, case_id, dong))

    def close(self, case_id: int, *, actor: str, dong: str | None, text: str) -> Case:
        """End it. NotFound; NeedsText without a reason; Conflict while a visit is planned or a referral goes on."""
        if not text.strip():
            raise NeedsText("closing a case needs its reason")
        with self._engine.begin() as connection:
            _open(connection, case_id, dong)
            if waits := _unfinished(connection, case_id):
                raise Conflict(f"the case still has {waits}")
            sealed = seal_note(self._sealer, text, _about(case_id))
            ended = {"closed_at": self._clock.home_now(), "closed_by": actor, "sealed_note": sealed}
            connection.execute(update(care_case).where(care_case.c.id == case_id).values(**ended))
            return self._case(_found(connection, case_id, dong))

    def _case(self, row: Row[Any]) -> Case:
        return Case(
            id=row.id,
            household_id=row.household_id,
            dong_code=row.dong_code,
            responsible=row.responsible,
            begins_at=row.begins_at,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            closed_by=row.closed_by,
            note=open_note(self._sealer, row.sealed_note, _about(row.id)),
        )


def case_for(
    connection: Connection, household_id: str, check_id: str | None, *, actor: str, dong: str | None, now: Millis
) -> Row[Any]:
    """The household's open case, opened where there is none. NotFound for a household or check that is not there.

    Opened from a check, it begins with that check.
    """
    home = select(register.household.c.dong_code).where(
        register.household.c.id == household_id, register.household.c.ended_at.is_(None)
    )
    owner = connection.execute(home).scalar()
    if owner is None or dong not in (None, owner):
        raise NotFound("no such household is looked after")
    begins = now
    if check_id is not None:
        mine = select(check.c.opened_at).where(check.c.id == check_id, check.c.household_id == household_id)
        opened = connection.execute(mine).scalar()
        if opened is None:
            raise NotFound("the household has no such check")
        begins = min(now, opened)
    standing = select(care_case).where(care_case.c.household_id == household_id, care_case.c.closed_at.is_(None))
    if connection.execute(standing).first() is None:
        row = {"household_id": household_id, "dong_code": owner, "responsible": actor, "begins_at": begins}
        connection.execute(insert(care_case).values(**row, opened_at=now, opened_by=actor))
    found = connection.execute(standing).one()
    connection.execute(
        update(care_case).where(care_case.c.id == found.id, care_case.c.begins_at > begins).values(begins_at=begins)
    )
    return found


def _found(connection: Connection, case_id: int, dong: str | None) -> Row[Any]:
    row = connection.execute(select(care_case).where(care_case.c.id == case_id)).one_or_none()
    if row is None or dong not in (None, row.dong_code):
        raise NotFound("no such case")
    return row


def _open(connection: Connection, case_id: int, dong: str | None) -> Row[Any]:
    row = _found(connection, case_id, dong)
    if row.closed_at is not None:
        raise Conflict("the case is closed")
    return row


def _unfinished(connection: Connection, case_id: int) -> str | None:
    """What of the case is still to be done, in words; None where nothing is."""
    planned = select(visit.c.id).where(visit.c.case_id == case_id, visit.c.state == VisitState.PLANNED)
    if connection.execute(planned).first():
        return "a planned visit"
    waiting = or_(*(referral.c.state == state for state in GOING_ON))
    if connection.execute(select(referral.c.id).where(referral.c.case_id == case_id, waiting)).first():
        return "a referral that goes on"
    return None


def _about(case_id: int) -> str:
    return f"care_case:{case_id}"
