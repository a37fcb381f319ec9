"""How duty's words go out: to the persons meant, and to the routes that are told of everything there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from alerts.duty.telling import DutyWord
from alerts.policy import Policy
from alerts.telling import Telling, tell_people
from ingest.clock import Clock


class Teller:
    """The port `Tell` over the outbox."""

    def __init__(self, clock: Clock, policy: Policy) -> None:
        self._clock = clock
        self._policy = policy
        self._any_channel = replace(policy, channels=None)  # a route names its channel itself

    def __call__(self, connection: Connection, word: DutyWord, persons: Sequence[str]) -> None:
        """Write it into the caller's transaction; the same word again tells nobody twice."""
        home_now, machine_now = self._clock.home_now(), self._clock.machine_now()
        telling = Telling(
            key=word.key, kind=word.kind, level=word.level, dong=word.dong, code=word.code, path=word.path, codes=word.codes
        )
        tell_people(connection, telling, persons, self._policy, home_now=home_now, machine_now=machine_now)
        for route in self._policy.routes:
            if route.wants(word.level, word.dong):
                there = telling if route.channel is None else replace(telling, channels=(route.channel,))
                tell_people(connection, there, [route.recipient], self._any_channel, home_now=home_now, machine_now=machine_now)
