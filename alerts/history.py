"""What happened to a check or ticket, as people read it: transitions with their notes opened, tries, earlier checks."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from alerts.attempt import Attempt, Untold
from alerts.check import Action, Check
from alerts.notes import open_note
from alerts.record import note_about
from alerts.rows import attempt_of, load_checks
from alerts.tables import attempt, check, transition
from ingest.clock import Millis
from ingest.seal import Sealer
from rules.finding import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionView:
    """One change with its note. `broken` says that there is a note which cannot be opened."""

    id: int
    at: Millis  # home time
    actor: str  # a login, or `rules`, `tick`
    action: Action
    old: str | None
    new: str
    owner: str | None
    level: Level
    reason: str
    note: str | None
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """One try, how many of the staff were told by it, and why nobody; with `told` 0 and no reason nobody was on duty."""

    attempt: Attempt
    told: int
    untold: Untold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckDetail:
    """A check and all that happened to it, oldest first; `earlier`: the household's last checks before it, newest first."""

    check: Check
    transitions: tuple[TransitionView, ...]
    attempts: tuple[AttemptView, ...] = ()
    earlier: tuple[Check, ...] = ()


EARLIER = 3
"""How many earlier checks of a household are shown beside one."""


def attempts_of(connection: Connection, check_id: str) -> tuple[AttemptView, ...]:
    """Every try of the check, oldest first."""
    rows = connection.execute(select(attempt).where(attempt.c.check_id == check_id).order_by(attempt.c.number))
    return tuple(AttemptView(attempt=attempt_of(row), told=row.told, untold=_untold(row.untold)) for row in rows)


def _untold(reason: str | None) -> Untold | None:
    return None if reason is None else Untold(reason)


def earlier_checks(connection: Connection, found: Check) -> tuple[Check, ...]:
    """The last checks of the same subject before this one, newest first."""
    before = select(check).where(check.c.subject == found.subject, check.c.id != found.id, check.c.opened_at <= found.opened_at)
    return tuple(load_checks(connection, before.order_by(check.c.opened_at.desc(), check.c.id).limit(EARLIER)))


def transitions_of(
    connection: Connection, sealer: Sealer, *, check_id: str | None = None, ticket_id: str | None = None
) -> tuple[TransitionView, ...]:
    """The transitions of one check or one ticket, oldest first."""
    mine = transition.c.check_id == check_id if check_id else transition.c.ticket_id == ticket_id
    about = note_about(check_id, ticket_id)
    found = []
    for row in connection.execute(select(transition).where(mine).order_by(transition.c.id)):
        note = open_note(sealer, row.sealed_note, about)
        found.append(
            TransitionView(
                id=row.id,
                at=row.at,
                actor=row.actor,
                action=Action(row.action),
                old=row.old,
                new=row.new,
                owner=row.owner,
                level=Level(row.level),
                reason=row.reason,
                note=note,
                broken=row.sealed_note is not None and note is None,
            )
        )
    return tuple(found)
