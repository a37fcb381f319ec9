"""Proves what `ingest.store` promises on both engines: one writer at a time, and reads of one moment that wait for nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, Text, column, insert, select, table
from sqlalchemy.exc import DBAPIError

from ingest.register.tables import dong
from ingest.store import metadata, open_store, reading


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    opened = open_store(store_url)
    metadata.create_all(opened)
    yield opened
    opened.dispose()


def add(engine: Engine, code: str) -> None:
    with engine.begin() as connection:
        connection.execute(insert(dong).values(code=code, name="바람동"))


def codes(engine: Engine) -> list[str]:
    with reading(engine).begin() as connection:
        return list(connection.execute(select(dong.c.code).order_by(dong.c.code)).scalars())


def test_a_read_waits_for_no_writer_and_sees_nothing_of_what_is_not_committed(engine: Engine) -> None:
    add(engine, "one")
    with engine.begin() as connection:
        connection.execute(insert(dong).values(code="two", name="구름동"))
        assert codes(engine) == ["one"]
    assert codes(engine) == ["one", "two"]


def test_a_read_sees_one_state_throughout(engine: Engine) -> None:
    add(engine, "one")
    with reading(engine).begin() as connection:
        before = connection.execute(select(dong.c.code)).scalars().all()
        add(engine, "two")
        assert connection.execute(select(dong.c.code)).scalars().all() == before == ["one"]


def test_a_writer_sees_all_that_the_writer_before_it_did(engine: Engine) -> None:
    """Each adds the number after the highest it has read: two that had read the same would fail on the key."""

    def count_on() -> None:
        for _ in range(10):
            with engine.begin() as connection:
                found = connection.execute(select(dong.c.code)).scalars().all()
                connection.execute(insert(dong).values(code=str(len(found)), name="바람동"))

    threads = [threading.Thread(target=count_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(codes(engine)) == 40


@pytest.mark.postgresql
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_what_says_that_it_reads_cannot_write_on_postgresql(engine: Engine) -> None:
    with pytest.raises(DBAPIError, match="read-only"), reading(engine).begin() as connection:
        connection.execute(insert(dong).values(code="one", name="바람동"))


@pytest.mark.postgresql
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_nobody_waits_for_ever_for_a_process_that_froze_on_postgresql(engine: Engine) -> None:
    settings = table("pg_settings", column("name", Text), column("setting", Text))
    with reading(engine).begin() as connection:
        found = {row.name: row.setting for row in connection.execute(select(settings.c.name, settings.c.setting))}
    assert found["lock_timeout"] == "10000"
    assert found["idle_in_transaction_session_timeout"] == "60000"
