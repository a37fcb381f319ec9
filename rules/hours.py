"""Hours of the day and days of the year in Seoul, reckoned from milliseconds UTC."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

from ingest.clock import DAY, HOUR, MINUTE, Millis
from rules.bilingual import Unreadable, Words

AHEAD: Millis = 9 * HOUR
"""Seoul is ahead of UTC by this, all year, since 1988; earlier summers are not ours."""
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)\Z")
_DAY_OF_YEAR = re.compile(r"(\d\d)-(\d\d)\Z")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From `start` to before `end`, ms after midnight in Seoul; over midnight where the end comes first."""

    start: Millis
    end: Millis

    def next(self, at: Millis) -> Millis:
        """The first instant from `at` on that lies in these hours. ms UTC."""
        into = (at + AHEAD) % DAY
        inside = self.start <= into < self.end if self.start < self.end else not self.end <= into < self.start
        return at if inside else at + (self.start - into) % DAY

    def __str__(self) -> str:
        """As it is written in a table."""
        return "-".join(f"{one // HOUR:02d}:{one % HOUR // MINUTE:02d}" for one in (self.start, self.end))


def parse_hours(text: str) -> Hours:
    """The hours written "07:00-22:00"; Unreadable for anything else."""
    found = _HOURS.match(text)
    if found is not None:
        first, second, third, fourth = (int(one) for one in found.groups())
        if max(first, third) < 24 and max(second, fourth) < 60 and (first, second) != (third, fourth):
            return Hours(start=first * HOUR + second * MINUTE, end=third * HOUR + fourth * MINUTE)
    raise Unreadable(Words(f'{text!r}: "07:00-22:00" 같은 시간대여야 합니다', f'{text!r} are not hours such as "07:00-22:00"'))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """From `first` to `last`, both included, (month, day) of every year; over new year where the last comes first."""

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, at: Millis) -> bool:
        """Whether this instant lies in one of these days in Seoul."""
        today = _EPOCH + timedelta(days=(at + AHEAD) // DAY)
        day = (today.month, today.day)
        return self.first <= day <= self.last if self.first <= self.last else not self.last < day < self.first

    def next_change(self, at: Millis) -> Millis:
        """The first midnight in Seoul after `at` from which on `holds` answers otherwise. ms UTC; at most a year on."""
        now, midnight = self.holds(at), (at + AHEAD) // DAY * DAY + DAY - AHEAD
        while self.holds(midnight) == now:
            midnight += DAY
        return midnight

    @property
    def all_year(self) -> bool:
        """Whether there is no day outside them."""
        after = date(2025, *self.last) + timedelta(days=1)
        return (after.month, after.day) == self.first

    def __str__(self) -> str:
        """As it is written in a table."""
        return " - ".join(f"{month:02d}-{day:02d}" for month, day in (self.first, self.last))


def parse_day(text: str) -> tuple[int, int]:
    """The day written "07-20", as month and day; Unreadable for anything else, 29 February included."""
    found = _DAY_OF_YEAR.match(text)
    if found is not None:
        month, day = int(found[1]), int(found[2])
        if 1 <= month <= 12 and 1 <= day <= monthrange(2025, month)[1]:
            return month, day
    raise Unreadable(
        Words(f'{text!r}: "07-20" 같은 매년의 날짜여야 합니다', f'{text!r} is not a day of every year such as "07-20"')
    )
