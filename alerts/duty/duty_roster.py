"""The desk's port `Roster`, answered from the duty roster."""

from __future__ import annotations

from sqlalchemy import Connection

from alerts.contacts import channels_of
from alerts.duty.flood import seconds
from alerts.duty.rota import duty_ends, read_roster
from alerts.policy import Policy
from alerts.roster import OnDuty, PlainRoster, Recipient
from ingest.clock import Millis
from rules.finding import Level


class DutyRoster:
    """The first on duty is told; at danger everybody on duty; in a flood the second who was called in as well.

    Where none of these has a way to be reached, the next who has one is told besides: the next on duty, then a supervisor.
    The routes of the policy are told of everything there besides, and alone on a site that keeps no roster.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._plain = PlainRoster(policy)

    def on_duty(self, connection: Connection, at: Millis) -> OnDuty | None:
        """Who is told now, from the roster as it stands; None where it is empty and the policy names nobody."""
        rows, called_in = read_roster(connection), seconds(connection)
        if not rows.shifts and not self._policy.routes:
            return None
        ways = channels_of(connection, rows.logins, self._policy.channels)
        turns: dict[str, tuple[list[str], list[str]]] = {}

        def told(dong_code: str, level: Level) -> tuple[Recipient, ...]:
            if dong_code not in turns:
                turn = [one.login for one in rows.on_duty(dong_code, at)]
                behind = [*turn, *(one.login for one in rows.supervisors(dong_code, at))]
                turns[dong_code] = turn, [login for login in behind if ways[login]]
            turn, reached = turns[dong_code]
            asked = turn if level is Level.DANGER else turn[:1]
            asked = [*asked, *(called_in[first] for first in turn[:1] if first in called_in)]
            besides = reached[:1] if asked and not set(asked) & set(reached) else []
            persons = tuple(Recipient(channel=None, recipient=login) for login in dict.fromkeys([*asked, *besides]))
            return persons + self._plain.routes(dong_code, level)

        return told

    def ends(self, connection: Connection, dong_code: str, at: Millis) -> Millis:
        """The next 09:00 or 18:00, at which duty may change hands."""
        return duty_ends(connection, at)
