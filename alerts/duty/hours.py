"""When duty changes hands: the dong's hours on working days, the night desk's at all others; Korean days off included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache

import holidays

from ingest.clock import SEOUL, Millis, to_datetime, to_millis

BEGINS = time(9)
ENDS = time(18)
"""The dong's hours in Asia/Seoul, and the two moments of any day at which duty may change hands (domain.md, K8)."""


class DutyDesk(StrEnum):
    """Which desk somebody sits at."""

    DONG = "dong"  # 동 주민센터
    NIGHT = "night"  # 야간·휴일 관제
    SUPERVISOR = "supervisor"  # 구 복지정책과: told when duty fails, never in the turn


class DutyPart(StrEnum):
    """Which half of a duty day: 09 to 18, or 18 to 09 of the next morning."""

    DAY = "day"
    NIGHT = "night"


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyPeriod:
    """A stretch in which one desk answers. A night belongs to the day on which it began."""

    desk: DutyDesk
    part: DutyPart
    day: date  # in Asia/Seoul
    begins: Millis  # home time, like `ends`
    ends: Millis


DaysOff = Mapping[date, bool]
"""What a site says of a day itself: True off (임시공휴일), False worked; it goes before the calendar of the law."""


def period_at(at: Millis, own: DaysOff) -> DutyPeriod:
    """The duty period at this instant of home time; at 09:00 and at 18:00 sharp the one that begins."""
    local = to_datetime(at).astimezone(SEOUL)
    day = local.date()
    if BEGINS <= local.time() < ENDS:
        desk = DutyDesk.DONG if is_worked(day, own) else DutyDesk.NIGHT
        return DutyPeriod(desk=desk, part=DutyPart.DAY, day=day, begins=_at(day, BEGINS), ends=_at(day, ENDS))
    if local.time() < BEGINS:
        day -= timedelta(days=1)
    morning = _at(day + timedelta(days=1), BEGINS)
    return DutyPeriod(desk=DutyDesk.NIGHT, part=DutyPart.NIGHT, day=day, begins=_at(day, ENDS), ends=morning)


def is_worked(day: date, own: DaysOff) -> bool:
    """Whether the dong's centre is open: Monday to Friday, save days off by law and what the site says itself."""
    said = own.get(day)
    return not said if said is not None else day.weekday() < 5 and day not in _by_law(day.year)


def holiday_name(day: date) -> str | None:
    """The Korean name of a day off by law, substitute days included; None on other days."""
    return _by_law(day.year).get(day)


@lru_cache(maxsize=8)
def _by_law(year: int) -> dict[date, str]:
    return dict(holidays.country_holidays("KR", years=year, language="ko"))


def _at(day: date, hour: time) -> Millis:
    return to_millis(datetime.combine(day, hour, SEOUL))
