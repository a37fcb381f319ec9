"""Messages on their way into the journal from whoever may not write to it: queued in a transaction, appended in order.

A crash between the append and our note of it appends the same messages again, so each carries its own boot and seq.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, insert, select

from ingest.clock import Millis
from ingest.journal.port import Journal, Message
from ingest.register.tables import message_outbox
from ingest.store import reading


def queue_message(connection: Connection, *, source: str, topic: str, payload: bytes) -> None:
    """Put the message into the caller's transaction."""
    connection.execute(insert(message_outbox).values(source=source, topic=topic, payload=payload))


def carry_messages(engine: Engine, journal: Journal, now: Millis, limit: int = 500) -> int:
    """Append waiting messages as received now, in the order they were queued; how many. Raises JournalFull."""
    waiting = select(message_outbox).order_by(message_outbox.c.id).limit(limit)
    with reading(engine).begin() as connection:
        rows = connection.execute(waiting).all()
    if not rows:
        return 0
    journal.append([Message(received_at=now, source=row.source, topic=row.topic, payload=row.payload) for row in rows])
    with engine.begin() as connection:
        connection.execute(delete(message_outbox).where(message_outbox.c.id.in_([row.id for row in rows])))
    return len(rows)
