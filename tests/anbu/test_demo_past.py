"""Proves that the demo has a fall to show whenever it is started."""

from __future__ import annotations

from itertools import product

import msgspec
import pytest

from anbu.demo_past import stage_the_plot
from ingest.clock import HOUR, MINUTE, Millis
from simulators.fleet import Fleet

MORNING: Millis = 1_764_111_000_000  # 2025-11-26T07:50 in Seoul
PAST: Millis = 36 * HOUR


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
    assert now - 8 * HOUR + 6 * MINUTE <= told[-1].at <= now - 8 * HOUR + 16 * MINUTE
    assert fleet.is_at_home(fallen, told[-1].at)


def test_a_dong_in_which_nobody_was_at_home_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="take more --homes"):
        for seed, hours in product(range(1, 20), range(24)):
            now = MORNING + hours * HOUR
            stage_the_plot(Fleet(seed, households=2, start=now - PAST), now)
