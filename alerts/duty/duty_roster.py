"""The desk's port `Roster`, answered from the duty roster."""

from __future__ import annotations

from sqlalchemy import Connection

from alerts.duty.flood import seconds
from alerts.duty.rota import duty_ends, read_roster
from alerts.policy import Policy
from alerts.roster import PlainRoster, Recipient
from ingest.clock import Millis
from rules.finding import Level


class DutyRoster:
    """The first on duty is told; at danger everybody on duty; in a flood the second who was called in as well.

    The routes of the policy are told of everything there besides, and alone on a site that keeps no roster.
    """

    def __init__(self, policy: Policy) -> None:
        self._plain = PlainRoster(policy)

    def on_duty(self, connection: Connection, dong_code: str, at: Millis, level: Level) -> tuple[Recipient, ...]:
        """Who is told of a check of this dong and level now."""
        turn = [one.login for one in read_roster(connection).on_duty(dong_code, at)]
        told = turn if level is Level.DANGER else turn[:1]
        if turn and (second := seconds(connection).get(turn[0])) is not None:
            told = [*told, second]
        persons = tuple(Recipient(channel=None, recipient=login) for login in dict.fromkeys(told))
        return persons + self._plain.on_duty(connection, dong_code, at, level)

    def ends(self, connection: Connection, dong_code: str, at: Millis) -> Millis:
        """The next 09:00 or 18:00, at which duty may change hands."""
        return duty_ends(connection, at)
