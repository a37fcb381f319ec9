"""Facts on their way into the journal: queued in the transaction that made them true, appended afterwards, once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, LargeBinary, String, Table, insert, select, update

from ingest.clock import Millis
from ingest.facts import Fact, decode_fact, encode_fact
from ingest.journal.port import Journal
from ingest.store import metadata, reading

fact_outbox = Table(
    "fact_outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("fact_id", String(64), nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),  # encode_fact
)

fact_carrier = Table(
    "fact_carrier",  # how far each journal that is fed from this store has come
    metadata,
    Column("journal", String(32), primary_key=True),
    Column("upto", BigInteger, nullable=False),  # fact_outbox.id
    Column("at", BigInteger, nullable=False),  # home time of the last one
)

ONLY_JOURNAL = "journal"
"""The name of a journal that has its store to itself."""


def queue_fact(connection: Connection, fact: Fact) -> None:
    """Put the fact into the caller's transaction; IntegrityError when its id was queued before."""
    connection.execute(insert(fact_outbox).values(fact_id=fact.fact_id, body=encode_fact(fact)))


def carry_facts(engine: Engine, journal: Journal, now: Millis, limit: int = 500, *, name: str = ONLY_JOURNAL) -> int:
    """Append the facts this journal has not had, in the order they were queued; returns how many. `now` is home time.

    Each journal, told from others by `name`, is given every fact. A crash between the append and the mark appends the
    same facts again, which the journal leaves out by their ids. Raises JournalFull, and then nothing is marked.
    """
    with reading(engine).begin() as connection:
        upto = connection.execute(select(fact_carrier.c.upto).where(fact_carrier.c.journal == name)).scalar()
        # Ids become visible in their order (ingest/store.py), so nothing will ever be found below the last one.
        waiting = select(fact_outbox).where(fact_outbox.c.id > (upto or 0)).order_by(fact_outbox.c.id).limit(limit)
        rows = connection.execute(waiting).all()
    if not rows:
        return 0
    journal.append([decode_fact(row.body) for row in rows])
    mark = {"upto": rows[-1].id, "at": now}
    with engine.begin() as connection:
        if not connection.execute(update(fact_carrier).where(fact_carrier.c.journal == name).values(mark)).rowcount:
            connection.execute(insert(fact_carrier).values(journal=name, **mark))
    return len(rows)
