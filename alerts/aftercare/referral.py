"""The nouns of a referral (연계): the ten kinds of care, how one goes from offered to closed, and a programme's yearly cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from alerts.check import Conflict, Refused
from ingest.clock import DAY, SEOUL, Millis, to_datetime


class CareKind(StrEnum):
    """The services of Care-SOS (돌봄SOS)."""

    HOME_HELP = "home_help"  # 일시재가
    SHORT_STAY = "short_stay"  # 단기시설
    ESCORT = "escort"  # 동행지원
    HOUSING = "housing"  # 주거편의
    MEALS = "meals"  # 식사지원
    HEALTH = "health"  # 건강지원
    SAFETY_CHECK = "safety_check"  # 안부확인
    COUNSELLING = "counselling"  # 정보상담
    CASE_MANAGEMENT = "case_management"  # 사례관리
    EMERGENCY_AID = "emergency_aid"  # 긴급지원


class ReferralState(StrEnum):
    """From the offer to its end."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    CLOSED = "closed"
    DECLINED = "declined"  # by the resident or the provider


NEXT: Mapping[ReferralState, frozenset[ReferralState]] = {
    ReferralState.OFFERED: frozenset({ReferralState.ACCEPTED, ReferralState.DECLINED}),
    ReferralState.ACCEPTED: frozenset({ReferralState.DELIVERED, ReferralState.DECLINED}),
    ReferralState.DELIVERED: frozenset({ReferralState.CLOSED}),
    ReferralState.CLOSED: frozenset(),
    ReferralState.DECLINED: frozenset(),
}

WITHIN: Mapping[ReferralState, Millis] = {
    ReferralState.OFFERED: 3 * DAY,
    ReferralState.ACCEPTED: 7 * DAY,
    ReferralState.DELIVERED: 14 * DAY,
}
"""Our own pace: by when an answer, the service, and a look at how it went are due."""

SPENT = (ReferralState.ACCEPTED, ReferralState.DELIVERED, ReferralState.CLOSED)
"""What counts against the cap of the year in which it was accepted."""


class CapReached(Refused):
    """The programme pays no more for this person this year; `left_won` says how much is left."""

    def __init__(self, left_won: int) -> None:
        super().__init__(f"the programme has {left_won:,} won left for this person this year")
        self.left_won = left_won


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Who gives a service. `dong_code` None serves every dong."""

    id: int
    name: str
    kinds: tuple[CareKind, ...]
    dong_code: str | None
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Who pays, at most `yearly_cap_won` for a person in a calendar year of Seoul."""

    id: int
    name: str
    yearly_cap_won: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One change of a referral."""

    at: Millis
    actor: str
    old: ReferralState | None
    new: ReferralState
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One service asked for. All instants are home time."""

    id: int
    case_id: int
    household_id: str
    dong_code: str
    check_id: str | None
    kind: CareKind
    provider: str
    programme: str | None
    cost_won: int
    state: ReferralState
    responsible: str
    offered_at: Millis
    accepted_at: Millis | None
    due_at: Millis | None  # None: it has ended
    steps: tuple[Step, ...]


def check_step(old: ReferralState, new: ReferralState) -> None:
    """Conflict unless a referral in `old` may become `new`."""
    if new not in NEXT[old]:
        raise Conflict(f"a referral that is {old} cannot become {new}")


def check_cap(cap_won: int, spent_won: int, cost_won: int) -> None:
    """CapReached where the cost does not fit into what is left."""
    if spent_won + cost_won > cap_won:
        raise CapReached(max(0, cap_won - spent_won))


def year_around(at: Millis) -> tuple[Millis, Millis]:
    """The calendar year of Seoul that `at` lies in, as [begin, end) in ms UTC."""
    year = to_datetime(at).astimezone(SEOUL).year
    begin, end = (round(datetime(each, 1, 1, tzinfo=SEOUL).timestamp() * 1000) for each in (year, year + 1))
    return begin, end
