"""What of the journal may go: whole segments that are old enough, once every consumer can begin after them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import structlog

from ingest.clock import Millis
from ingest.journal.port import Cursors, Position
from ingest.journal.sqlite import SqliteJournal

log = structlog.get_logger(__name__)


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """What a prune did, or would do."""

    cut: int  # everything up to here is gone but for its facts
    segments: int
    wanted: int  # the last offset that is old enough
    held_by: tuple[str, ...]  # consumers without a state to begin from: but for them more would go


def prune(
    journal: SqliteJournal, cursors: Cursors, before: Millis, *, dry_run: bool = False, say: Callable[[str], None] | None = None
) -> Pruned:
    """Delete what was received before this instant (home time), as far as every cursor has passed it.

    The cut lies where every consumer has a snapshot: each one's newest that is old enough goes into the journal as the
    state to begin from, and its older ones are deleted. The newest segment always stays. Raises JournalDamaged, and what
    SQLite and the file system say.
    """
    wanted = journal.offset_before(before)
    bases = {name: _base(journal, cursors, name, wanted) for name in cursors.names()}
    cut = min((base.offset for base in bases.values()), default=0)
    held = journal.ending_by(wanted) > journal.ending_by(cut)
    held_by = tuple(sorted(name for name, base in bases.items() if base.offset == cut)) if held else ()
    if dry_run:
        return Pruned(cut=max(cut, journal.cut), segments=journal.ending_by(cut), wanted=wanted, held_by=held_by)
    if say is not None:
        say(f"up to offset {cut}: {journal.ending_by(cut)} segments")
    gone = journal.prune(cut, bases) if cut > journal.cut else []
    if gone:
        for name, base in bases.items():
            cursors.forget(name, below=base.offset)
    return Pruned(cut=journal.cut, segments=len(gone), wanted=wanted, held_by=held_by)


def _base(journal: SqliteJournal, cursors: Cursors, name: str, wanted: int) -> Position:
    """The newest state of the consumer that is old enough; where there is none, the one it would begin from today."""
    most = min(wanted, cursors.load(name).offset)
    place = max((offset for offset in cursors.snapshots(name) if offset <= most), default=0)
    base = journal.base(name)
    return cursors.snapshot(name, place) if place > base.offset else base
