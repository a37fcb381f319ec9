"""The figures of a month, read from what is stored: checks, transitions, deliveries, referrals, the register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from alerts.aftercare.referral import CareKind, ReferralState
from alerts.aftercare.tables import referral, referral_step
from alerts.check import RESIDENT, RULES, TICK, Action, Outcome
from alerts.duty.hours import DaysOff
from alerts.duty.tables import duty_day
from alerts.figures.handled import (
    Answered,
    EndOfDuty,
    Handled,
    LevelTimes,
    Parts,
    answered,
    by_end_of_duty,
    parts,
    times,
)
from alerts.figures.month import MONTH, Month
from alerts.ladder import Who
from alerts.proof import STEP
from alerts.tables import alert, attempt, check, delivery, transition
from ingest.clock import Clock, Millis
from ingest.register import tables as register
from ingest.store import reading
from rules.finding import Level

MACHINES = frozenset({RULES, TICK, RESIDENT})
"""Actors of transitions that are no member of staff."""

FALSE = frozenset(
    {
        Outcome.SAFE_BY_AUTOMATIC_CALL,
        Outcome.SAFE_BY_PHONE,
        Outcome.SAFE_BY_VISIT,
        Outcome.AWAY,
        Outcome.DEVICE_FAULT,
    }
)
"""Outcomes of checks that nobody needed. `moved` and `other` are held to be neither false nor needed."""

NEEDED = frozenset({Outcome.HOSPITAL, Outcome.EMERGENCY_119, Outcome.DEATH_FOUND})


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFigures:
    """How often one rule spoke in checks settled in the month, and how often nobody had needed it."""

    rule: str
    alerts: int
    false: int
    needed: int
    false_per_household_month: float | None  # None: no household was looked after


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFigures:
    """How the deliveries of one channel went, by the month in which they were written."""

    channel: str
    written: int
    sent: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFigures:
    """What one member of staff did in the month."""

    login: str
    acknowledged: int
    attempted: int
    resolved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralFigures:
    """How many referrals of one kind came into each state in the month."""

    kind: CareKind
    offered: int
    accepted: int
    delivered: int
    closed: int
    declined: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A month of one dong, or (None) of all."""

    month: Month
    dong_code: str | None
    household_months: float
    answered: Answered
    times: tuple[LevelTimes, ...]
    end_of_duty: EndOfDuty
    parts: Parts
    outcomes: tuple[tuple[Outcome, int], ...]
    rules: tuple[RuleFigures, ...]
    channels: tuple[ChannelFigures, ...]
    people: tuple[PersonFigures, ...]
    referrals: tuple[ReferralFigures, ...]


class FigureBook:
    """Reads figures; safe to use from several threads. Synthetic homes open no check and are no household here."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._reading = reading(engine)
        self._clock = clock

    def figures(self, month: Month, *, dong: str | None) -> Figures:
        """Checks count in the month in which they were opened; outcomes, work and referrals in that in which they happened."""
        now = self._clock.home_now()
        with self._reading.begin() as connection:
            checks = _handled(connection, month, dong)
            own = _days_off(connection)
            months = _household_months(connection, month, dong, now)
            return Figures(
                month=month,
                dong_code=dong,
                household_months=round(months, 3),
                answered=answered(checks),
                times=tuple(times(checks)),
                end_of_duty=by_end_of_duty(checks, own, now),
                parts=parts(checks, own),
                outcomes=_outcomes(connection, month, dong),
                rules=_rules(connection, month, dong, months),
                channels=_channels(connection, month, dong),
                people=_people(connection, month, dong),
                referrals=_referrals(connection, month, dong),
            )


def _of(dong: str | None, column: Any) -> Sequence[Any]:
    return () if dong is None else (column == dong,)


def _handled(connection: Connection, month: Month, dong: str | None) -> list[Handled]:
    mine = check.c.opened_at >= month.begin, check.c.opened_at < month.end, *_of(dong, check.c.dong_code)
    ids = select(check.c.id).where(*mine).scalar_subquery()
    acts = (
        select(transition.c.check_id, func.min(transition.c.at))
        .where(transition.c.check_id.in_(ids), transition.c.actor.not_in(MACHINES))
        .group_by(transition.c.check_id)
    )
    acted = {row[0]: row[1] for row in connection.execute(acts)}
    taken = {row[0]: row[1] for row in connection.execute(acts.where(transition.c.action == Action.ACKNOWLEDGED))}
    told = (
        select(attempt.c.check_id, func.min(attempt.c.at))
        .where(attempt.c.check_id.in_(ids), attempt.c.who != Who.RESIDENT, attempt.c.told > 0)
        .group_by(attempt.c.check_id)
    )
    asked = {row[0]: row[1] for row in connection.execute(told)}
    return [
        Handled(
            check_id=row.id,
            code=row.code,
            dong_code=row.dong_code,
            level=Level(row.level),
            opened_at=row.opened_at,
            asked_at=asked.get(row.id),
            acted_at=acted.get(row.id),
            acknowledged_at=taken.get(row.id),
            resolved_at=row.resolved_at,
        )
        for row in connection.execute(select(check).where(*mine))
    ]


def _days_off(connection: Connection) -> DaysOff:
    return {date.fromisoformat(row.day): row.off for row in connection.execute(select(duty_day))}


def _household_months(connection: Connection, month: Month, dong: str | None, now: Millis) -> float:
    home = register.household
    until = min(month.end, now)
    mine = home.c.synthetic.is_(False), home.c.enrolled_at < until, *_of(dong, home.c.dong_code)
    rows = connection.execute(select(home.c.enrolled_at, home.c.ended_at).where(*mine)).all()
    lengths = (min(until, until if row.ended_at is None else row.ended_at) - max(month.begin, row.enrolled_at) for row in rows)
    return float(sum(max(0, length) for length in lengths) / MONTH)


def _outcomes(connection: Connection, month: Month, dong: str | None) -> tuple[tuple[Outcome, int], ...]:
    counted = select(check.c.outcome, func.count()).where(*_settled(month, dong)).group_by(check.c.outcome)
    found = {Outcome(row[0]): row[1] for row in connection.execute(counted)}
    return tuple((outcome, found[outcome]) for outcome in Outcome if outcome in found)


def _settled(month: Month, dong: str | None) -> Sequence[Any]:
    return check.c.resolved_at >= month.begin, check.c.resolved_at < month.end, *_of(dong, check.c.dong_code)


def _rules(connection: Connection, month: Month, dong: str | None, months: float) -> tuple[RuleFigures, ...]:
    spoke = select(alert.c.rule, check.c.outcome, func.count()).join(check, check.c.id == alert.c.check_id)
    rows = connection.execute(spoke.where(*_settled(month, dong)).group_by(alert.c.rule, check.c.outcome)).all()
    found = []
    for rule in sorted({row.rule for row in rows}):
        by = Counter({Outcome(row.outcome): row[2] for row in rows if row.rule == rule})
        false = sum(by[outcome] for outcome in FALSE)
        found.append(
            RuleFigures(
                rule=rule,
                alerts=by.total(),
                false=false,
                needed=sum(by[outcome] for outcome in NEEDED),
                false_per_household_month=round(false / months, 4) if months > 0 else None,
            )
        )
    return tuple(found)


def _channels(connection: Connection, month: Month, dong: str | None) -> tuple[ChannelFigures, ...]:
    """Of a dong, those about its checks; the hourly proof of the paths is nobody's work.

    Deliveries know machine time alone, which is home time but in a demo.
    """
    counted = select(delivery.c.channel, delivery.c.state, func.count()).outerjoin(check, check.c.id == delivery.c.check_id)
    work = delivery.c.step.not_like(f"{STEP}%")
    mine = work, delivery.c.created_at >= month.begin, delivery.c.created_at < month.end, *_of(dong, check.c.dong_code)
    rows = connection.execute(counted.where(*mine).group_by(delivery.c.channel, delivery.c.state)).all()
    found = []
    for channel in sorted({row.channel for row in rows}):
        by = Counter({row.state: row[2] for row in rows if row.channel == channel})
        found.append(ChannelFigures(channel=channel, written=by.total(), sent=by["sent"], failed=by["failed"]))
    return tuple(found)


def _people(connection: Connection, month: Month, dong: str | None) -> tuple[PersonFigures, ...]:
    did = select(transition.c.actor, transition.c.action, func.count()).join(check, check.c.id == transition.c.check_id)
    mine = transition.c.at >= month.begin, transition.c.at < month.end, transition.c.actor.not_in(MACHINES)
    rows = connection.execute(
        did.where(*mine, *_of(dong, check.c.dong_code)).group_by(transition.c.actor, transition.c.action)
    ).all()
    found = []
    for login in sorted({row.actor for row in rows}):
        by = Counter({row.action: row[2] for row in rows if row.actor == login})
        found.append(
            PersonFigures(
                login=login,
                acknowledged=by[Action.ACKNOWLEDGED],
                attempted=by[Action.ATTEMPTED] + by[Action.VISIT_BEGUN],
                resolved=by[Action.RESOLVED],
            )
        )
    return tuple(found)


def _referrals(connection: Connection, month: Month, dong: str | None) -> tuple[ReferralFigures, ...]:
    became = select(referral.c.kind, referral_step.c.new, func.count()).join(
        referral, referral.c.id == referral_step.c.referral_id
    )
    mine = referral_step.c.at >= month.begin, referral_step.c.at < month.end, *_of(dong, referral.c.dong_code)
    rows = connection.execute(became.where(*mine).group_by(referral.c.kind, referral_step.c.new)).all()
    found = []
    for kind in CareKind:
        by = Counter({ReferralState(row.new): row[2] for row in rows if row.kind == kind})
        if by:
            found.append(ReferralFigures(kind=kind, **{state.value: by[state] for state in ReferralState}))
    return tuple(found)
