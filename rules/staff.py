"""What facts change: the roll of those looked after, declared absences, and checks that staff settled."""

from __future__ import annotations

from typing import TypeAlias, assert_never

from ingest.clock import Millis
from ingest.facts import (
    AwayDeclared,
    AwayEnded,
    CheckResolved,
    DeviceEnrolled,
    DeviceRemoved,
    EntrySkipped,
    HouseholdEnded,
    HouseholdEnrolled,
    HouseholdGraded,
    MessageReread,
    MessagesLeftOut,
)
from rules import device as device_rules
from rules.absence import ORDER, Absence, forget_asked, halve
from rules.columns import NEVER
from rules.commissioning import Commissioning
from rules.composite import RULES as COMPOSITE
from rules.composite import Composite
from rules.device import DeviceHealth
from rules.dwell import RULES as THRESHOLDS
from rules.finding import Finding, RuleKey
from rules.outage import OutageBook
from rules.rhythm import Rhythm
from rules.roll import end_household, enrol_device, enrol_household, grade_place, note_signals, remove_device
from rules.state import State
from rules.table import RuleTable
from rules.threshold import Thresholds
from rules.urgent import RULES as URGENT_RULES
from rules.urgent import clear_urgent

HomeFact: TypeAlias = HouseholdEnded | HouseholdGraded | AwayDeclared | AwayEnded | CheckResolved
StaffFact: TypeAlias = (
    HomeFact | HouseholdEnrolled | DeviceEnrolled | DeviceRemoved | EntrySkipped | MessageReread | MessagesLeftOut
)
"""All but what befell our link and run (`rules.outage`) and which limits hold (`rules.limits_in_force`)."""
SAFE = "safe_"
"""An outcome that begins so is a credible sign of life."""
SAFE_BY_MACHINE = "safe_by_automatic_call"
"""One that nobody heard but a machine: what it asked about is raised again after half its time."""


class Staff:
    """Applies facts to a state; each gives the findings it makes at once and the homes to be looked at anew."""

    def __init__(
        self,
        table: RuleTable,
        absence: Absence,
        thresholds: Thresholds,
        composite: Composite,
        devices: DeviceHealth,
        commissioning: Commissioning,
        outages: OutageBook,
        rhythm: Rhythm,
    ) -> None:
        self._table = table
        self._absence = absence
        self._thresholds = thresholds
        self._composite = composite
        self._devices = devices
        self._commissioning = commissioning
        self._outages = outages
        self._rhythm = rhythm

    def take(self, state: State, fact: StaffFact) -> tuple[list[Finding], set[int]]:
        """Apply one fact."""
        match fact:
            case HouseholdEnrolled():
                home = enrol_household(state, fact)
                self._rhythm.begin(state, home, fact.at)
                return [], {home}
            case DeviceEnrolled():
                return self._enrol_device(state, fact)
            case DeviceRemoved():
                device = state.devices.ids.find(fact.device_id)
                return ([], set()) if device is None else self._remove_device(state, device, fact.at)
            case MessageReread() | MessagesLeftOut():
                return [], set()  # its values come as readings, what was left out as a rejection
            case EntrySkipped():
                return [], set()  # what it was nobody can know any more
            case HouseholdEnded() | HouseholdGraded() | AwayDeclared() | AwayEnded() | CheckResolved():
                known = state.households.find(fact.household_id)
                return ([], set()) if known is None else (self._take_of_home(state, known, fact), {known})
        assert_never(fact)

    def _take_of_home(self, state: State, home: int, fact: HomeFact) -> list[Finding]:
        homes = state.households
        match fact:
            case HouseholdGraded():
                homes.grade[home] = grade_place(fact.grade)
                return []
            case HouseholdEnded():
                return self._end(state, home, fact.at)
            case AwayDeclared():
                if fact.at >= homes.away_until[home]:  # a renewed one began when it was first declared
                    homes.away_since[home] = fact.at
                homes.away_until[home] = min(fact.returns_at, fact.at + self._table.longest_away)
                self._rhythm.take(state, home, fact)
                return self._clear_moved(state, home, fact.at)
            case AwayEnded():
                self._rhythm.take(state, home, fact)
                if homes.away_until[home] > NEVER:
                    homes.restart_at[home] = max(int(homes.restart_at[home]), min(fact.at, int(homes.away_until[home])))
                    homes.away_until[home] = homes.away_since[home] = NEVER
                return self._clear_moved(state, home, fact.at)
            case CheckResolved():
                self._rhythm.take(state, home, fact)
                return self._settle(state, home, fact)
        assert_never(fact)

    def _clear_moved(self, state: State, home: int, at: Millis) -> list[Finding]:
        """End the absence episodes whose clock runs no more, or runs from elsewhere."""
        starts = self._absence.starts(state, home)
        findings: list[Finding] = []
        for rule in ORDER:
            episode = state.episodes.get(state.households.ids[home], rule)
            if episode is not None and episode.start != starts.get(rule):
                findings += self._absence.clear(state, home, rule, episode, at)
        return findings

    def _settle(self, state: State, home: int, fact: CheckResolved) -> list[Finding]:
        homes, name = state.households, state.households.ids[home]
        findings: list[Finding] = []
        forget_asked(state, home)
        for rule in sorted(set(fact.rules) & set(URGENT_RULES.values())):
            findings += clear_urgent(state, home, RuleKey(rule), fact.at, self._table.version)
        for threshold in THRESHOLDS:
            if threshold in fact.rules:
                self._thresholds.settle(state, home, threshold, fact.at)
        for rule in COMPOSITE:
            if rule in fact.rules:
                self._composite.settle(state, home, rule, fact.at)
        if fact.outcome.startswith(SAFE):
            homes.last_life[home] = max(int(homes.last_life[home]), fact.at)
            homes.restart_at[home] = max(int(homes.restart_at[home]), fact.at)
            if fact.outcome == SAFE_BY_MACHINE:
                halve(state, home, fact.rules, fact.at)
            return findings + self._clear_moved(state, home, fact.at)
        for rule in ORDER:
            if rule in fact.rules and state.episodes.get(name, rule) is not None:
                # Nobody was seen to be well: what is counted stays, but it is raised anew when its limit has passed again.
                state.episodes.drop(name, rule)
                state.settled[(home, rule)] = fact.at
        return findings

    def _end(self, state: State, home: int, at: Millis) -> list[Finding]:
        findings: list[Finding] = []
        for device in state.standing(home):
            findings += self._clear_device(state, device, at)
        for rule, episode in state.episodes.of(state.households.ids[home]):
            if rule in ORDER:
                findings += self._absence.clear(state, home, rule, episode, at)
            elif rule in THRESHOLDS:
                findings += self._thresholds.clear(state, home, rule, episode, at, [])
            elif rule in COMPOSITE:
                findings += self._composite.clear(state, home, rule, episode, at)
            elif rule is RuleKey.NOT_COMMISSIONED:
                findings += self._commissioning.clear(state, home, at)
            else:
                findings += clear_urgent(state, home, rule, at, self._table.version)
        end_household(state, home)
        self._outages.settle_sensors(state, home, at)
        return findings

    def _enrol_device(self, state: State, fact: DeviceEnrolled) -> tuple[list[Finding], set[int]]:
        home = state.households.find(fact.household_id)
        if home is None:
            return [], set()
        findings: list[Finding] = []
        changed = {home}
        device = state.devices.ids.find(fact.device_id)
        if device is not None and int(state.devices.household[device]) not in (-1, home):
            findings, left = self._remove_device(state, device, fact.at)
            changed |= left
        enrol_device(state, fact, home)
        self._outages.settle_sensors(state, home, fact.at)
        state.households.due[home] = 0
        return findings, changed

    def _remove_device(self, state: State, device: int, at: Millis) -> tuple[list[Finding], set[int]]:
        home = int(state.devices.household[device])
        if home < 0:
            return [], set()
        findings = self._clear_device(state, device, at)
        remove_device(state, device)
        note_signals(state, home, at)
        self._outages.settle_home(state, home, at)
        self._outages.settle_sensors(state, home, at)
        state.households.due[home] = 0
        return findings, {home}

    def _clear_device(self, state: State, device: int, at: Millis) -> list[Finding]:
        findings: list[Finding] = []
        for rule in device_rules.RULES:
            findings += self._devices.clear(state, device, rule, at)
        state.devices.dirty[device] = 0
        return findings
