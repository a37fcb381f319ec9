"""Everything durable of one site, and how it is opened."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine as Store

from ingest.fact_outbox import ONLY_JOURNAL
from ingest.history.port import History
from ingest.history.sqlite import SqliteHistory
from ingest.journal.cursors import SqliteCursors
from ingest.journal.sqlite import SqliteJournal
from ingest.seal import Sealer
from ingest.tongues import Tongues


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything durable of one site."""

    engine: Store
    journal: SqliteJournal
    cursors: SqliteCursors
    history: History
    sealer: Sealer
    history_cursor: str = "history"  # each kind of history has read the journal to a place of its own
    journal_name: str = ONLY_JOURNAL  # among those fed from the same engine
    tongues: Tongues = field(default_factory=Tongues)  # how the journal is read

    def close(self) -> None:
        """Give up every file; what was committed stays."""
        self.history.close()
        self.cursors.close()
        self.journal.close()
        self.engine.dispose()


def journal_name(folder: Path) -> str:
    """The name of the journal in this folder, given to it at the first call: no other journal anywhere has it."""
    file = folder / "name"
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = uuid.uuid4().hex
        file.write_text(name + "\n", encoding="ascii")
        return name


def open_stores(folder: Path, engine: Store, sealer: Sealer, *, journal_folder: Path | None = None) -> Stores:
    """Open the embedded stores of a site in `folder`; creates what is missing, except the tables of `engine`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Stores(
        engine=engine,
        journal=SqliteJournal(journal_folder or folder / "journal"),
        cursors=SqliteCursors(folder / "cursors.sqlite3"),
        history=SqliteHistory(folder / "history.sqlite3"),
        sealer=sealer,
    )
