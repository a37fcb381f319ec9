"""What is worth an installer's visit: a device that is silent, nearly empty, wrongly set or rejected; a home never heard."""

from __future__ import annotations

import numpy as np

from ingest.clock import Millis
from ingest.reading import DeviceId
from rules.batch import Batch
from rules.columns import NEVER, UNSET, Ints, Rows
from rules.episodes import OpenEpisode, make_finding
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.state import State
from rules.table import RuleTable

RULES = (RuleKey.DEVICE_SILENT, RuleKey.DEVICE_BATTERY, RuleKey.DEVICE_LINK, RuleKey.DEVICE_CLOCK, RuleKey.DEVICE_REJECTED)


class DeviceHealth:
    """The device rules of one table, over one state."""

    def __init__(self, table: RuleTable) -> None:
        self._table = table
        self._limits = table.device

    def fold(self, state: State, batch: Batch) -> None:
        """Take reports, battery and link levels, wrong dates and rejections. Gateway states are folded by `rules.outage`."""
        devices = state.devices
        if batch.reports.rows:
            rows, at = batch.reports.arrays()
            np.maximum.at(devices.last_report, rows, at)
            devices.due[rows[devices.dirty[rows] > 0]] = 0
        for device, percent in batch.battery:
            devices.battery[device] = percent
            if percent < self._limits.battery_caution or devices.dirty[device]:
                devices.due[device] = 0
        for device, percent in batch.link:
            devices.link[device] = percent
            if percent < self._limits.link_weak or devices.dirty[device]:
                devices.due[device] = 0
        for device, at_ms in zip(batch.faulty.rows, batch.faulty.at, strict=True):
            self._count(devices.faulty_from, devices.faulty, devices.faulty_last, device, at_ms)
            devices.due[device] = 0
        for device, at_ms in zip(batch.rejected.rows, batch.rejected.at, strict=True):
            self._count(devices.rejected_from, devices.rejected, devices.rejected_last, device, at_ms)
            devices.due[device] = 0

    def _count(self, begun: Ints, count: Ints, last: Ints, device: int, at: Millis) -> None:
        if at >= begun[device] + self._limits.window:
            begun[device] = at
            count[device] = 0
        count[device] = min(int(count[device]) + 1, 1_000_000)
        last[device] = at

    def lower_bounds(self, state: State, rows: Rows) -> Ints:
        """For each device an instant before which no finding is due. ms UTC."""
        devices, limits = state.devices, self._limits
        household = devices.household[rows]
        heard = np.where(household >= 0, state.households.commissioned_at[household], UNSET)
        since = np.maximum(np.maximum(devices.last_report[rows], devices.enrolled_at[rows]), heard)
        interval = devices.interval[rows]
        due = np.where(interval > 0, since + limits.missed_reports * interval, UNSET)
        look = (devices.dirty[rows] > 0) | (devices.battery[rows] < limits.battery_caution)
        look |= devices.link[rows] < limits.link_weak
        look |= (devices.offline_since[rows] < UNSET) | (devices.faulty[rows] >= limits.clock_faults)
        look |= devices.rejected[rows] >= limits.rejections
        return np.where(household < 0, UNSET, np.where(look, 0, due))

    def judge(self, state: State, device: int, at: Millis) -> tuple[list[Finding], Millis]:
        """The findings of this device at grid point `at`, and the next instant at which one can be due without an event."""
        if state.devices.household[device] < 0:
            return [], UNSET
        findings: list[Finding] = []
        told, due = self._judge_silence(state, device, at)
        findings += told
        findings += self._judge_battery(state, device, at)
        findings += self._judge_link(state, device, at)
        devices, limits = state.devices, self._limits
        for rule, count, last, needed in (
            (RuleKey.DEVICE_CLOCK, devices.faulty, devices.faulty_last, limits.clock_faults),
            (RuleKey.DEVICE_REJECTED, devices.rejected, devices.rejected_last, limits.rejections),
        ):
            told, next_due = self._judge_count(state, device, rule, int(count[device]), int(last[device]), needed, at)
            findings += told
            due = min(due, next_due)
        return findings, due

    def clear(self, state: State, device: int, rule: RuleKey, at: Millis) -> list[Finding]:
        """End the open episode, if any, with its one CLEARED."""
        if state.devices.household[device] < 0:
            return []
        subject = state.device_subject(device)
        episode = state.episodes.get(subject.name, rule)
        if episode is None:
            return []
        state.episodes.drop(subject.name, rule)
        evidence = self._evidence(state, device, episode.start, 0.0, 0.0)
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, episode.level, at=at, evidence=evidence)]

    def _judge_silence(self, state: State, device: int, at: Millis) -> tuple[list[Finding], Millis]:
        devices = state.devices
        home = int(devices.household[device])
        heard = int(state.households.commissioned_at[home])
        since = max(int(devices.last_report[device]), int(devices.enrolled_at[device]), heard)
        offline = int(devices.offline_since[device])
        findings: list[Finding] = []
        episode = state.episodes.get(f"device:{devices.ids[device]}", RuleKey.DEVICE_SILENT)
        if episode is not None and episode.start not in (since, offline):
            findings += self.clear(state, device, RuleKey.DEVICE_SILENT, at)
            episode = None
        if episode is not None:
            return findings, UNSET
        due = UNSET
        for start, reached, limit in self._silences(state, device, since, offline):
            if reached <= at:
                value = float(at - start)
                told = self._raise(state, device, RuleKey.DEVICE_SILENT, start, 1, at, float(limit), value)
                return findings + told, UNSET
            due = min(due, reached)
        return findings, due

    def _silences(self, state: State, device: int, since: Millis, offline: Millis) -> list[tuple[Millis, Millis, Millis]]:
        """Start, the instant at which it is too long, and the limit: of missed reports, and of a gateway gone offline."""
        limits, watch = self._limits, state.observability
        home, interval = int(state.devices.household[device]), int(state.devices.interval[device])
        found: list[tuple[Millis, Millis, Millis]] = []
        if interval > 0 and since < UNSET:
            length = limits.silence(interval)
            reached = watch.reach(home, since, length)
            if reached is not None:
                found.append((since, reached, length))
        if offline < UNSET and watch.link_since is None:
            found.append((offline, offline + limits.gateway_offline, limits.gateway_offline))
        return found

    def _judge_battery(self, state: State, device: int, at: Millis) -> list[Finding]:
        percent, limits = float(state.devices.battery[device]), self._limits
        episode = state.episodes.get(f"device:{state.devices.ids[device]}", RuleKey.DEVICE_BATTERY)
        if percent >= limits.battery_clear:
            return self.clear(state, device, RuleKey.DEVICE_BATTERY, at)
        level = int(percent < limits.battery_caution) + int(percent < limits.battery_warning)
        if level <= (0 if episode is None else episode.level):
            return []
        limit = limits.battery_warning if level == Level.WARNING else limits.battery_caution
        since = at if episode is None else episode.start
        return self._raise(state, device, RuleKey.DEVICE_BATTERY, since, level, at, limit, percent)

    def _judge_link(self, state: State, device: int, at: Millis) -> list[Finding]:
        percent, limits = float(state.devices.link[device]), self._limits
        if percent >= limits.link_clear:
            return self.clear(state, device, RuleKey.DEVICE_LINK, at)
        if not percent < limits.link_weak or state.episodes.get(f"device:{state.devices.ids[device]}", RuleKey.DEVICE_LINK):
            return []
        return self._raise(state, device, RuleKey.DEVICE_LINK, at, Level.CAUTION, at, limits.link_weak, percent)

    def _judge_count(
        self, state: State, device: int, rule: RuleKey, count: int, last: Millis, needed: int, at: Millis
    ) -> tuple[list[Finding], Millis]:
        over = NEVER if last == NEVER else last + self._limits.window
        episode = state.episodes.get(f"device:{state.devices.ids[device]}", rule)
        if episode is not None:
            return (self.clear(state, device, rule, at), UNSET) if over <= at else ([], over)
        if count < needed or over <= at:
            return [], UNSET
        return self._raise(state, device, rule, last, 1, at, float(needed), float(count)), over

    def _raise(
        self, state: State, device: int, rule: RuleKey, since: Millis, level: int, at: Millis, limit: float, value: float
    ) -> list[Finding]:
        subject = state.device_subject(device)
        episode = state.episodes.get(subject.name, rule)
        if episode is None:
            episode = OpenEpisode(str(at), since, 0)
            state.episodes.put(subject.name, rule, episode)
        episode.level = level
        evidence = self._evidence(state, device, since, limit, value)
        return [make_finding(subject, rule, episode.key, Verb.RAISED, level, at=at, evidence=evidence)]

    def _evidence(self, state: State, device: int, since: Millis, limit: float, value: float) -> Evidence:
        name = DeviceId(state.devices.ids[device])
        return Evidence(since=since, limit=limit, value=value, rule_version=self._table.version, device_id=name)


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
