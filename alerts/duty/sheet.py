"""The handover sheet (인수인계서): what one who had duty leaves to the next, as it stood when duty changed hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from alerts.check import Check
from alerts.duty.away import away_now
from alerts.duty.silences import standing
from alerts.duty.tonight import due_tonight
from alerts.rows import load_checks
from alerts.tables import check, open_check
from ingest.clock import Millis


class SheetCheck(msgspec.Struct, frozen=True, kw_only=True):
    """An open check; ids and codes alone, so that a sheet may be kept for ever."""

    id: str
    code: str
    household_id: str | None
    level: int
    state: str
    owner: str | None
    opened_at: Millis


class SheetSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence in force."""

    kind: str
    target: str
    ends_at: Millis


class SheetAway(msgspec.Struct, frozen=True, kw_only=True):
    """A home whose resident is known to be away."""

    household_id: str
    returns_at: Millis
    reason: str


class SheetDue(msgspec.Struct, frozen=True, kw_only=True):
    """A home of tonight's list that nobody has cleared."""

    household_id: str
    rule: str
    level: int
    due_at: Millis


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, the worst first; `unsigned` says that the sheet before was never signed."""

    checks: tuple[SheetCheck, ...] = ()
    silences: tuple[SheetSilence, ...] = ()
    away: tuple[SheetAway, ...] = ()
    due: tuple[SheetDue, ...] = ()
    unsigned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Another person answers first for a dong."""

    dong_code: str
    gives: str
    takes: str


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[Change]:
    """Where somebody else answers first than did; a dong nobody answered for before has nothing to hand over."""
    return [
        Change(dong_code=dong, gives=before[dong], takes=takes)
        for dong, takes in sorted(now.items())
        if dong in before and before[dong] != takes
    ]


def draw_up(connection: Connection, dong: str, at: Millis, *, unsigned: bool) -> Sheet:
    """The sheet of this dong as things stand in the caller's transaction."""
    worst_first = select(check).where(check.c.dong_code == dong, open_check()).order_by(check.c.level.desc(), check.c.opened_at)
    return Sheet(
        checks=tuple(_line(each) for each in load_checks(connection, worst_first)),
        silences=tuple(
            SheetSilence(kind=one.kind, target=one.target, ends_at=one.ends_at)
            for one in standing(connection, at)
            if one.dong_code in (None, dong)
        ),
        away=tuple(
            SheetAway(household_id=one.household_id, returns_at=one.returns_at, reason=one.reason)
            for one in away_now(connection, at, dong)
        ),
        due=tuple(
            SheetDue(household_id=one.household_id, rule=one.rule, level=one.level, due_at=one.due_at)
            for one in due_tonight(connection, at, dong)
        ),
        unsigned=unsigned,
    )


def _line(each: Check) -> SheetCheck:
    return SheetCheck(
        id=each.id,
        code=each.code,
        household_id=each.household_id,
        level=each.level,
        state=each.state,
        owner=each.owner,
        opened_at=each.opened_at,
    )
