"""Proves that silence we could not observe is not silence: outages of ours and of a gateway, and what is said meanwhile."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import HOUR, MINUTE, SECOND
from ingest.facts import LinkUp, RunStopped
from ingest.reading import Signal
from rules.finding import Level, RuleKey, Verb
from rules.observability import Observability
from tests.rules.rule_parts import (
    START,
    Days,
    device,
    enrolled,
    home_with,
    link_down,
    link_up,
    motion,
    raised,
    reading,
    run_started,
    told,
)


def test_wrong_1_a_restart_of_ours_raises_no_storm() -> None:
    homes = [f"hh-{number}" for number in range(50)]
    items = [fact for home in homes for fact in (enrolled(home), device(f"d-{home}", Signal.MOTION, home=home))]
    days = Days([*items, *(motion(0, home=home, name=f"d-{home}") for home in homes)])
    days.feed([run_started(11 * HOUR), link_up(11 * HOUR + MINUTE)])
    said = days.until(11 * HOUR + 2 * MINUTE)
    assert {one.verb for one in said} <= {Verb.UNDETERMINED}
    days.feed([motion(12 * HOUR, home=home, name=f"d-{home}") for home in homes])
    assert {one.verb for one in days.until(19 * HOUR)} <= {Verb.CLEARED}


def test_inactivity_counts_observed_time_alone_and_says_its_coverage() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(4 * HOUR), link_up(6 * HOUR)])
    said = days.until(11 * HOUR)
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 10 * HOUR)]
    assert said[-1].evidence.coverage == 0.8 and said[-1].evidence.value == 10 * HOUR


def test_a_deadline_passed_while_blind_is_undetermined_once_and_cleared_by_life() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(4 * HOUR), link_up(14 * HOUR)])
    said = days.until(14 * HOUR)
    assert told(said, RuleKey.MOTION) == [("motion", "undetermined", 1, 8.0)]
    assert said[0].evidence.coverage == 0.5
    days.feed([motion(14 * HOUR + MINUTE)])
    assert [one.verb for one in days.until(15 * HOUR)] == [Verb.CLEARED]


def test_a_deadline_passed_before_the_outage_is_raised_all_the_same() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(8 * HOUR + 5 * SECOND)])
    assert told(days.until(9 * HOUR))[0] == ("motion", "raised", 1, 8.0)


def test_a_standing_absence_still_rises_after_the_outage() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(9 * HOUR), link_up(10 * HOUR)])
    assert raised(days.until(14 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR), (Level.WARNING, 13 * HOUR)]


def test_a_gateway_offline_blinds_its_own_home_alone() -> None:
    items = [*home_with(Signal.MOTION), *home_with(Signal.MOTION, home="hh-2")[:1], device("pir-2", Signal.MOTION, home="hh-2")]
    days = Days([*items, device("gw-1", Signal.STATUS), motion(0), motion(0, home="hh-2", name="pir-2")])
    days.feed([reading(HOUR, Signal.STATUS, 0.0, name="gw-1"), reading(3 * HOUR, Signal.STATUS, 1.0, name="gw-1")])
    said = [one for one in days.until(11 * HOUR) if one.rule is RuleKey.MOTION and one.verb is Verb.RAISED]
    assert [(one.household_id, one.at - START) for one in said] == [("hh-2", 8 * HOUR), ("hh-1", 10 * HOUR)]


def test_what_was_queued_during_our_outage_counts_at_its_own_time() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(HOUR)])
    days.feed([motion(6 * HOUR, received=7 * HOUR), link_up(7 * HOUR)])
    said = days.until(16 * HOUR)
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 15 * HOUR)]


def test_a_run_that_ended_in_good_order_is_blind_from_its_end() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0)])
    days.feed([RunStopped(fact_id="s", at=START + 2 * HOUR, run_id="r"), run_started(5 * HOUR), link_up(5 * HOUR)])
    assert raised(days.until(12 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 11 * HOUR)]


def test_a_log_without_link_facts_counts_as_observed_throughout() -> None:
    assert raised(Days([*home_with(Signal.MOTION), motion(0)]).until(9 * HOUR), RuleKey.MOTION)


def test_a_lasting_outage_of_one_source_is_not_ended_by_another() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(HOUR)])
    days.feed([LinkUp(fact_id="o", at=START + 2 * HOUR, source="other")])
    assert raised(days.until(12 * HOUR), RuleKey.MOTION) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["link", "gateway"]), st.integers(1, 30)), max_size=10),
    st.integers(0, 150),
    st.integers(1, 100),
)
def test_observed_time_equals_counting_the_observed_seconds(flips: list[tuple[str, int]], start: int, length: int) -> None:
    watch, now = Observability(), 0
    down = {"link": False, "gateway": False}
    dark: list[bool] = []
    for kind, wait in flips:
        dark += [any(down.values())] * wait
        now += wait
        down[kind] = not down[kind]
        if kind == "link" and down[kind]:
            watch.link_lost(now, "a")
        elif kind == "link":
            watch.link_found(now, "a")
        elif down[kind]:
            watch.gateway_lost(0, now)
        else:
            watch.gateway_found(0, now)
    dark += [any(down.values())] * 400
    assert watch.blind_between(0, start, start + length) == sum(dark[start : start + length])
    seen = [second + 1 for second in range(start, len(dark)) if not dark[second]][length - 1 : length]
    assert watch.reach(0, start, length) == (seen[0] if seen else None)
