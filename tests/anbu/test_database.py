"""Proves that `anbu check` names the database, and says when it would lose or garble what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text

from anbu.database import describe
from anbu.ending import Refusal
from ingest.store import open_store
from tests.stores import PostgresServer


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = open_store(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def test_sqlite_is_named_with_its_version() -> None:
    with connected("sqlite://") as connection:
        assert describe(connection).startswith("SQLite 3.")


@pytest.mark.postgresql
def test_a_server_that_does_not_sync_is_told_of(postgresql: PostgresServer) -> None:
    with connected(postgresql.database()) as connection, pytest.raises(Refusal, match="fsync"):
        describe(connection)


@pytest.mark.postgresql
@pytest.mark.parametrize("off", ["", "synchronous_commit", "full_page_writes"])
def test_a_server_is_named_with_its_version_when_it_keeps_all(postgresql: PostgresServer, off: str) -> None:
    with connected(postgresql.database()) as connection:
        # The server of tests never syncs: a table of this session stands before its own view.
        seen = f"SELECT name, CASE name WHEN '{off}' THEN 'off' ELSE 'on' END AS setting FROM pg_catalog.pg_settings"
        connection.execute(text(f"CREATE TEMPORARY TABLE pg_settings AS {seen}"))
        if off:
            with pytest.raises(Refusal, match=off):
                describe(connection)
        else:
            assert describe(connection).startswith("PostgreSQL 1")


@pytest.mark.postgresql
def test_a_database_that_cannot_hold_hangul_is_told_of(postgresql: PostgresServer) -> None:
    latin = postgresql.database("TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with connected(latin) as connection, pytest.raises(Refusal, match="LATIN1"):
        describe(connection)
