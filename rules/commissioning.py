"""A home that was enrolled and never heard: a ticket from the first hour on, and under `cannot_verify` as any other."""

from __future__ import annotations

import numpy as np

from ingest.clock import Millis
from rules.columns import UNSET, Ints, Rows
from rules.episodes import OpenEpisode, make_finding
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.state import State
from rules.table import RuleTable


class Commissioning:
    """A home that was enrolled and never heard: a ticket, and still under `cannot_verify`."""

    def __init__(self, table: RuleTable) -> None:
        self._version = table.version
        self._wait = table.device.not_commissioned

    def lower_bounds(self, state: State, rows: Rows) -> Ints:
        """For each household an instant before which it cannot be overdue. ms UTC."""
        homes = state.households
        return np.where(homes.heard_from[rows] == UNSET, homes.enrolled_at[rows] + self._wait, UNSET)

    def judge(self, state: State, home: int, at: Millis) -> tuple[list[Finding], Millis]:
        """The finding of this home at grid point `at`, and when it can be due."""
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, RuleKey.NOT_COMMISSIONED)
        enrolled = int(state.households.enrolled_at[home])
        if state.households.heard_from[home] < UNSET:
            return self.clear(state, home, at), UNSET
        if episode is not None:
            return [], UNSET
        reached = state.observability.reach(home, enrolled, self._wait)
        if reached is None or reached > at:
            return [], UNSET if reached is None else reached
        episode = OpenEpisode(str(enrolled), enrolled, int(Level.CAUTION))
        state.episodes.put(subject.name, RuleKey.NOT_COMMISSIONED, episode)
        evidence = Evidence(since=enrolled, limit=float(self._wait), value=float(at - enrolled), rule_version=self._version)
        return [
            make_finding(subject, RuleKey.NOT_COMMISSIONED, episode.key, Verb.RAISED, Level.CAUTION, at=at, evidence=evidence)
        ], UNSET

    def clear(self, state: State, home: int, at: Millis) -> list[Finding]:
        """End the open episode, if any, with its one CLEARED."""
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, RuleKey.NOT_COMMISSIONED)
        if episode is None:
            return []
        state.episodes.drop(subject.name, RuleKey.NOT_COMMISSIONED)
        evidence = Evidence(since=episode.start, value=float(max(0, at - episode.start)), rule_version=self._version)
        return [
            make_finding(subject, RuleKey.NOT_COMMISSIONED, episode.key, Verb.CLEARED, Level.CAUTION, at=at, evidence=evidence)
        ]
