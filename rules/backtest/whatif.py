"""What other rules would have meant for the homes of a dong: the same past, once by the rules in force and once by the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.facts import CheckResolved, HouseholdEnrolled, RulesApplied
from ingest.reading import DongCode, HouseholdId
from rules.backtest.course import Player
from rules.engine import Engine, Item
from rules.finding import DEVICE, Finding, Level, Verb
from rules.table import RuleTable

ASKED_EVERY: Millis = 2 * HOUR
"""At these instants everyone at home is thought to fall."""

EMERGENCIES = frozenset({"emergency_119", "death_found", "hospital"})
"""Outcomes of a check that say it had to be found."""

FOUND_WITHIN: Millis = 3 * DAY
LAG: Millis = 15 * MINUTE
"""What was raised at most `FOUND_WITHIN` before a check was settled, and was not over `LAG` before that, is what found it."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One rule table over the days that were asked for."""

    rule_version: str
    alerts_a_day: float  # conditions of persons that were raised, by rule and home; device tickets are none
    pages_a_day: float  # of those, the ones that came to 경보 or 위험
    checks_a_day: float  # homes with anything standing, each stretch once
    minutes_a_day: float  # of work, at `minutes_a_check`
    delay_h_median: float | None  # from a fall at home, at any hour, to the first 경보; None: nobody was at home
    emergencies_missed: int  # past checks that ended in an emergency, of which these rules said nothing in time


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Both, and the difference. Negative: the other rules have less."""

    dong: str
    since: Millis  # ms UTC
    until: Millis
    households: int
    minutes_a_check: float
    emergencies: int  # past checks that ended in one within these days
    in_force: Outcome
    proposed: Outcome
    alerts_a_day_added: float
    minutes_a_day_added: float
    delay_h_added_median: float | None  # over the same falls
    delay_h_added_worst: float | None


@dataclass(slots=True)
class _Run:
    standing: set[tuple[str, str]]  # home and rule of what stood when the days began
    findings: list[Finding] = field(default_factory=list)
    delays: list[Millis | None] = field(default_factory=list)  # by instant and home, the same for both


def compare(
    items: Sequence[Item],
    dong: DongCode,
    in_force: RuleTable,
    proposed: RuleTable,
    *,
    since: Millis,
    until: Millis,
    minutes_a_check: float,
) -> WhatIf:
    """Both tables over [since, until) (ms UTC) of the items of this dong, which begin early enough to learn habits from.

    Up to `since` both have the same past, by the rules in force: what is learnt does not hang on the limits.
    """
    own = of_dong(items, dong)
    homes = _homes(own)
    before = Player(Engine(in_force), own)
    before.until(since)
    runs = [_run(_from(before, table, own), homes, since, until) for table in (in_force, proposed)]
    settled = [
        item for item in own if isinstance(item, CheckResolved) and since <= item.at < until and item.outcome in EMERGENCIES
    ]
    outcomes = [
        _outcome(table, run, until - since, minutes_a_check, settled)
        for table, run in zip((in_force, proposed), runs, strict=True)
    ]
    added = [
        (new - old) / HOUR for old, new in zip(runs[0].delays, runs[1].delays, strict=True) if old is not None and new is not None
    ]
    return WhatIf(
        dong=dong,
        since=since,
        until=until,
        households=len(homes),
        minutes_a_check=minutes_a_check,
        emergencies=len(settled),
        in_force=outcomes[0],
        proposed=outcomes[1],
        alerts_a_day_added=round(outcomes[1].alerts_a_day - outcomes[0].alerts_a_day, 3),
        minutes_a_day_added=round(outcomes[1].minutes_a_day - outcomes[0].minutes_a_day, 1),
        delay_h_added_median=round(float(np.median(added)), 2) if added else None,
        delay_h_added_worst=round(max(added), 2) if added else None,
    )


def of_dong(items: Iterable[Item], dong: DongCode) -> list[Item]:
    """What concerns the homes of this dong, and what befell us; the journal's own rules are left out."""
    homes: set[str] = set()
    kept: list[Item] = []
    for item in items:
        household = getattr(item, "household_id", None)
        if isinstance(item, HouseholdEnrolled):
            (homes.add if item.dong_code == dong else homes.discard)(item.household_id)
        if not isinstance(item, RulesApplied) and (household is None or household in homes):
            kept.append(item)
    return kept


def _homes(items: Iterable[Item]) -> list[HouseholdId]:
    return list(dict.fromkeys(item.household_id for item in items if isinstance(item, HouseholdEnrolled)))


def _from(before: Player, table: RuleTable, items: Sequence[Item]) -> Player:
    engine = Engine(table)
    engine.restore(before.engine.snapshot())
    player = Player(engine, items)
    player.place = before.place
    return player


def _run(player: Player, homes: Sequence[HouseholdId], since: Millis, until: Millis) -> _Run:
    run = _Run({(name, rule) for name, rule, _ in player.engine.standing()})
    for at in range(since + ASKED_EVERY, until, ASKED_EVERY):
        run.findings += player.until(at)
        run.delays += [player.engine.first_alert(home, at) if player.engine.knows(home) else None for home in homes]
    run.findings += player.until(until - 1)
    return run


def _outcome(table: RuleTable, run: _Run, length: Millis, minutes_a_check: float, settled: Sequence[CheckResolved]) -> Outcome:
    days = length / DAY
    persons = [one for one in run.findings if one.rule not in DEVICE and one.household_id is not None]
    raised = [one for one in persons if one.verb is Verb.RAISED]
    alerts = len({one.episode for one in raised})
    pages = len({one.episode for one in raised if one.level >= Level.WARNING})
    checks = _stretches(persons)
    delays = [delay for delay in run.delays if delay is not None]
    return Outcome(
        rule_version=table.version,
        alerts_a_day=round(alerts / days, 3),
        pages_a_day=round(pages / days, 3),
        checks_a_day=round(checks / days, 3),
        minutes_a_day=round(checks * minutes_a_check / days, 1),
        delay_h_median=round(float(np.median(delays)) / HOUR, 2) if delays else None,
        emergencies_missed=sum(not _was_found(run, persons, check) for check in settled),
    )


def _stretches(findings: Iterable[Finding]) -> int:
    """How often something began to stand in a home in which nothing stood."""
    standing: dict[str, set[str]] = {}
    count = 0
    for one in findings:
        episodes = standing.setdefault(str(one.household_id), set())
        if one.verb is Verb.CLEARED:
            episodes.discard(one.episode)
        elif one.verb is Verb.RAISED:
            count += not episodes
            episodes.add(one.episode)
    return count


def _was_found(run: _Run, findings: Iterable[Finding], check: CheckResolved) -> bool:
    """Whether anything was raised of this home in time, and was not over long before the check was settled."""
    own = [one for one in findings if one.household_id == check.household_id and one.at <= check.at]
    early = [one for one in own if one.verb is Verb.CLEARED and one.at < check.at - LAG]
    over = {one.episode for one in early}
    if any(one.verb is Verb.RAISED and one.episode not in over and one.at > check.at - FOUND_WITHIN for one in own):
        return True
    stood = {rule for name, rule in run.standing if name == check.household_id}
    return bool(stood - {str(one.rule) for one in early})
