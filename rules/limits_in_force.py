"""The limits that hold at an instant, by profile: one for each grade, and one for each household with limits of its own."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from ingest.clock import Millis
from ingest.facts import HouseholdLimit, RulesApplied, SeasonDeclared, SeasonEnded
from rules.columns import UNSET
from rules.finding import Level, RuleKey
from rules.limits import AbsenceLimits, Channel, OwnLimit, Season, Threshold
from rules.profile import GRADES, with_own
from rules.state import State
from rules.table import RulesWrong, RuleTable, read_table

log = structlog.get_logger(__name__)


class LimitsInForce:
    """What `table` asks of the homes of a state at `at`; made anew whenever one of them changes.

    `Households.profile` names the place of a home in `absence` and in each list of `thresholds`.
    """

    def __init__(self, table: RuleTable, state: State, at: Millis | None) -> None:
        self.table = table
        self.seasons = frozenset() if at is None else in_season(table, state, at)
        self.until: Millis = UNSET if at is None else next_turn(table, state, at)
        own = sorted(state.own)
        grades = state.households.grade
        profiles = [table.profile(grade, self.seasons) for grade in GRADES]
        profiles += [with_own(profiles[int(grades[home])], state.own[home].values()) for home in own]
        self.absence: list[AbsenceLimits] = [one.absence for one in profiles]
        self.thresholds: dict[Channel, list[Threshold]] = {
            channel: [one.thresholds[channel] for one in profiles] for channel in Channel
        }
        self._inactive = [one.inactive for one in profiles]
        count = len(state.households)
        state.households.profile[:count] = grades[:count]
        for place, home in enumerate(own, len(GRADES)):
            state.households.profile[home] = place

    def place_grades(self, state: State, homes: Iterable[int]) -> None:
        """These homes are new or have another grade; for one with limits of its own, more is to be done."""
        for home in homes:
            state.households.profile[home] = state.households.grade[home]

    def threshold(self, state: State, home: int, channel: Channel) -> Threshold:
        """The threshold that holds in this home."""
        return self.thresholds[channel][int(state.households.profile[home])]

    def inactive(self, state: State, home: int, rule: RuleKey) -> Millis:
        """For how long nobody must have moved in this home."""
        return self._inactive[int(state.households.profile[home])][rule]


def take_limits(state: State, fact: RulesApplied | SeasonDeclared | SeasonEnded | HouseholdLimit, table: RuleTable) -> RuleTable:
    """Fold what changes the limits; the table that holds from now on. One this version cannot read changes nothing."""
    if isinstance(fact, RulesApplied):
        try:
            table = read_table(fact.table, fact.version)
        except RulesWrong as error:
            log.error("a table of the journal cannot be read by this version and is not used", problem=str(error))
            return table
        state.table = fact.table
    elif isinstance(fact, HouseholdLimit):
        _take_own(state, fact)
    elif fact.season in tuple(Season):
        if isinstance(fact, SeasonDeclared):
            state.declared[Season(fact.season)] = (fact.at, fact.until)
        else:
            state.declared.pop(Season(fact.season), None)
    return table


def _take_own(state: State, fact: HouseholdLimit) -> None:
    home = state.households.find(fact.household_id)
    if home is None or fact.level not in tuple(Level):
        return
    own = state.own.setdefault(home, {})
    if fact.limit is None:
        own.pop((fact.rule, fact.level), None)
    else:
        own[fact.rule, fact.level] = OwnLimit(rule=fact.rule, level=fact.level, limit=fact.limit)
    if not own:
        del state.own[home]


def in_season(table: RuleTable, state: State, at: Millis) -> frozenset[Season]:
    """The seasons that hold at this instant, by their dates or because they are declared."""
    by_date = {season for season, mode in table.seasons.items() if mode.dates is not None and mode.dates.holds(at)}
    return frozenset(by_date | {season for season, (start, end) in state.declared.items() if start <= at < end})


def next_turn(table: RuleTable, state: State, at: Millis) -> Millis:
    """The first instant after `at` at which a season may begin or end by itself. ms UTC."""
    turns = [mode.dates.next_change(at) for mode in table.seasons.values() if mode.dates is not None]
    turns += [edge for edges in state.declared.values() for edge in edges if edge > at]
    return min(turns, default=UNSET)
