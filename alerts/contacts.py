"""How people are reached: their contact points, sealed at rest, and the address a channel asks for when it sends."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from alerts.private_way import is_private_way
from alerts.tables import contact_point
from ingest.clock import Clock
from ingest.register.people import mask_phone
from ingest.register.phones import normal_phone
from ingest.register.vault import log_view, open_people
from ingest.seal import Sealer
from ingest.store import reading

MOST = 12
"""Contact points of one person; more are a mistake."""

OUTBOX = "outbox"
"""Who looked, in the log of views, when a message to a resident or guardian left."""


class Kind(StrEnum):
    """What an address is."""

    EMAIL = "email"
    PHONE = "phone"
    PUSH = "push"  # a browser's subscription
    WEBHOOK = "webhook"
    APPRISE = "apprise"


CHANNELS = {
    "push": Kind.PUSH,
    "message": Kind.PHONE,  # 알림톡, else SMS
    "email": Kind.EMAIL,
    "webhook": Kind.WEBHOOK,
    "apprise": Kind.APPRISE,
    "call": Kind.PHONE,  # an automatic call; only where somebody asks for it
}
"""The channels that reach people, and the kind of address each needs."""

_KINDS = (
    select(contact_point.c.person, contact_point.c.kind)
    .where(contact_point.c.person.in_(bindparam("persons", expanding=True)))
    .order_by(contact_point.c.person, contact_point.c.position)
)
_RELATIVE = re.compile(r"(resident|guardian):([a-z0-9-]{1,32})(?::(\d{1,2}))?")
_EMAIL = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class ContactPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach somebody; the address itself is masked."""

    id: int
    person: str
    kind: Kind
    position: int
    shown: str


class PushAddress(msgspec.Struct, frozen=True, kw_only=True):
    """A browser's subscription (W3C Push API): where to post, and the keys to encrypt for (base64url)."""

    endpoint: str
    p256dh: str
    auth: str


class HookAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a person's own program listens, and the secret that signs."""

    url: str
    secret: str


class ContactRefused(ValueError):
    """The contact point cannot be kept; the text says what would be right and repeats no address."""


def channels_of(connection: Connection, persons: Collection[str], offered: Collection[str] | None) -> dict[str, tuple[str, ...]]:
    """The channels of each person in the order they are tried, of those the site has (`offered`; None: all).

    Of a resident or guardian the register holds a phone alone.
    """
    rows = connection.execute(_KINDS, {"persons": list(persons)})
    found: dict[str, list[str]] = {person: [] for person in persons}
    for row in rows:
        channel = next(name for name, kind in CHANNELS.items() if kind == row.kind)
        if channel not in found[row.person]:
            found[row.person].append(channel)
    for person in persons:
        if _RELATIVE.fullmatch(person):
            found[person] = ["message"]
    return {person: tuple(each for each in ways if offered is None or each in offered) for person, ways in found.items()}


class ContactBook:
    """Contact points in the relational store. Safe to use from several threads; raises ContactRefused, SealBroken."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._sealer = sealer
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}

    def add(self, person: str, kind: Kind, address: str) -> ContactPoint:
        """Keep this address as the last of the person's; one that is there already stays where it is."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._@-]{0,63}", person):
            raise ContactRefused("a contact point belongs to a login; residents and guardians stand in the register")
        right = checked(kind, address)
        with self._engine.begin() as connection:
            there = self._rows(connection, person)
            for row in there:
                if row.kind == kind and self._open(row) == right:
                    return self._point(row)
            if len(there) >= MOST:
                raise ContactRefused(f"there are {MOST} contact points already; remove one first")
            values = {
                "person": person,
                "kind": kind,
                "position": max((row.position for row in there), default=0) + 1,
                "sealed": self._sealer.seal(right.encode(), about=_about(person, kind)),
                "created_at": self._clock.machine_now(),
            }
            connection.execute(insert(contact_point).values(**values))
            return self._point(self._rows(connection, person)[-1])

    def remove(self, person: str, number: int) -> bool:
        """Forget one; False where the person has none of this number."""
        mine = contact_point.c.person == person, contact_point.c.id == number
        with self._engine.begin() as connection:
            return connection.execute(delete(contact_point).where(*mine)).rowcount == 1

    def forget(self, person: str, kind: Kind, address: str) -> None:
        """Drop an address that its own receiver says is gone, such as a browser that unsubscribed."""
        with self._engine.begin() as connection:
            for row in self._rows(connection, person):
                if row.kind == kind and self._open(row) == address:
                    connection.execute(delete(contact_point).where(contact_point.c.id == row.id))

    def of(self, person: str) -> list[ContactPoint]:
        """The person's contact points, masked, in the order they are tried."""
        with self._reading.begin() as connection:
            return [self._point(row) for row in self._rows(connection, person)]

    def people(self) -> list[str]:
        """Everybody who has a contact point."""
        with self._reading.begin() as connection:
            return list(connection.execute(select(contact_point.c.person).distinct().order_by(contact_point.c.person)).scalars())

    def ways(self, persons: Sequence[str], offered: Collection[str] | None) -> dict[str, tuple[str, ...]]:
        """`channels_of` in a transaction of its own."""
        with self._reading.begin() as connection:
            return channels_of(connection, persons, offered)

    def addresses(self, person: str, channel: str) -> tuple[str, ...]:
        """What this channel needs to reach the person, in order; empty where nothing. A look at the register is logged."""
        relative = _RELATIVE.fullmatch(person)
        if relative is not None:
            return self._phone(relative, channel)
        kind = CHANNELS.get(channel)
        try:
            with self._reading.begin() as connection:
                found = tuple(self._open(row) for row in self._rows(connection, person) if row.kind == kind)
        except SQLAlchemyError:
            # That the store is away is what they may have to be told.
            if (person, channel) not in self._known:
                raise
            return self._known[person, channel]
        self._known[person, channel] = found
        return found

    def name_for(self, person: str) -> str | None:
        """The name a guardian is told: of the resident, and nothing else of them. None for everybody else."""
        relative = _RELATIVE.fullmatch(person)
        if relative is None or relative[1] != "guardian":
            return None
        with self._engine.begin() as connection:
            found = open_people(connection, self._sealer, relative[2]).resident
            self._look(connection, relative[2], "resident.name")
        return None if found is None else found.name

    def _phone(self, relative: re.Match[str], channel: str) -> tuple[str, ...]:
        if CHANNELS.get(channel) is not Kind.PHONE:
            return ()
        with self._engine.begin() as connection:
            people = open_people(connection, self._sealer, relative[2])
            self._look(connection, relative[2], f"{relative[1]}.phone")
        if relative[1] == "resident":
            phones = [people.resident.phone] if people.resident else []
        else:
            position = int(relative[3] or 0)
            phones = [each.phone for each in people.guardians[position : position + 1]]
        return tuple(number for phone in phones if (number := normal_phone(phone)) is not None)

    def _look(self, connection: Connection, household: str, fields: str) -> None:
        at = self._clock.machine_now()
        log_view(connection, at=at, household_id=household, login=OUTBOX, fields=fields, purpose="delivery")

    def _rows(self, connection: Connection, person: str) -> list[Any]:
        mine = select(contact_point).where(contact_point.c.person == person)
        return list(connection.execute(mine.order_by(contact_point.c.position)))

    def _open(self, row: Any) -> str:
        return self._sealer.open(row.sealed, about=_about(row.person, row.kind)).decode()

    def _point(self, row: Any) -> ContactPoint:
        shown = masked(Kind(row.kind), self._open(row))
        return ContactPoint(id=row.id, person=row.person, kind=Kind(row.kind), position=row.position, shown=shown)


def checked(kind: Kind, address: str) -> str:
    """The address as it is kept; ContactRefused where it can be none of this kind."""
    text = address.strip()
    if not text or len(text) > 2048:
        raise ContactRefused("the address is empty or too long")
    if kind is Kind.EMAIL:
        if not _EMAIL.fullmatch(text):
            raise ContactRefused("email: must look like name@example.kr")
        return text
    if kind is Kind.PHONE:
        number = normal_phone(text)
        if number is None:
            raise ContactRefused("phone: must be a Korean number such as 010-0000-1234")
        return number
    if kind is Kind.PUSH:
        return _json_with_url(text, PushAddress, "endpoint", "push: must be a browser's subscription as JSON")
    if kind is Kind.WEBHOOK:
        right = 'webhook: must be JSON {"url": "https://...", "secret": "16 characters or more"}'
        if len(msgspec.json.decode(_json_with_url(text, HookAddress, "url", right), type=HookAddress).secret) < 16:
            raise ContactRefused(right)
        return text
    if kind is Kind.APPRISE:
        if "://" not in text:
            raise ContactRefused("apprise: must be an Apprise URL such as slack://...")
        return text
    assert_never(kind)


def _json_with_url(text: str, shape: type[PushAddress] | type[HookAddress], field: str, right: str) -> str:
    try:
        found = msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise ContactRefused(right) from error
    if not is_private_way(getattr(found, field)):
        raise ContactRefused(f"{right}; only https is spoken to")
    return text


def masked(kind: Kind, address: str) -> str:
    """What may be shown of an address."""
    if kind is Kind.PHONE:
        return mask_phone(address)
    if kind is Kind.EMAIL:
        name, _, host = address.partition("@")
        return f"{name[:1]}***@{host}"
    if kind is Kind.PUSH:
        return urlsplit(msgspec.json.decode(address, type=PushAddress).endpoint).hostname or ""
    if kind is Kind.WEBHOOK:
        return urlsplit(msgspec.json.decode(address, type=HookAddress).url).hostname or ""
    if kind is Kind.APPRISE:
        return f"{address.partition('://')[0]}://***"
    assert_never(kind)


def _about(person: str, kind: str) -> str:
    return f"contact:{person}:{kind}"
