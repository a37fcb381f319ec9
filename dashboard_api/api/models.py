"""What the API takes and gives, with examples; times are ISO 8601 with the offset of Asia/Seoul."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from alerts.desk import Outcome
from ingest.clock import Millis, parse_local, to_iso
from rules.finding import Level


def _instant(value: object) -> Millis:
    if isinstance(value, int):
        return value
    text = str(value)
    return int(text) if text.isdigit() else parse_local(text)


Instant = Annotated[
    int,
    BeforeValidator(_instant),
    PlainSerializer(lambda at: to_iso(at), return_type=str),
    Field(json_schema_extra={"type": "string", "format": "date-time"}, examples=["2026-01-05T09:30:00+09:00"]),
]
"""Milliseconds inside; outside ISO 8601 (without an offset it is taken as Seoul time), or the milliseconds themselves."""


class LevelWord(StrEnum):
    """How grave, as the API says it: 주의, 경보, 위험; the same words as in webhooks."""

    CAUTION = "caution"
    WARNING = "warning"
    DANGER = "danger"

    @classmethod
    def of(cls, level: Level) -> LevelWord:
        """The word of a level."""
        return cls[level.name]

    @property
    def level(self) -> Level:
        """The level of the word."""
        return Level[self.name]


class Model(BaseModel):
    """What all models share: unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LoginIn(Model):
    """Who logs in."""

    login: str = Field(min_length=1, max_length=64, examples=["dong1"])
    password: str = Field(min_length=1, max_length=256, examples=["a long sentence of your own"])


class AccountOut(Model):
    """Who is logged in, and what they may see (dong null: all)."""

    login: str
    role: str
    dong: str | None


class ProblemOut(Model):
    """Every refusal: a code, why, and what to do next."""

    error: str = Field(examples=["conflict"])
    detail: str = Field(examples=["그 사이에 다른 담당자가 이 안부확인을 바꿨습니다."])
    next: str = Field(examples=["새로 고친 내용을 보고 다시 하십시오."])


class SignsOut(Model):
    """When each sign of life was last seen before the alert; null: never."""

    motion: Instant | None
    door: Instant | None
    call: Instant | None
    phone: Instant | None = Field(description="reported itself switched on")
    newest: Instant | None


class EvidenceOut(Model):
    """What a finding rests on; value and limit in milliseconds for absences, in the signal's unit otherwise."""

    since: Instant
    value: float
    limit: float
    dwell_ms: int
    coverage: float = Field(description="share of the window in which the home was observed, 0 to 1")
    rule_version: str
    device: str | None
    signs: SignsOut | None = Field(description="of absences: when each sign of life was last seen")


class AlertOut(Model):
    """One reason of a check."""

    id: str
    rule: str = Field(examples=["motion"])
    level: LevelWord
    condition: str = Field(examples=["raised"])
    raised_at: Instant
    cleared_at: Instant | None
    reason: str = Field(examples=["12시간 40분 동안 움직임이 없습니다 (경보 기준 12시간)."])
    evidence: EvidenceOut


class CheckOut(Model):
    """One check (안부확인) of a household."""

    id: str
    code: str = Field(examples=["A-2K7"])
    dong: str
    household: str | None = Field(description="null: an urgent signal of a device nobody has claimed")
    subject: str
    level: LevelWord
    state: str = Field(examples=["open"])
    condition: str = Field(examples=["raised"])
    owner: str | None
    opened_at: Instant
    risen_at: Instant
    acknowledged_at: Instant | None
    resolved_at: Instant | None
    outcome: str | None
    rung: str = Field(examples=["officer"], description="of its ladder: the furthest it has come to")
    with_machine: bool = Field(description="the resident is being asked by a machine, nobody else was told yet")
    exhausted: bool = Field(description="the ladder has ended and nobody took it")
    visit_at: Instant | None = Field(description="since when somebody is on the way")
    due_at: Instant | None = Field(description="when the next try is due, or the acknowledgement ends")
    version: int
    alerts: list[AlertOut]


class ChecksOut(Model):
    """A page of checks; `before` asks for the next, null when there is none."""

    checks: list[CheckOut]
    before: str | None


class TransitionOut(Model):
    """One change of a check: who, when, why."""

    at: Instant
    actor: str
    action: str
    old: str | None
    new: str
    level: LevelWord
    reason: str
    note: str | None


class CheckDetailOut(Model):
    """A check with everything that became of it; the ladder is under `/ladder`, the people under their household."""

    check: CheckOut
    transitions: list[TransitionOut]
    script: list[str] = Field(description="what to ask and do")
    earlier: list[CheckOut] = Field(description="the last three checks of the same household before it")


class AcknowledgeIn(Model):
    """`version`, when given, is the one last seen: an older one is refused with 409."""

    version: int | None = None


class NoteIn(Model):
    """A remark; it is kept sealed."""

    text: str = Field(min_length=1, max_length=2000, examples=["이웃에게 물어봄, 오전에 봤다고 함"])


class ResolveIn(Model):
    """How a person settled a check; `returns_at` is asked for away and hospital, `text` for other.

    `safe_by_automatic_call` is refused: that is the machine's alone.
    """

    outcome: Outcome = Field(examples=["safe_by_phone"])
    text: str = Field(default="", max_length=2000)
    returns_at: Instant | None = None
    version: int | None = None


class TicketOut(Model):
    """Something for the installer (기기 점검)."""

    id: str
    dong: str
    household: str | None
    device: str | None
    rule: str
    level: LevelWord
    state: str
    condition: str
    opened_at: Instant
    cleared_at: Instant | None
    resolved_at: Instant | None
    resolved_by: str | None
    reason: str


class TicketsOut(Model):
    """Tickets, the newest first."""

    tickets: list[TicketOut]


class TicketResolveIn(Model):
    """What was done."""

    text: str = Field(default="", max_length=2000, examples=["건전지 교체"])


class HouseholdOut(Model):
    """One home; people are shown apart, see `/people`."""

    id: str
    dong: str
    grade: str
    enrolled_at: Instant
    ended_at: Instant | None


class HouseholdsOut(Model):
    """Homes by id."""

    households: list[HouseholdOut]


class HeardOut(Model):
    """The newest reading of one signal."""

    signal: str
    at: Instant
    value: float


class DeviceOut(Model):
    """A device that stands in a household."""

    id: str
    household: str
    dong: str
    model: str
    signals: list[str]
    report_interval_s: int
    enrolled_at: Instant
    lost: int = Field(description="messages it sent in this home and we never got")


class LostRangeOut(Model):
    """Messages of one device, numbered `from_seq` to `to_seq` in one of its boots, that never came."""

    device: str
    household: str | None = Field(description="where the device stood; null: in none any more")
    boot: int
    from_seq: int
    to_seq: int = Field(description="below from_seq where the numbers wrapped between")
    messages: int
    came_late: int = Field(description="how many of them arrived after they had been given up")
    noticed_at: Instant = Field(description="when a later number showed that they were missing")
    lost_at: Instant


class LostOut(Model):
    """Losses, the newest first."""

    lost: list[LostRangeOut]


class DevicesOut(Model):
    """Devices by id."""

    devices: list[DeviceOut]


class SightOut(Model):
    """Whether a home is observed. A home that is not is neither well nor inactive."""

    observed: bool | None = Field(description="null: the rules have not been heard from")
    cause: str | None = Field(
        default=None, examples=["gateway"], description="ourselves, broker, gateway, sensor, not_commissioned"
    )
    since: Instant | None = None
    signals: list[str] = Field(default=[], description="what alone cannot be heard; empty: nothing can")
    text: str = Field(default="", examples=["댁내 게이트웨이 연결 끊김"])


class AwayOut(Model):
    """An absence that staff declared."""

    reason: str = Field(examples=["travel"])
    since: Instant
    returns_at: Instant


class HouseholdDetailOut(Model):
    """A home with its devices, what was last heard, and whether its people may be shown now."""

    household: HouseholdOut
    devices: list[DeviceOut]
    heard: list[HeardOut]
    sight: SightOut
    away: AwayOut | None = Field(description="null: nobody declared an absence")
    people_masked: bool = Field(description="true until the household has an open check")
    open_checks: list[CheckOut]


class PersonOut(Model):
    """Somebody to reach."""

    name: str
    phone: str
    relation: str = ""


class PeopleOut(Model):
    """The people of a household: masked until it has an open check; every answer in clear leaves a row in the view log."""

    masked: bool
    resident: PersonOut | None
    address: str | None
    note: str | None
    guardians: list[PersonOut]


class BucketOut(Model):
    """All readings of one equal stretch of time, beginning at `start` (milliseconds since 1970 UTC)."""

    start: int
    count: int
    mean: float
    min: float
    max: float


class ReadingsOut(Model):
    """A signal over a time range in at most `points` stretches; those without readings are left out."""

    household: str
    signal: str
    start: Instant
    end: Instant
    width_ms: int
    buckets: list[BucketOut]


class StageOut(Model):
    """How one stage is doing."""

    name: str
    ok: bool
    detail: str
    lag: int | None


class ReadyOut(Model):
    """Whether all stages move; those that do not say why."""

    ready: bool
    stages: list[StageOut]
