"""How we reach the relational store: one MetaData for all tables, one way to open it, one writer at a time.

SQLite (WAL, synchronous FULL) when embedded, PostgreSQL when grown up. All instants are BIGINT milliseconds UTC.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, make_url

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

WRITER_LOCK = 0x616E6275
"""The advisory lock on PostgreSQL that every transaction of ours holds unless it only reads; `anbu` in ASCII."""

_READS = "anbu_reads"

_SERVER_SETTINGS = {
    "lock_timeout": "10s",  # a queue: who waits longest is next
    "idle_in_transaction_session_timeout": "60s",  # a frozen process must not hold the writers' lock for ever
    "client_encoding": "UTF8",
}
_SERVER_ARGUMENTS = {
    "options": " ".join(f"-c {name}={value}" for name, value in _SERVER_SETTINGS.items()),
    "application_name": "anbu",
    "connect_timeout": 10,
    # Without these a server that vanished from the network would be waited for for hours.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


_SQLITE_WAIT_MS = 30_000
"""SQLite has no queue: who waits asks again every 100 ms, and on a slow disk a crowd of quick writers can pass it for long."""


def open_store(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://...`; every transaction but those of `reading` takes the one write lock.

    So what a transaction has read still holds when it writes, on both alike, and whatever is numbered becomes visible in
    the order of its numbers (docs/adr/0009). A lock not had within 10 s (SQLite: 30) comes out as OperationalError.
    """
    address = _with_our_driver(make_url(url))
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address)
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin_on_sqlite)
    else:
        engine = create_engine(address, connect_args=_SERVER_ARGUMENTS, pool_pre_ping=True)
        event.listen(engine, "begin", _begin_on_postgresql)
    return engine


def reading(engine: Engine) -> Engine:
    """The same store for transactions that only read: they see one state of it throughout, and wait for no writer.

    Share nothing between two of them, or with a write, that must not have changed in between.
    """
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READS: True})
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True, **{_READS: True})


def _with_our_driver(address: URL) -> URL:
    if address.get_backend_name() == "postgresql" and "+" not in address.drivername:
        return address.set(drivername="postgresql+psycopg")
    return address


def _begin_on_sqlite(connection: Connection) -> None:
    # IMMEDIATE: a deferred transaction that reads and then writes fails with SQLITE_BUSY without waiting.
    connection.exec_driver_sql("BEGIN" if _only_reads(connection) else "BEGIN IMMEDIATE")


def _begin_on_postgresql(connection: Connection) -> None:
    if not _only_reads(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def _only_reads(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_READS))


def _set_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's own BEGIN above is the only one
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_SQLITE_WAIT_MS}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
