"""A flood: more new checks than one person can take (ISA-18.2: more than 10 in 10 min) brings in a second person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select, update

from alerts.duty.rota import RosterRows
from alerts.duty.tables import flood, outage, outage_home
from alerts.duty.telling import DutyKind, DutyWord, Tell
from alerts.tables import check
from ingest.clock import MINUTE, Millis
from ingest.store import reading
from rules.finding import Level

WINDOW: Millis = 10 * MINUTE
MOST = 10

_CALLED_IN = select(flood.c.login, flood.c.second).where(flood.c.ended_at.is_(None), flood.c.second.is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """Somebody is given more than they can take since `began_at` (home time); `second` was called in."""

    login: str
    began_at: Millis
    second: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DongCount:
    """How many checks of a dong were opened in the last ten minutes."""

    dong_code: str
    checks: int


def flooded(opened: Mapping[str, int], first: Mapping[str, str]) -> dict[str, list[str]]:
    """By person asked first: the dongs whose new checks together are more than one can take, the worst first."""
    load: Counter[str] = Counter()
    for dong, count in opened.items():
        if dong in first:
            load[first[dong]] += count
    return {
        login: sorted((dong for dong in opened if first.get(dong) == login), key=lambda dong: (-opened[dong], dong))
        for login, count in load.items()
        if count > MOST
    }


def watch_floods(connection: Connection, rows: RosterRows, now: Millis, tell: Tell) -> int:
    """Begin and end floods in the tick's transaction; returns how many changed. What waits for an outage's digest is no load."""
    opened = {one.dong_code: one.checks for one in new_checks(connection, now)}
    turns = {dong: rows.on_duty(dong, now) for dong in opened}
    over = flooded(opened, {dong: turn[0].login for dong, turn in turns.items() if turn})
    known = set(connection.execute(select(flood.c.login).where(flood.c.ended_at.is_(None))).scalars())
    for login in sorted(known - over.keys()):
        connection.execute(update(flood).where(flood.c.login == login, flood.c.ended_at.is_(None)).values(ended_at=now))
    for login, dongs in sorted(over.items()):
        if login not in known:
            second = _second(rows, login, dongs, now)
            connection.execute(insert(flood).values(login=login, began_at=now, second=second))
            for dong in dongs:
                _call_in(connection, dong, opened[dong], now, second, tell)
    return len(known ^ over.keys())


def _call_in(connection: Connection, dong: str, count: int, now: Millis, second: str | None, tell: Tell) -> None:
    """One word for each dong, so that the two can share the dongs out between them."""
    key = f"flood:{dong}:{now}"
    word = DutyWord(key=key, kind=DutyKind.FLOOD, level=Level.WARNING, dong=dong, code=str(count), path="/")
    tell(connection, word, [] if second is None else [second])


def _second(rows: RosterRows, login: str, dongs: Sequence[str], now: Millis) -> str | None:
    """The next on the roster of the worst dong who is somebody else, else a supervisor."""
    for dong in dongs:
        for one in (*rows.on_duty(dong, now), *rows.supervisors(dong, now)):
            if one.login != login:
                return one.login
    return None


def new_checks(connection: Connection, now: Millis) -> list[DongCount]:
    """By dong the checks opened in the last ten minutes, those left out that wait for the digest of an outage."""
    waiting = select(outage_home.c.check_id).join(outage, outage.c.id == outage_home.c.outage_id)
    waiting = waiting.where(
        outage.c.closed_at.is_(None), outage_home.c.check_id.is_not(None), outage_home.c.released_at.is_(None)
    )
    fresh = check.c.level.in_(list(Level)), check.c.opened_at > now - WINDOW  # by the index that leads with the level
    wanted = select(check.c.dong_code, func.count()).where(*fresh, check.c.id.not_in(waiting))
    rows = connection.execute(wanted.group_by(check.c.dong_code).order_by(func.count().desc(), check.c.dong_code))
    return [DongCount(dong_code=row[0], checks=row[1]) for row in rows]


def seconds(connection: Connection) -> dict[str, str]:
    """By person in a flood: the second who was called in."""
    return {row.login: row.second for row in connection.execute(_CALLED_IN)}


def floods_now(engine: Engine) -> list[Flood]:
    """The floods that last, the oldest first."""
    wanted = select(flood).where(flood.c.ended_at.is_(None)).order_by(flood.c.began_at, flood.c.login)
    with reading(engine).begin() as connection:
        return [Flood(login=row.login, began_at=row.began_at, second=row.second) for row in connection.execute(wanted)]
