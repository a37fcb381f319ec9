"""What the rules see of one home at an instant: what each was counting, against which limit, and what it could not observe."""

from __future__ import annotations

import numpy as np
from msgspec import structs

from ingest.clock import Millis
from rules.absence import OBSERVED, ORDER, Absence
from rules.columns import NEVER, UNSET
from rules.composite import Composite
from rules.device import DeviceHealth
from rules.dwell import CHANNELS
from rules.dwell import RULES as THRESHOLDS
from rules.explain_devices import devices_seen
from rules.explain_pairs import pairs_seen, spans_seen, urgent_seen
from rules.finding import Level, RuleKey
from rules.limits_in_force import LimitsInForce
from rules.profile import GRADES
from rules.roll import HUMIDITY_BIT, TEMPERATURE_BIT
from rules.seen import HomeSeen, LevelSeen, RuleSeen
from rules.state import State
from rules.threshold import Thresholds


def explain(
    state: State,
    limits: LimitsInForce,
    absence: Absence,
    thresholds: Thresholds,
    composite: Composite,
    devices: DeviceHealth,
    home: int,
) -> HomeSeen:
    """The home as the rules see it at the last grid point."""
    at = state.evaluated or 0
    clocks = [_clock(state, absence, home, rule, at) for rule in ORDER]
    rules = (
        *clocks,
        *(_measured(state, limits, thresholds, home, rule, at) for rule in THRESHOLDS),
        *pairs_seen(state, composite, {one.rule: one for one in clocks}, home, at),
        *urgent_seen(state, home, at),
        *devices_seen(state, devices, home, at),
    )
    return HomeSeen(
        household_id=state.households.ids[home],
        at=at,
        rule_version=limits.table.version,
        grade=GRADES[int(state.households.grade[home])],
        seasons=tuple(sorted(limits.seasons)),
        own_limits=home in state.own,
        rules=tuple(_begun(one) for one in rules),
    )


def _begun(one: RuleSeen) -> RuleSeen:
    """What came since the grid point has lasted for no time yet."""
    return structs.replace(one, elapsed=max(0, one.elapsed), observed=max(0, one.observed))


def _standing(state: State, home: int, rule: RuleKey) -> Level | None:
    episode = state.episodes.get(state.households.ids[home], rule)
    return Level(episode.level) if episode is not None and episode.level else None


def _clock(state: State, absence: Absence, home: int, rule: RuleKey, at: Millis) -> RuleSeen:
    view = absence.view(state, home, rule, at)
    standing = _standing(state, home, rule)
    if view is None:
        return RuleSeen(rule=rule, standing=standing, lacking=_no_clock(state, absence, home, rule))
    since, levels = view
    if since > at and since == int(state.households.away_until[home]):
        return RuleSeen(rule=rule, standing=standing, since=since, lacking="away_declared")
    watch, bit = state.observability, absence.watched_by(state, home, rule, since, at)
    blind = watch.blind_between(home, since, at, bit)
    waits = absence.waits_until(state, home) > at
    return RuleSeen(
        rule=rule,
        standing=standing,
        lacking="backlog" if waits else "",
        since=since,
        elapsed=at - since,
        observed=at - since - (blind if rule in OBSERVED else 0),
        coverage=round(1.0 - blind / (at - since), 4) if at > since else 1.0,
        levels=tuple(
            LevelSeen(level=level, limit=float(limit), reached=due is not None and due <= at, due=due)
            for level, limit, due in levels
        ),
        blind=spans_seen(state, home, since, at, bit),
    )


def _no_clock(state: State, absence: Absence, home: int, rule: RuleKey) -> str:
    """Why this clock does not run."""
    homes = state.households
    if rule is RuleKey.AWAY:
        return "not_away" if homes.away_until[home] == NEVER else "back"
    stands_since = {RuleKey.CALL: homes.call_from, RuleKey.PHONE: homes.phone_from}.get(rule, homes.motion_from)
    if stands_since[home] == UNSET:
        return "no_sensor"
    if rule is RuleKey.PHONE:
        return "phone_on"
    if homes.heard_from[home] == UNSET:
        return "never_heard"
    if rule is not RuleKey.CALL and absence.inferred_away(state, home):
        return "away_inferred"
    return "not_used"


def _measured(state: State, limits: LimitsInForce, thresholds: Thresholds, home: int, rule: RuleKey, at: Millis) -> RuleSeen:
    """The sensor of the home that is worst off: by level, then one that breaches at all, then by the newest sample."""
    standing = _standing(state, home, rule)
    climates = state.climates
    sensors = [int(state.devices.climate[device]) for device in state.standing(home)]
    samples = [
        (int(climates.on[place, sensor]), _breaches(state, place, sensor), int(climates.sampled_at[place, sensor]), place, sensor)
        for place in (CHANNELS.index(channel) for channel in THRESHOLDS[rule])
        for sensor in sensors
        if sensor >= 0 and climates.sampled_at[place, sensor] > NEVER
    ]
    if not samples:
        return RuleSeen(rule=rule, standing=standing, lacking="no_sample")
    on, _, sampled, place, sensor = max(samples)
    channel = CHANNELS[place]
    fresh = thresholds.fresh_until(state, sensor, channel) >= at
    bit = HUMIDITY_BIT if rule is RuleKey.HUMIDITY else TEMPERATURE_BIT
    levels = []
    begun: list[Millis] = []
    for level, limit in zip(Level, limits.threshold(state, home, channel).levels, strict=True):
        if limit is None:
            continue
        start = int(climates.since[3 * place + level - 1, sensor])
        breached = start < UNSET
        if breached:
            begun.append(start)
        due = start + thresholds.needed(limit) if breached and fresh else None
        levels.append(LevelSeen(level=level, limit=limit.raise_at, reached=on >= level, due=due))
    return RuleSeen(
        rule=rule,
        standing=standing,
        lacking="" if fresh else "stale",
        since=min(begun, default=None),
        elapsed=at - min(begun) if begun else 0,
        observed=sampled - min(begun) if begun else 0,
        value=round(float(np.asarray(climates.value[place, sensor])), 1) + 0.0,  # no "-0"
        sampled_at=sampled,
        device_id=state.devices.ids[int(climates.device[sensor])],
        levels=tuple(levels),
        blind=() if fresh else spans_seen(state, home, sampled, at, bit),
    )


def _breaches(state: State, place: int, sensor: int) -> bool:
    """Whether the sensor's last value is past the limit of any level, told or not yet."""
    return bool((state.climates.since[3 * place : 3 * place + 3, sensor] < UNSET).any())
