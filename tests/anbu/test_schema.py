"""Proves that the migrations alone make exactly the tables the code is written for, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from anbu.schema import FOLDER, SchemaNewer, metadata, migrate, pending
from ingest.store import open_store, reading


@pytest.fixture
def store(bare_store_url: str) -> Iterator[Engine]:
    engine = open_store(bare_store_url)
    yield engine
    engine.dispose()


def statements(engine: Engine) -> set[str]:
    """Everything the store says of its tables, constraints and indexes."""
    with reading(engine).begin() as connection:
        if engine.dialect.name == "postgresql":
            return {row.said for row in connection.execute(text(_POSTGRESQL_SAYS)) if "alembic_version" not in row.said}
        rows = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"))
        return {_flat(row.sql) for row in rows}


_POSTGRESQL_SAYS = """
SELECT format('%s.%s %s null=%s default=%s', table_name, column_name, coalesce(character_maximum_length::text, '') || data_type,
              is_nullable, column_default) AS said
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
"""


def _flat(sql: str) -> str:
    flat = re.sub(r"\s*([(),])\s*", r"\1", " ".join(sql.split())).strip("; ")
    head, bracket, body = flat.partition("(")
    # Constraints may stand in any order: what they say counts.
    return (
        head + bracket + ",".join(sorted(re.split(r",(?![^(]*\))", body.removesuffix(")")))) if "CREATE TABLE" in head else flat
    )


def test_the_migrated_schema_differs_in_nothing_from_the_metadata(store: Engine) -> None:
    migrate(store)
    with reading(store).begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    migrated = statements(store)
    metadata.drop_all(store)
    assert statements(store) == set()
    metadata.create_all(store)
    # compare_metadata does not look at the conditions of partial indexes.
    assert statements(store) == migrated
    assert len(migrated) > len(metadata.tables)


def test_two_that_migrate_at_once_migrate_once(store: Engine, bare_store_url: str) -> None:
    other = open_store(bare_store_url)
    with ThreadPoolExecutor(2) as both:
        done = sorted(both.map(migrate, (store, other)), key=len)
    assert done[0] == ()
    assert done[1][0] == "0001"
    other.dispose()


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
    assert [said for said in statements(store) if "guardian" not in said] == []
    assert len(statements(store)) == 1


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
