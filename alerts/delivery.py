"""What is told to whom, and how a telling went: the nouns of the outbox and its port to a channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import msgspec

from alerts.check import Ask, Check, Notice
from ingest.clock import Millis, to_iso
from rules.finding import Level


class DeliveryState(StrEnum):
    """Waiting until it is sent, has failed for good, or is withdrawn because nobody needs it any more."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """All that leaves the house: no name, no address, no reason; ids are opaque."""

    id: str  # of the delivery: the receiver's idempotency key
    kind: str  # alerts.check.NoticeKind; of a stage of ours: stage_failed, stage_mended
    level: str  # caution, warning, danger
    dong: str  # "-" where it concerns the whole site
    code: str  # of the check, or the name of the stage
    link: str
    at: str  # home time, ISO 8601 with offset


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
    not_after: Millis | None = None  # home time from which on it must not leave any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The receiver has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """It may work later; `retry_after` (machine ms from now) is what the receiver asked for, None where it said nothing."""

    error: str
    retry_after: Millis | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permanent:
    """It will never work like this: somebody has to mend a setting."""

    error: str


Result: TypeAlias = Sent | Temporary | Permanent


class Channel(Protocol):
    """A way to reach people. Must give up in well under the sender's lease; `error` texts hold no address or secret."""

    def send(self, delivery: Delivery) -> Result:
        """Send now and say how it went; failures are values."""
        ...


def resident_label(household_id: str) -> str:
    """How a delivery names the resident to a gateway, which finds the number in the register."""
    return f"resident:{household_id}"


def contact_label(household_id: str, position: int) -> str:
    """Likewise the guardian or neighbour who is called in this place."""
    return f"guardian:{household_id}:{position}"


def delivery_id(check_id: str, step: str, channel: str, recipient: str) -> str:
    """The number of one delivery, the same whenever it is made of the same telling."""
    return hashlib.sha256(f"{check_id}|{step}|{channel}|{recipient}".encode()).hexdigest()[:32]


def deliver(check: Check, told: Notice | Ask, channel: str, recipient: str, now: Millis, base_url: str) -> Delivery:
    """One telling at home time `now` for one recipient on one channel."""
    number = delivery_id(check.id, told.step, channel, recipient)
    message = Message(
        id=number,
        kind=told.kind,
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
        step=told.step,
        level=check.level,
        body=msgspec.json.encode(message),
        attempts=0,
        not_after=told.not_after if isinstance(told, Ask) else None,
    )
