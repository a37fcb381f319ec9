"""What the rules hand on besides findings: what the coming night may bring, and whom we have stopped or begun to hear.

All of it is made from the journal alone, so reading the same entries again hands on the same; whoever takes it must take it twice
without harm.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.reading import DeviceId, DongCode, HouseholdId
from rules.absence import Absence
from rules.columns import NEVER
from rules.finding import Level, RuleKey
from rules.state import State
from rules.trend import TrendNote

MADE_AT: Millis = 8 * HOUR
"""17:00 in Asia/Seoul, as time of day UTC; Korea keeps UTC+9 all year."""
NIGHT_BEGINS: Millis = HOUR
NIGHT_ENDS: Millis = 16 * HOUR
"""18:00 and 09:00 of the next morning, counted from 17:00."""
SPENT = 0.5
"""A home is on the list once this share of a limit that falls in the night has passed by 17:00: otherwise everybody who is well
and was seen at noon would be, and the list would be of no use to those who have an hour for it."""
UNHEARD_FOR: Millis = 2 * MINUTE
"""Our own link is told of once it has been away for so long; a reconnect is no outage."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """A level that a rule reaches at `due_at` (home time) unless there is a sign of life before."""

    household_id: HouseholdId
    dong_code: DongCode
    rule: RuleKey
    level: Level
    due_at: Millis
    since: Millis  # what the rule counts from


class Evening(msgspec.Struct, frozen=True, kw_only=True):
    """What the night after `at` (17:00 in Seoul) may bring."""

    at: Millis
    ahead: tuple[Ahead, ...]


class QuietHome(msgspec.Struct, frozen=True, kw_only=True):
    """A home, and its last credible sign of life before we stopped hearing it; None: there never was one."""

    household_id: HouseholdId
    dong_code: DongCode
    quiet_since: Millis | None


class HearingTurn(msgspec.Struct, frozen=True, kw_only=True):
    """From `at` on a home's gateway, or (device None) our own link, is heard no more, or is heard again.

    `since` is when it was lost, also where it is found: the two belong together.
    """

    device_id: DeviceId | None
    heard: bool
    since: Millis
    at: Millis
    homes: tuple[QuietHome, ...]  # whom it concerns; none where our own link is found


Told: TypeAlias = Evening | HearingTurn | TrendNote


def evenings(after: Millis | None, upto: Millis) -> Iterator[Millis]:
    """Every 17:00 in Seoul later than `after` and not later than `upto`."""
    if after is None:
        return
    at = (after - MADE_AT) // DAY * DAY + MADE_AT + DAY
    while at <= upto:
        yield at
        at += DAY


def look_ahead(state: State, absence: Absence, at: Millis) -> Evening:
    """The levels that fall between 18:00 and 09:00, as things stand at 17:00."""
    found: list[Ahead] = []
    for home in state.households.looked_after().tolist():
        subject = state.subject(home)
        name = HouseholdId(subject.name)
        for rule, since, levels in absence.ahead(state, home, at):
            falling = [(level, due) for level, due in levels if at + NIGHT_BEGINS <= due < at + NIGHT_ENDS]
            if not any(at - since >= SPENT * (due - since) for _, due in falling):
                continue
            found += [
                Ahead(household_id=name, dong_code=subject.dong_code, rule=rule, level=level, due_at=due, since=since)
                for level, due in falling
            ]
    return Evening(at=at, ahead=tuple(found))


def quiet_home(state: State, home: int) -> QuietHome:
    """The home as it was last alive: by motion, a door, a call, or any other credible sign."""
    homes = state.households
    life = max(int(column[home]) for column in (homes.last_life, homes.last_motion, homes.last_enter, homes.last_door))
    subject = state.subject(home)
    return QuietHome(
        household_id=HouseholdId(subject.name), dong_code=subject.dong_code, quiet_since=None if life == NEVER else life
    )


def every_quiet_home(state: State) -> tuple[QuietHome, ...]:
    """All homes that are looked after."""
    return tuple(quiet_home(state, home) for home in state.households.looked_after().tolist())
