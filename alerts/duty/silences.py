"""Silences as they are stored: laid, lifted, and looked at again when they end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, Row, and_, bindparam, insert, or_, select, update

from alerts.check import NeedsText, NotFound, Refused
from alerts.duty.silence import LONGEST, NEVER_SILENT, Silence, SilenceKind, SilenceReason
from alerts.duty.tables import silence
from alerts.notes import open_note
from ingest.clock import DAY, Clock, Millis
from ingest.register import tables as register
from ingest.seal import Sealer
from ingest.store import reading
from rules.finding import RuleKey

SHOWN_AFTER: Millis = 14 * DAY
"""How long a silence that is over stays on its page."""


class CannotSilence(Refused):
    """SOS, smoke, gas and cannot-verify are never silenced."""


class BadEnd(Refused):
    """The end of a silence must lie ahead, 14 days at most, or 4 hours for a dong."""


class Silences:
    """Safe to use from several threads. `dong` None sees and silences every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer

    def lay(
        self,
        kind: SilenceKind,
        target: str,
        *,
        ends_at: Millis,
        reason: SilenceReason,
        author: str,
        dong: str | None,
        text: str = "",
    ) -> Silence:
        """Hold notices back until `ends_at`. NotFound, CannotSilence, NeedsText for `other`, BadEnd."""
        now = self._clock.home_now()
        if not now < ends_at <= now + LONGEST[kind]:
            raise BadEnd("the end must lie ahead: 14 days at most, 4 hours for a dong")
        if reason is SilenceReason.OTHER and not text.strip():
            raise NeedsText("the reason other needs text")
        with self._engine.begin() as connection:
            row: dict[str, Any] = {
                "kind": kind,
                "target": target,
                "dong_code": _dong_touched(connection, kind, target, dong),
                "reason": reason,
                "author": author,
                "begins_at": now,
                "ends_at": ends_at,
            }
            key = connection.execute(insert(silence).values(**row)).inserted_primary_key
            number = int(key[0]) if key else 0
            if text.strip():
                sealed = self._sealer.seal(text.strip().encode(), about=f"silence:{number}")
                connection.execute(update(silence).where(silence.c.id == number).values(sealed_note=sealed))
            return self._silence(connection.execute(select(silence).where(silence.c.id == number)).one())

    def lift(self, silence_id: int, *, by: str, dong: str | None) -> None:
        """End it now; the tick looks again at what it held back. NotFound where none of this id is in force."""
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            row = connection.execute(select(silence).where(silence.c.id == silence_id, in_force(now))).one_or_none()
            if row is None or dong not in (None, row.dong_code):
                raise NotFound("no such silence is in force")
            lifted = update(silence).where(silence.c.id == silence_id).values(lifted_at=now, lifted_by=by)
            connection.execute(lifted)

    def now(self, *, dong: str | None) -> list[Silence]:
        """Those in force, the first to end first."""
        at = self._clock.home_now()
        wanted = select(silence).where(in_force(at)).order_by(silence.c.ends_at, silence.c.id)
        return self._all(wanted, dong)

    def past(self, *, dong: str | None) -> list[Silence]:
        """Those that ended in the last 14 days, the newest first."""
        at = self._clock.home_now()
        over = or_(silence.c.ends_at <= at, silence.c.lifted_at.is_not(None))
        wanted = select(silence).where(over, silence.c.ends_at > at - SHOWN_AFTER).order_by(silence.c.id.desc()).limit(100)
        return self._all(wanted, dong)

    def _all(self, wanted: Any, dong: str | None) -> list[Silence]:
        if dong is not None:
            wanted = wanted.where(or_(silence.c.dong_code.is_(None), silence.c.dong_code == dong))
        with self._reading.begin() as connection:
            return [self._silence(row) for row in connection.execute(wanted)]

    def _silence(self, row: Row[Any]) -> Silence:
        note = open_note(self._sealer, row.sealed_note, f"silence:{row.id}")  # its words may be lost; that it holds still shows
        found = silence_of(row)
        return found if note is None else replace(found, note=note)


def in_force(at: Millis | BindParameter[Any]) -> Any:
    """The silences that hold at this instant of home time."""
    return and_(silence.c.begins_at <= at, silence.c.ends_at > at, silence.c.lifted_at.is_(None))


def standing(connection: Connection, at: Millis) -> list[Silence]:
    """All that hold at home time `at`, without their words, in the caller's transaction."""
    return [silence_of(row) for row in connection.execute(_STANDING, {"at": at})]


_STANDING = select(silence).where(in_force(bindparam("at"))).order_by(silence.c.id)


def ended(connection: Connection, at: Millis) -> list[Silence]:
    """Those whose end has come and has not been told yet."""
    over = or_(silence.c.ends_at <= at, silence.c.lifted_at.is_not(None))
    rows = connection.execute(select(silence).where(over, silence.c.closed_at.is_(None)).order_by(silence.c.id))
    return [silence_of(row) for row in rows]


def close(connection: Connection, silences: Sequence[Silence], at: Millis) -> None:
    """What these held back has been looked at again."""
    ids = [one.id for one in silences]
    connection.execute(update(silence).where(silence.c.id.in_(ids)).values(closed_at=at))


def silence_of(row: Row[Any]) -> Silence:
    """The silence of a row, its words left sealed."""
    return Silence(
        id=row.id,
        kind=SilenceKind(row.kind),
        target=row.target,
        dong_code=row.dong_code,
        reason=SilenceReason(row.reason),
        author=row.author,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        lifted_at=row.lifted_at,
    )


def _dong_touched(connection: Connection, kind: SilenceKind, target: str, dong: str | None) -> str | None:
    """Whose homes the silence touches; NotFound for a target that is not there, or another dong's."""
    if kind is SilenceKind.RULE:
        if target not in set(RuleKey):
            raise NotFound("there is no such rule")
        if target in NEVER_SILENT:
            raise CannotSilence("SOS, smoke, gas and cannot-verify are never silenced")
        return dong
    homes, devices = register.household, register.device
    living = homes.c.ended_at.is_(None)
    owners = {
        SilenceKind.DONG: select(register.dong.c.code).where(register.dong.c.code == target),
        SilenceKind.HOUSEHOLD: select(homes.c.dong_code).where(homes.c.id == target, living),
        SilenceKind.DEVICE: select(homes.c.dong_code)
        .join(devices, devices.c.household_id == homes.c.id)
        .where(devices.c.id == target, living),
    }
    owner = connection.execute(owners[kind]).scalar()
    if owner is None or dong not in (None, owner):
        raise NotFound("there is nothing of this id to be silenced")
    return str(owner)
