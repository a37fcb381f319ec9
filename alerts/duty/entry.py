"""What somebody types to put a person on the roster, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import msgspec

from alerts.duty.hours import DutyDesk, DutyPart
from alerts.duty.roster import Shift


class ShiftEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as somebody types it; `shift_of` says what is wrong with it."""

    desk: str
    login: str
    dong: str | None = None
    position: int = 1
    part: str | None = None  # None or empty: by day and by night
    weekdays: str = "1234567"
    from_day: str | None = None  # None: today
    until_day: str | None = None


class RosterWrong(ValueError):
    """An entry that cannot be; the text says which field, and what would be right."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.field = text.split(":")[0]


def shift_of(entry: ShiftEntry, today: date, dongs: Collection[str]) -> Shift:
    """The entry as it stands on the roster; RosterWrong names the field that cannot be, and what would be right."""
    shift = Shift(
        id=0,
        desk=_desk(entry.desk, entry.dong),
        dong_code=entry.dong,
        login=login_of("login", entry.login),
        position=_position(entry.position),
        part=None if entry.part in (None, "") else _part(entry.part),
        weekdays=_weekdays(entry.weekdays),
        from_day=day_of("from_day", entry.from_day) if entry.from_day else today,
        until_day=day_of("until_day", entry.until_day) if entry.until_day else None,
    )
    if shift.until_day is not None and shift.until_day < shift.from_day:
        raise RosterWrong("until_day: must not lie before from_day")
    if entry.dong is not None and entry.dong not in dongs:
        raise RosterWrong("dong: there is no such dong")
    return shift


def _desk(text: str, dong: str | None) -> DutyDesk:
    one_of("desk", text, set(DutyDesk))
    if DutyDesk(text) is DutyDesk.DONG and dong is None:
        raise RosterWrong("dong: the desk of a dong needs its dong")
    return DutyDesk(text)


def _part(text: str | None) -> DutyPart:
    one_of("part", text, set(DutyPart))
    return DutyPart(str(text))


def one_of(field: str, text: str | None, allowed: Collection[str]) -> None:
    """RosterWrong unless `text` is one of these."""
    if text not in allowed:
        raise RosterWrong(f"{field}: must be one of {', '.join(sorted(allowed))}")


def _position(position: int) -> int:
    if not 1 <= position <= 99:
        raise RosterWrong("position: must be from 1 to 99")
    return position


def _weekdays(text: str) -> str:
    if not text or set(text) - set("1234567") or len(set(text)) != len(text):
        raise RosterWrong('weekdays: must be figures from 1 (Monday) to 7 (Sunday), such as "12345"')
    return "".join(sorted(text))


def day_of(field: str, text: str) -> date:
    """The day that `text` names as 2026-10-02; RosterWrong names the field."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise RosterWrong(f"{field}: must be a day such as 2026-10-02") from error


def login_of(field: str, text: str) -> str:
    """The login, as it is; RosterWrong names the field where it cannot be one."""
    if not 0 < len(text) <= 64:
        raise RosterWrong(f"{field}: must have 1 to 64 letters")
    return text
