"""What the device rules see of one home: each rule over each of its devices, and the home that was never heard."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingest.clock import SECOND, Millis
from rules.columns import NEVER, UNSET
from rules.device import DeviceHealth
from rules.device_rows import AIR
from rules.finding import Level, RuleKey
from rules.limits import DeviceLimits
from rules.roll import MOTION_BIT
from rules.seen import LevelSeen, RuleSeen
from rules.state import State


def devices_seen(state: State, health: DeviceHealth, home: int, at: Millis) -> Iterator[RuleSeen]:
    """The home's commissioning, then every device rule over every device, at grid point `at`."""
    yield _commissioning(state, health.limits, home, at)
    for device in state.standing(home):
        limits = health.limits
        yield _silent(state, health, device, home, at)
        yield _percent(state, device, RuleKey.DEVICE_BATTERY, (limits.battery_caution, limits.battery_warning))
        yield _percent(state, device, RuleKey.DEVICE_LINK, (limits.link_weak,))
        yield from _counts(state, limits, device, at)
        yield _stuck(state, limits, device)
        yield _drift(state, limits, device)
        yield _card(state, device)


def _seen(
    state: State,
    device: int,
    rule: RuleKey,
    limits: tuple[float, ...],
    *,
    value: float | None = None,
    lacking: str = "",
    since: Millis | None = None,
    elapsed: Millis = 0,
    observed: Millis | None = None,
    sampled_at: Millis | None = None,
    due: Millis | None = None,
) -> RuleSeen:
    """One rule over one device; `limits` of its levels from the mildest on."""
    episode = state.episodes.get(f"device:{state.devices.ids[device]}", rule)
    standing = None if episode is None else Level(episode.level)
    return RuleSeen(
        rule=rule,
        standing=standing,
        lacking=lacking,
        since=since,
        elapsed=elapsed,
        observed=elapsed if observed is None else observed,
        value=value,
        sampled_at=sampled_at,
        device_id=state.devices.ids[device],
        levels=tuple(
            LevelSeen(level=level, limit=limit, reached=standing is not None and standing >= level, due=due)
            for level, limit in zip(Level, limits, strict=False)
        ),
    )


def _commissioning(state: State, limits: DeviceLimits, home: int, at: Millis) -> RuleSeen:
    rule, enrolled = RuleKey.NOT_COMMISSIONED, int(state.households.enrolled_at[home])
    if state.households.heard_from[home] < UNSET:
        return RuleSeen(rule=rule, standing=None, lacking="heard", since=int(state.households.commissioned_at[home]))
    episode = state.episodes.get(state.households.ids[home], rule)
    blind = state.observability.blind_between(home, enrolled, at)
    due = state.observability.reach(home, enrolled, limits.not_commissioned)
    level = LevelSeen(level=Level.CAUTION, limit=float(limits.not_commissioned), reached=episode is not None, due=due)
    return RuleSeen(
        rule=rule,
        standing=None if episode is None else Level.CAUTION,
        since=enrolled,
        elapsed=at - enrolled,
        observed=at - enrolled - blind,
        levels=(level,),
    )


def _silent(state: State, health: DeviceHealth, device: int, home: int, at: Millis) -> RuleSeen:
    """The silence that is too long first: of missed reports, or of a gateway that went offline."""
    since, offline = health.silent_from(state, device)
    silences = health.silences(state, device, since, offline)
    if not silences:
        lacking = "never_heard" if since == UNSET else "speaks_only" if state.devices.interval[device] == 0 else "could_not_hear"
        last = int(state.devices.last_report[device])
        return _seen(state, device, RuleKey.DEVICE_SILENT, (), lacking=lacking, sampled_at=last if last > NEVER else None)
    start, due, limit = min(silences, key=lambda one: one[1])
    blind = state.observability.blind_between(home, start, at)
    return _seen(
        state,
        device,
        RuleKey.DEVICE_SILENT,
        (float(limit),),
        since=start,
        elapsed=at - start,
        observed=at - start - blind,
        due=due,
    )


def _percent(state: State, device: int, rule: RuleKey, limits: tuple[float, ...]) -> RuleSeen:
    told = float((state.devices.battery if rule is RuleKey.DEVICE_BATTERY else state.devices.link)[device])
    if np.isnan(told):
        return _seen(state, device, rule, limits, lacking="never_told")
    return _seen(state, device, rule, limits, value=told)


def _counts(state: State, limits: DeviceLimits, device: int, at: Millis) -> Iterator[RuleSeen]:
    """What is counted within a window, until that is over."""
    devices = state.devices
    for rule, count, last, needed in (
        (RuleKey.DEVICE_CLOCK, devices.faulty, devices.faulty_last, limits.clock_faults),
        (RuleKey.DEVICE_REJECTED, devices.rejected, devices.rejected_last, limits.rejections),
        (RuleKey.DEVICE_DUPLICATE, devices.mixed, devices.mixed_last, limits.duplicates),
    ):
        newest = int(last[device])
        counted = float(count[device]) if newest > NEVER and newest + limits.window > at else 0.0
        yield _seen(state, device, rule, (float(needed),), value=counted, sampled_at=newest if newest > NEVER else None)


def _stuck(state: State, limits: DeviceLimits, device: int) -> RuleSeen:
    """Motions without a pause, or one temperature to the last digit; which further messages alone can lengthen."""
    devices, climates, rule, sensor = state.devices, state.climates, RuleKey.DEVICE_STUCK, int(state.devices.climate[device])
    if int(devices.signals[device]) & MOTION_BIT and devices.movement[device] >= 0:
        runs, row = state.movements.now, int(devices.movement[device])
        first, last, limit = int(runs.busy_since[row]) * SECOND, int(runs.last[row]) * SECOND, limits.stuck_on
    elif sensor >= 0 and climates.flat_since[sensor] < UNSET:
        first, last, limit = int(climates.flat_since[sensor]), int(climates.sampled_at[AIR, sensor]), limits.stuck_flat
    else:
        return _seen(state, device, rule, (), lacking="nothing_to_stick")
    since = min(first, int(devices.stuck_since[device]))
    return _seen(state, device, rule, (float(limit),), since=since, elapsed=last - since, sampled_at=last)


def _drift(state: State, limits: DeviceLimits, device: int) -> RuleSeen:
    """By how much its clock is wrong, as of the last hour that is over."""
    drift, hour = float(state.devices.drift[device]), int(state.devices.lag_hour[device])
    limit = (float(limits.clock_drift),)
    if hour < 0:
        return _seen(state, device, RuleKey.DEVICE_DRIFT, limit, lacking="never_heard")
    return _seen(state, device, RuleKey.DEVICE_DRIFT, limit, value=0.0 if np.isnan(drift) else drift)


def _card(state: State, device: int) -> RuleSeen:
    """Whether another SIM card, or number, than the first is in it."""
    first, now = float(state.devices.sim[device]), float(state.devices.sim_now[device])
    if np.isnan(first):
        return _seen(state, device, RuleKey.DEVICE_SIM, (), lacking="no_card")
    return _seen(state, device, RuleKey.DEVICE_SIM, (), value=float(now != first))
