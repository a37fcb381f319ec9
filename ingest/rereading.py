"""How what could not be taken is read once more: asked for in the store, found in the journal, told as facts.

The journal is written by one process; a command in another asks here, in the transaction of the change that gives the
message a new meaning. Each message is told under an id made of the request and its offset, so that a crash between the
journal and our note of it tells nothing twice (docs/adr/0010).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from ingest.clock import Millis
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.facts import MessageReread
from ingest.journal.port import Entry, Journal, Message
from ingest.reading import DeviceId
from ingest.register.tables import reread
from ingest.reread import message_of
from ingest.store import reading
from ingest.vendors import Vendors, address_of, stand_in
from ingest.wire import PACK, Topic, parse_topic

UNASSIGNED = "unassigned"
"""Dong or household in a topic that we made ourselves for a device of which the register knew neither."""

_topics = Vendors(make_dialects(DIALECTS))

LOOKED_AT = 2_000
"""Entries of the journal read in one turn."""


def ask_for_device(
    connection: Connection, device_id: str, *, first_offset: int, until_fact: str, place: tuple[str, str], at: Millis, by: str
) -> None:
    """Read again what this device sent from this offset on until the fact that enrolled it; `place`: dong, household."""
    row = {"device_id": device_id, "next_offset": first_offset, "until_fact": until_fact, "indexes": "", "numbered": False}
    place_row = {"dong_code": place[0], "household_id": place[1]}
    connection.execute(insert(reread).values(**row, **place_row, requested_at=at, requested_by=by, found=0))


def ask_for_offset(
    connection: Connection, offset: int, *, index: int, device_id: str | None, numbered: bool, at: Millis, by: str
) -> None:
    """Read the message at this offset again; an index above 0 means that value alone."""
    row = {"device_id": device_id, "next_offset": offset, "last_offset": offset, "indexes": str(index) if index else ""}
    connection.execute(insert(reread).values(**row, numbered=numbered, requested_at=at, requested_by=by, found=0))


def carry_rereads(engine: Engine, journal: Journal, now: Millis) -> int:
    """Go on with the oldest request by one stretch of the journal; how many messages were told again. Raises JournalFull."""
    with reading(engine).begin() as connection:
        wanted = connection.execute(select(reread).where(reread.c.done_at.is_(None)).order_by(reread.c.id).limit(1)).first()
    if wanted is None:
        return 0
    limit = LOOKED_AT if wanted.last_offset is None else wanted.last_offset - wanted.next_offset + 1
    entries = journal.read(wanted.next_offset - 1, limit)
    told: list[MessageReread] = []
    next_offset, over = wanted.next_offset, not entries and wanted.last_offset is not None
    for entry in entries:
        if getattr(entry.body, "fact_id", None) == wanted.until_fact and wanted.until_fact is not None:
            over = True
            break
        if wanted.last_offset is not None and entry.offset > wanted.last_offset:
            over = True
            break
        next_offset = entry.offset + 1
        told += _tell(entry, wanted, now)
    if told:
        journal.append(told)
    over = over or (wanted.last_offset is not None and next_offset > wanted.last_offset)
    with engine.begin() as connection:
        change = update(reread).where(reread.c.id == wanted.id)
        done_at = now if over else None
        connection.execute(change.values(next_offset=next_offset, found=reread.c.found + len(told), done_at=done_at))
    return len(told)


def _tell(entry: Entry, wanted: Row[Any], now: Millis) -> list[MessageReread]:
    body = entry.body
    if isinstance(body, MessageReread) and wanted.last_offset is not None:
        body = message_of(body)
    if not isinstance(body, Message):
        return []
    numbered = wanted.numbered
    if wanted.device_id is not None and wanted.last_offset is None:
        sender, others = speakers(body.topic, body.payload)
        if wanted.device_id != sender and wanted.device_id not in others:
            return []
        numbered = wanted.device_id != sender  # a pack's number was noted for the gateway that sent it
    return [
        MessageReread(
            fact_id=f"reread:{wanted.id}:{entry.offset}",
            at=now,
            of=entry.offset,
            received_at=body.received_at,
            source=body.source,
            topic=_topic(body.topic, wanted),
            payload=body.payload,
            retain=body.retain,
            dup=body.dup,
            catching_up=body.catching_up,
            device_id=DeviceId(wanted.device_id) if wanted.device_id is not None else None,
            indexes=tuple(int(index) for index in wanted.indexes.split(",") if index),
            numbered=numbered,
        )
    ]


def speakers(topic: str, payload: bytes) -> tuple[str | None, frozenset[str]]:
    """Who sent the message, and whose values it brings besides; a vendor's device goes by the id proposed for it."""
    route = _topics.route(topic)
    if route is None:
        return None, frozenset()
    if route.claim is None:
        return stand_in(address_of(route)), frozenset()
    others = (said.device_id for said in route.hear(payload).said) if route.claim.signal == PACK else ()
    return route.claim.device_id, frozenset(others)


def _topic(topic: str, wanted: Row[Any]) -> str:
    """The topic as it was, unless we made it ourselves without knowing where the device stands."""
    parts = parse_topic(topic)
    if parts is None or parts.household_id != UNASSIGNED or wanted.household_id is None:
        return topic
    return str(Topic(wanted.dong_code, wanted.household_id, parts.device_id, parts.signal))
