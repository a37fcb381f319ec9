"""What the rules see of one home at an instant, as data: one entry for each rule, and one more for each rule of each device."""

from __future__ import annotations

import msgspec

from ingest.clock import Millis
from rules.bilingual import Words
from rules.finding import Level, RuleKey
from rules.observability import Blind


class CannotSay(Exception):
    """There is no answer for this home and moment; `words` say why. As text it is English."""

    def __init__(self, ko: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(ko, en)


class BlindSpan(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the window in which the home could not be observed; `until` None: it lasts."""

    since: Millis
    until: Millis | None
    cause: Blind


class LevelSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One level: its limit (ms, or the signal's unit), and when it would be told if nothing happens (None: not foreseeable)."""

    level: Level
    limit: float
    reached: bool
    due: Millis | None = None


class RuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One rule at work, over the home or over one device of it. `lacking` names why it counts nothing: a code of
    `rules.explain_words`."""

    rule: RuleKey
    standing: Level | None  # of an open finding
    lacking: str = ""
    since: Millis | None = None  # what it counts from
    elapsed: Millis = 0
    observed: Millis = 0  # of `elapsed`, what counts
    coverage: float = 1.0
    value: float | None = None  # the last sample or the count, in the unit of the limits
    sampled_at: Millis | None = None
    device_id: str | None = None
    levels: tuple[LevelSeen, ...] = ()
    blind: tuple[BlindSpan, ...] = ()


class HomeSeen(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. `at` is the grid point that was evaluated last."""

    household_id: str
    at: Millis
    rule_version: str
    grade: str
    seasons: tuple[str, ...]
    own_limits: bool
    rules: tuple[RuleSeen, ...]
