"""What the decisions of one transaction find alike: read once, when it is first asked for, and kept until the end."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert

from alerts.attempt import Untold
from alerts.check import Check
from alerts.duty.hush import Hush, held_back, read_hush
from alerts.roster import OnDuty, Recipient, Roster
from alerts.tables import live_event, transition
from ingest.clock import Millis
from rules.finding import Level


class Circumstances:
    """The roster, silences, outages, ladders and contact points as they stand in this transaction, at home time `at`.

    An acknowledgement that ends in the same transaction still counts in what its owner holds. Besides it keeps the rows
    that nothing reads before the end: `finish` writes them.
    """

    def __init__(self, connection: Connection, roster: Roster, at: Millis) -> None:
        self.ladders: set[str] = set()  # versions that are kept
        self.ways: dict[str, tuple[str, ...]] = {}  # channels by person
        self._connection, self._roster, self._at = connection, roster, at
        self._duty: OnDuty | None = None
        self._duty_read = False
        self._hush: Hush | None = None
        self._transitions: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def on_duty(self, dong_code: str, level: Level) -> list[Recipient]:
        """Who is told of a check of this dong and level, each once."""
        duty = self._read_duty()
        return [] if duty is None else list(dict.fromkeys(duty(dong_code, level)))

    @property
    def rostered(self) -> bool:
        """Whether there is anybody at all who could have duty."""
        return self._read_duty() is not None

    def held_back(self, check: Check) -> Untold | None:
        """Why nobody is told of this check now."""
        if self._hush is None:
            self._hush = read_hush(self._connection, self._at)
        return held_back(self._connection, check, self._hush)

    def note(self, change: dict[str, Any]) -> None:
        """A transition, as a row."""
        self._transitions.append(change)

    def tell(self, event: dict[str, Any]) -> None:
        """A live event, as a row."""
        self._events.append(event)

    def finish(self) -> None:
        """Write what was kept; the last thing its decisions do in the transaction."""
        for table, rows in ((transition, self._transitions), (live_event, self._events)):
            if rows:
                self._connection.execute(insert(table), rows)
                rows.clear()

    def _read_duty(self) -> OnDuty | None:
        if not self._duty_read:
            self._duty, self._duty_read = self._roster.on_duty(self._connection, self._at), True
        return self._duty
