"""The duty roster (당직표): who is to be told of a dong at an instant; decided from rows, nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from alerts.duty.hours import DutyDesk, DutyPart, DutyPeriod
from ingest.clock import Millis

DEFAULT_CAP = 20
"""Open checks one person may hold before the next on the roster is asked; a site sets its own for each person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A standing entry of the roster: this person sits at this desk on these days."""

    id: int
    desk: DutyDesk
    dong_code: str | None  # None: for every dong; a dong's own desk always has one
    login: str
    position: int  # 1 is asked first
    part: DutyPart | None  # None: by day and by night
    weekdays: str  # "1" Monday to "7" Sunday, of the day on which the period began; "1234567": every day
    from_day: date
    until_day: date | None  # the last day, None: until taken off


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Somebody is not there from `from_at` until `until_at` (home time); the substitute sits in their place."""

    id: int
    login: str
    from_at: Millis
    until_at: Millis
    substitute: str | None
    reason: str  # a code: leave, sick, training, other


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDuty:
    """Somebody who answers now. `full`: they hold as many open checks as they may, and there is nobody with room."""

    login: str
    desk: DutyDesk
    full: bool = False


def on_roster(period: DutyPeriod, dong: str, at: Millis, shifts: Sequence[Shift], absences: Sequence[Absence]) -> list[OnDuty]:
    """Those who have duty for this dong, in the order of the roster, substitutes in the places of those absent."""
    return _seated(_of(shifts, period.desk, dong, period), at, absences)


def supervisors(period: DutyPeriod, dong: str, at: Millis, shifts: Sequence[Shift], absences: Sequence[Absence]) -> list[OnDuty]:
    """Those told when duty fails."""
    return _seated(_of(shifts, DutyDesk.SUPERVISOR, dong, period), at, absences)


def in_turn(
    rostered: Sequence[OnDuty], standby: Sequence[OnDuty], loads: Mapping[str, int], caps: Mapping[str, int]
) -> list[OnDuty]:
    """Whom to ask, the first first. Somebody at their cap is passed over while another has room.

    When nobody has room the least laden comes first, and then the supervisors; where nobody is on duty they stand in.
    """
    room = [one for one in rostered if loads.get(one.login, 0) < caps.get(one.login, DEFAULT_CAP)]
    if room:
        return [*room, *(one for one in rostered if one not in room)]
    laden = sorted(rostered, key=lambda one: loads.get(one.login, 0))
    named = {one.login for one in laden}
    full = [OnDuty(login=one.login, desk=one.desk, full=True) for one in laden]
    return [*full, *(one for one in standby if one.login not in named)]


def _of(shifts: Sequence[Shift], desk: DutyDesk, dong: str, period: DutyPeriod) -> list[Shift]:
    weekday = str(period.day.isoweekday())
    found = [
        shift
        for shift in shifts
        if shift.desk is desk
        and shift.dong_code in (None, dong)
        and shift.part in (None, period.part)
        and weekday in shift.weekdays
        and shift.from_day <= period.day
        and (shift.until_day is None or period.day <= shift.until_day)
    ]
    return sorted(found, key=lambda shift: (shift.position, shift.login, shift.id))


def _seated(shifts: Sequence[Shift], at: Millis, absences: Sequence[Absence]) -> list[OnDuty]:
    away = {one.login: one for one in absences if one.from_at <= at < one.until_at}
    found: dict[str, OnDuty] = {}
    for shift in shifts:
        login: str | None = shift.login
        asked: set[str] = set()
        while login is not None and login in away and login not in asked:  # a substitute may be away as well
            asked.add(login)
            login = away[login].substitute
        if login is not None and login not in asked:
            found.setdefault(login, OnDuty(login=login, desk=shift.desk))
    return list(found.values())
