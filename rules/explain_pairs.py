"""What the composite and the urgent rules see of one home: which half is missing, and since when both could hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ingest.clock import Millis
from rules.columns import NEVER
from rules.composite import WEATHER, Composite
from rules.finding import Level, RuleKey
from rules.roll import MOTION_BIT
from rules.seen import BlindSpan, LevelSeen, RuleSeen
from rules.state import State
from rules.urgent import RULES as URGENT_RULES


def pairs_seen(
    state: State, composite: Composite, clocks: Mapping[RuleKey, RuleSeen], home: int, at: Millis
) -> Iterator[RuleSeen]:
    """The composite rules at grid point `at`; `clocks` are the absence rules they are made of."""
    yield _motion_phone(state, clocks, home)
    for rule, weather in WEATHER.items():
        yield _inactive(state, composite, clocks[RuleKey.MOTION], home, rule, weather, at)
    yield _away_motion(state, composite, home, at)


def _level(state: State, home: int, rule: RuleKey) -> int:
    episode = state.episodes.get(state.households.ids[home], rule)
    return episode.level if episode is not None else 0


def _standing(state: State, home: int, rule: RuleKey) -> Level | None:
    level = _level(state, home, rule)
    return Level(level) if level else None


def _motion_phone(state: State, clocks: Mapping[RuleKey, RuleSeen], home: int) -> RuleSeen:
    """It has no limit of its own: it speaks with the later of the two, one level above the graver."""
    rule, halves = RuleKey.MOTION_PHONE, (clocks[RuleKey.MOTION], clocks[RuleKey.PHONE])
    standing = _standing(state, home, rule)
    missing = [one for one in halves if one.standing is None]
    lacking = "needs_both" if len(missing) == 2 else f"needs_{missing[0].rule}" if missing else ""
    since = max((one.since for one in halves if one.since is not None), default=None)
    firsts = [min((level.due for level in one.levels if level.due is not None), default=None) for one in halves]
    due = max((one for one in firsts if one is not None), default=None) if None not in firsts else None
    then = [level.level for one in halves for level in one.levels if due is not None and (level.due or due) <= due]
    level = standing or Level(min(max(then, default=1) + 1, Level.DANGER))
    seen = LevelSeen(level=level, limit=0.0, reached=standing is not None, due=due)
    return RuleSeen(rule=rule, standing=standing, lacking=lacking, since=since, levels=(seen,))


def _inactive(
    state: State, composite: Composite, still: RuleSeen, home: int, rule: RuleKey, weather: RuleKey, at: Millis
) -> RuleSeen:
    """Heat or cold, and nobody moves: one level above the weather, once the stillness has lasted."""
    standing, climate = _standing(state, home, rule), _level(state, home, weather)
    if still.since is None or still.lacking == "away_declared":
        return RuleSeen(rule=rule, standing=standing, lacking=still.lacking, since=still.since)
    since = max(still.since, state.settled.get((home, rule), still.since))
    limit, watch = composite.inactive(state, home, rule), state.observability
    blind = watch.blind_between(home, since, at, MOTION_BIT)
    there = state.episodes.get(state.households.ids[home], weather) is not None
    due = watch.reach(home, since, limit, MOTION_BIT)
    level = standing or Level(min((climate if there else Level.CAUTION) + 1, Level.DANGER))
    seen = LevelSeen(level=level, limit=float(limit), reached=standing is not None, due=due if there else None)
    return RuleSeen(
        rule=rule,
        standing=standing,
        lacking=still.lacking if there else f"needs_{weather}",
        since=since,
        elapsed=at - since,
        observed=at - since - blind,
        coverage=round(1.0 - blind / (at - since), 4) if at > since else 1.0,
        levels=(seen,),
        blind=spans_seen(state, home, since, at, MOTION_BIT),
    )


def _away_motion(state: State, composite: Composite, home: int, at: Millis) -> RuleSeen:
    homes, rule = state.households, RuleKey.AWAY_MOTION
    standing = _standing(state, home, rule)
    if homes.away_until[home] <= at:
        return RuleSeen(rule=rule, standing=standing, lacking="not_away")
    since, moved, limit = int(homes.away_since[home]), int(homes.last_motion[home]), composite.packing
    seen = LevelSeen(level=Level.CAUTION, limit=float(limit), reached=standing is not None)
    return RuleSeen(
        rule=rule,
        standing=standing,
        lacking="" if moved >= since + limit else "nobody_moved",
        since=since,
        elapsed=at - since,
        observed=at - since,
        sampled_at=moved if moved > NEVER else None,
        levels=(seen,),
    )


def urgent_seen(state: State, home: int, at: Millis) -> Iterator[RuleSeen]:
    """SOS, smoke and gas are told at once, so all that can be lacking is that we hear the home."""
    for rule in URGENT_RULES.values():
        episode = state.episodes.get(state.households.ids[home], rule)
        blind = tuple(one for one in spans_seen(state, home, 0, at, 0) if one.until is None)
        quiet = "could_not_hear" if blind else "none_heard"
        yield RuleSeen(
            rule=rule,
            standing=None if episode is None else Level.DANGER,
            lacking=quiet if episode is None else "",
            since=None if episode is None else episode.start,
            levels=(LevelSeen(level=Level.DANGER, limit=0.0, reached=episode is not None),),
            blind=blind,
        )


def spans_seen(state: State, home: int, since: Millis, at: Millis, bit: int) -> tuple[BlindSpan, ...]:
    """What could not be observed of [since, at]."""
    spans = state.observability.spans_between(home, since, at, bit)
    return tuple(BlindSpan(since=start, until=end, cause=cause) for start, end, cause in spans)
