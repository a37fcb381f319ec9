"""Whether everything that was ever appended still is what it was: every row, every kept state, every cursor."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from ingest.clock import Millis
from ingest.journal.kept import Kept
from ingest.journal.port import Cursors, JournalDamaged, Position
from ingest.journal.segment import Row, from_row, open_reader
from ingest.journal.view import JournalView

Progress: TypeAlias = Callable[[str], None]
SAY_EVERY = 200_000
"""Entries between two words of progress."""


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """Something that cannot be read; `first` and `last` are the offsets concerned, 0 where it is none in particular."""

    place: str  # the segment, or whose cursor
    first: int
    last: int
    what: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and all that is wrong with it."""

    entries: int
    segments: int
    positions: int  # cursors, snapshots and states at the cut
    damages: tuple[Damage, ...]


def verify(view: JournalView, cursors: Cursors | None, progress: Progress) -> Verdict:
    """Read everything once. A segment that is pruned meanwhile is passed over."""
    damages: list[Damage] = []
    entries = 0
    firsts = view.shelf.firsts
    for number, first in enumerate(firsts):
        last = firsts[number + 1] - 1 if number + 1 < len(firsts) else view.head
        path = view.shelf.path(first)
        progress(f"{number + 1}/{len(firsts)} {path.name}")
        try:
            entries += _verify_segment(path, first, last, damages, progress)
        except sqlite3.DatabaseError as error:
            if not path.exists() and Kept(view.shelf.folder).cut() >= last:
                continue
            damages.append(Damage(place=path.name, first=first, last=last, what=f"cannot be opened: {error}"))
    entries += _verify_kept(view, damages)
    positions = _verify_positions(view, cursors, damages)
    return Verdict(entries=entries, segments=len(firsts), positions=positions, damages=tuple(damages))


def find_damage(path: Path, first: int, last: int) -> list[Damage]:
    """What is wrong with the entries from `first` to `last` of this segment. sqlite3.DatabaseError where it will not open."""
    damages: list[Damage] = []
    _verify_segment(path, first, last, damages, lambda _: None)
    return damages


def _verify_segment(path: Path, first: int, last: int, damages: list[Damage], progress: Progress) -> int:
    connection = open_reader(path)
    good, expected, floor = 0, first, 0
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for row in _rows(connection, first, last):
            offset = row[0]
            if offset > expected:
                _add(damages, path, expected, offset - 1, "missing or unreadable")
            expected = offset + 1
            wrong = _judge(row, path, floor)
            if wrong is None:
                good += 1
                floor = row[1]
            else:
                _add(damages, path, offset, offset, wrong)
            if good % SAY_EVERY == SAY_EVERY - 1:
                progress(f"    {good + 1} entries, at offset {offset} of {last}")
        if expected <= last:
            _add(damages, path, expected, last, "missing or unreadable")
    finally:
        connection.close()
    return good


def _rows(connection: sqlite3.Connection, first: int, last: int) -> Iterator[Row]:
    """The rows in order; where a page is damaged, one by one those that can still be read."""
    reached = first
    try:
        for row in connection.execute("SELECT * FROM entry WHERE offset BETWEEN ? AND ? ORDER BY offset", (first, last)):
            reached = row[0] + 1
            yield row
        return
    except sqlite3.DatabaseError:
        pass  # not said here: whoever counts the offsets names each one that does not come
    for offset in range(reached, last + 1):
        try:
            found = connection.execute("SELECT * FROM entry WHERE offset = ?", (offset,)).fetchone()
        except sqlite3.DatabaseError:
            continue  # as above
        if found is not None:
            yield found


def _judge(row: Row, path: Path, floor: Millis) -> str | None:
    try:
        entry = from_row(row, path, row[0])
    except JournalDamaged as error:
        return str(error).partition(f"offset {row[0]} ")[2] or str(error)
    return "was received before the one above it" if entry.received_at < floor else None


def _add(damages: list[Damage], path: Path, first: int, last: int, what: str) -> None:
    """One line for neighbours that have the same trouble."""
    newest = damages[-1] if damages else None
    if newest is not None and (newest.place, newest.what, newest.last + 1) == (path.name, what, first):
        damages[-1] = Damage(place=path.name, first=newest.first, last=last, what=what)
    else:
        damages.append(Damage(place=path.name, first=first, last=last, what=what))


def _verify_kept(view: JournalView, damages: list[Damage]) -> int:
    after = count = 0
    try:
        while after < view.cut and (facts := view.shelf.kept.read(after, 1_000)):
            after, count = facts[-1].offset, count + len(facts)
    except JournalDamaged as error:
        damages.append(Damage(place="kept.db", first=after + 1, last=view.cut, what=str(error)))
    return count


def _verify_positions(view: JournalView, cursors: Cursors | None, damages: list[Damage]) -> int:
    count = 0

    def look(place: str, offset: int, load: Callable[[], Position]) -> None:
        nonlocal count
        count += 1
        try:
            stands = load().offset
        except (JournalDamaged, sqlite3.DatabaseError) as error:
            damages.append(Damage(place=place, first=offset, last=offset, what=str(error)))
            return
        if stands > view.head:
            what = f"stands beyond the journal's end at {view.head}"
            damages.append(Damage(place=place, first=stands, last=stands, what=what))

    for name in view.shelf.kept.names():
        look(f"base {name}", 0, partial(view.shelf.kept.base, name))
    if cursors is not None:
        for name in cursors.names():
            look(f"cursor {name}", 0, partial(cursors.load, name))
            for offset in cursors.snapshots(name):
                look(f"snapshot {name}", offset, partial(cursors.snapshot, name, offset))
    return count
