"""What is told to whom, and how a telling went: the nouns of the outbox and its port to a channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from alerts.check import Check, Notice
from ingest.clock import Millis, to_iso
from rules.finding import Level


class DeliveryState(StrEnum):
    """Waiting until it is sent, has failed for good, or is withdrawn because nobody needs it any more."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    HELD = "held"  # its person was told too much at once; the next digest takes it along
    DIGESTED = "digested"  # it went out in a digest


class Receipt(StrEnum):
    """What a provider says became of a message after it had taken it."""

    DELIVERED = "delivered"
    LOST = "lost"  # not delivered, or a call that nobody answered


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that leaves the house: no name, no address, no reason; ids are opaque."""

    id: str  # of the telling: the same on every channel that carries it, and in its text
    kind: str  # alerts.check.NoticeKind; of a stage of ours: stage_failed, stage_mended
    level: str  # caution, warning, danger
    dong: str  # "-" where it concerns the whole site
    code: str  # of the check, or the name of the stage
    link: str
    at: str  # home time, ISO 8601 with offset
    codes: tuple[str, ...] = ()  # of a digest: what it gathers, the gravest first
    more: int = 0  # of a digest: how many there are besides


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one recipient on one channel."""

    id: str
    check_id: str
    channel: str
    recipient: str
    step: str
    level: Level
    body: bytes  # JSON of `Message`, the same bytes at every attempt
    attempts: int  # this one included
    person: str | None = None  # a login, `resident:<household>` or `guardian:<household>:<position>`; None: no person
    telling: str | None = None
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The receiver has it. `reference` is what a provider calls it, where a receipt will follow."""

    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """It may work later; `retry_after` (machine ms from now) is what the receiver asked for, None where it said nothing."""

    error: str
    retry_after: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permanent:
    """It will never work like this: somebody has to mend a setting. `gone`: the address itself exists no longer."""

    error: str
    gone: bool = False


Result: TypeAlias = Sent | Temporary | Permanent


class Channel(Protocol):
    """A way to reach people. Must give up in well under the sender's lease; `error` texts hold no address or secret."""

    def send(self, delivery: Delivery) -> Result:
        """Send now and say how it went; failures are values."""
        ...


def deliver(check: Check, notice: Notice, channel: str, recipient: str, now: Millis, base_url: str) -> Delivery:
    """One notice at home time `now` for a receiver that is no person."""
    key = f"{check.id}|{notice.step}|{channel}|{recipient}"
    number = hashlib.sha256(key.encode()).hexdigest()[:32]
    message = Message(
        id=number,
        kind=notice.kind,
        level=check.level.name.lower(),
        dong=check.dong_code,
        code=check.code,
        link=f"{base_url.rstrip('/')}/checks/{check.id}",
        at=to_iso(now),
    )
    return Delivery(
        id=number,
        check_id=check.id,
        channel=channel,
        recipient=recipient,
        step=notice.step,
        level=check.level,
        body=msgspec.json.encode(message),
        attempts=0,
    )
