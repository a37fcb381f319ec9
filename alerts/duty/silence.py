"""Silences (알림 중지): which notices are held back for a while, and which never can be. Nothing is read or written here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.check import Alert, Check
from ingest.clock import DAY, HOUR, Millis
from rules.finding import DEVICE, RuleKey

NEVER_SILENT = frozenset(
    {
        RuleKey.SOS,
        RuleKey.SMOKE,
        RuleKey.GAS,
        RuleKey.CANNOT_VERIFY,
        RuleKey.HELP,
        RuleKey.REPORTED,
        RuleKey.OUTAGE,
    }
)
"""Whoever pressed or called, burns, or has not been heard of for too long is told of, whatever is silenced; so are a neighbour's
worry, and an outage, which no silence of a home means."""


class SilenceKind(StrEnum):
    """What a silence is laid over."""

    HOUSEHOLD = "household"
    DEVICE = "device"
    RULE = "rule"
    DONG = "dong"


LONGEST: dict[SilenceKind, Millis] = {
    SilenceKind.HOUSEHOLD: 14 * DAY,
    SilenceKind.DEVICE: 14 * DAY,
    SilenceKind.RULE: 14 * DAY,
    SilenceKind.DONG: 4 * HOUR,
}


class SilenceReason(StrEnum):
    """Why; `other` needs words."""

    REPAIR = "repair"  # 기기 수리·교체
    VISIT = "visit"  # 방문 중
    TEST = "test"  # 시험
    WORKS = "works"  # 공사·정전
    ASKED = "asked"  # 대상자 요청
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Notices held back from `begins_at` until `ends_at` (home time), or until it was lifted."""

    id: int
    kind: SilenceKind
    target: str
    dong_code: str | None  # whose homes it touches; None: a rule in every dong
    reason: SilenceReason
    author: str
    begins_at: Millis
    ends_at: Millis
    lifted_at: Millis | None = None
    note: str | None = None

    def holds(self, at: Millis) -> bool:
        """Whether it is in force."""
        return self.begins_at <= at < self.ends_at and self.lifted_at is None


def silenced(check: Check, silences: Iterable[Silence], at: Millis) -> Silence | None:
    """The silence that holds back the notices of this check; None while any one alert of it is not covered."""
    found: Silence | None = None
    holding = [one for one in silences if one.holds(at)]
    for alert in check.alerts:
        cover = next((one for one in holding if _covers(one, check, alert)), None)
        if cover is None:
            return None
        found = cover if found is None or cover.ends_at < found.ends_at else found
    return found


def covers_any(one: Silence, check: Check) -> bool:
    """Whether it holds back, or held back, what an alert of this check would have told."""
    return any(_covers(one, check, alert) for alert in check.alerts)


def touching(
    silences: Sequence[Silence], at: Millis, *, household: str | None = None, devices: Sequence[str] = (), dong: str | None = None
) -> list[Silence]:
    """Those in force that a page about this home, or this dong (None: all), has to show."""
    here = [one for one in silences if one.holds(at) and (dong is None or one.dong_code in (None, dong))]
    if household is None:
        return here
    wide = (SilenceKind.RULE, SilenceKind.DONG)
    return [one for one in here if one.kind in wide or one.target == household or one.target in devices]


def _covers(one: Silence, check: Check, alert: Alert) -> bool:
    if alert.rule in NEVER_SILENT:
        return False
    if one.dong_code not in (None, check.dong_code):
        return False
    if one.kind is SilenceKind.HOUSEHOLD:
        return one.target == check.household_id
    if one.kind is SilenceKind.DEVICE:
        return one.target == alert.evidence.device_id
    return one.kind is SilenceKind.DONG or one.target == alert.rule


SILENCEABLE = tuple(rule for rule in RuleKey if rule not in NEVER_SILENT and rule not in DEVICE)
"""Rules a silence may name besides those of devices."""
