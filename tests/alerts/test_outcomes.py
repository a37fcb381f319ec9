"""Coded outcomes give each rule its false alarms, and each rule has something to say to whoever calls."""

from __future__ import annotations

import pytest

from alerts.check import Outcome
from alerts.outcomes import TRUTH, RuleFigure, Truth
from alerts.script import SCRIPTS, script_of
from ingest.clock import DAY, HOUR
from rules.finding import DEVICE, Level, RuleKey
from tests.alerts.alert_parts import MORNING, Site, finding


def settle(site: Site, household: str, outcome: Outcome, *rules: RuleKey, dong: str = "dong-1") -> None:
    site.take(*(finding(rule, Level.WARNING, household=household, dong=dong, at=site.clock.home) for rule in rules))
    (found,) = site.desk.checks(dong=None, household=household)
    back = site.clock.home + DAY if outcome is Outcome.AWAY else None
    site.desk.resolve(found.id, actor="kim", dong=None, outcome=outcome, text="말", returns_at=back)


def test_every_outcome_says_what_the_alarm_was() -> None:
    assert set(TRUTH) == set(Outcome)
    assert all(TRUTH[outcome] is Truth.WELL for outcome in Outcome if outcome.startswith("safe_"))


def test_false_alarms_are_counted_for_every_rule_that_spoke(site: Site) -> None:
    settle(site, "hh-1", Outcome.SAFE_BY_PHONE, RuleKey.MOTION, RuleKey.CALL)
    settle(site, "hh-2", Outcome.EMERGENCY_119, RuleKey.MOTION)
    settle(site, "hh-3", Outcome.AWAY, RuleKey.MOTION)
    settle(site, "hh-4", Outcome.OTHER, RuleKey.HEAT)
    settle(site, "hh-5", Outcome.DEVICE_FAULT, RuleKey.COLD, dong="dong-2")
    site.take(finding(household="hh-6"))  # open: nobody knows yet
    site.clock.home += DAY
    settle(site, "hh-7", Outcome.SAFE_BY_VISIT, RuleKey.MOTION)  # settled after the span
    figures = {each.rule: each for each in site.desk.rule_figures(since=MORNING, until=MORNING + HOUR, dong=None)}
    dong = site.desk.rule_figures(since=MORNING, until=MORNING + HOUR, dong="dong-2")
    assert figures == {
        RuleKey.MOTION: RuleFigure(rule=RuleKey.MOTION, well=1, explained=1, needed=1),
        RuleKey.CALL: RuleFigure(rule=RuleKey.CALL, well=1),
        RuleKey.HEAT: RuleFigure(rule=RuleKey.HEAT, unknown=1),
        RuleKey.COLD: RuleFigure(rule=RuleKey.COLD, explained=1),
    }
    assert figures[RuleKey.MOTION].false_share == pytest.approx(2 / 3)
    assert figures[RuleKey.HEAT].false_share is None
    assert [each.rule for each in dong] == [RuleKey.COLD]


@pytest.mark.parametrize("rule", sorted(set(RuleKey) - DEVICE))
def test_every_rule_has_a_script_in_both_languages(rule: RuleKey, site: Site) -> None:
    script = SCRIPTS[rule]
    assert len(script.ko) == len(script.en) > 1
    site.take(finding(rule))
    assert (script_of(site.only()), script_of(site.only(), "en")) == (script.ko, script.en)
