"""The homes inside an outage: whose notices wait, when a digest tells of them, and how they are let go in stages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from alerts.check import Check, CheckState
from alerts.duty.rota import RosterRows
from alerts.duty.tables import outage, outage_home
from alerts.duty.telling import DutyKind, DutyWord, Tell
from alerts.tables import check, ticket
from alerts.ticket import TicketState
from ingest.clock import HOUR, MINUTE, Millis
from rules.finding import ABSENCE, Level, RuleKey

STAGE: Millis = 10 * MINUTE
"""How often the homes of an outage are gone through: one digest per person and stage at most, and one batch after its end."""
AGAIN: Millis = HOUR
"""A home that was in a digest and that nobody has taken is in another after so long."""
SETTLE: Millis = 10 * MINUTE
"""How long after its end the homes of an outage have to be heard again before anybody is told of them."""
BATCH = 20
"""Homes let go at a stage after the end, for each person: as many as one may hold (`alerts.duty.roster.DEFAULT_CAP`)."""


def hold_back(connection: Connection, one: Check) -> bool:
    """Whether the notices of this check wait for the digest of an outage its home is in; if so the outage knows of it now.

    Never at danger, and only where nothing but absence has spoken: SOS, smoke, gas, heat and cold go their own way.
    """
    if one.household_id is None or one.level >= Level.DANGER or any(alert.rule not in ABSENCE for alert in one.alerts):
        return False
    inside = (
        select(outage_home.c.outage_id, outage_home.c.level, outage_home.c.check_id)
        .join(outage, outage.c.id == outage_home.c.outage_id)
        .where(outage_home.c.household_id == one.household_id, outage.c.closed_at.is_(None), outage_home.c.released_at.is_(None))
        .where(or_(outage_home.c.back_at.is_(None), outage.c.ended_at.is_not(None)))
        .order_by(outage.c.began_at)
    )
    row = connection.execute(inside).first()
    if row is None:
        return False
    values: dict[str, Any] = {"check_id": one.id, "level": one.level}
    if row.check_id != one.id or row.level < one.level:
        values["told_at"] = None  # another than what was told, or graver
    here = outage_home.c.outage_id == row.outage_id, outage_home.c.household_id == one.household_id
    connection.execute(update(outage_home).where(*here).values(**values))
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldHome:
    """A home whose check waits for the digest."""

    household_id: str
    dong_code: str
    check_id: str
    code: str  # of its check
    level: Level
    quiet_since: Millis | None
    told_at: Millis | None


def due_in_digest(held: Sequence[HeldHome], now: Millis) -> list[HeldHome]:
    """Those not told of yet, or told of an hour ago, the worst first: by level, then by how long they had been quiet before."""
    wanted = [one for one in held if one.told_at is None or one.told_at + AGAIN <= now]
    return sorted(wanted, key=lambda one: (-one.level, one.quiet_since or 0, one.household_id))


def go_through(connection: Connection, rows: RosterRows, now: Millis, tell: Tell) -> int:
    """A stage of every outage for which it is time; returns how many. In the tick's transaction."""
    up = select(outage).where(outage.c.closed_at.is_(None), outage.c.stage_at <= now).order_by(outage.c.began_at)
    found = connection.execute(up).all()
    for one in found:
        _hold_tickets(connection, one)
        held = _held(connection, one.id)
        if one.ended_at is None:
            _digest(connection, rows, one, due_in_digest(held, now), now, tell)
            _next(connection, one.id, stage_at=now + STAGE)
        elif now < one.ended_at + SETTLE:
            _next(connection, one.id, stage_at=one.ended_at + SETTLE)
        else:
            _let_go(connection, rows, one, held, now, tell)
    return len(found)


def _let_go(connection: Connection, rows: RosterRows, one: Row[Any], held: Sequence[HeldHome], now: Millis, tell: Tell) -> None:
    """After the end: tickets go to the installer, and of the homes still unaccounted for a batch for each person."""
    batch: list[HeldHome] = []
    taken: dict[str, int] = defaultdict(int)
    for home in sorted(held, key=lambda each: (-each.level, each.quiet_since or 0, each.household_id)):
        first = _first(rows, home.dong_code, now)
        if taken[first] < BATCH:
            taken[first] += 1
            batch.append(home)
    _digest(connection, rows, one, batch, now, tell)
    for home in batch:
        here = outage_home.c.outage_id == one.id, outage_home.c.household_id == home.household_id
        connection.execute(update(outage_home).where(*here).values(released_at=now))
    connection.execute(update(ticket).where(ticket.c.outage_id == one.id).values(outage_id=None))
    if len(batch) < len(held):
        _next(connection, one.id, stage_at=now + STAGE)
        return
    _next(connection, one.id, stage_at=None, closed_at=now)
    dark = select(outage_home.c.dong_code).where(outage_home.c.outage_id == one.id, outage_home.c.back_at.is_(None))
    persons = {_first(rows, dong, now) for dong in set(connection.execute(dark).scalars()) or {one.dong_code}}
    still = len(connection.execute(dark).all())
    _say(connection, one, DutyKind.OUTAGE_OVER, still, sorted(persons - {""}), now, tell)


def _digest(connection: Connection, rows: RosterRows, one: Row[Any], homes: Sequence[HeldHome], now: Millis, tell: Tell) -> None:
    by_person: dict[str, list[HeldHome]] = defaultdict(list)
    for home in homes:
        by_person[_first(rows, home.dong_code, now)].append(home)
    for person, theirs in sorted(by_person.items()):
        codes = tuple(home.code for home in theirs)
        _say(connection, one, DutyKind.OUTAGE_DIGEST, len(theirs), [person] if person else [], now, tell, codes)
    for home in homes:
        here = outage_home.c.outage_id == one.id, outage_home.c.household_id == home.household_id
        connection.execute(update(outage_home).where(*here).values(told_at=now))


def _say(
    connection: Connection,
    one: Row[Any],
    kind: DutyKind,
    count: int,
    persons: Sequence[str],
    now: Millis,
    tell: Tell,
    codes: tuple[str, ...] = (),
) -> None:
    word = DutyWord(
        key=f"{kind}:{one.id}:{now}",
        kind=kind,
        level=Level.WARNING,
        dong=one.dong_code,
        code=str(count),
        path=f"/outages/{one.id}",
        codes=codes,
    )
    tell(connection, word, persons)


def _first(rows: RosterRows, dong: str, now: Millis) -> str:
    """Who is asked first about this dong; empty where the roster names nobody."""
    return next((one.login for one in rows.on_duty(dong, now)), "")


def _held(connection: Connection, number: str) -> list[HeldHome]:
    """The homes of this outage whose checks wait and which nobody has taken."""
    wanted = (
        select(outage_home, check.c.code)
        .join(check, and_(check.c.id == outage_home.c.check_id, check.c.state == CheckState.OPEN))
        .where(outage_home.c.outage_id == number, outage_home.c.released_at.is_(None), check.c.level < Level.DANGER)
    )
    return [
        HeldHome(
            household_id=row.household_id,
            dong_code=row.dong_code,
            check_id=row.check_id,
            code=row.code,
            level=Level(row.level),
            quiet_since=row.quiet_since,
            told_at=row.told_at,
        )
        for row in connection.execute(wanted)
    ]


def _hold_tickets(connection: Connection, one: Row[Any]) -> None:
    """Tickets for devices that fell silent in the outage lie under it, until it is over."""
    homes = select(outage_home.c.household_id).where(outage_home.c.outage_id == one.id, outage_home.c.back_at.is_(None))
    silent = ticket.c.rule == RuleKey.DEVICE_SILENT, ticket.c.state == TicketState.OPEN, ticket.c.opened_at >= one.began_at
    mine = update(ticket).where(*silent, ticket.c.outage_id.is_(None), ticket.c.household_id.in_(homes))
    connection.execute(mine.values(outage_id=one.id))


def _next(connection: Connection, number: str, **values: Millis | None) -> None:
    connection.execute(update(outage).where(outage.c.id == number).values(**values))
