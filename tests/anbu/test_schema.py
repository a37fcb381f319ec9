"""Proves that the migrations alone make exactly the tables the code is written for, on SQLite and for PostgreSQL."""

from __future__ import annotations

import importlib
import io
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from anbu.schema import FOLDER, SchemaNewer, metadata, migrate, pending
from ingest.store import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    yield engine
    engine.dispose()


def statements(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"))
        return {_flat(row.sql) for row in rows}


def _flat(sql: str) -> str:
    flat = re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split())).strip("; ")
    head, bracket, body = flat.partition("(")
    # Constraints may stand in any order: what they say counts.
    return (
        head + bracket + ",".join(sorted(re.split(r",(?![^(]*\))", body.removesuffix(")")))) if "CREATE TABLE" in head else flat
    )


def test_the_migrated_schema_differs_in_nothing_from_the_metadata(store: Engine, tmp_path: Path) -> None:
    migrate(store)
    with store.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    straight = open_store(f"sqlite:///{tmp_path / 'straight.sqlite3'}")
    metadata.create_all(straight)
    # compare_metadata does not look at the conditions of partial indexes.
    assert statements(store) == statements(straight)
    straight.dispose()


def test_the_statements_for_postgresql_are_those_of_the_metadata() -> None:
    buffer = io.StringIO()
    context = MigrationContext.configure(dialect_name="postgresql", opts={"as_sql": True, "output_buffer": buffer})
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory(str(FOLDER)).walk_revisions())):
            script.module.upgrade()
    migrated = {_flat(statement) for statement in buffer.getvalue().split(";") if statement.strip()}
    dialect = postgresql.dialect()
    wanted = [CreateTable(table).compile(dialect=dialect) for table in metadata.sorted_tables]
    wanted += [CreateIndex(index).compile(dialect=dialect) for table in metadata.sorted_tables for index in table.indexes]
    assert migrated == {_flat(str(statement)) for statement in wanted}


def test_no_module_defines_a_table_that_migrations_do_not_see() -> None:
    seen = set(metadata.tables)
    for package in ("ingest", "rules", "alerts", "dashboard_api"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    assert set(metadata.tables) == seen


def test_migrating_again_changes_nothing(store: Engine) -> None:
    waiting = pending(store)
    assert waiting[0] == "0001"
    assert migrate(store) == waiting
    assert pending(store) == ()
    assert migrate(store) == ()


def test_a_failed_migration_leaves_the_store_as_it_was(store: Engine) -> None:
    with store.begin() as connection:
        connection.execute(text("CREATE TABLE guardian (id INTEGER)"))  # in the way of a later statement
    with pytest.raises(Exception, match="guardian"):
        migrate(store)
    assert [statement.split("(")[0] for statement in statements(store)] == ["CREATE TABLE guardian"]


def test_migrations_can_be_undone(store: Engine) -> None:
    migrate(store)
    with store.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        for script in ScriptDirectory(str(FOLDER)).walk_revisions():
            script.module.downgrade()
    assert statements(store) == set()


def test_a_store_from_a_newer_version_is_not_taken_for_an_empty_one(store: Engine) -> None:
    migrate(store)
    with store.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaNewer, match="9999"):
        pending(store)
