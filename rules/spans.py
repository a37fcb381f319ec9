"""For how long a home has been badly off without a break, and how gravely: what a finding about its air stands on."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy

import msgspec

from ingest.clock import Millis
from rules.columns import UNSET
from rules.finding import RuleKey


class Proof(msgspec.Struct, frozen=True, array_like=True):
    """The sample with which a level came to be held."""

    sensor: int  # row in Climates
    channel: int  # place in rules.limits.Channel
    value: float
    begun: Millis  # the first sample of the breach
    offset: int


class Span(msgspec.Struct, array_like=True):
    """From the sample with which some sensor of the home came to hold a level to the one with which none does any more."""

    since: Millis
    until: Millis  # UNSET: it lasts
    peak: int  # the gravest level held in it
    proof: Proof  # of the peak


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The spans of one home and rule as a snapshot keeps them."""

    home: int
    rule: str
    spans: list[Span]


class Spans:
    """The spans of every home and rule, in the order of time."""

    def __init__(self) -> None:
        self._of: dict[int, dict[RuleKey, list[Span]]] = {}

    def hold(self, home: int, rule: RuleKey, level: int, at: Millis, proof: Proof) -> None:
        """From this sample on the worst sensor of the home holds this level."""
        current = self.current(home, rule)
        if current is None:
            self._of.setdefault(home, {}).setdefault(rule, []).append(Span(at, UNSET, level, proof))
        elif level > current.peak:
            current.peak, current.proof = level, proof

    def end(self, home: int, rule: RuleKey, at: Millis) -> None:
        """From this sample on no sensor of the home holds any."""
        current = self.current(home, rule)
        if current is not None:
            current.until = at

    def current(self, home: int, rule: RuleKey) -> Span | None:
        """The one that lasts."""
        spans = self._of.get(home, {}).get(rule)
        return spans[-1] if spans and spans[-1].until == UNSET else None

    def peak(self, home: int, rule: RuleKey) -> int:
        """The gravest level held in the one that lasts; 0: none does."""
        current = self.current(home, rule)
        return 0 if current is None else current.peak

    def proof(self, home: int, rule: RuleKey) -> Proof:
        """Of the gravest level in the last one; KeyError where there was none."""
        return self._of[home][rule][-1].proof

    def goes_on(self, home: int, rule: RuleKey, level: int, at: Millis) -> bool:
        """Whether the one that lasts began before this instant and came to this level."""
        current = self.current(home, rule)
        return current is not None and current.since <= at and current.peak >= level

    def settle(self, home: int, rule: RuleKey, level: int) -> None:
        """What was worse than this is settled: only what is yet to come counts."""
        current = self.current(home, rule)
        if current is not None:
            current.peak = level

    def held(self, home: int, rule: RuleKey, level: int, at: Millis) -> bool:
        """Whether the home was so badly off at this instant, as far as is known now."""
        spans = self._of.get(home, {}).get(rule, [])
        return any(one.since <= at <= one.until and one.peak >= level for one in spans)

    def rewind(self, homes: Iterable[int], past: Spans) -> None:
        """Let these homes be as they were in the past."""
        for home in homes:
            self._of.pop(home, None)
            if home in past._of:
                self._of[home] = {rule: [copy(one) for one in spans] for rule, spans in past._of[home].items()}

    def homes(self) -> set[int]:
        """Those that have one."""
        return set(self._of)

    def forget(self, home: int) -> None:
        """The home is looked after no more."""
        self._of.pop(home, None)

    def forget_before(self, at: Millis) -> None:
        """Those that were over before this instant are asked for no more."""
        for home, rules in list(self._of.items()):
            left = {rule: [one for one in spans if one.until >= at] for rule, spans in rules.items()}
            self._of[home] = {rule: spans for rule, spans in left.items() if spans}
            if not self._of[home]:
                del self._of[home]

    def dump(self) -> list[Kept]:
        """In one order, whatever happened first."""
        return [Kept(home, rule, spans) for home, rules in sorted(self._of.items()) for rule, spans in sorted(rules.items())]

    def load(self, kept: Iterable[Kept]) -> None:
        """Hold what `dump` gave."""
        self._of = {}
        for one in kept:
            self._of.setdefault(one.home, {})[RuleKey(one.rule)] = list(one.spans)
