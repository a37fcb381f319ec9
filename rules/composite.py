"""What two things together say: never less than either of them alone, and one level more where both hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ingest.clock import Millis
from rules.absence import Absence
from rules.columns import NEVER, UNSET
from rules.episodes import OpenEpisode, make_finding
from rules.finding import LATE_DATA, Evidence, Finding, Level, RuleKey, Verb
from rules.limits_in_force import LimitsInForce
from rules.roll import MOTION_BIT
from rules.state import State

RULES = (RuleKey.MOTION_PHONE, RuleKey.HEAT_INACTIVE, RuleKey.COLD_INACTIVE, RuleKey.AWAY_MOTION)
WEATHER = {RuleKey.HEAT_INACTIVE: RuleKey.HEAT, RuleKey.COLD_INACTIVE: RuleKey.COLD}


class _Holding(NamedTuple):
    """A rule that holds: how gravely, since when (ms UTC), and the length it is measured by (ms)."""

    rule: RuleKey
    level: int
    since: Millis
    limit: Millis


class Composite:
    """The composite rules with the limits in force, over one state. Judged after the rules they are made of."""

    def __init__(self, limits: LimitsInForce, absence: Absence) -> None:
        self._table = limits.table
        self._limits = limits
        self._absence = absence

    @property
    def packing(self) -> Millis:
        """How long after an absence was declared motion says nothing yet."""
        return self._table.away_motion

    def inactive(self, state: State, home: int, rule: RuleKey) -> Millis:
        """For how long nobody must have moved in this home."""
        return self._limits.inactive(state, home, rule)

    def judge(self, state: State, home: int, at: Millis, ended: Mapping[RuleKey, str]) -> tuple[list[Finding], Millis]:
        """The findings of this home at grid point `at`, and when one can be due without an event.

        `ended`: the rules whose episode has ended at this point, with the reason it was withdrawn ("": it is over).
        """
        starts = self._absence.starts(state, home)
        holding: dict[RuleKey, _Holding] = {}
        due = UNSET
        for held, reached in self._holding(state, home, starts.get(RuleKey.MOTION), at):
            if reached <= at:
                holding[held.rule] = held
            else:
                due = min(due, reached)
        findings: list[Finding] = []
        for rule in RULES:
            findings += self._end(state, home, rule, holding.get(rule), starts, at, ended)
            findings += self._told(state, home, rule, holding.get(rule), at)
        until = int(state.households.away_until[home])
        return findings, min(due, until) if until > at else due

    def _holding(self, state: State, home: int, still: Millis | None, at: Millis) -> Iterator[tuple[_Holding, Millis]]:
        """What holds or will, with the instant from which on; `still` is the last motion of a home that is not empty."""
        name = state.households.ids[home]
        motion, phone = state.episodes.get(name, RuleKey.MOTION), state.episodes.get(name, RuleKey.PHONE)
        if motion is not None and phone is not None and motion.level and phone.level:
            level = min(max(motion.level, phone.level) + 1, Level.DANGER)
            yield _Holding(RuleKey.MOTION_PHONE, level, max(motion.start, phone.start), 0), at
        for rule, weather in WEATHER.items():
            climate = state.episodes.get(name, weather)
            if climate is not None and still is not None:
                since = max(still, state.settled.get((home, rule), still))
                limit = self.inactive(state, home, rule)
                standing = state.episodes.get(name, rule)
                reached: Millis | None = at
                if standing is None or standing.start != since:  # one that stands is not ended by what we cannot see
                    reached = state.observability.reach(home, since, limit, MOTION_BIT)
                    waits = self._absence.waits_until(state, home)  # a motion may be in the backlog of our own outage
                    reached = None if reached is None else max(reached, waits)
                if reached is not None:
                    yield _Holding(rule, min(climate.level + 1, Level.DANGER), since, limit), reached
        homes = state.households
        moved, away = int(homes.last_motion[home]), int(homes.away_since[home])
        settled = state.settled.get((home, RuleKey.AWAY_MOTION), NEVER)
        if homes.away_until[home] > at and moved >= away + self._table.away_motion and moved > settled:
            yield _Holding(RuleKey.AWAY_MOTION, Level.CAUTION, away, self._table.away_motion), at

    def _end(
        self,
        state: State,
        home: int,
        rule: RuleKey,
        held: _Holding | None,
        starts: dict[RuleKey, Millis],
        at: Millis,
        ended: Mapping[RuleKey, str],
    ) -> list[Finding]:
        """What stood on a heat or cold that has ended ends with it, though another may stand in its place at once."""
        episode, weather = state.episodes.get(state.households.ids[home], rule), WEATHER.get(rule)
        if episode is None or (held is not None and held.since == episode.start and weather not in ended):
            return []
        moved = starts.get(RuleKey.MOTION, UNSET)
        late = rule is not RuleKey.AWAY_MOTION and episode.start < moved < episode.raised_at
        why = LATE_DATA if late or (weather is not None and ended.get(weather)) else ""
        return self.clear(state, home, rule, episode, at, why)

    def _told(self, state: State, home: int, rule: RuleKey, held: _Holding | None, at: Millis) -> list[Finding]:
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, rule)
        if held is None or (episode is not None and held.level <= episode.level):
            return []
        if episode is None:
            moved = int(state.households.last_motion[home])
            # Heat may end and come again while nobody moves: not the same episode.
            key = f"{held.since}:{moved if rule is RuleKey.AWAY_MOTION else at}"
            episode = OpenEpisode(key, held.since, 0, raised_at=at)
            state.episodes.put(subject.name, rule, episode)
        episode.level = held.level
        evidence = self._evidence(state, home, held, at)
        return [make_finding(subject, rule, episode.key, Verb.RAISED, held.level, at=at, evidence=evidence)]

    def _evidence(self, state: State, home: int, held: _Holding, at: Millis) -> Evidence:
        """Of motion while away `since` is the motion; of the others the elapsed time is that of the stillness."""
        version = self._table.version
        if held.rule is RuleKey.AWAY_MOTION:
            moved = int(state.households.last_motion[home])
            return Evidence(since=moved, limit=float(held.limit), value=float(moved - held.since), rule_version=version)
        watch = state.observability
        blind = watch.blind_between(home, held.since, at, MOTION_BIT)
        return Evidence(
            since=held.since,
            limit=float(held.limit),
            value=float(at - held.since),
            coverage=round(1.0 - blind / (at - held.since), 4) if at > held.since else 1.0,
            blind=watch.cause_between(home, held.since, at, MOTION_BIT) or "",
            rule_version=version,
        )

    def clear(
        self, state: State, home: int, rule: RuleKey, episode: OpenEpisode, at: Millis, withdrawn: str = ""
    ) -> list[Finding]:
        """End this open episode with its one CLEARED."""
        subject = state.subject(home)
        state.settled.pop((home, rule), None)
        state.episodes.drop(subject.name, rule)
        evidence = Evidence(
            since=episode.start,
            value=float(max(0, at - episode.start)),
            rule_version=self._table.version,
            withdrawn=withdrawn,
        )
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, episode.level, at=at, evidence=evidence)]

    def settle(self, state: State, home: int, rule: RuleKey, at: Millis) -> None:
        """Its check was settled: it is told anew when it has come to hold anew."""
        if state.episodes.get(state.households.ids[home], rule) is not None:
            state.episodes.drop(state.households.ids[home], rule)
            state.settled[home, rule] = at
