"""How a consumer is set back: to the nearest state before the place asked for that is still kept."""

from __future__ import annotations

import msgspec

from ingest.clock import Millis
from ingest.journal.port import Cursors, Position
from ingest.journal.sqlite import SqliteJournal


class RewindRefused(Exception):
    """The consumer cannot be set back to there; the text says why, and what is the earliest."""


class Rewound(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer that was set back; offsets of the last entry taken."""

    name: str
    stood: int
    asked: int
    offset: int  # at or before `asked`: it begins after this one
    at: Millis  # when the entry at `offset` was received; 0 for the beginning


def rewind(journal: SqliteJournal, cursors: Cursors, name: str, *, asked: int) -> Rewound:
    """Set the consumer back so that it takes everything after `asked` again. Nobody may be running it.

    Snapshots after that are deleted: the consumer makes them anew on its way. Raises RewindRefused, JournalDamaged.
    """
    if name not in cursors.names():
        raise RewindRefused(f"there is no cursor {name}; there are: {', '.join(cursors.names()) or 'none'}")
    stood = cursors.load(name).offset
    if asked > stood:
        raise RewindRefused(f"{name} stands at offset {stood}, before {asked}: a cursor is only set back")
    base = journal.base(name)
    if asked < max(journal.cut, base.offset):
        raise RewindRefused(f"the journal was pruned up to offset {journal.cut}; {name} can go back to {base.offset} at most")
    place = max((offset for offset in cursors.snapshots(name) if base.offset <= offset <= asked), default=0)
    position: Position = cursors.snapshot(name, place) if place > base.offset else base
    cursors.commit(name, position)
    cursors.forget(name, above=position.offset)
    return Rewound(name=name, stood=stood, asked=asked, offset=position.offset, at=position.at)
