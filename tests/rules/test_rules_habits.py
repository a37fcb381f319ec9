"""Proves that the personal rule says what a plain reading of a home's past says, over days with outings, blindness and checks."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import AwayDeclared, AwayEnded, CheckResolved, HouseholdEnded, RunStarted
from ingest.reading import Reading, Signal
from rules.engine import STEP, Engine, Item
from rules.finding import Finding, RuleKey
from tests.rules.oracle import Oracle, Told
from tests.rules.rule_parts import (
    HOME,
    SHIPPED,
    START,
    enrolled,
    home_with,
    link_down,
    link_up,
    motion,
    reading,
    received_at,
    resolved,
)
from tests.rules.test_rules_properties import plain

TRAINED: Millis = 9 * DAY
JUDGED: Millis = 16 * HOUR
SETTINGS = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@st.composite
def waking(draw: st.DrawFn, day: int) -> list[Reading]:
    """From about 7 h to 23 h motions with pauses among them, long ones on some days, and a door now and then."""
    at, items, seldom = day * DAY - draw(st.integers(30, 200)) * MINUTE, list[Reading](), draw(st.sampled_from([90, 90, 170]))
    while at < day * DAY + 14 * HOUR:
        at += draw(st.sampled_from([25, 40, 50, 61, seldom])) * MINUTE + len(items) ** 2 * 37 % 500 * SECOND  # never by the clock
        late = draw(st.sampled_from([0, 0, 0, 90 * SECOND, 15 * MINUTE]))
        if draw(st.integers(0, 5)) == 0:
            items.append(reading(max(0, at), Signal.DOOR, draw(st.sampled_from([1.0, 3.0])), received=max(0, at) + late))
            at += draw(st.sampled_from([1, 2, 70])) * MINUTE
        items.append(motion(max(0, at), received=max(0, at) + late))
    return items


@st.composite
def befallen(draw: st.DrawFn, at: Millis) -> list[Item]:
    """Something staff did, or an outage of ours."""
    length = draw(st.integers(10, 900)) * MINUTE
    away = AwayDeclared(fact_id=f"a{at}", at=START + at, household_id=HOME, returns_at=START + at + length, reason="travel")
    outcome = draw(st.sampled_from(["hospital", "emergency_119", "safe_by_phone", "safe_by_automatic_call", "device_fault"]))
    kinds: list[list[Item]] = [
        [link_down(at), link_up(at + length)],
        [away],
        [away, AwayEnded(fact_id=f"b{at}", at=START + at + length // 2, household_id=HOME)],
        [resolved(at, outcome, RuleKey.MOTION, RuleKey.PERSONAL)],
    ]
    return draw(st.sampled_from(kinds))


@st.composite
def lives(draw: st.DrawFn) -> list[Item]:
    """Nine days of a home in which checks of the time before are settled in the end, and then the better part of a day."""
    items: list[Item] = [item for day in range(9) for item in draw(waking(day))]
    for at in draw(st.lists(st.integers(0, TRAINED - 16 * HOUR), max_size=2)):
        items += [one for one in draw(befallen(at)) if not isinstance(one, CheckResolved)]
    lively = [motion(TRAINED - minute * MINUTE - minute**2 % 7 * SECOND) for minute in (50, 31, 14, 3)]
    items = [one for one in items if received_at(one) < START + TRAINED - HOUR]
    items += [*lively, resolved(TRAINED - MINUTE, "safe_by_phone", RuleKey.MOTION, RuleKey.PERSONAL)]
    until = START + TRAINED + draw(st.integers(0, 8)) * HOUR
    items += [one for one in draw(waking(9)) if START + TRAINED <= received_at(one) < until]
    for at in draw(st.lists(st.integers(TRAINED // SECOND, (TRAINED + JUDGED) // SECOND), max_size=3)):
        items += draw(befallen(at * SECOND))
    return sorted(items, key=received_at)


def said_by_engine(items: list[Item]) -> list[Told]:
    """What it tells from the end of the training on."""
    engine, said = Engine(SHIPPED), list[Finding]()
    for item in items:
        if isinstance(item, RunStarted):
            engine.begin_run()
        said += engine.advance(received_at(item))
        said += engine.fold([item])
    said += engine.advance(START + TRAINED + JUDGED)
    return [one for one in plain(said) if one[4] >= START + TRAINED]


def said_by_oracle(items: list[Item]) -> list[Told]:
    """It looks at no grid point of the training, at whose end nothing stands, and at every one from then on."""
    oracle = Oracle(SHIPPED)
    begun = START + TRAINED - TRAINED % STEP - STEP
    for item in items:
        if received_at(item) >= START + TRAINED:
            oracle.point = oracle.point or begun
            oracle.advance(received_at(item))
        oracle.fold(item)
    oracle.point = oracle.point or begun
    oracle.advance(START + TRAINED + JUDGED)
    return oracle.said


def check(items: list[Item], row: int) -> list[Told]:
    """Both say the same; what they say. `row` homes that nobody lives in were enrolled before it."""
    empty: list[Item] = []
    for place in range(row):
        empty += [enrolled(f"hh-none-{place}"), HouseholdEnded(fact_id=f"e{place}", at=START, household_id=f"hh-none-{place}")]  # type: ignore[arg-type]
    items = [*empty, *home_with(Signal.MOTION, Signal.DOOR), *items]
    said = said_by_engine(items)
    assert said == said_by_oracle(items)
    return said


@SETTINGS
@given(lives(), st.integers(0, 2))
def test_the_personal_rule_says_what_a_plain_reading_of_the_past_says(items: list[Item], row: int) -> None:
    check(items, row)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(SETTINGS, max_examples=150)
@given(lives(), st.integers(0, 2))
def test_the_personal_rule_says_what_a_plain_reading_of_many_pasts_says(items: list[Item], row: int) -> None:
    check(items, row)
