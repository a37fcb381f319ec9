"""Tonight's list (오늘 밤 점검 목록): at 17:00 the homes whose next level falls between 18:00 and 09:00, to be cleared by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from alerts.check import BadReturn, Conflict, NotFound
from alerts.duty.away import LONGEST as LONGEST_AWAY
from alerts.duty.away import AwayReason, note_away
from alerts.duty.rota import RosterRows
from alerts.duty.tables import tonight
from alerts.duty.telling import DutyKind, DutyWord, Tell
from alerts.tables import check, open_check
from ingest.clock import MINUTE, SEOUL, Clock, Millis, to_datetime
from ingest.fact_outbox import queue_fact
from ingest.facts import AwayDeclared, CheckResolved
from ingest.reading import DongCode, HouseholdId
from ingest.store import reading
from rules.finding import Level, RuleKey
from rules.outlook import Ahead, Evening

KEPT_DAYS = 30
ANNOUNCED_FOR: Millis = 10 * MINUTE
"""A list that comes later than that after 17:00 is read from the page: its hour has gone."""


class How(StrEnum):
    """How a home was cleared by day; the first two are a credible sign of life, as when a check is settled so."""

    SAFE_BY_PHONE = "safe_by_phone"
    SAFE_BY_VISIT = "safe_by_visit"
    AWAY = "away"
    WATCH = "watch"  # the night desk knows of it and looks


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightRow:
    """One home, with the worst level that falls due in the night. All instants are home time."""

    evening: date
    household_id: HouseholdId
    dong_code: DongCode
    rule: RuleKey
    level: Level
    due_at: Millis
    first_due_at: Millis
    since: Millis  # the last sign of life that the rule counts from
    cleared_at: Millis | None
    cleared_by: str | None
    how: How | None


def worst_of(ahead: tuple[Ahead, ...]) -> list[Ahead]:
    """One for each home: its worst level of the night, the earliest of these; the worst home first."""
    worst: dict[HouseholdId, Ahead] = {}
    for one in sorted(ahead, key=lambda each: (-each.level, each.due_at, each.household_id, each.rule)):
        worst.setdefault(one.household_id, one)
    return list(worst.values())


def write_evening(connection: Connection, evening: Evening) -> int:
    """Keep the list in the caller's transaction; returns how many homes are new. Taken twice, it changes nothing."""
    day = to_datetime(evening.at).astimezone(SEOUL).date()
    known = set(connection.execute(select(tonight.c.household_id).where(tonight.c.evening == day.isoformat())).scalars())
    first: dict[HouseholdId, Millis] = {}
    for one in evening.ahead:
        first[one.household_id] = min(one.due_at, first.get(one.household_id, one.due_at))
    rows = [
        {
            "evening": day.isoformat(),
            "household_id": one.household_id,
            "dong_code": one.dong_code,
            "rule": one.rule,
            "level": one.level,
            "due_at": one.due_at,
            "first_due_at": first[one.household_id],
            "since": one.since,
            "made_at": evening.at,
        }
        for one in worst_of(evening.ahead)
        if one.household_id not in known
    ]
    if rows:
        connection.execute(insert(tonight), rows)
    old = (day - timedelta(days=KEPT_DAYS)).isoformat()
    connection.execute(delete(tonight).where(tonight.c.evening < old))
    return len(rows)


def due_tonight(connection: Connection, at: Millis, dong: str | None) -> list[TonightRow]:
    """The homes of the newest list that are not cleared and whose level is still to come, the worst first."""
    newest = select(func.max(tonight.c.evening)).scalar_subquery()
    wanted = _ordered(dong).where(tonight.c.evening == newest, tonight.c.cleared_at.is_(None), tonight.c.due_at > at)
    return [_row(row) for row in connection.execute(wanted)]


def announce(connection: Connection, rows: RosterRows, now: Millis, tell: Tell) -> int:
    """Tell those on duty, dong by dong, that tonight's list is there, while there is day left to clear it; how many were told."""
    fresh = select(tonight.c.dong_code, tonight.c.evening, func.count(), func.max(tonight.c.level))
    fresh = fresh.where(tonight.c.made_at <= now, tonight.c.made_at > now - ANNOUNCED_FOR)
    found = connection.execute(fresh.group_by(tonight.c.dong_code, tonight.c.evening).order_by(tonight.c.dong_code)).all()
    for dong, evening, count, level in found:
        word = DutyWord(
            key=f"tonight:{evening}:{dong}",
            kind=DutyKind.TONIGHT,
            level=min(Level(level), Level.WARNING),
            dong=dong,
            code=str(count),
            path="/tonight",
        )
        tell(connection, word, [one.login for one in rows.on_duty(dong, now)][:1])
    return len(found)


class Tonight:
    """Safe to use from several threads. `dong` None sees every dong; another dong's homes are not found."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def newest(self, *, dong: str | None) -> tuple[date | None, list[TonightRow]]:
        """The newest list's day and its homes, the worst first, those cleared as well; no day before the first list."""
        with reading(self._engine).begin() as connection:
            day = connection.execute(select(func.max(tonight.c.evening))).scalar()
            if day is None:
                return None, []
            rows = connection.execute(_ordered(dong).where(tonight.c.evening == day))
            return date.fromisoformat(day), [_row(row) for row in rows]

    def clear(self, household: str, *, how: How, by: str, dong: str | None, returns_at: Millis | None = None) -> TonightRow:
        """The home of the newest list is cleared, and the journal learns of it where somebody was seen, heard or known away.

        NotFound; BadReturn where `away` has no return time within 14 days; Conflict where it was cleared, or has an open
        check: that one is settled then.
        """
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            row = connection.execute(
                _ordered(dong).where(tonight.c.household_id == household).order_by(None).order_by(tonight.c.evening.desc())
            ).first()
            if row is None:
                raise NotFound("this home is on no list")
            if row.cleared_at is not None:
                raise Conflict("this home is cleared already")
            unsettled = select(check.c.id).where(check.c.household_id == household, open_check())
            if how is not How.WATCH and connection.execute(unsettled).first() is not None:
                raise Conflict("this home has an open check: settle that one")
            _tell_the_journal(connection, row, how, by, now, returns_at)
            here = update(tonight).where(tonight.c.evening == row.evening, tonight.c.household_id == household)
            connection.execute(here.values(cleared_at=now, cleared_by=by, how=how))
            again = select(tonight).where(tonight.c.evening == row.evening, tonight.c.household_id == household)
            return _row(connection.execute(again).one())


def _tell_the_journal(connection: Connection, row: Row[Any], how: How, by: str, now: Millis, returns_at: Millis | None) -> None:
    household = HouseholdId(row.household_id)
    if how is How.AWAY:
        if returns_at is None or not now < returns_at <= now + LONGEST_AWAY:
            raise BadReturn("away needs a return time ahead, 14 days at most")
        fact = AwayDeclared(
            fact_id=f"away:{uuid4().hex}", at=now, household_id=household, returns_at=returns_at, reason=AwayReason.OTHER
        )
        queue_fact(connection, fact)
        note_away(connection, fact, by)
    elif how is not How.WATCH:
        number = f"tonight:{row.evening}:{household}"
        queue_fact(
            connection,
            CheckResolved(fact_id=number, at=now, check_id=number, household_id=household, outcome=how, rules=()),
        )


def _ordered(dong: str | None) -> Any:
    wanted = select(tonight).order_by(tonight.c.level.desc(), tonight.c.due_at, tonight.c.household_id)
    return wanted if dong is None else wanted.where(tonight.c.dong_code == dong)


def _row(row: Row[Any]) -> TonightRow:
    return TonightRow(
        evening=date.fromisoformat(row.evening),
        household_id=row.household_id,
        dong_code=row.dong_code,
        rule=RuleKey(row.rule),
        level=Level(row.level),
        due_at=row.due_at,
        first_due_at=row.first_due_at,
        since=row.since,
        cleared_at=row.cleared_at,
        cleared_by=row.cleared_by,
        how=None if row.how is None else How(row.how),
    )
