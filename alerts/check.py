"""The nouns of our work: a check with its alerts, what happened to it, and why a request about it was refused."""

from __future__ import annotations

import hashlib
from base64 import b32encode
from dataclasses import dataclass
from enum import StrEnum

from alerts.attempt import Attempt, Result
from alerts.ladder import Ladder, Rung, RungChannel, Who
from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey


class CheckState(StrEnum):
    """The work: who has it. A check goes back to open, but never back from resolved."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Condition(StrEnum):
    """The home: whether what was noticed still holds. Apart from the work: cleared resolves nothing."""

    RAISED = "raised"
    UNDETERMINED = "undetermined"
    CLEARED = "cleared"


class Outcome(StrEnum):
    """How a check ended; one beginning with `safe_` is a credible sign of life."""

    SAFE_BY_AUTOMATIC_CALL = "safe_by_automatic_call"
    SAFE_BY_PHONE = "safe_by_phone"
    SAFE_BY_VISIT = "safe_by_visit"
    AWAY = "away"
    HOSPITAL = "hospital"
    MOVED = "moved"
    DEVICE_FAULT = "device_fault"
    EMERGENCY_119 = "emergency_119"
    DEATH_FOUND = "death_found"
    OTHER = "other"  # text required


class Action(StrEnum):
    """What a transition says happened."""

    OPENED = "opened"
    ADDED = "added"  # another rule's alert joined the check without raising its level
    RISEN = "risen"  # the level rose; an acknowledged check goes back to open
    RAISED_AGAIN = "raised_again"  # a new episode on an alert that was there already
    CLEARED = "cleared"
    UNDETERMINED = "undetermined"
    ACKNOWLEDGED = "acknowledged"
    EXPIRED = "expired"  # nobody settled it while the acknowledgement held
    EXHAUSTED = "exhausted"  # the ladder has ended and nobody took it; the page goes on showing it
    TRIED = "tried"  # of live events alone: a rung of the ladder, which changes no state
    ATTEMPTED = "attempted"  # a person tried to reach somebody
    VISIT_BEGUN = "visit_begun"
    ALIVE = "alive"  # fresh signs of life: the machine stops, a person looks
    NOTED = "noted"
    RESOLVED = "resolved"


class DueKind(StrEnum):
    """What happens when home time reaches a due row."""

    RUNG = "rung"  # the present try of the ladder is over
    ACKNOWLEDGEMENT_EXPIRES = "acknowledgement_expires"


class NoticeKind(StrEnum):
    """Why people are told."""

    OPENED = "opened"
    RISEN = "risen"
    ADDED = "added"
    RAISED_AGAIN = "raised_again"
    EXPIRED = "expired"
    ALIVE = "alive"
    EXHAUSTED = "exhausted"
    SILENCE_OVER = "silence_over"  # what was held back is looked at again
    REMINDER = "reminder"  # from here on: they stand only while nobody has taken the check
    CONTACT = "contact"
    VISIT = "visit"
    EMERGENCY = "emergency"
    ASK_RESIDENT = "ask_resident"
    ASK_CONTACT = "ask_contact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What comes next by itself, in home time."""

    kind: DueKind
    due_at: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule that spoke up about one subject (이상신호), from its first raise until its check is resolved."""

    id: str
    rule: RuleKey
    level: Level  # only ever rises
    condition: Condition
    episode: str  # the newest
    raised_at: Millis  # the first raise, home time like the rest
    at: Millis  # the newest raise
    cleared_at: Millis | None  # None unless the condition is cleared
    evidence: Evidence  # of the newest raise
    evidence_level: Level  # of the newest raise: a later episode may be milder than `level`


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Everything that is wrong about one subject, as one task (안부확인). All instants are home time."""

    id: str
    code: str  # short, for the phone: A-2K7; unique among the open checks of a dong
    dong_code: DongCode
    household_id: HouseholdId | None  # None: an urgent signal of a device nobody has claimed
    subject: str  # the household id, or `device:<id>`
    level: Level  # the highest of its alerts
    state: CheckState
    condition: Condition
    owner: str | None  # the login that acknowledged it
    opened_at: Millis
    risen_at: Millis
    acknowledged_at: Millis | None
    resolved_at: Millis | None
    outcome: Outcome | None
    ladder: Ladder  # the one it was opened with
    rung: str  # of the ladder: the furthest it has come to
    tries: int  # made on it since the check last went to the queue
    attempts: int  # made in all, those by hand too
    visit_at: Millis | None  # since when somebody is on the way
    version: int  # rises with every transition; a try of the ladder is none
    due: Due | None  # None: resolved, or open with its ladder exhausted
    alerts: tuple[Alert, ...]  # the gravest first

    @property
    def exhausted(self) -> bool:
        """It waits for a person and nothing will tell anyone any more: only the page shows it."""
        return self.state is CheckState.OPEN and self.due is None

    @property
    def on(self) -> Rung:
        """The rung it has come to."""
        return self.ladder.rung(self.rung)

    @property
    def with_machine(self) -> bool:
        """The resident is being asked by a machine, nobody else has been told yet."""
        return self.state is CheckState.OPEN and self.on.who is Who.RESIDENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One change: who, when (home time), why. `old` is None where there was nothing before."""

    at: Millis
    actor: str  # a login, or RULES or TICK
    action: Action
    old: str | None
    new: str
    owner: str | None  # who held the check until then
    level: Level
    reason: str  # a code: the rule (`motion`, withdrawn `motion:late_data`), the outcome, `acknowledgement_expired`


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """People are to be told; `step` tells this telling from every other about the same check."""

    kind: NoticeKind
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A call or message to the resident or the contacts themselves; withdrawn unless it leaves before `not_after`."""

    who: Who
    channel: RungChannel
    kind: NoticeKind
    step: str
    not_after: Millis  # home time


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be written in one transaction. `check` is None where nothing but the finding is recorded."""

    check: Check | None
    transitions: tuple[Transition, ...] = ()
    notices: tuple[Notice, ...] = ()
    asks: tuple[Ask, ...] = ()
    attempts: tuple[Attempt, ...] = ()  # new, or known better than before
    closes: Result | None = None  # what became of the ladder's tries that were still open, before the new ones
    alert_id: str | None = None  # the alert a finding went to


RULES = "rules"
TICK = "tick"
RESIDENT = "resident"  # answered a machine
"""Actors that are no member of staff."""

LADDER_STEP = "rung:"
"""How the step of a telling begins that stands only while nobody has taken the check."""


class Refused(Exception):
    """A request about a check or ticket that cannot be granted; the text says why, without personal detail."""


class NotFound(Refused):
    """There is no such check or ticket in the dongs this account may see."""


class Conflict(Refused):
    """It has changed since it was looked at, or its state does not allow this."""


class NeedsText(Refused):
    """This needs words: outcome `other`, or a note."""


class BadReturn(Refused):
    """Outcome `away` without a return time, or a return time that is past or too far ahead."""


class WrongValue(Refused):
    """A value that cannot be; `code` names the text that says what would be right."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


def reason_of(finding: Finding) -> str:
    """The code of its rule, and why it was withdrawn where it had never held: `motion:late_data`."""
    withdrawn = finding.evidence.withdrawn
    return f"{finding.rule}:{withdrawn}" if withdrawn else finding.rule.value


def subject_of(finding: Finding) -> str:
    """Whom a finding is about: the household; where none is known a neighbour's report, or the device. An outage is its own."""
    if finding.rule is RuleKey.OUTAGE:
        return f"outage:{finding.episode}"
    if finding.household_id is None and finding.rule is RuleKey.REPORTED:
        return finding.episode
    return finding.household_id or f"device:{finding.evidence.device_id or 'unknown'}"


def id_from(kind: str, source: str) -> str:
    """A 16-character id that is the same whenever it is made from the same source."""
    return b32encode(hashlib.sha256(f"{kind}:{source}".encode()).digest()[:10]).decode().lower()


def worst_first(alerts: tuple[Alert, ...]) -> tuple[Alert, ...]:
    """By level from danger down, then by age."""
    return tuple(sorted(alerts, key=lambda alert: (-alert.level, alert.raised_at, alert.id)))


def condition_of(alerts: tuple[Alert, ...]) -> Condition:
    """Raised while any alert is, else undetermined while any is, else cleared."""
    held = {alert.condition for alert in alerts}
    for condition in (Condition.RAISED, Condition.UNDETERMINED):
        if condition in held:
            return condition
    return Condition.CLEARED
