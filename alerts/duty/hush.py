"""Whether people are told of a check now: not while it is silenced, and not singly while an outage tells of many."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from alerts.attempt import Untold
from alerts.check import Check
from alerts.duty.held import hold_back
from alerts.duty.silence import Silence, silenced
from alerts.duty.silences import standing
from alerts.duty.tables import outage
from ingest.clock import Millis

_LASTING = select(outage.c.id).where(outage.c.closed_at.is_(None)).limit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """What may hold back notices at home time `at`, for all decisions of one transaction."""

    at: Millis
    silences: tuple[Silence, ...]
    outages: bool  # whether any outage lasts, or has homes still to be let go


def read_hush(connection: Connection, at: Millis) -> Hush:
    """As it is stored now."""
    lasting = connection.execute(_LASTING).first()
    return Hush(at=at, silences=tuple(standing(connection, at)), outages=lasting is not None)


def held_back(connection: Connection, check: Check, hush: Hush) -> Untold | None:
    """Decided in the transaction that writes the check; what is held back comes later (`silences.py`, `held.py`)."""
    if silenced(check, hush.silences, hush.at) is not None:
        return Untold.SILENCE
    return Untold.OUTAGE if hush.outages and hold_back(connection, check) else None
