"""Absences that staff declare: a fact for the rules, and a list for those who have duty."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, insert, select, update

from alerts.check import BadReturn, NotFound
from alerts.duty.tables import away
from ingest.clock import DAY, Clock, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import AwayDeclared, AwayEnded
from ingest.reading import DongCode, HouseholdId
from ingest.register.tables import household as homes
from ingest.store import reading

LONGEST: Millis = 14 * DAY


class AwayReason(StrEnum):
    """Why the resident is away, as the fact says it."""

    TRAVEL = "travel"
    HOSPITAL = "hospital"
    FAMILY = "family"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A home whose resident is known to be away until `returns_at` (home time)."""

    id: int
    household_id: HouseholdId
    dong_code: DongCode
    from_at: Millis
    returns_at: Millis
    reason: str
    declared_by: str
    ended_at: Millis | None


class Absences:
    """Safe to use from several threads. `dong` None sees every dong; another dong's homes are not found."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def declare(self, household: str, *, returns_at: Millis, reason: AwayReason, by: str, dong: str | None) -> Away:
        """The resident is away until then; one declared before ends here. NotFound, BadReturn.

        Every clock of absence stands still until the return time, and begins anew there.
        """
        now = self._clock.home_now()
        if not now < returns_at <= now + LONGEST:
            raise BadReturn("the return time must lie ahead, 14 days at most")
        with self._engine.begin() as connection:
            _home(connection, household, dong)
            fact_id = f"away:{uuid4().hex}"
            fact = AwayDeclared(
                fact_id=fact_id, at=now, household_id=HouseholdId(household), returns_at=returns_at, reason=reason
            )
            queue_fact(connection, fact)
            note_away(connection, fact, by)
            return _away(connection.execute(_standing(now).where(away.c.household_id == household)).one())

    def end(self, household: str, *, by: str, dong: str | None) -> None:
        """They are back; the clocks run from now. NotFound where no absence is declared."""
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            _home(connection, household, dong)
            if not _close(connection, household, now, by):
                raise NotFound("no absence is declared for this household")
            queue_fact(connection, AwayEnded(fact_id=f"back:{uuid4().hex}", at=now, household_id=HouseholdId(household)))

    def now(self, *, dong: str | None) -> list[Away]:
        """Who is away, the first to return first."""
        with reading(self._engine).begin() as connection:
            return away_now(connection, self._clock.home_now(), dong)


def note_away(connection: Connection, fact: AwayDeclared, by: str) -> None:
    """Keep beside the fact who declared it, in the caller's transaction."""
    _close(connection, fact.household_id, fact.at, by)
    owner = connection.execute(select(homes.c.dong_code).where(homes.c.id == fact.household_id)).scalar()
    row = {"household_id": fact.household_id, "dong_code": owner or "-", "from_at": fact.at, "returns_at": fact.returns_at}
    connection.execute(insert(away).values(**row, reason=fact.reason, declared_by=by))


def away_now(connection: Connection, at: Millis, dong: str | None) -> list[Away]:
    """The declared absences that hold at home time `at`, of one dong or (None) of all."""
    wanted = _standing(at)
    if dong is not None:
        wanted = wanted.where(away.c.dong_code == dong)
    return [_away(row) for row in connection.execute(wanted)]


def _standing(at: Millis) -> Any:
    return select(away).where(away.c.ended_at.is_(None), away.c.returns_at > at).order_by(away.c.returns_at, away.c.id)


def _close(connection: Connection, household: str, at: Millis, by: str) -> int:
    open_ones = update(away).where(away.c.household_id == household, away.c.ended_at.is_(None), away.c.returns_at > at)
    return connection.execute(open_ones.values(ended_at=at, ended_by=by)).rowcount


def _home(connection: Connection, household: str, dong: str | None) -> None:
    living = select(homes.c.dong_code).where(homes.c.id == household, homes.c.ended_at.is_(None))
    owner = connection.execute(living).scalar()
    if owner is None or dong not in (None, owner):
        raise NotFound("there is no such household")


def _away(row: Row[Any]) -> Away:
    return Away(**{name: getattr(row, name) for name in Away.__slots__})
