"""What the API takes and gives about duty; times as in `models`, days as ISO dates in Asia/Seoul."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from alerts.duty.away import AwayReason
from alerts.duty.silence import SilenceKind, SilenceReason
from alerts.duty.tonight import How
from dashboard_api.api.models import Instant, LevelWord


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShiftIn(_Model):
    """An entry of the roster."""

    desk: str = Field(description="dong, night, supervisor", examples=["dong"])
    login: str = Field(min_length=1, max_length=64)
    dong: str | None = Field(default=None, max_length=32, description="null: every dong (night, supervisor)")
    position: int = 1
    part: str | None = Field(default=None, description="day, night; null: both")
    weekdays: str = Field(default="1234567", max_length=7, description="1 Monday to 7 Sunday")
    from_day: str | None = Field(default=None, max_length=10)
    until_day: str | None = Field(default=None, max_length=10)


class ShiftOut(ShiftIn):
    """An entry that stands."""

    id: int


class AbsenceIn(_Model):
    """Somebody is not there; the substitute sits in their place."""

    login: str = Field(min_length=1, max_length=64)
    from_at: Instant
    until_at: Instant
    substitute: str | None = Field(default=None, max_length=64)
    reason: str = Field(default="leave", description="leave, sick, training, other")


class AbsenceOut(AbsenceIn):
    """An absence that stands."""

    id: int


class DayIn(_Model):
    """What the site says of a day itself."""

    off: bool = Field(description="true: 임시공휴일; false: worked although the law has it off")
    name: str = Field(min_length=1, max_length=64)


class DayOut(DayIn):
    """A day of the site's own."""

    day: str


class CapIn(_Model):
    """How many open checks a person may hold before the next is asked."""

    open_checks: int


class OnDutyOut(_Model):
    """Somebody who is asked about a dong now; `full`: they hold as many open checks as they may."""

    login: str
    desk: str
    full: bool


class DongDutyOut(_Model):
    """Who has duty for a dong, the first first; `gap`: since when nobody has."""

    dong: str
    on_duty: list[OnDutyOut]
    gap: Instant | None


class RosterOut(_Model):
    """Who has duty now, until when, and the entries that decide it.

    `unheard`: by login why no message reaches somebody of the roster: `no_account`, `no_contact`.
    """

    part: str
    ends_at: Instant
    dongs: list[DongDutyOut]
    no_roster: bool
    shifts: list[ShiftOut]
    absences: list[AbsenceOut]
    days: list[DayOut]
    unheard: dict[str, str]


class HandoverOut(_Model):
    """A sheet: what was handed over, and who signed for it."""

    id: int
    dong: str
    made_at: Instant
    gives: str
    takes: str
    due_at: Instant
    signed_at: Instant | None
    signed_by: str | None
    escalated_at: Instant | None
    overtaken_at: Instant | None
    unsigned_before: bool
    checks: list[SheetCheckOut]
    silences: list[SheetSilenceOut]
    away: list[SheetAwayOut]
    due: list[SheetDueOut]


class SheetCheckOut(_Model):
    """An open check as it was handed over."""

    id: str
    code: str
    household: str | None
    level: LevelWord
    state: str
    owner: str | None
    opened_at: Instant


class SheetSilenceOut(_Model):
    """A silence in force at the handover."""

    kind: str
    target: str
    ends_at: Instant


class SheetAwayOut(_Model):
    """A home whose resident was known to be away."""

    household: str
    returns_at: Instant
    reason: str


class SheetDueOut(_Model):
    """A home of tonight's list that nobody had cleared."""

    household: str
    rule: str
    level: LevelWord
    due_at: Instant


class HandoversOut(_Model):
    """The sheets of the last 7 days, those unsigned first."""

    handovers: list[HandoverOut]


class TonightHomeOut(_Model):
    """A home of the list, with the worst level that falls due in the night."""

    household: str
    dong: str
    rule: str
    level: LevelWord
    due_at: Instant
    first_due_at: Instant
    since: Instant
    cleared_at: Instant | None
    cleared_by: str | None
    how: How | None


class TonightOut(_Model):
    """The newest list, the worst first; no evening before the first."""

    evening: str | None
    homes: list[TonightHomeOut]


class ClearIn(_Model):
    """How a home was cleared by day; `returns_at` is asked for away."""

    how: How
    returns_at: Instant | None = None


class SilenceIn(_Model):
    """What to hold back, until when, and why; `text` (kept sealed) is asked for the reason other."""

    kind: SilenceKind
    target: str = Field(min_length=1, max_length=48)
    ends_at: Instant
    reason: SilenceReason
    text: str = Field(default="", max_length=2000)


class SilenceOut(_Model):
    """A silence in force."""

    id: int
    kind: SilenceKind
    target: str
    dong: str | None
    reason: SilenceReason
    author: str
    begins_at: Instant
    ends_at: Instant
    note: str | None


class SilencesOut(_Model):
    """Silences in force, the first to end first."""

    silences: list[SilenceOut]


class AwayIn(_Model):
    """The resident is known to be away until then."""

    returns_at: Instant
    reason: AwayReason = AwayReason.TRAVEL


class AwayOut(_Model):
    """A declared absence."""

    household: str
    dong: str
    from_at: Instant
    returns_at: Instant
    reason: str
    declared_by: str


class AwayListOut(_Model):
    """Who is away, the first to return first."""

    away: list[AwayOut]


class OutageOut(_Model):
    """An outage; `lost` of `gateways` were silent at the worst."""

    id: str
    kind: str
    target: str
    dong: str
    began_at: Instant
    ended_at: Instant | None
    closed_at: Instant | None
    gateways: int
    lost: int


class OutagesOut(_Model):
    """Those that last, then those of the last 14 days."""

    outages: list[OutageOut]


class OutageHomeOut(_Model):
    """A home inside an outage, with its last sign of life before."""

    household: str
    dong: str
    quiet_since: Instant | None
    back_at: Instant | None
    check: str | None = Field(description="the check whose notices wait for the digest")
    level: LevelWord | None


class OutageDetailOut(_Model):
    """An outage with its homes, those quiet longest before it first."""

    outage: OutageOut
    homes: list[OutageHomeOut]


HandoverOut.model_rebuild()
