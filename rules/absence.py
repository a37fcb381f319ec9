"""How long a home has been without a sign of life, and when that is too long."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from ingest.clock import MINUTE, Millis
from rules.columns import NEVER, UNSET, Ints, Rows
from rules.episodes import OpenEpisode, make_finding
from rules.finding import LATE_DATA, Evidence, Finding, Level, RuleKey, Signs, Verb
from rules.limits import AbsenceLimits, Limits
from rules.limits_in_force import LimitsInForce
from rules.observability import Blind
from rules.rhythm import Rhythm
from rules.roll import CALL_BIT, MOTION_BIT
from rules.state import State
from rules.told import note_told

OBSERVED: dict[RuleKey, int] = {
    RuleKey.MOTION: MOTION_BIT,
    RuleKey.PERSONAL: MOTION_BIT,
    RuleKey.CALL: CALL_BIT,
    RuleKey.PHONE: 0,
}
"""These count observed time alone, the others wall time; with the signal whose sensors can blind the rule.

A phone that said it is off and then says nothing more is still off: its silence blinds nobody.
"""
STILL = frozenset({RuleKey.MOTION, RuleKey.PERSONAL})
"""What is said of stillness while at home."""
ORDER = (RuleKey.MOTION, RuleKey.PERSONAL, RuleKey.CALL, RuleKey.PHONE, RuleKey.CANNOT_VERIFY, RuleKey.AWAY)

MANY = 1_000
"""From so many homes on those whose sensors were ever doubted are singled out before each is asked about."""

LIFE_APART: Millis = MINUTE
"""One event may be a pet, a parcel, a sensor's error; two this far apart are somebody."""


@dataclass(slots=True)
class _Verdict:
    """What a rule says of a home at an instant. `missing` is the level that would be due, had we been able to observe."""

    level: int = 0
    missing: int = 0
    limit: Millis = 0
    missing_limit: Millis = 0
    due: Millis = UNSET


class Absence:
    """The absence rules with the limits in force, over one state."""

    def __init__(self, limits: LimitsInForce, rhythm: Rhythm) -> None:
        self._table = limits.table
        self._rhythm = rhythm
        self._limits = limits.absence
        personal = [limits.table.personal.shortest] if rhythm.used else []
        self.shortest: Millis = min(*personal, *(limits.shortest() for limits in self._limits))
        self._motion = self._first("motion")
        self._call = self._first("call")
        self._phone = self._first("phone")
        self._verify = np.minimum(self._first("cannot_verify"), self._first("cannot_verify_excused"))
        self._away = self._first("away")

    def _first(self, rule: str) -> Ints:
        """By profile: the shortest limit of the rule in ms."""
        limits = [min(one for one in profile.of(rule) if one is not None) for profile in self._limits]
        return np.array(limits, dtype=np.int64)

    def lower_bounds(self, state: State, rows: Rows) -> Ints:
        """For each row an instant before which no absence finding is due; exact but for outages. ms UTC."""
        homes = state.households
        profile = homes.profile[rows]
        heard = homes.heard_from[rows]
        floor = np.maximum(homes.restart_at[rows], homes.away_until[rows])
        seen = np.maximum(homes.last_motion[rows], homes.last_enter[rows])
        motion_from = np.where(self._inferred_away(state, rows), UNSET, homes.motion_from[rows])
        after = np.maximum(floor, heard)
        still = np.maximum(np.maximum(after, seen), motion_from)
        due = still + np.minimum(self._motion[profile], np.minimum(*self._rhythm.limits(state, rows, still)))
        called = np.maximum(np.maximum(after, homes.last_call[rows]), homes.call_from[rows])
        np.minimum(due, called + self._call[profile], out=due)
        off = np.maximum(np.maximum(floor, homes.phone_off[rows]), homes.phone_from[rows])
        np.minimum(due, off + self._phone[profile], out=due)
        life = self._alive(state, rows)
        alive = np.maximum(np.maximum(floor, life), homes.enrolled_at[rows])
        np.minimum(due, alive + self._verify[profile], out=due)
        away = homes.away_until[rows]
        waiting = (away > NEVER) & (life < away)
        np.minimum(due, np.where(waiting, away + self._away[profile], UNSET), out=due)
        sooner = (homes.halved_at[rows] > NEVER) & (homes.halved_at[rows] == homes.restart_at[rows])
        np.minimum(due, np.where(sooner, homes.halved_at[rows] + self.shortest // 2, UNSET), out=due)
        heard_again = self.heard_again_at(state)
        if heard_again is not None:
            np.maximum(due, np.where(homes.fresh_at[rows] < heard_again, heard_again + self._table.settle, NEVER), out=due)
        return np.where(homes.active[rows] > 0, due, UNSET)

    def _alive(self, state: State, rows: Rows) -> Ints:
        """The last credible sign of life of any kind (ms UTC). A door counts where it was opened from inside.

        That is soon after a motion; where no motion sensor can say, every door counts.
        """
        homes = state.households
        moved, door = homes.last_motion[rows], homes.last_door[rows]
        inside = (homes.motion_from[rows] == UNSET) | (moved >= door - self._table.door_inside)
        return np.asarray(np.maximum(np.maximum(homes.last_life[rows], moved), np.where(inside, door, NEVER)))

    def alive(self, state: State, home: int) -> Millis:
        """When the home last gave a credible sign of life of any kind (ms UTC; NEVER)."""
        return int(self._alive(state, np.array([home]))[0])

    def waits_until(self, state: State, home: int) -> Millis:
        """After our own outage, for what its devices had kept to arrive (ms UTC): nothing is said of an absence before."""
        heard_again = self.heard_again_at(state)
        if heard_again is None or state.households.fresh_at[home] >= heard_again:
            return NEVER
        return heard_again + self._table.settle

    def heard_again_at(self, state: State) -> Millis | None:
        """The end of our last outage that can have left a backlog older than `caught_up`."""
        return state.observability.heard_again_at(self._table.caught_up, self._table.settle)

    def _inferred_away(self, state: State, rows: Rows) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """A door, and no motion after it where one could have been seen: a sensor that was silent then saw nobody stay."""
        homes = state.households
        door = homes.last_door[rows]
        left = homes.last_motion[rows] <= door + self._table.door_gap
        away = np.asarray((door > NEVER) & left & (homes.last_enter[rows] < door))
        asked = away
        if len(rows) > MANY:
            known = np.zeros(len(homes), dtype=bool)
            known[state.observability.doubted(MOTION_BIT)] = True
            asked = away & known[rows]
        for place in np.flatnonzero(asked).tolist():
            at = int(door[place]) + self._table.door_gap
            away[place] = not state.observability.doubted_at(int(rows[place]), MOTION_BIT, at)
        return away

    def starts(self, state: State, home: int) -> dict[RuleKey, Millis]:
        """When each clock that runs for this home began (ms UTC); after `now` while an absence is declared."""
        homes = state.households
        heard, enrolled = int(homes.heard_from[home]), int(homes.enrolled_at[home])
        away, life = int(homes.away_until[home]), self.alive(state, home)
        floor = max(int(homes.restart_at[home]), away)
        found: dict[RuleKey, Millis] = {RuleKey.CANNOT_VERIFY: max(floor, life, enrolled)}
        motion_from, call_from = int(homes.motion_from[home]), int(homes.call_from[home])
        if max(heard, motion_from) < UNSET and not self.inferred_away(state, home):
            seen = max(int(homes.last_motion[home]), int(homes.last_enter[home]))
            found[RuleKey.MOTION] = max(floor, seen, motion_from, heard)
            if self._rhythm.used:
                found[RuleKey.PERSONAL] = found[RuleKey.MOTION]
        if max(heard, call_from) < UNSET:
            found[RuleKey.CALL] = max(floor, int(homes.last_call[home]), call_from, heard)
        off, phone_from = int(homes.phone_off[home]), int(homes.phone_from[home])
        if max(off, phone_from) < UNSET:
            found[RuleKey.PHONE] = max(floor, off, phone_from)
        if away > NEVER and life < away:
            found[RuleKey.AWAY] = away
        return found

    def inferred_away(self, state: State, home: int) -> bool:
        """Whether the last door event has had no motion later than the door gap after it."""
        return bool(self._inferred_away(state, np.array([home]))[0])

    def judge(self, state: State, home: int, at: Millis) -> tuple[list[Finding], Millis]:
        """The findings of this home at grid point `at`, and the next instant at which one can be due without an event."""
        starts = self.starts(state, home)
        findings: list[Finding] = []
        due = UNSET
        waits = self.waits_until(state, home)
        for rule in ORDER:
            start = starts.get(rule)
            episode = state.episodes.get(state.households.ids[home], rule)
            if episode is not None and episode.start != start:
                late = self._ended_by(state, home, rule, start) < episode.raised_at
                findings += self.clear(state, home, rule, episode, at, LATE_DATA if late else "")
                episode = None
            if start is None:
                continue
            if waits > at:
                due = min(due, waits)
                continue
            verdict = self._verdict(state, home, rule, start, at, episode)
            findings += self._told(state, home, rule, start, at, verdict)
            due = min(due, verdict.due)
        return findings + self._answered(state, home, at), due

    def _answered(self, state: State, home: int, at: Millis) -> list[Finding]:
        """Two credible signs of life at least a minute apart, since an absence was last raised; said once."""
        homes = state.households
        first, last = int(homes.life_first[home]), max(int(homes.last_life[home]), int(homes.last_motion[home]))
        if last - first < LIFE_APART:
            return []
        rule, key = ORDER[int(homes.asked_rule[home])], f"alive:{homes.asked_at[home]}"
        forget_asked(state, home)
        evidence = Evidence(since=first, value=float(last - first), rule_version=self._table.version)
        return [make_finding(state.subject(home), rule, key, Verb.ALIVE, Level.CAUTION, at=at, evidence=evidence)]

    def ahead(self, state: State, home: int, at: Millis) -> list[tuple[RuleKey, Millis, list[tuple[Level, Millis]]]]:
        """By rule what it counts from, and each level with the instant after `at` at which it is reached if nothing happens.

        What a blind home cannot be observed for is taken as if it could be: earlier than it will be said, never later.
        """
        found = []
        for rule, start in self.starts(state, home).items():
            since = self._counted_from(state, home, rule, start)
            levels: list[tuple[Level, Millis]] = []
            for level, limit in enumerate(self._limits_now(state, home, rule, start, at)[0], 1):
                if limit is None:
                    continue
                reached = state.observability.reach(home, since, limit, OBSERVED[rule]) if rule in OBSERVED else since + limit
                due = since + limit if reached is None else reached
                if due > at:
                    levels.append((Level(level), due))
            found.append((rule, since, levels))
        return found

    def view(
        self, state: State, home: int, rule: RuleKey, at: Millis
    ) -> tuple[Millis, list[tuple[Level, Millis, Millis | None]]] | None:
        """What the rule counts from, and for each level its limit and when it is told if nothing happens.

        That is None where an outage that lasts comes before. None in all where the rule's clock does not run.
        """
        start = self.starts(state, home).get(rule)
        if start is None:
            return None
        since, bit = self._counted_from(state, home, rule, start), OBSERVED.get(rule, 0)
        levels: list[tuple[Level, Millis, Millis | None]] = []
        for level, limit in zip(Level, self._limits_now(state, home, rule, start, at)[0], strict=True):
            if limit is not None and limit < UNSET:
                reached = state.observability.reach(home, since, limit, bit) if rule in OBSERVED else since + limit
                levels.append((level, limit, None if reached is None else self._told_from(rule, level, reached, reached)))
        return since, levels

    def _ended_by(self, state: State, home: int, rule: RuleKey, start: Millis | None) -> Millis:
        """When what ended the rule's episode happened (ms UTC); UNSET where that was no reading."""
        homes = state.households
        if start is not None:
            return start
        if rule in STILL and self.inferred_away(state, home):
            return int(homes.last_door[home])
        if rule is RuleKey.PHONE and homes.phone_on[home] > NEVER:
            return int(homes.phone_on[home])
        return self.alive(state, home) if rule is RuleKey.AWAY else UNSET

    def clear(
        self, state: State, home: int, rule: RuleKey, episode: OpenEpisode, at: Millis, withdrawn: str = ""
    ) -> list[Finding]:
        """End this episode of the rule with its one CLEARED; `withdrawn` says why it had never held, if it had not."""
        subject = state.subject(home)
        state.settled.pop((home, rule), None)
        state.episodes.drop(subject.name, rule)
        evidence = Evidence(
            since=episode.start,
            value=float(max(0, at - episode.start)),
            rule_version=self._table.version,
            withdrawn=withdrawn,
        )
        level = max(episode.level, Level.CAUTION)
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, level, at=at, evidence=evidence)]

    def watched_by(self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis) -> int:
        """The signal by which the rule's window was observed: its own, else the best observed of those that are life."""
        if rule in OBSERVED:
            return OBSERVED[rule]
        homes = state.households
        life = [bit for bit, since in ((MOTION_BIT, homes.motion_from), (CALL_BIT, homes.call_from)) if since[home] < UNSET]
        return min(life, key=lambda bit: state.observability.blind_between(home, start, at, bit), default=0)

    def _verdict(
        self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis, episode: OpenEpisode | None
    ) -> _Verdict:
        verdict = _Verdict()
        since = self._counted_from(state, home, rule, start)
        limits, due = self._limits_now(state, home, rule, start, at)
        verdict.due = due
        watch, bit = state.observability, OBSERVED.get(rule, 0)
        # What the personal rule would have said is left to the motion rule: an outage of an hour is no news of a home.
        blind = rule in OBSERVED and rule is not RuleKey.PERSONAL and watch.blind(home, bit)
        told = episode is not None and episode.undetermined
        for level, limit in enumerate(limits, 1):
            if limit is None:
                continue
            reached = watch.reach(home, since, limit, bit) if rule in OBSERVED else since + limit
            if reached is not None:
                reached = self._told_from(rule, level, reached, at)
                if reached <= at:
                    verdict.level, verdict.limit = level, limit
                    continue
                verdict.due = min(verdict.due, reached)
            if blind and not told:
                missed = self._told_from(rule, level, since + limit, at)
                if missed <= at:
                    verdict.missing, verdict.missing_limit = level, limit
                else:
                    verdict.due = min(verdict.due, missed)
        return verdict

    def _told_from(self, rule: RuleKey, level: int, reached: Millis, at: Millis) -> Millis:
        """When a level reached then is told: from the rule's next active hour on; a danger is told at any hour."""
        hours = self._table.hours.get(rule)
        return reached if hours is None or level == Level.DANGER else hours.next(max(reached, at))

    def _counted_from(self, state: State, home: int, rule: RuleKey, start: Millis) -> Millis:
        """`start`, or the later moment at which staff settled the check without a sign of life."""
        return max(start, state.settled.get((home, rule), start))

    def _limits_now(self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis) -> tuple[Limits, Millis]:
        """The limits in force, halved where the clock has not moved since a machine was told "I am well"; until when."""
        limits, until = self._full_limits(state, home, rule, start, at)
        if not halved(state, home, rule, start):
            return limits, until
        least = self._table.personal.shortest if rule is RuleKey.PERSONAL else 0
        caution, warning, danger = (None if limit is None else max(limit // 2, least) for limit in limits)
        return (caution, warning, danger), until

    def _full_limits(self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis) -> tuple[Limits, Millis]:
        """The limits in force, and the instant at which they may change by themselves."""
        limits = self._limits[int(state.households.profile[home])]
        if rule is RuleKey.PERSONAL:
            return self._personal_limits(state, home, limits.motion, start), UNSET
        if rule is not RuleKey.CANNOT_VERIFY:
            return limits.of(rule), UNSET
        normal = self._unverified(state, home, limits)
        excused, until = self._excused(state, home, at)
        if not excused:
            return (None, None, normal), UNSET
        _, warning, danger = limits.cannot_verify_excused
        return (None, None if warning is None else max(warning, normal), max(danger or normal, normal)), until

    def _personal_limits(self, state: State, home: int, motion: Limits, start: Millis) -> Limits:
        """The home's own limits where they are tighter than those of the motion rule."""
        own = self._rhythm.limits(state, np.array([home]), np.array([start], dtype=np.int64))
        check, alert = (
            int(limit[0]) if official is None or limit[0] < official else None
            for limit, official in zip(own, motion[:2], strict=True)
        )
        return check, alert, None

    def _unverified(self, state: State, home: int, limits: AbsenceLimits) -> Millis:
        """A home without a motion sensor is verified by the slowest of its signals, once it is heard at all.

        A shorter one that staff set for this home alone holds whatever its signals are.
        """
        danger = limits.cannot_verify[2] or 0
        homes = state.households
        if homes.motion_from[home] < UNSET or homes.heard_from[home] == UNSET:
            return danger
        slower = [limits.call[2] if homes.call_from[home] < UNSET else None]
        slower.append(limits.phone[2] if homes.phone_from[home] < UNSET else None)
        slowest = max((limit for limit in slower if limit is not None), default=danger)
        own = state.own.get(home, {}).get((RuleKey.CANNOT_VERIFY, Level.DANGER))
        return slowest if own is None else min(slowest, round(own.limit))

    def _excused(self, state: State, home: int, at: Millis) -> tuple[bool, Millis]:
        if self.inferred_away(state, home):
            return True, UNSET
        if not state.households.well_before[home]:
            return False, UNSET
        if state.observability.blind(home):
            return True, UNSET
        ended = state.observability.ended_at(home, self._table.caught_up, self._table.settle)
        until = UNSET if ended is None else ended + self._table.settle
        return (True, until) if ended is not None and at < until else (False, UNSET)

    def _told(self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis, verdict: _Verdict) -> list[Finding]:
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, rule)
        level = 0 if episode is None else episode.level
        findings: list[Finding] = []
        for verb, reached, limit in (
            (Verb.RAISED, verdict.level, verdict.limit),
            (Verb.UNDETERMINED, verdict.missing, verdict.missing_limit),
        ):
            if reached <= level:
                continue
            if episode is None:
                episode = OpenEpisode(str(self._counted_from(state, home, rule, start)), start, 0, raised_at=at)
                state.episodes.put(subject.name, rule, episode)
            evidence = self._evidence(state, home, rule, start, at, limit)
            findings.append(make_finding(subject, rule, episode.key, verb, reached, at=at, evidence=evidence))
            if verb is Verb.RAISED:
                level = episode.level = reached
                homes = state.households
                homes.asked_at[home], homes.asked_rule[home], homes.life_first[home] = at, ORDER.index(rule), UNSET
                if rule in STILL:
                    note_told(state, home, start)
            else:
                episode.undetermined = True
        return findings

    def _evidence(self, state: State, home: int, rule: RuleKey, start: Millis, at: Millis, limit: Millis) -> Evidence:
        bit = self.watched_by(state, home, rule, start, at)
        watch = state.observability
        blind, cause = watch.blind_between(home, start, at, bit), watch.cause_between(home, start, at, bit)
        if state.households.heard_from[home] == UNSET:  # nobody has ever heard of it
            blind, cause = at - start, Blind.NOT_COMMISSIONED
        return Evidence(
            since=start,
            limit=float(limit),
            value=float(at - start),
            usual=self._rhythm.usual(state, home, start) if rule is RuleKey.PERSONAL else 0,
            coverage=round(1.0 - blind / (at - start), 4) if at > start else 1.0,
            blind=cause or "",
            rule_version=self._table.version,
            signs=signs_of(state, home),
        )


def halved(state: State, home: int, rule: RuleKey, start: Millis) -> bool:
    """Whether a machine's "I am well" is all that this clock, running from `start`, rests on."""
    homes = state.households
    return start == homes.halved_at[home] and bool(homes.halved[home] >> ORDER.index(rule) & 1)


def halve(state: State, home: int, rules: Collection[str], at: Millis) -> None:
    """A machine was told "I am well" when it asked about these rules."""
    homes = state.households
    homes.halved_at[home] = at
    homes.halved[home] = sum(1 << place for place, rule in enumerate(ORDER) if rule in rules)


def forget_asked(state: State, home: int) -> None:
    """Nobody waits for a sign of life of this home any more."""
    homes = state.households
    homes.asked_at[home], homes.life_first[home] = NEVER, UNSET


def signs_of(state: State, home: int) -> Signs:
    """When the home last gave each of its signs of life."""
    homes = state.households
    door = max(int(homes.last_door[home]), int(homes.last_enter[home]))
    newest_life = max(int(homes.last_life[home]), int(homes.last_motion[home]))
    seen = (homes.last_motion[home], door, homes.last_call[home], homes.phone_on[home], newest_life)
    motion, door_at, call, phone, newest = (None if at == NEVER else int(at) for at in seen)
    return Signs(motion=motion, door=door_at, call=call, phone=phone, newest=newest)
