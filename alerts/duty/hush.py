"""Whether people are told of a check now: not while it is silenced, and not singly while an outage tells of many."""

from __future__ import annotations

from sqlalchemy import Connection

from alerts.check import Check
from alerts.duty.held import hold_back
from alerts.duty.silence import silenced
from alerts.duty.silences import standing
from ingest.clock import Millis


def held_back(connection: Connection, check: Check, at: Millis) -> bool:
    """Decided in the transaction that writes the check; what is held back comes later (`silences.py`, `held.py`)."""
    return silenced(check, standing(connection, at), at) is not None or hold_back(connection, check)
