"""SOS, smoke and gas: told at once, whatever else is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ingest.reading import Reading, Signal
from ingest.readings import SIGNALS, Readings
from rules.episodes import OpenEpisode, Subject, make_finding
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.state import State

RULES: dict[Signal, RuleKey] = {Signal.SOS: RuleKey.SOS, Signal.SMOKE: RuleKey.SMOKE, Signal.GAS: RuleKey.GAS}

URGENT = frozenset(RULES.values())

_IS_URGENT = np.array([signal in RULES for signal in SIGNALS])


def urgent_among(readings: Readings) -> list[Reading]:
    """Those of SOS, smoke and gas."""
    return [readings[place] for place in np.flatnonzero(_IS_URGENT[readings.signal]).tolist()]


def raise_urgent(state: State, reading: Reading, version: str) -> list[Finding]:
    """The finding of an urgent message; each is an episode of its own. Nothing for one that says 0."""
    if reading.value <= 0:
        return []
    household, subject = reading.household_id, whose(reading)
    home = None if household is None else state.households.find(household)
    if home is not None:
        subject = state.subject(home)
    finding = alarm(reading, subject, version)
    if home is not None:
        state.episodes.put(subject.name, finding.rule, OpenEpisode(_key(reading), finding.evidence.since, int(Level.DANGER)))
        state.households.dirty[home] = 1
    return [finding]


def whose(reading: Reading) -> Subject:
    """Its home, or the device itself where it stands in none."""
    return Subject(reading.household_id or f"device:{reading.device_id}", reading.dong_code, reading.household_id)


def alarm(reading: Reading, subject: Subject, version: str) -> Finding:
    """What an urgent reading means: the same finding whoever makes it, at whatever moment."""
    evidence = Evidence(
        since=reading.observed_at if reading.credible else reading.received_at,
        value=reading.value,
        rule_version=version,
        offset=reading.offset,
        device_id=reading.device_id,
    )
    at = reading.received_at
    return make_finding(subject, RULES[reading.signal], _key(reading), Verb.RAISED, Level.DANGER, at=at, evidence=evidence)


def _key(reading: Reading) -> str:
    return f"{reading.offset}:{reading.index}"


def urgent_first(findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """All findings of the homes (or unclaimed devices) with an urgent one, and all others; each in the order they had."""
    urgent = {_whose(each) for each in findings if each.rule in URGENT}
    first = [each for each in findings if _whose(each) in urgent]
    return first, [each for each in findings if _whose(each) not in urgent]


def _whose(each: Finding) -> str:
    return each.household_id or f"device:{each.evidence.device_id}"


def clear_urgent(state: State, home: int, rule: RuleKey, at: int, version: str) -> list[Finding]:
    """Staff settled it: end the newest episode, if one is open, with its CLEARED."""
    subject = state.subject(home)
    episode = state.episodes.get(subject.name, rule)
    if episode is None:
        return []
    state.episodes.drop(subject.name, rule)
    evidence = Evidence(since=episode.start, value=float(max(0, at - episode.start)), rule_version=version)
    return [make_finding(subject, rule, episode.key, Verb.CLEARED, Level.DANGER, at=at, evidence=evidence)]
