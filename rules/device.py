"""What is worth an installer's visit: a device that is silent, nearly empty, wrongly set, rejected, stuck, or two in one."""

from __future__ import annotations

import numpy as np

from ingest.clock import SECOND, Millis
from ingest.reading import DeviceId
from rules.batch import Batch
from rules.columns import NEVER, UNSET, Ints, Rows
from rules.credibility import Credibility
from rules.device_rows import note_newest
from rules.doubt import Doubt, over
from rules.episodes import OpenEpisode, make_finding
from rules.finding import DEVICE, Evidence, Finding, Level, RuleKey, Verb
from rules.limits import DeviceLimits
from rules.outage import OutageBook
from rules.state import State
from rules.table import RuleTable

RULES = tuple(rule for rule in RuleKey if rule in DEVICE and rule is not RuleKey.NOT_COMMISSIONED)


class DeviceHealth:
    """The device rules of one table, over one state."""

    def __init__(self, table: RuleTable, outages: OutageBook) -> None:
        self._table = table
        self._limits = table.device
        self._outages = outages
        self._credibility = Credibility(table.device)
        self._doubt = Doubt(outages)

    def adopt(self, state: State) -> None:
        """These rules hold from here on."""
        state.movements.adopt(self._limits)

    @property
    def limits(self) -> DeviceLimits:
        """The limits of the table."""
        return self._limits

    def fold(self, state: State, batch: Batch) -> set[int]:
        """Take what a batch says of its devices, before its signs of life are taken; homes that turned blind or see again.

        Gateway states are folded by `rules.outage`.
        """
        changed = self._doubt.take(state, batch, self._credibility.fold(state, batch))
        self._fold_levels(state, batch)
        return changed | self._end_silences(state, batch)

    def _end_silences(self, state: State, batch: Batch) -> set[int]:
        """Devices that had been silent speak again; the homes that see again through them."""
        devices, changed = state.devices, set[int]()
        rows, at = batch.reports
        was = devices.silent_since[rows] < UNSET
        if not was.any():
            return changed
        for when, device in sorted(zip(at[was].tolist(), rows[was].tolist(), strict=True)):
            devices.silent_since[device] = UNSET
            home = int(devices.household[device])
            if self._outages.settle_sensors(state, home, when):
                changed.add(home)
        return changed

    def _fold_levels(self, state: State, batch: Batch) -> None:
        devices = state.devices
        rows, at = batch.reports
        np.maximum.at(devices.last_report, rows, at)
        devices.due[rows[devices.dirty[rows] > 0]] = 0
        for values, ats, told, limit in (
            (devices.battery, devices.battery_at, batch.battery, self._limits.battery_caution),
            (devices.link, devices.link_at, batch.link, self._limits.link_weak),
        ):
            for device, percent, second in told:
                note_newest(values, ats, device, percent, second)
                if percent < limit or devices.dirty[device]:
                    devices.due[device] = 0
        for device, at_ms in zip(batch.faulty.rows.tolist(), batch.faulty.at.tolist(), strict=True):
            self._credibility.count(devices.faulty_from, devices.faulty, devices.faulty_last, device, at_ms)
            devices.due[device] = 0
        refused = zip(batch.rejected.rows.tolist(), batch.rejected.at.tolist(), batch.rejected_messages.tolist(), strict=True)
        for device, at_ms, messages in refused:
            self._credibility.count(devices.rejected_from, devices.rejected, devices.rejected_last, device, at_ms, messages)
            devices.due[device] = 0

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
        look |= (devices.rejected[rows] >= limits.rejections) | (devices.mixed[rows] >= limits.duplicates)
        look |= (devices.stuck_since[rows] < UNSET) | self._credibility.flat(state, rows)
        look |= (devices.sim[rows] < devices.sim_now[rows]) | (devices.sim[rows] > devices.sim_now[rows])  # nan: no card is told
        look |= ~np.isnan(devices.drift[rows])
        return np.where(household < 0, UNSET, np.where(look, 0, due))

    def judge(self, state: State, device: int, at: Millis) -> tuple[list[Finding], Millis, bool]:
        """The findings of this device, which stands in a home, at grid point `at`; the next instant at which one can be due
        without an event; and whether its home turned blind or sees again."""
        findings: list[Finding] = []
        told, due = self._judge_silence(state, device, at)
        findings += told
        findings += self._judge_battery(state, device, at)
        findings += self._judge_link(state, device, at)
        devices, limits = state.devices, self._limits
        for rule, count, last, needed in (
            (RuleKey.DEVICE_CLOCK, devices.faulty, devices.faulty_last, limits.clock_faults),
            (RuleKey.DEVICE_REJECTED, devices.rejected, devices.rejected_last, limits.rejections),
            (RuleKey.DEVICE_DUPLICATE, devices.mixed, devices.mixed_last, limits.duplicates),
        ):
            told, next_due = self._judge_count(state, device, rule, int(count[device]), int(last[device]), needed, at)
            findings += told
            due = min(due, next_due)
        changed = self._doubt.end(state, device, at)
        told, next_due = self._judge_stuck(state, device, at)
        findings += told + self._judge_states(state, device, at)
        changed |= self._outages.settle_sensors(state, int(devices.household[device]), at)
        return findings, min(due, next_due), changed

    def _judge_stuck(self, state: State, device: int, at: Millis) -> tuple[list[Finding], Millis]:
        """A motion sensor is stuck until a pause, a temperature until another; since when, and how long is too long."""
        devices, limits = state.devices, self._limits
        due, since, limit = UNSET, int(devices.stuck_since[device]), limits.stuck_on
        if since < UNSET:
            due = over(state, device)
            if since == int(state.movements.now.paced_since[devices.movement[device]]) * SECOND:
                limit = limits.stuck_paced
        if since == UNSET and self._credibility.flat(state, np.array([device]))[0]:
            since, limit = int(state.climates.flat_since[devices.climate[device]]), limits.stuck_flat
        return self._hold(state, device, RuleKey.DEVICE_STUCK, since, at, float(limit), float(at - since)), due

    def _judge_states(self, state: State, device: int, at: Millis) -> list[Finding]:
        """What holds as the device last told it: its clock, its SIM card."""
        devices = state.devices
        drift = float(devices.drift[device])
        wrong = UNSET if np.isnan(drift) else at
        changed = at if devices.sim_now[device] != devices.sim[device] and not np.isnan(devices.sim[device]) else UNSET
        findings = self._hold(state, device, RuleKey.DEVICE_DRIFT, wrong, at, float(self._limits.clock_drift), abs(drift))
        return findings + self._hold(state, device, RuleKey.DEVICE_SIM, changed, at, 0.0, 0.0)

    def _hold(
        self, state: State, device: int, rule: RuleKey, since: Millis, at: Millis, limit: float, value: float
    ) -> list[Finding]:
        """Raise what has held since `since`, once; UNSET ends it."""
        standing = state.episodes.get(f"device:{state.devices.ids[device]}", rule)
        if since == UNSET:
            return self.clear(state, device, rule, at)
        return [] if standing is not None else self._raise(state, device, rule, since, Level.CAUTION, at, limit, value)

    def clear(self, state: State, device: int, rule: RuleKey, at: Millis) -> list[Finding]:
        """End the open episode, if any, of a device that stands in a home, with its one CLEARED."""
        subject = state.device_subject(device)
        episode = state.episodes.get(subject.name, rule)
        if episode is None:
            return []
        state.episodes.drop(subject.name, rule)
        evidence = self._evidence(state, device, episode.start, 0.0, 0.0)
        return [make_finding(subject, rule, episode.key, Verb.CLEARED, episode.level, at=at, evidence=evidence)]

    def _judge_silence(self, state: State, device: int, at: Millis) -> tuple[list[Finding], Millis]:
        devices = state.devices
        since, offline = self.silent_from(state, device)
        findings: list[Finding] = []
        episode = state.episodes.get(f"device:{devices.ids[device]}", RuleKey.DEVICE_SILENT)
        if episode is not None and episode.start not in (since, offline):
            findings += self.clear(state, device, RuleKey.DEVICE_SILENT, at)
            episode = None
        if episode is not None:
            return findings, UNSET
        due = UNSET
        for start, reached, limit in self.silences(state, device, since, offline):
            if reached <= at:
                value = float(at - start)
                told = self._raise(state, device, RuleKey.DEVICE_SILENT, start, 1, at, float(limit), value)
                if start == since:
                    devices.silent_since[device] = since
                return findings + told, UNSET
            due = min(due, reached)
        return findings, due

    def silent_from(self, state: State, device: int) -> tuple[Millis, Millis]:
        """Since when it has said nothing, and since when it says that it is offline; UNSET: that does not count."""
        devices = state.devices
        heard = int(state.households.commissioned_at[int(devices.household[device])])
        since = max(int(devices.last_report[device]), int(devices.enrolled_at[device]), heard)
        return since, int(devices.offline_since[device])

    def silences(self, state: State, device: int, since: Millis, offline: Millis) -> list[tuple[Millis, Millis, Millis]]:
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
