"""A calendar month of Seoul as a stretch of home time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from ingest.clock import DAY, SEOUL, Millis, to_datetime, to_millis

MONTH: float = 365.25 / 12 * DAY
"""A household-month, in ms."""

_WRITTEN = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """[begin, end) in ms UTC; `name` as 2026-11."""

    name: str
    begin: Millis
    end: Millis


def month_named(name: str) -> Month:
    """The month written so; ValueError for anything but YYYY-MM from 2000 on."""
    found = _WRITTEN.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} is not a month such as 2026-11")
    year, month = int(found[1]), int(found[2])
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Month(name=name, begin=_first(year, month), end=_first(*following))


def month_around(at: Millis) -> Month:
    """The month that `at` lies in."""
    return month_named(f"{to_datetime(at).astimezone(SEOUL):%Y-%m}")


def _first(year: int, month: int) -> Millis:
    return to_millis(datetime(year, month, 1, tzinfo=SEOUL))
