"""Proves that the demo has a fall to show whenever it is started."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from anbu.demo_past import soon_noticed, stage_the_plot
from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.reading import Signal
from rules.finding import RuleKey, Verb
from simulators.fleet import Fleet
from tests.rules.rule_parts import SHIPPED, START, Days, device, enrolled, motion

MORNING: Millis = 1_764_111_000_000  # 2025-11-26T07:50 in Seoul
PAST: Millis = 36 * HOUR
STILLNESS = (RuleKey.MOTION, RuleKey.PERSONAL)


@pytest.mark.parametrize("half_hours", range(48))
def test_whatever_the_hour_the_fall_is_noticed_soon_after_the_start_and_not_before(half_hours: int) -> None:
    now = MORNING + half_hours * 30 * MINUTE
    last_seen = soon_noticed(now)
    seen = last_seen - START
    begun = enrolled(at=seen - DAY), device("pir-1", Signal.MOTION, at=seen - DAY)
    days = Days([*begun, motion(seen - HOUR), motion(seen)], table=SHIPPED)
    raised = [one.at for one in days.until(now + HOUR - START) if one.verb is Verb.RAISED and one.rule in STILLNESS]
    assert raised and now + 4 * MINUTE <= raised[0] <= now + 30 * MINUTE


@pytest.mark.parametrize("hours", (0, 3, 6, 12, 18))
def test_somebody_falls_at_whatever_hour_the_demo_starts(hours: int) -> None:
    now = MORNING + hours * HOUR
    fleet = Fleet(1, households=60, start=now - PAST)
    fallen = stage_the_plot(fleet, now)
    lived = [
        sent
        for sent in fleet.messages(now - 9 * HOUR, now)
        if f"/{fallen}/" in sent.topic and sent.topic.endswith(("/motion", "/door"))
    ]
    told = [sent for sent in lived if msgspec.json.decode(sent.payload)["v"] > 0]
    assert soon_noticed(now) - MINUTE <= told[-1].at <= soon_noticed(now) + 9 * MINUTE
    assert fleet.is_at_home(fallen, told[-1].at)


def test_a_dong_in_which_nobody_was_at_home_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="take more --homes"):
        for seed, hours in product(range(1, 20), range(24)):
            now = MORNING + hours * HOUR
            stage_the_plot(Fleet(seed, households=2, start=now - PAST), now)
