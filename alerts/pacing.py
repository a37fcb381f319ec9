"""How much one person is told: ten messages in ten minutes, then what is not dangerous waits and goes out as one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Row, and_, bindparam, func, insert, or_, select, update

from alerts.delivery import DeliveryState, Message
from alerts.tables import delivery
from alerts.telling import NAMED
from ingest.clock import MINUTE, Millis
from rules.finding import Level

_log = structlog.get_logger(__name__)

WINDOW: Millis = 10 * MINUTE
LIMIT = 10
"""Messages to one person within `WINDOW` of machine time: a flood in the words of ISA-18.2. Dangers count, and always pass."""

DIGEST = "digest"

_SENT = and_(delivery.c.state == DeliveryState.SENT, delivery.c.sent_at > bindparam("since"))
_IN_FLIGHT = and_(delivery.c.state == DeliveryState.WAITING, delivery.c.lease_until > bindparam("now"))
_TOLD = select(func.count(), func.min(delivery.c.sent_at)).where(
    delivery.c.person == bindparam("person"), delivery.c.id != bindparam("this"), or_(_SENT, _IN_FLIGHT)
)
_DIGESTS = select(delivery.c.body).where(
    delivery.c.person == bindparam("person"), delivery.c.step == DIGEST, delivery.c.state == DeliveryState.WAITING
)

_decoder = msgspec.json.Decoder(Message)


def room_at(connection: Connection, row: Row[Any], now: Millis) -> Millis | None:
    """When this delivery's person may be told it: None at once, else the instant at which a message falls out of the window.

    The last place in the window is the waiting digest's: what comes after it joins it, or it would never have its turn.
    """
    if row.person is None or row.level >= Level.DANGER:
        return None
    mine = {"person": row.person, "this": row.id, "since": now - WINDOW, "now": now}
    told, oldest = connection.execute(_TOLD, mine).one()
    last = told == LIMIT - 1 and row.step != DIGEST
    if told < LIMIT and not (last and _digest_waits(connection, row.person)):
        return None
    return now + WINDOW if oldest is None else max(now + 1, oldest + WINDOW)


def hold(connection: Connection, row: Row[Any], now: Millis, due_at: Millis, link: str) -> None:
    """Keep this telling for its person's next digest, and see that there is one, due when there is room again."""
    same = delivery.c.telling == row.telling, delivery.c.state == DeliveryState.WAITING
    held = connection.execute(select(delivery).where(*same).order_by(delivery.c.rank)).all()
    connection.execute(update(delivery).where(*same).values(state=DeliveryState.HELD, lease_until=None))
    if not _digest_waits(connection, row.person):
        _log.warning("a person is told too much at once; the rest goes into a digest", delivery_id=row.id)
        _begin_digest(connection, row, held, now, due_at, link)


def _begin_digest(
    connection: Connection, row: Row[Any], held: Sequence[Row[Any]], now: Millis, due_at: Millis, link: str
) -> None:
    number = hashlib.sha256(f"{DIGEST}|{row.person}|{row.telling}".encode()).hexdigest()[:32]
    empty = Message(id=number, kind=DIGEST, level="", dong="-", code="-", link=link, at=_decoder.decode(row.body).at)
    rows = [
        {
            "id": number if rank == 0 else hashlib.sha256(f"{number}|{each.channel}".encode()).hexdigest()[:32],
            "channel": each.channel,
            "recipient": each.recipient,
            "step": DIGEST,
            "level": Level.CAUTION,
            "body": msgspec.json.encode(empty).decode(),
            "created_at": now,
            "due_at": due_at + max(0, each.due_at - held[0].due_at),
            "attempts": 0,
            "state": DeliveryState.WAITING,
            "person": row.person,
            "telling": number,
            "rank": rank,
        }
        for rank, each in enumerate(held)
    ]
    connection.execute(insert(delivery), rows)


def fill(connection: Connection, row: Row[Any]) -> str | None:
    """The body of a digest that is about to go out for the first time, with all that is held for its person now.

    It is the same at every attempt and on every channel from then on. None where nothing is held any more.
    """
    if _filled(row.body):
        return str(row.body)
    mine = delivery.c.person == row.person, delivery.c.state == DeliveryState.HELD
    order = delivery.c.level.desc(), delivery.c.created_at, delivery.c.id
    held = connection.execute(select(delivery).where(*mine).order_by(*order)).all()
    if not held:
        return None
    tellings = {each.telling: _decoder.decode(each.body) for each in held}
    codes = list(dict.fromkeys(code for each in tellings.values() for code in each.codes or (each.code,)))
    dongs = {each.dong for each in tellings.values()}
    body = msgspec.structs.replace(
        _decoder.decode(row.body),
        level=Level(held[0].level).name.lower(),
        dong=dongs.pop() if len(dongs) == 1 else "-",
        codes=tuple(codes[:NAMED]),
        more=len(codes[NAMED:]) + sum(each.more for each in tellings.values()),
    )
    text = msgspec.json.encode(body).decode()
    connection.execute(update(delivery).where(*mine).values(state=DeliveryState.DIGESTED, digest=row.telling))
    connection.execute(update(delivery).where(delivery.c.telling == row.telling).values(body=text))
    return text


def _digest_waits(connection: Connection, person: str) -> bool:
    """Whether there is a digest to come for this person that still takes in what is held."""
    return not all(_filled(body) for body in connection.execute(_DIGESTS, {"person": person}).scalars())


def _filled(body: str) -> bool:
    """Whether this digest has begun to go out and takes in nothing more, although it, or its fallback, still waits."""
    return bool(_decoder.decode(body).level)
