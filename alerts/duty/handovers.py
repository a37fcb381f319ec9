"""Handovers as they are stored: made when duty changes hands, signed by the one who takes over, escalated when not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, insert, select, update

from alerts.check import Conflict, NotFound, Refused
from alerts.duty.rota import RosterRows, read_roster
from alerts.duty.sheet import Change, Sheet, changes, draw_up
from alerts.duty.tables import duty_now, handover
from alerts.duty.telling import DutyKind, DutyWord, Tell
from ingest.clock import DAY, MINUTE, Clock, Millis
from ingest.store import reading
from rules.finding import Level

SIGNED_WITHIN: Millis = 15 * MINUTE
SHOWN_FOR: Millis = 7 * DAY

_sheet = msgspec.json.Decoder(Sheet)


class NotYours(Refused):
    """Only those who have duty for the dong now, or a supervisor of the roster, may sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One sheet and its signature. All instants are home time."""

    id: int
    dong_code: str
    made_at: Millis
    duty_ends_at: Millis
    gives: str
    takes: str
    sheet: Sheet
    due_at: Millis
    signed_at: Millis | None
    signed_by: str | None
    escalated_at: Millis | None
    overtaken_at: Millis | None


class Handovers:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def recent(self, *, dong: str | None) -> list[Handover]:
        """The sheets of the last 7 days: those unsigned first, then the newest."""
        wanted = select(handover).where(handover.c.made_at > self._clock.home_now() - SHOWN_FOR).order_by(handover.c.id.desc())
        if dong is not None:
            wanted = wanted.where(handover.c.dong_code == dong)
        with reading(self._engine).begin() as connection:
            found = [_handover(row) for row in connection.execute(wanted)]
        return sorted(found, key=lambda one: one.signed_at is not None or one.overtaken_at is not None)

    def sign(self, handover_id: int, *, by: str, dong: str | None) -> Handover:
        """The one who takes over has read it. NotFound, Conflict when it is signed, NotYours."""
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            row = connection.execute(select(handover).where(handover.c.id == handover_id)).one_or_none()
            if row is None or dong not in (None, row.dong_code):
                raise NotFound("no such handover")
            if row.signed_at is not None:
                raise Conflict(f"signed already by {row.signed_by}")
            rows = read_roster(connection)
            on_duty = (*rows.rostered(row.dong_code, now), *rows.supervisors(row.dong_code, now))
            if by not in {one.login for one in on_duty}:
                raise NotYours("who has duty for the dong now signs, or a supervisor of the roster")
            connection.execute(update(handover).where(handover.c.id == row.id).values(signed_at=now, signed_by=by))
            return _handover(connection.execute(select(handover).where(handover.c.id == row.id)).one())


def hand_over(connection: Connection, rows: RosterRows, dongs: list[str], now: Millis, tell: Tell) -> int:
    """Draw up a sheet for every dong for which somebody else answers now; returns how many. In the tick's transaction."""
    before = {row.dong_code: row.login for row in connection.execute(select(duty_now))}
    first = {dong: one[0].login for dong in dongs if (one := rows.rostered(dong, now) or rows.supervisors(dong, now))}
    changed = changes(before, first)
    for change in changed:
        _make(connection, rows, change, now, tell)
    for dong, login in first.items():
        if before.get(dong) != login:
            there = update(duty_now).where(duty_now.c.dong_code == dong).values(login=login, since=now)
            if not connection.execute(there).rowcount:
                connection.execute(insert(duty_now).values(dong_code=dong, login=login, since=now))
    return len(changed)


def _make(connection: Connection, rows: RosterRows, change: Change, now: Millis, tell: Tell) -> None:
    open_ones = handover.c.dong_code == change.dong_code, handover.c.signed_at.is_(None), handover.c.overtaken_at.is_(None)
    overtaken = connection.execute(update(handover).where(*open_ones).values(overtaken_at=now)).rowcount
    sheet = draw_up(connection, change.dong_code, now, unsigned=overtaken > 0)
    connection.execute(
        insert(handover).values(
            dong_code=change.dong_code,
            made_at=now,
            duty_ends_at=rows.period(now).ends,
            gives=change.gives,
            takes=change.takes,
            body=msgspec.json.encode(sheet),
            due_at=now + SIGNED_WITHIN,
        )
    )
    level = Level(max((one.level for one in sheet.checks), default=Level.CAUTION))
    word = DutyWord(
        key=f"handover:{change.dong_code}:{now}",
        kind=DutyKind.HANDOVER,
        level=min(level, Level.WARNING),
        dong=change.dong_code,
        code=str(len(sheet.checks)),
        path="/handover",
    )
    tell(connection, word, [change.takes])


def escalate(connection: Connection, rows: RosterRows, now: Millis, tell: Tell) -> int:
    """Tell the supervisors of every sheet that nobody signed in time, once; returns how many."""
    late = handover.c.signed_at.is_(None), handover.c.overtaken_at.is_(None), handover.c.escalated_at.is_(None)
    found = connection.execute(select(handover).where(*late, handover.c.due_at <= now).order_by(handover.c.id)).all()
    for row in found:
        connection.execute(update(handover).where(handover.c.id == row.id).values(escalated_at=now))
        word = DutyWord(
            key=f"handover_unsigned:{row.id}",
            kind=DutyKind.HANDOVER_UNSIGNED,
            level=Level.WARNING,
            dong=row.dong_code,
            code=str(row.id),
            path="/handover",
        )
        tell(connection, word, [one.login for one in rows.supervisors(row.dong_code, now)])
    return len(found)


def _handover(row: Row[Any]) -> Handover:
    values = {name: getattr(row, name) for name in Handover.__slots__ if name != "sheet"}
    return Handover(**values, sheet=_sheet.decode(row.body))
