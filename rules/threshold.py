"""For how long a temperature or humidity has been beyond its limit, and what is said of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from ingest.clock import Millis
from ingest.reading import DeviceId
from rules.columns import UNSET
from rules.dwell import CHANNELS, RULES, Dwells, sensors_of, worst_held
from rules.episodes import OpenEpisode, make_finding
from rules.finding import LATE_DATA, Evidence, Finding, Level, RuleKey, Verb
from rules.limits import Channel, ThresholdLimit
from rules.limits_in_force import LimitsInForce
from rules.observability import Blind
from rules.roll import HUMIDITY_BIT, TEMPERATURE_BIT
from rules.samples import Samples
from rules.settling import Settling
from rules.state import State


class _Breach(NamedTuple):
    """A sensor beyond a limit, ordered by gravity: the level, until when its last sample says something (ms UTC), its row."""

    level: int
    fresh_until: Millis
    sensor: int
    channel: Channel


class Thresholds:
    """The threshold rules with the limits in force, over one state. A home is as badly off as its worst sensor.

    What is beyond its limit and then heard no more is undetermined, never well: at once where it had been told, else from the
    moment on at which it would have been.
    """

    def __init__(self, limits: LimitsInForce) -> None:
        self._table = limits.table
        self._limits = limits
        self._dwells = Dwells(limits)
        self._settling = Settling(self._dwells)

    def adopt(self, state: State) -> None:
        """The limits changed; see rules.dwell."""
        self._dwells.adopt(state)

    def take_samples(self, state: State, samples: Samples) -> None:
        """Samples that have come; they are judged at the next grid point."""
        self._settling.add(state, samples)

    def settle_samples(self, state: State) -> bool:
        """Take the samples that have come since the last grid point; whether there were any."""
        return self._settling.settle(state)

    def close(self, state: State, homes: Sequence[int] | None, at: Millis) -> None:
        """What was judged stays as it is, whatever comes late; None: of all homes."""
        self._settling.close(state, homes, at)

    def needed(self, limit: ThresholdLimit) -> Millis:
        """How long a value must have held, tolerance taken off."""
        return self._dwells.needed(limit)

    def fresh_until(self, state: State, sensor: int, channel: Channel) -> Millis:
        """Until when the sensor's last sample says something (ms UTC)."""
        return self._dwells.fresh_until(state, sensor, channel)

    def judge(self, state: State, home: int, at: Millis) -> tuple[list[Finding], Millis]:
        """The findings of this home at grid point `at`, and when its standing ones can become undetermined."""
        sensors = sensors_of(state, home)
        findings: list[Finding] = []
        due = UNSET
        for rule, channels in RULES.items():
            told, next_due = self._judge(state, home, rule, channels, sensors, at)
            findings += told
            due = min(due, next_due)
        return findings, due

    def _judge(
        self, state: State, home: int, rule: RuleKey, channels: tuple[Channel, ...], sensors: list[int], at: Millis
    ) -> tuple[list[Finding], Millis]:
        episode = state.episodes.get(state.households.ids[home], rule)
        held = self._held(state, channels, sensors)
        running = self._running(state, home, channels, sensors)
        doubts = [one for one, missed in running if missed <= at]
        due = min((missed for _, missed in running if missed > at), default=UNSET)
        findings: list[Finding] = []
        if episode is not None and self._over(state, home, rule, episode, held=bool(held), may_come=bool(running)):
            findings = self.clear(state, home, rule, episode, at, sensors)
        if not held and not doubts:
            return findings, due
        due = min([due, *(one.fresh_until + 1 for one in held if one.fresh_until >= at)])
        later = [self._told_from(one.channel, one.level, at) for one in held]
        due = min([due, *(one for one in later if one > at)])
        return findings + self._told(state, home, rule, held, doubts, at), due

    def _over(self, state: State, home: int, rule: RuleKey, episode: OpenEpisode, *, held: bool, may_come: bool) -> bool:
        """Whether what was told holds no more; what holds instead, or less gravely as late data shows, is told anew."""
        if not held:
            return episode.level > 0 or not may_come
        return episode.level > 0 and not state.spans.goes_on(home, rule, episode.level, episode.raised_at)

    def _told(
        self, state: State, home: int, rule: RuleKey, held: list[_Breach], doubts: list[_Breach], at: Millis
    ) -> list[Finding]:
        """What is said of levels that are held, and of those that would be, had the sensor gone on."""
        subject = state.subject(home)
        episode = state.episodes.get(subject.name, rule)
        peak = state.spans.peak(home, rule)  # it may have been worse than now, and that came late
        told = [one._replace(level=peak) for one in held if self._told_from(one.channel, peak, at) <= at]
        fresh = any(one.fresh_until >= at for one in held)
        if not told and (fresh or not doubts) and (episode is None or (episode.undetermined and fresh)):
            return []
        findings: list[Finding] = []
        worst = max(told or held or doubts)
        worse = bool(told) and peak > max(one.level for one in held)
        if episode is None or (episode.undetermined and fresh):
            episode = OpenEpisode(str(at), self._began(state, worst), 0)
            state.episodes.put(subject.name, rule, episode)
        if told and worst.level > episode.level:
            episode.raised_at = episode.raised_at if episode.level else at
            episode.level = worst.level
            evidence = self._past(state, home, rule, worst) if worse else self._evidence(state, worst)
            findings.append(make_finding(subject, rule, episode.key, Verb.RAISED, worst.level, at=at, evidence=evidence))
        if not fresh and not episode.undetermined:
            episode.undetermined = True
            doubt = max([worst, *doubts])
            level = max(doubt.level, episode.level)
            evidence = self._evidence(state, doubt, blind=self._cause(state, home, doubt, at))
            findings.append(make_finding(subject, rule, episode.key, Verb.UNDETERMINED, level, at=at, evidence=evidence))
        return findings

    def _held(self, state: State, channels: tuple[Channel, ...], sensors: list[int]) -> list[_Breach]:
        """The levels that are held."""
        on = state.climates.on
        return [
            _Breach(int(on[CHANNELS.index(channel), sensor]), self.fresh_until(state, sensor, channel), sensor, channel)
            for channel in channels
            for sensor in sensors
            if on[CHANNELS.index(channel), sensor]
        ]

    def _running(
        self, state: State, home: int, channels: tuple[Channel, ...], sensors: list[int]
    ) -> list[tuple[_Breach, Millis]]:
        """The breaches that are not held yet, each with when it would be told, were nothing more to be heard of it."""
        climates, found = state.climates, list[tuple[_Breach, Millis]]()
        for channel in channels:
            place, levels = CHANNELS.index(channel), self._limits.threshold(state, home, channel).levels
            for sensor in sensors:
                fresh_until = self.fresh_until(state, sensor, channel)
                for level, limit in enumerate(levels, 1):
                    since = int(climates.since[3 * place + level - 1, sensor])
                    if limit is not None and since < UNSET and level > climates.on[place, sensor]:
                        reached = max(since + self.needed(limit), fresh_until + 1)
                        breach = _Breach(level, fresh_until, sensor, channel)
                        found.append((breach, self._told_from(channel, level, reached)))
        return found

    def _began(self, state: State, one: _Breach) -> Millis:
        """When the breach began; the last sample where its run is over and the level is held on (ms UTC)."""
        place = CHANNELS.index(one.channel)
        begun = int(state.climates.since[3 * place + one.level - 1, one.sensor])
        return int(state.climates.sampled_at[place, one.sensor]) if begun == UNSET else begun

    def _cause(self, state: State, home: int, one: _Breach, at: Millis) -> str:
        bit = HUMIDITY_BIT if one.channel in RULES[RuleKey.HUMIDITY] else TEMPERATURE_BIT
        sampled_at = int(state.climates.sampled_at[CHANNELS.index(one.channel), one.sensor])
        return state.observability.cause_between(home, sampled_at, at, bit) or Blind.SENSOR

    def _told_from(self, channel: Channel, level: int, at: Millis) -> Millis:
        """When a level held at `at` is told: from the rule's next active hour on; a danger is told at any hour."""
        hours = self._table.hours.get(channel)
        return at if hours is None or level == Level.DANGER else hours.next(at)

    def clear(
        self, state: State, home: int, rule: RuleKey, episode: OpenEpisode, at: Millis, sensors: list[int]
    ) -> list[Finding]:
        """End this episode of the rule with its one CLEARED; the newest sample is its evidence.

        It is withdrawn where, as far as is known now, nothing so grave was held when it was raised.
        """
        subject, level = state.subject(home), max(episode.level, Level.CAUTION)
        state.episodes.drop(subject.name, rule)
        samples = [(one, sensor) for one in RULES[rule] for sensor in sensors]
        newest = max(samples, key=lambda one: int(state.climates.sampled_at[CHANNELS.index(one[0]), one[1]]), default=None)
        evidence = Evidence(since=episode.start, rule_version=self._table.version)
        if newest is not None:
            evidence = self._evidence(state, _Breach(level, 0, newest[1], newest[0]), since=episode.start)
        if episode.level and not state.spans.held(home, rule, episode.level, episode.raised_at):
            evidence = msgspec.structs.replace(evidence, withdrawn=LATE_DATA)
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, level, at=at, evidence=evidence)]

    def settle(self, state: State, home: int, rule: RuleKey, at: Millis) -> None:
        """Staff settled its check: what stands stays so, a rise above what holds now is told anew."""
        name = state.households.ids[home]
        episode = state.episodes.get(name, rule)
        if episode is None:
            return
        held = worst_held(state, state.climates, home, rule)
        level = min(episode.level, held or episode.level)
        state.spans.settle(home, rule, held)
        self.close(state, [home], at)
        state.episodes.put(name, rule, OpenEpisode(f"{at}s", episode.start, level, episode.undetermined, episode.raised_at))

    def _past(self, state: State, home: int, rule: RuleKey, one: _Breach) -> Evidence:
        """Of a level that was held and is no more, which came to be known late: the sample with which it came to be held."""
        proof = state.spans.proof(home, rule)
        limit = self._limits.threshold(state, home, CHANNELS[proof.channel]).limit(one.level)
        return Evidence(
            since=proof.begun,
            limit=limit.raise_at,
            value=round(proof.value, 1),
            dwell=limit.dwell,
            rule_version=self._table.version,
            offset=proof.offset,
            device_id=DeviceId(state.devices.ids[int(state.climates.device[proof.sensor])]),
        )

    def _evidence(self, state: State, one: _Breach, *, since: Millis | None = None, blind: str = "") -> Evidence:
        place, climates = CHANNELS.index(one.channel), state.climates
        device = int(climates.device[one.sensor])
        limit = self._limits.threshold(state, int(state.devices.household[device]), one.channel).limit(one.level)
        begun = self._began(state, one) if since is None else since
        left_out = int(climates.left_out[one.sensor])
        return Evidence(
            since=begun,
            limit=limit.raise_at if since is None else limit.clear_at,
            value=round(float(climates.value[place, one.sensor]), 1),
            dwell=limit.dwell,
            blind=blind,
            left_out=left_out if left_out >= begun else 0,
            rule_version=self._table.version,
            offset=int(climates.offset[place, one.sensor]),
            device_id=DeviceId(state.devices.ids[device]),
        )
