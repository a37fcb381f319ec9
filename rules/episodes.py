"""What stands now: for each household or device and rule the open episode, and the findings its changes make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey, Verb


class OpenEpisode(msgspec.Struct, array_like=True):
    """A condition between its first raise and its end. `key` sets it apart from the others of its rule."""

    key: str
    start: Millis  # the absence's start, or the first breaching sample
    level: int  # 0: only undetermined so far
    undetermined: bool = False
    raised_at: Millis = 0  # when it was first told


class Subject(msgspec.Struct, frozen=True):
    """Whom a finding is about; `name` is the household's id, or `device:<id>`."""

    name: str
    dong_code: DongCode
    household_id: HouseholdId | None


def digest(*parts: object) -> str:
    """24 hex digits that are the same for the same parts on every machine."""
    return hashlib.blake2s("|".join(str(part) for part in parts).encode(), digest_size=12).hexdigest()


def make_finding(subject: Subject, rule: RuleKey, key: str, verb: Verb, level: int, *, at: Millis, evidence: Evidence) -> Finding:
    """The finding, its ids made of what it says."""
    return Finding(
        finding_id=digest(subject.name, rule, key, verb, level),
        episode=digest(subject.name, rule, key),
        dong_code=subject.dong_code,
        household_id=subject.household_id,
        rule=rule,
        level=Level(level),
        verb=verb,
        at=at,
        evidence=evidence,
    )


class Episodes:
    """The open episodes by subject name and rule."""

    def __init__(self) -> None:
        self._open: dict[str, dict[RuleKey, OpenEpisode]] = {}

    def get(self, subject: str, rule: RuleKey) -> OpenEpisode | None:
        """The open episode, if any."""
        rules = self._open.get(subject)
        return None if rules is None else rules.get(rule)

    def put(self, subject: str, rule: RuleKey, episode: OpenEpisode) -> None:
        """Open it, in the place of an earlier one."""
        self._open.setdefault(subject, {})[rule] = episode

    def drop(self, subject: str, rule: RuleKey) -> None:
        """Close it; KeyError when none is open."""
        rules = self._open[subject]
        del rules[rule]
        if not rules:
            del self._open[subject]

    def of(self, subject: str) -> list[tuple[RuleKey, OpenEpisode]]:
        """The subject's open episodes in the order of the rules' names."""
        return sorted(self._open.get(subject, {}).items())

    def subjects(self) -> Iterator[str]:
        """All who have one."""
        return iter(self._open)

    def standing(self) -> list[tuple[str, RuleKey, Level]]:
        """What holds now, by subject and rule; what is only undetermined is left out."""
        return [(name, rule, Level(one.level)) for name in sorted(self._open) for rule, one in self.of(name) if one.level]

    def dump(self) -> list[tuple[str, str, OpenEpisode]]:
        """In one order, whatever happened first."""
        return [(name, rule, one) for name in sorted(self._open) for rule, one in self.of(name)]

    def load(self, kept: list[tuple[str, str, OpenEpisode]]) -> None:
        """Hold what `dump` gave."""
        self._open = {}
        for name, rule, one in kept:
            self.put(name, RuleKey(rule), one)
