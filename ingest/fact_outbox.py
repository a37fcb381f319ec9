"""Facts on their way into the journal: queued in the transaction that made them true, appended afterwards, once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, LargeBinary, String, Table, insert, select, update

from ingest.clock import Millis
from ingest.facts import Fact, decode_fact, encode_fact
from ingest.journal.port import Journal
from ingest.store import metadata

fact_outbox = Table(
    "fact_outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("fact_id", String(64), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),  # encode_fact
    Column("appended_at", BigInteger, index=True),  # home time; null: still to be appended
)


def queue_fact(connection: Connection, fact: Fact) -> None:
    """Put the fact into the caller's transaction; IntegrityError when its id was queued before."""
    connection.execute(insert(fact_outbox).values(fact_id=fact.fact_id, body=encode_fact(fact)))


def carry_facts(engine: Engine, journal: Journal, now: Millis, limit: int = 500) -> int:
    """Append waiting facts to the journal in the order they were queued; returns how many.

    A crash between the append and the mark appends the same facts again, which the journal leaves out by their ids.
    Raises JournalFull, and then nothing is marked.
    """
    waiting = select(fact_outbox).where(fact_outbox.c.appended_at.is_(None)).order_by(fact_outbox.c.id).limit(limit)
    with engine.begin() as connection:
        rows = connection.execute(waiting).all()
    if not rows:
        return 0
    journal.append([decode_fact(row.body) for row in rows])
    with engine.begin() as connection:
        connection.execute(update(fact_outbox).where(fact_outbox.c.id.in_([row.id for row in rows])).values(appended_at=now))
    return len(rows)
