"""The way on from damage: a segment is written anew with what can still be read, and a fact where something cannot."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from ingest.facts import EntrySkipped
from ingest.journal.folder import locked, sync_folder
from ingest.journal.port import JournalDamaged
from ingest.journal.segment import Row, Segment, from_row, open_reader, to_row
from ingest.journal.view import JournalView

_AT_ONCE = 1_000


class NothingToSkip(Exception):
    """What was named cannot be let go: it can be read, or more than it cannot; the text says which."""


def skip(folder: Path, first: int, last: int) -> Path:
    """Put a fact in the place of each unreadable entry from `first` to `last`; returns where the damaged file lies now.

    Both stand in one segment, cannot be read, and nothing outside of them is damaged there, else NothingToSkip. Offsets,
    and all that can be read, stay as they are; the damaged file is kept beside the new one. JournalInUse while a site
    runs on the folder.
    """
    with locked(folder), closing(JournalView(folder)) as view:
        number = view.shelf.place(first)
        begins = view.shelf.firsts[number]
        ends = view.shelf.firsts[number + 1] - 1 if number + 1 < len(view.shelf.firsts) else max(view.head, last)
        if not begins <= first <= last <= ends:
            raise NothingToSkip(f"offsets {first} to {last} do not stand in one segment: that of {first} has {begins} to {ends}")
        path = view.shelf.path(begins)
        fresh = path.with_name(f"{path.stem}.mending")
        _remove(fresh)
        before = view.shelf.received_at(begins - 1) if number > 0 else 0
        try:
            _write_anew(path, fresh, range(begins, ends + 1), range(first, last + 1), before)
        except BaseException:
            _remove(fresh)
            raise
    damaged = path.with_name(f"{path.stem}.damaged")
    for suffix in ("-wal", "-shm", ""):
        aside = path.with_name(path.name + suffix)
        if aside.exists():
            aside.replace(damaged.with_name(damaged.name + suffix))
    fresh.replace(path)
    sync_folder(folder)
    return damaged


def _write_anew(path: Path, fresh: Path, offsets: range, named: range, at: int) -> None:
    segment = Segment(fresh)
    try:
        with closing(open_reader(path)) as connection:
            rows: list[Row] = []
            for offset in offsets:
                row = _read(connection, path, offset)
                if isinstance(row, str) and offset not in named:
                    raise NothingToSkip(f"offset {offset} cannot be read either, name it too: {row}")
                if not isinstance(row, str) and offset in (named[0], named[-1]):
                    raise NothingToSkip(f"offset {offset} can be read")
                if isinstance(row, str):
                    row = to_row(offset, at, EntrySkipped(fact_id=f"skipped-{offset}", at=at, reason=row))
                at = row[1]
                rows.append(row)
                if len(rows) == _AT_ONCE:
                    segment.write(rows)
                    rows = []
            segment.write(rows)
    finally:
        segment.close()


def _read(connection: sqlite3.Connection, path: Path, offset: int) -> Row | str:
    """The row, or what is wrong with it."""
    try:
        row: Row | None = connection.execute("SELECT * FROM entry WHERE offset = ?", (offset,)).fetchone()
        if row is None:
            return "missing"
        from_row(row, path, offset)
    except (JournalDamaged, sqlite3.DatabaseError) as error:
        return str(error)
    return row


def _remove(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
