"""Nobody on duty is itself an alert: found by the tick, told to the supervisors, closed when somebody sits there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select, update

from alerts.duty.rota import RosterRows
from alerts.duty.tables import duty_gap
from alerts.duty.telling import DutyKind, DutyWord, Tell
from ingest.clock import Millis
from ingest.store import reading
from rules.finding import Level

NO_ROSTER = "-"
"""In the place of a dong: the roster names nobody at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A dong (or `NO_ROSTER`) for which nobody has duty since `found_at` (home time)."""

    dong_code: str
    found_at: Millis


def open_gaps(engine: Engine, *, dong: str | None) -> list[Gap]:
    """Where nobody has duty now; a dong sees its own and the empty roster."""
    wanted = select(duty_gap).where(duty_gap.c.closed_at.is_(None)).order_by(duty_gap.c.found_at, duty_gap.c.dong_code)
    with reading(engine).begin() as connection:
        found = [Gap(dong_code=row.dong_code, found_at=row.found_at) for row in connection.execute(wanted)]
    return [one for one in found if dong in (None, one.dong_code) or one.dong_code == NO_ROSTER]


def watch_gaps(connection: Connection, rows: RosterRows, dongs: list[str], now: Millis, tell: Tell) -> int:
    """Open and close gaps as the roster stands; returns how many changed. In the tick's transaction."""
    uncovered = {dong for dong in dongs if not rows.rostered(dong, now)} if rows.shifts else {NO_ROSTER}
    known = set(connection.execute(select(duty_gap.c.dong_code).where(duty_gap.c.closed_at.is_(None))).scalars())
    for dong in sorted(known - uncovered):
        closed = update(duty_gap).where(duty_gap.c.dong_code == dong, duty_gap.c.closed_at.is_(None))
        connection.execute(closed.values(closed_at=now))
    for dong in sorted(uncovered - known):
        connection.execute(insert(duty_gap).values(dong_code=dong, found_at=now))
        word = DutyWord(
            key=f"duty_gap:{dong}:{now}", kind=DutyKind.DUTY_GAP, level=Level.WARNING, dong=dong, code=dong, path="/roster"
        )
        tell(connection, word, [one.login for one in rows.supervisors(dong, now)])
    return len(known ^ uncovered)
