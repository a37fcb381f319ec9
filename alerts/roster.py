"""Who is on duty: the port through which the desk asks, and a plain answer for a site without a roster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias

from sqlalchemy import Connection

from alerts.policy import Policy
from ingest.clock import SEOUL, Millis, to_datetime, to_millis
from rules.finding import Level

CHANGES = (9, 18)
"""Hours of Seoul at which duty changes on a weekday: the dong's day begins and ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A label that the channel knows, or (channel None) a person, reached by their own contact points; never an address."""

    channel: str | None
    recipient: str


OnDuty: TypeAlias = Callable[[str, Level], tuple[Recipient, ...]]
"""Who is told of a check of this dong and level; nobody where nobody is on duty."""


class Roster(Protocol):
    """Asked inside the transaction of the decisions it serves; `at` is home time."""

    def on_duty(self, connection: Connection, at: Millis) -> OnDuty | None:
        """Who is told now, for all decisions of one transaction: what is returned reads nothing more.

        None where nobody has been put on a roster yet and nobody is told besides.
        """
        ...

    def ends(self, connection: Connection, dong_code: str, at: Millis) -> Millis:
        """When the duty that runs at `at` ends: later than `at`."""
        ...


class PlainRoster:
    """Everybody the policy's routes name, at all hours; duty changes on weekdays at 09:00 and 18:00."""

    def __init__(self, policy: Policy) -> None:
        self._routes = policy.routes

    def on_duty(self, connection: Connection, at: Millis) -> OnDuty:
        """The routes that want this dong and level."""
        return self.routes

    def routes(self, dong_code: str, level: Level) -> tuple[Recipient, ...]:
        """The routes that want this dong and level, whatever the time."""
        wanted = [each for each in self._routes if each.wants(level, dong_code)]
        return tuple(Recipient(channel=each.channel, recipient=each.recipient) for each in wanted)

    def ends(self, connection: Connection, dong_code: str, at: Millis) -> Millis:
        """The next 09:00 or 18:00 of a weekday."""
        local = to_datetime(at).astimezone(SEOUL)
        days = [local + timedelta(days=ahead) for ahead in range(4)]  # from a Friday evening to Monday
        changes = [day.replace(hour=hour, minute=0, second=0, microsecond=0) for day in days for hour in CHANGES]
        return to_millis(next(change for change in changes if change > local and change.weekday() < 5))
