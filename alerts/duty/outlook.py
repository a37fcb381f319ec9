"""The other end of what the rules hand on besides findings (rules/outlook.py): kept here, all of it, when it returns."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from alerts.duty.outages import write_turn
from alerts.duty.tonight import write_evening
from alerts.trend_notes import write_note
from rules.outlook import Evening, Told
from rules.trend import TrendNote


class OutlookBook:
    """Keeps tonight's list, whom we hear, and notes on homes. Taking the same again changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, told: Sequence[Told]) -> None:
        """Durable, all of it, on return."""
        with self._engine.begin() as connection:
            for one in told:
                if isinstance(one, Evening):
                    write_evening(connection, one)
                elif isinstance(one, TrendNote):
                    write_note(connection, one)
                else:
                    write_turn(connection, one)
