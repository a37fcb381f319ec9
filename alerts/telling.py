"""Telling people: one message to each of some persons, by the first of their channels, the next ones as its fallbacks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, bindparam, insert, select

from alerts.check import Ask, Check, Notice
from alerts.contacts import channels_of
from alerts.delivery import DeliveryState, Message
from alerts.policy import Policy
from alerts.tables import delivery
from ingest.clock import MINUTE, SECOND, Millis, to_iso
from rules.finding import Level

_log = structlog.get_logger(__name__)

FALLBACK: Mapping[Level, Millis] = {Level.DANGER: 15 * SECOND, Level.WARNING: 2 * MINUTE, Level.CAUTION: 10 * MINUTE}
"""How long, in machine time, a channel has before the next one of the same person is tried as well."""

NOWHERE = "none"
"""The channel of a delivery to somebody who has no way to be reached: it has failed from the start, and shows."""

NAMED = 10
"""Codes that a message about many checks spells out; it says how many there are besides."""

_STEP = 32
_THERE = select(delivery.c.id).where(delivery.c.id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What is to be told. Told once to each person, however often it is asked for under the same check and key."""

    key: str
    kind: str  # of `Message.kind`
    level: Level
    dong: str  # its code; "-" where it concerns the whole site
    code: str  # of the check, or a short name of what is meant
    path: str  # of the page to look at, from a slash on
    check_id: str | None = None  # what leaves no more once this check is resolved
    channels: tuple[str, ...] | None = None  # in this order, the first at once; None: each person's own
    not_after: Millis | None = None  # home time from which on it must not leave any more
    codes: tuple[str, ...] = ()  # of all it gathers, the gravest first: the first `NAMED` are spelt out

    @classmethod
    def of_check(cls, check: Check, told: Notice | Ask) -> Telling:
        """The telling of a notice about a check, or of what is asked of those whom it is about."""
        ask = told if isinstance(told, Ask) else None
        return cls(
            key=told.step,
            kind=told.kind,
            level=check.level,
            dong=check.dong_code,
            code=check.code,
            path=f"/checks/{check.id}",
            check_id=check.id,
            channels=None if ask is None else (ask.channel,),
            not_after=None if ask is None else ask.not_after,
        )


def tell_people(
    connection: Connection,
    telling: Telling,
    persons: Sequence[str],
    policy: Policy,
    *,
    home_now: Millis,
    machine_now: Millis,
    ways: dict[str, tuple[str, ...]] | None = None,
    first: bool = False,
) -> list[str]:
    """Write the deliveries of one telling into the caller's transaction; the ids of all of them, those of before included.

    A person is a login, `resident:<household>` or `guardian:<household>:<position>`. The body holds no personal detail:
    addresses, and the name a guardian is told, are looked up when it is sent. `ways`: the channels of persons as this
    transaction has read them already; what is read is added. `first`: nothing was ever told of this check.
    """
    wanted = list(dict.fromkeys(persons))
    if not wanted:
        return []
    found = _ways(connection, telling, wanted, policy, {} if ways is None else ways)
    rows = [row for person in wanted for row in _rows(telling, person, found[person], policy, home_now, machine_now)]
    ids = [row["id"] for row in rows]
    if first:
        connection.execute(insert(delivery), rows)
        return ids
    there = set(connection.execute(_THERE, {"ids": ids}).scalars())
    if fresh := [row for row in rows if row["id"] not in there]:
        connection.execute(insert(delivery), fresh)
    return ids


def telling_number(check_id: str | None, key: str, person: str) -> str:
    """The id of the first delivery of a telling, the same whenever it is made of the same."""
    return _digest(f"{check_id or '-'}|{key}|{person}")


def resident_of(household_id: str) -> str:
    """How the resident is named as a person to be told."""
    return f"resident:{household_id}"


def guardian_of(household_id: str, position: int) -> str:
    """Likewise the guardian or neighbour who is called in this place."""
    return f"guardian:{household_id}:{position}"


def _ways(
    connection: Connection, telling: Telling, persons: Sequence[str], policy: Policy, known: dict[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    if telling.channels is None:
        if unknown := [person for person in persons if person not in known]:
            known.update(channels_of(connection, unknown, policy.channels))
        return known
    named = tuple(name for name in telling.channels if policy.channels is None or name in policy.channels)
    return dict.fromkeys(persons, named)


def _rows(
    telling: Telling, person: str, channels: Sequence[str], policy: Policy, home_now: Millis, machine_now: Millis
) -> list[dict[str, Any]]:
    number = telling_number(telling.check_id, telling.key, person)
    body = Message(
        id=number,
        kind=telling.kind,
        level=telling.level.name.lower(),
        dong=telling.dong,
        code=telling.code,
        link=policy.base_url.rstrip("/") + telling.path,
        at=to_iso(home_now),
        codes=telling.codes[:NAMED],
        more=len(telling.codes[NAMED:]),
    )
    reached = bool(channels)
    if not reached:
        _log.error("nobody is told: the person has no contact point this site can use", telling=number, check_id=telling.check_id)
    return [
        {
            "id": number if rank == 0 else _digest(f"{number}|{channel}"),
            "check_id": telling.check_id,
            "channel": channel,
            "recipient": person,
            "step": telling.key if len(telling.key) <= _STEP else _digest(telling.key),
            "level": telling.level,
            "body": msgspec.json.encode(body).decode(),
            "created_at": machine_now,
            "due_at": machine_now + rank * FALLBACK[telling.level],
            "attempts": 0,
            "state": DeliveryState.WAITING if reached else DeliveryState.FAILED,
            "error": None if reached else "no contact point",
            "person": person,
            "telling": number,
            "rank": rank,
            "not_after": telling.not_after,
        }
        for rank, channel in enumerate(channels or (NOWHERE,))
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
