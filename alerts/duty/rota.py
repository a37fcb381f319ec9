"""The roster as it is stored: who has duty for a dong now, when that ends, and every change of it with its author."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from alerts.check import CheckState, Conflict, NotFound
from alerts.duty.entry import RosterWrong, ShiftEntry, day_of, login_of, shift_of
from alerts.duty.hours import DaysOff, DutyDesk, DutyPart, DutyPeriod, period_at
from alerts.duty.roster import Absence, OnDuty, Shift, in_turn, on_roster, supervisors
from alerts.duty.tables import duty_absence, duty_cap, duty_day, duty_shift
from alerts.tables import check
from ingest.clock import DAY, Clock, Millis
from ingest.register.tables import dong as dong_table
from ingest.store import reading

LONGEST_ABSENCE: Millis = 366 * DAY
ABSENCE_REASONS = ("leave", "sick", "training", "other")

_SHIFTS = select(duty_shift).where(duty_shift.c.removed_at.is_(None))
_ABSENCES = select(duty_absence).where(duty_absence.c.removed_at.is_(None))
_DAYS = select(duty_day)
_LOADS = select(check.c.owner, func.count()).where(check.c.state == CheckState.ACKNOWLEDGED).group_by(check.c.owner)
_CAPS = select(duty_cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnDay:
    """What the site says of a day itself."""

    day: date
    off: bool
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterRows:
    """All that decides who has duty, as stored at one moment."""

    shifts: tuple[Shift, ...]
    absences: tuple[Absence, ...]
    days: DaysOff
    loads: dict[str, int]  # open checks by login
    caps: dict[str, int]

    @property
    def logins(self) -> list[str]:
        """Everybody whom an entry or an absence names as answering."""
        named = {one.login for one in self.shifts} | {one.substitute for one in self.absences if one.substitute}
        return sorted(named)

    def period(self, at: Millis) -> DutyPeriod:
        """The duty period at this instant."""
        return period_at(at, self.days)

    def rostered(self, dong: str, at: Millis) -> list[OnDuty]:
        """Those who have duty for the dong in the order of the roster, whatever they hold."""
        return on_roster(self.period(at), dong, at, self.shifts, self.absences)

    def supervisors(self, dong: str, at: Millis) -> list[OnDuty]:
        """Those told when duty fails."""
        return supervisors(self.period(at), dong, at, self.shifts, self.absences)

    def on_duty(self, dong: str, at: Millis) -> list[OnDuty]:
        """Whom to ask about a check of the dong, the first first; empty only where the roster names nobody at all."""
        return in_turn(self.rostered(dong, at), self.supervisors(dong, at), self.loads, self.caps)


def read_roster(connection: Connection) -> RosterRows:
    """The roster in the caller's transaction; home time is the caller's."""
    return RosterRows(
        shifts=tuple(_shift(row) for row in connection.execute(_SHIFTS)),
        absences=tuple(_absence(row) for row in connection.execute(_ABSENCES)),
        days=_own_days(connection),
        loads={row[0]: row[1] for row in connection.execute(_LOADS)},
        caps={row.login: row.open_checks for row in connection.execute(_CAPS)},
    )


def _own_days(connection: Connection) -> dict[date, bool]:
    return {date.fromisoformat(row.day): row.off for row in connection.execute(_DAYS)}


def on_duty(connection: Connection, dong: str, at: Millis) -> list[OnDuty]:
    """Whom to ask about a check of the dong at home time `at`, the first first (`RosterRows.on_duty`)."""
    return read_roster(connection).on_duty(dong, at)


def duty_ends(connection: Connection, at: Millis) -> Millis:
    """When the duty that holds at home time `at` ends, for every dong alike; at that very moment, the end of the next."""
    return period_at(at, _own_days(connection)).ends


class Rota:
    """The roster for those who keep it. Safe to use from several threads; RosterWrong for what cannot be, NotFound."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def rows(self) -> RosterRows:
        """The roster now."""
        with reading(self._engine).begin() as connection:
            return read_roster(connection)

    def days(self) -> list[OwnDay]:
        """What the site says of days itself, by day."""
        with reading(self._engine).begin() as connection:
            rows = connection.execute(select(duty_day).order_by(duty_day.c.day)).all()
        return [OwnDay(day=date.fromisoformat(row.day), off=row.off, name=row.name) for row in rows]

    def add_shift(
        self,
        *,
        desk: str,
        login: str,
        by: str,
        dong: str | None = None,
        position: int = 1,
        part: str | None = None,
        weekdays: str = "1234567",
        from_day: str | None = None,
        until_day: str | None = None,
    ) -> Shift:
        """Put somebody on the roster from `from_day` (today) on."""
        entry = ShiftEntry(
            desk=desk,
            login=login,
            dong=dong,
            position=position,
            part=part,
            weekdays=weekdays,
            from_day=from_day,
            until_day=until_day,
        )
        return self.add_shifts([entry], by=by)[0]

    def add_shifts(self, entries: Sequence[ShiftEntry], *, by: str) -> list[Shift]:
        """Put all of these on the roster, or none: RosterWrong for the first that cannot be."""
        now = self._clock.home_now()
        made: list[Shift] = []
        with self._engine.begin() as connection:
            dongs = dongs_of(connection)
            for entry in entries:
                shift = shift_of(entry, period_at(now, {}).day, dongs)
                row = {name: getattr(shift, name) for name in Shift.__slots__ if name != "id"}
                row |= {"from_day": shift.from_day.isoformat(), "until_day": shift.until_day and shift.until_day.isoformat()}
                key = connection.execute(insert(duty_shift).values(**row, added_by=by, added_at=now)).inserted_primary_key
                made.append(_shift(connection.execute(select(duty_shift).where(duty_shift.c.id == _key(key))).one()))
        return made

    def check(self, entry: ShiftEntry) -> Shift:
        """The entry as it would stand; RosterWrong where it cannot."""
        with reading(self._engine).begin() as connection:
            return shift_of(entry, period_at(self._clock.home_now(), {}).day, dongs_of(connection))

    def now(self) -> Millis:
        """Home time."""
        return self._clock.home_now()

    def remove_shift(self, shift_id: int, *, by: str) -> None:
        """Take an entry off from now on. NotFound where none of this id stands."""
        self._remove(duty_shift, shift_id, by)

    def add_absence(
        self, *, login: str, from_at: Millis, until_at: Millis, by: str, substitute: str | None = None, reason: str = "leave"
    ) -> Absence:
        """Somebody will not be there; the substitute sits in their place."""
        if not from_at < until_at <= from_at + LONGEST_ABSENCE:
            raise RosterWrong("until_at: must lie after from_at, by a year at most")
        if substitute == login:
            raise RosterWrong("substitute: must be somebody else")
        if reason not in ABSENCE_REASONS:
            raise RosterWrong(f"reason: must be one of {', '.join(ABSENCE_REASONS)}")
        row: dict[str, Any] = {"login": login_of("login", login), "from_at": from_at, "until_at": until_at, "reason": reason}
        row["substitute"] = login_of("substitute", substitute) if substitute else None
        with self._engine.begin() as connection:
            same = (duty_absence.c.login == login) & duty_absence.c.removed_at.is_(None)
            meets = (duty_absence.c.from_at < until_at) & (duty_absence.c.until_at > from_at)
            if connection.execute(select(duty_absence.c.id).where(same & meets)).first() is not None:
                raise Conflict("an absence of this person is entered for some of that time already")
            values = insert(duty_absence).values(**row, added_by=by, added_at=self._clock.home_now())
            made = connection.execute(values).inserted_primary_key
            return _absence(connection.execute(select(duty_absence).where(duty_absence.c.id == _key(made))).one())

    def remove_absence(self, absence_id: int, *, by: str) -> None:
        """They are there after all. NotFound where none of this id stands."""
        self._remove(duty_absence, absence_id, by)

    def set_day(self, day: str, *, off: bool, name: str, by: str) -> OwnDay:
        """Say of a day that it is off (임시공휴일), or worked although the law has it off; said again, it is replaced."""
        wanted = OwnDay(day=day_of("day", day), off=off, name=name.strip())
        if not 0 < len(wanted.name) <= 64:
            raise RosterWrong("name: must have 1 to 64 letters")
        row = {"off": off, "name": wanted.name, "added_by": by, "added_at": self._clock.home_now()}
        with self._engine.begin() as connection:
            there = update(duty_day).where(duty_day.c.day == wanted.day.isoformat()).values(**row)
            if not connection.execute(there).rowcount:
                connection.execute(insert(duty_day).values(day=wanted.day.isoformat(), **row))
        return wanted

    def unset_day(self, day: str) -> None:
        """The calendar of the law holds for this day again. NotFound where nothing was said of it."""
        with self._engine.begin() as connection:
            if not connection.execute(duty_day.delete().where(duty_day.c.day == day_of("day", day).isoformat())).rowcount:
                raise NotFound("nothing is said of this day")

    def set_cap(self, login: str, open_checks: int) -> None:
        """How many open checks this person may hold before the next is asked."""
        if not 1 <= open_checks <= 1000:
            raise RosterWrong("open_checks: must be from 1 to 1000")
        with self._engine.begin() as connection:
            there = update(duty_cap).where(duty_cap.c.login == login).values(open_checks=open_checks)
            if not connection.execute(there).rowcount:
                connection.execute(insert(duty_cap).values(login=login_of("login", login), open_checks=open_checks))

    def _remove(self, table: Any, row_id: int, by: str) -> None:
        values = {"removed_by": by, "removed_at": self._clock.home_now()}
        with self._engine.begin() as connection:
            standing = update(table).where(table.c.id == row_id, table.c.removed_at.is_(None))
            if not connection.execute(standing.values(**values)).rowcount:
                raise NotFound("there is no such entry")


def dongs_of(connection: Connection) -> list[str]:
    """The codes of all dongs, in order."""
    return list(connection.execute(select(dong_table.c.code).order_by(dong_table.c.code)).scalars())


def _shift(row: Row[Any]) -> Shift:
    return Shift(
        id=row.id,
        desk=DutyDesk(row.desk),
        dong_code=row.dong_code,
        login=row.login,
        position=row.position,
        part=None if row.part is None else DutyPart(row.part),
        weekdays=row.weekdays,
        from_day=date.fromisoformat(row.from_day),
        until_day=None if row.until_day is None else date.fromisoformat(row.until_day),
    )


def _absence(row: Row[Any]) -> Absence:
    return Absence(**{name: getattr(row, name) for name in Absence.__slots__})


def _key(made: Any) -> int:
    return int(made[0])
