"""How the relational store gets its tables: which migrations there are, which are still to be applied, and applying them."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

# Tables are in the metadata once the module that defines them is imported.
from alerts import rulebook_tables, trend_notes
from alerts import tables as alert_tables
from alerts.aftercare import tables as aftercare_tables
from alerts.duty import tables as duty_tables
from dashboard_api import tables as account_tables
from ingest import fact_outbox, losses, posted
from ingest.register import tables as register_tables
from ingest.store import metadata, reading

FOLDER = Path(__file__).parent / "migrations"

__all__ = [
    "FOLDER",
    "SchemaNewer",
    "account_tables",
    "aftercare_tables",
    "alert_tables",
    "duty_tables",
    "fact_outbox",
    "losses",
    "metadata",
    "migrate",
    "migrate_to",
    "pending",
    "posted",
    "register_tables",
    "revision",
    "rulebook_tables",
    "trend_notes",
]


class SchemaNewer(Exception):
    """The store was migrated by a later version of anbu; this one must not touch it."""

    def __init__(self, revision: str) -> None:
        super().__init__(f"the store is at revision {revision}, which this version of anbu does not know")
        self.revision = revision


def migrate(engine: Engine) -> tuple[str, ...]:
    """Bring the store to the newest schema in one transaction; returns the revisions applied, oldest first.

    A second process that migrates at the same time waits, and then finds nothing to do. Raises SchemaNewer.
    """
    with engine.begin() as connection:
        before = _missing(connection)
        if before:
            command.upgrade(_config(connection), "head")
    return before


def migrate_to(connection: Connection, wanted: str) -> None:
    """Bring a store without tables to an older schema, or to the newest, in the caller's transaction. Raises SchemaNewer."""
    try:
        ScriptDirectory.from_config(_config(connection)).get_revision(wanted)
    except CommandError as error:
        raise SchemaNewer(wanted) from error
    command.upgrade(_config(connection), wanted)


def revision(connection: Connection) -> str:
    """The schema the store is at, empty where it has none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def pending(engine: Engine) -> tuple[str, ...]:
    """Revisions this version has and the store has not, oldest first; nothing is changed. Raises SchemaNewer."""
    with reading(engine).begin() as connection:
        return _missing(connection)


def _missing(connection: Connection) -> tuple[str, ...]:
    applied = MigrationContext.configure(connection).get_current_heads()
    scripts = ScriptDirectory.from_config(_config(connection))
    try:
        missing = [script.revision for script in scripts.iterate_revisions("heads", applied or "base")]
    except ResolutionError as error:
        raise SchemaNewer(", ".join(applied)) from error
    return tuple(reversed(missing))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))  # % is ConfigParser's own
    config.attributes["connection"] = connection
    return config
