"""Proves that silence we could not observe is not silence: outages of ours and of a gateway, and what is said meanwhile."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import DeviceRemoved, HouseholdEnded, LinkUp, RunStopped
from ingest.reading import DeviceId, HouseholdId, Signal
from rules.engine import STEP, Item
from rules.finding import Level, RuleKey, Verb
from rules.observability import Blind, Observability, Sight
from rules.roll import MOTION_BIT
from rules.sentence import reason
from tests.rules.rule_parts import (
    START,
    Days,
    device,
    enrolled,
    every,
    home_with,
    link_down,
    link_up,
    living,
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
    assert told(said) == [("motion", "raised", 1, 10.0)]  # and nothing of doubt at 8 h, when it is seen again
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


@pytest.mark.parametrize("flaps", ["back for five minutes", "a second gateway"])
def test_a_home_well_before_an_outage_stays_excused_when_the_outage_begins_again_while_it_is_doubted(flaps: str) -> None:
    """After 24 h of it the home is in doubt (경보); asked anew whether it was well before, it would be in danger at once."""
    gateways = [device(name, Signal.STATUS) for name in ("gw-1", "gw-2")]
    lost = [reading(HOUR, Signal.STATUS, 0.0, name="gw-1")]
    again = {
        "back for five minutes": [
            reading(30 * HOUR, Signal.STATUS, 1.0, name="gw-1"),
            reading(30 * HOUR + 5 * MINUTE, Signal.STATUS, 0.0, name="gw-1"),
        ],
        "a second gateway": [reading(30 * HOUR, Signal.STATUS, 0.0, name="gw-2")],
    }
    days = Days([*home_with(Signal.MOTION), *gateways, motion(0), *lost, *again[flaps]])
    said = days.until(49 * HOUR)
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.WARNING, 24 * HOUR), (Level.DANGER, 48 * HOUR)]


def test_a_home_in_doubt_whose_gateway_is_lost_anew_after_it_had_settled_is_excused_no_more() -> None:
    status = [(HOUR, 0.0), (23 * HOUR, 1.0), (25 * HOUR, 0.0)]
    gateway = [reading(at, Signal.STATUS, value, name="gw-1") for at, value in status]
    days = Days([*home_with(Signal.MOTION), device("gw-1", Signal.STATUS), motion(0), *gateway])
    assert raised(days.until(30 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 24 * HOUR)]


def test_a_gateway_that_speaks_itself_is_online_whatever_its_will_said_too_late() -> None:
    """The broker may tell the will of the old connection after the new one said that it is online."""
    stands = [enrolled(), device("gw-1", Signal.STATUS, Signal.HEARTBEAT), device("pir-1", Signal.MOTION)]
    days = Days([*stands, motion(HOUR), reading(2 * HOUR, Signal.STATUS, 1.0, name="gw-1")])
    will = reading(2 * HOUR + SECOND, Signal.STATUS, 0.0, name="gw-1", credible=False)
    beats = [reading(2 * HOUR + 30 * SECOND, Signal.HEARTBEAT, name="gw-1")]  # may have been on its way before the will
    days.feed([will, *beats, reading(2 * HOUR + 2 * MINUTE, Signal.HEARTBEAT, name="pir-1")])  # nor need this come through it
    days.until(2 * HOUR + 3 * MINUTE)
    assert days.engine.sights().homes["hh-1"].cause is Blind.GATEWAY
    late = reading(HOUR, Signal.HEARTBEAT, name="gw-1", received=2 * HOUR + 4 * MINUTE)
    days.feed([late, reading(2 * HOUR + 5 * MINUTE, Signal.HEARTBEAT, name="gw-1", credible=False)])
    days.until(2 * HOUR + 6 * MINUTE)
    assert days.engine.sights().homes
    days.feed([reading(2 * HOUR + 10 * MINUTE, Signal.HEARTBEAT, name="gw-1")])
    said = days.until(10 * HOUR)
    assert not days.engine.sights().homes
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 9 * HOUR + 10 * MINUTE)]


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


def sensor_day(*more: Item, interval_s: int = 600) -> Days:
    """A home whose one motion sensor reports every so often and was last heard at 2 h."""
    beats = [reading(at, Signal.HEARTBEAT) for at in every(10, 0, 2 * HOUR + 1)]
    return Days([*home_with(Signal.MOTION, interval_s=interval_s), motion(0), *beats, *more])


def test_a_sensor_that_fell_silent_blinds_its_home_for_its_signal_from_its_last_report_on() -> None:
    days = sensor_day()
    said = days.until(10 * HOUR)
    assert told(said, RuleKey.MOTION) == [("motion", "undetermined", 1, 8.0)]
    [doubt] = [one for one in said if one.rule is RuleKey.MOTION]
    assert (doubt.evidence.coverage, doubt.evidence.blind) == (0.25, "sensor")
    sight = days.engine.sights().of("hh-1")
    assert sight == Sight(cause=Blind.SENSOR, since=START + 2 * HOUR, signals=("motion",))
    assert "관측 25%" in reason(doubt.rule, doubt.level, doubt.evidence, doubt.at, verb=doubt.verb)
    days.feed([reading(at, Signal.HEARTBEAT) for at in every(10, 20 * HOUR, 27 * HOUR)])
    assert days.engine.sights().homes == {}
    said = days.until(27 * HOUR)
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 24 * HOUR)]  # the net hangs under it all the same
    assert raised(said, RuleKey.MOTION) == [(Level.CAUTION, 26 * HOUR)]
    caution = next(one for one in said if one.rule is RuleKey.MOTION)
    assert (round(caution.evidence.coverage, 2), caution.evidence.blind) == (0.31, "sensor")
    assert "센서 응답 없음" in reason(caution.rule, caution.level, caution.evidence, caution.at)
    assert "the sensor was silent" in reason(caution.rule, caution.level, caution.evidence, caution.at, "en")


def test_a_home_with_another_sensor_that_is_heard_is_observed() -> None:
    days = sensor_day(device("pir-2", Signal.MOTION))
    assert raised(days.until(9 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 8 * HOUR)]


def test_a_sensor_that_never_spoke_blinds_a_home_that_is_otherwise_heard() -> None:
    items = [enrolled(), device("pir-1", Signal.MOTION, interval_s=600), device("th-1", Signal.TEMPERATURE)]
    days = Days([*items, *(reading(at, Signal.TEMPERATURE, 22.0, name="th-1") for at in every(10, 0, 9 * HOUR))])
    assert told(days.until(9 * HOUR), RuleKey.MOTION) == [("motion", "undetermined", 1, 8.0)]
    days.feed([DeviceRemoved(fact_id="x", at=START + 10 * HOUR, device_id=DeviceId("pir-1"))])
    assert days.engine.sights().homes == {}


def test_a_door_that_opens_while_no_motion_could_be_seen_says_nothing_of_anybody_leaving() -> None:
    """It ends no doubt and gives the net no more time, not even once the sensor is heard again, which is no motion."""
    stands = [*home_with(Signal.MOTION, interval_s=600), device("door-1", Signal.DOOR)]
    days = Days([*stands, motion(HOUR), reading(10 * HOUR, Signal.DOOR, name="door-1")])
    said = days.until(12 * HOUR)
    assert told(said, RuleKey.MOTION) == [("motion", "undetermined", 1, 9.0)]
    days.feed([reading(at, Signal.HEARTBEAT) for at in every(10, 12 * HOUR, 26 * HOUR)])
    said = days.until(26 * HOUR)
    assert told(said, RuleKey.MOTION) == [("motion", "raised", 1, 20.0), ("motion", "raised", 2, 24.0)]
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 25 * HOUR)]
    days.feed([motion(26 * HOUR), reading(26 * HOUR + MINUTE, Signal.DOOR, name="door-1")])
    days.feed([reading(at, Signal.HEARTBEAT) for at in every(10, 26 * HOUR + 2 * MINUTE, 60 * HOUR)])
    assert [verb for _, verb, _, _ in told(days.until(60 * HOUR), RuleKey.MOTION)] == ["cleared"]  # now nobody is seen to move


def test_of_many_homes_only_those_whose_sensor_was_silent_are_still_at_home_after_a_door() -> None:
    homes = [f"hh-{number}" for number in range(1_100)]
    days = Days([item for home in homes for item in (enrolled(home), device(f"d-{home}", Signal.DOOR, home=home))])
    days.feed([device(f"p-{home}", Signal.MOTION, home=home, interval_s=600) for home in homes[::100]])
    days.feed([motion(0, home=home, name=f"p-{home}") for home in homes[::100]])
    days.feed([reading(0, Signal.HEARTBEAT, home=home, name=f"d-{home}") for home in homes])
    days.until(HOUR)
    days.feed([reading(HOUR, Signal.DOOR, home=home, name=f"d-{home}") for home in homes])
    days.feed([link_down(2 * HOUR), link_up(2 * HOUR + MINUTE)])  # all are looked at together
    doubts = [one.household_id for one in days.until(10 * HOUR) if one.verb is Verb.UNDETERMINED]
    assert sorted(map(str, doubts)) == sorted(homes[::100])


def test_a_phone_that_said_it_is_off_and_fell_silent_is_still_off() -> None:
    items = [*home_with(Signal.PHONE, Signal.CALL, interval_s=3600), reading(0, Signal.PHONE, 0.0)]
    days = Days(items)
    said = days.until(13 * HOUR)
    assert raised(said, RuleKey.PHONE) == [(Level.CAUTION, 12 * HOUR)]
    assert days.engine.sights().homes["hh-1"].signals == ("call", "phone")


def test_the_cause_of_blindness_is_kept_for_ourselves_the_broker_and_the_gateway() -> None:
    days = Days([*home_with(Signal.MOTION), device("gw-1", Signal.STATUS), motion(0), link_down(HOUR)])
    assert days.engine.sights().of("hh-1") == Sight(cause=Blind.BROKER, since=START + HOUR)
    days.feed([link_up(2 * HOUR), run_started(4 * HOUR)])
    ours = days.engine.sights().of("hh-9")
    assert ours is not None and ours.cause is Blind.OURSELVES
    days.feed([link_up(5 * HOUR), reading(5 * HOUR + MINUTE, Signal.STATUS, 0.0, name="gw-1")])
    assert days.engine.sights().homes["hh-1"].cause is Blind.GATEWAY
    days.feed([reading(14 * HOUR, Signal.STATUS, 1.0, name="gw-1")])
    said = days.until(24 * HOUR)
    assert [one.evidence.blind for one in said if one.rule is RuleKey.MOTION] == ["ourselves", "gateway"]


def test_wrong_5_a_home_never_heard_is_blind_and_never_well() -> None:
    days = Days(home_with(Signal.MOTION))
    days.until(MINUTE)
    assert days.engine.sights().of("hh-1") == Sight(cause=Blind.NOT_COMMISSIONED, since=START)
    days.feed([HouseholdEnded(fact_id="x", at=START + HOUR, household_id=HouseholdId("hh-1"))])
    assert days.engine.sights().homes == {}


def test_after_an_outage_of_ours_a_home_waits_until_its_backlog_is_over() -> None:
    """It was still for 7 h 59 min before the outage; what its devices had kept comes in within the first minutes after."""
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(8 * HOUR - MINUTE), link_up(10 * HOUR)])
    assert raised(days.until(10 * HOUR + 9 * MINUTE), RuleKey.MOTION) == []
    days.feed([motion(9 * HOUR, received=10 * HOUR + 9 * MINUTE)])
    assert raised(days.until(19 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 18 * HOUR)]


def test_a_home_heard_as_it_happens_waits_no_longer_and_none_waits_more_than_ten_minutes() -> None:
    stands = [*home_with(Signal.MOTION), *home_with(Signal.MOTION, home="hh-2")[:1], device("pir-2", Signal.MOTION, home="hh-2")]
    days = Days([*stands, motion(0), motion(0, home="hh-2", name="pir-2"), link_down(8 * HOUR - MINUTE), link_up(10 * HOUR)])
    days.feed([reading(10 * HOUR + 2 * MINUTE, Signal.HEARTBEAT)])
    said = [(one.household_id, one.at - START) for one in days.until(11 * HOUR) if one.verb is Verb.RAISED]
    assert said == [("hh-1", 10 * HOUR + 2 * MINUTE + STEP), ("hh-2", 10 * HOUR + 10 * MINUTE)]


def test_a_link_that_goes_for_moments_again_and_again_silences_no_rule() -> None:
    """After each the wait for a backlog would begin anew, and the home of somebody who lies there would never be told of."""
    days = Days([*home_with(Signal.MOTION), motion(HOUR)])
    for at in every(9, 2 * HOUR, 26 * HOUR):
        days.feed([link_down(at + SECOND), link_up(at + 6 * SECOND)])
    said = days.until(26 * HOUR)
    assert [level for level, _ in raised(said, RuleKey.MOTION)] == list(Level)
    assert raised(said, RuleKey.MOTION)[-1][1] <= 25 * HOUR + 15 * MINUTE
    assert raised(said, RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 25 * HOUR)]  # and excuse nothing


def test_whether_a_home_was_well_before_an_outage_is_asked_after_moments_without_a_link_too() -> None:
    days = Days([*home_with(Signal.MOTION), motion(HOUR)])
    for at in every(9, 2 * HOUR, 10 * HOUR):  # it was well before the first, and is not before what follows the last
        days.feed([link_down(at + SECOND), link_up(at + 6 * SECOND)])
    days.feed([link_down(10 * HOUR + MINUTE)])
    assert raised(days.until(26 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 25 * HOUR)]


def test_a_gateway_that_was_gone_for_moments_excuses_nothing() -> None:
    days = Days([enrolled(), device("gw-1", Signal.STATUS), device("pir-1", Signal.MOTION), motion(HOUR)])
    for at in every(9, 2 * HOUR, 26 * HOUR):
        days.feed([reading(at, Signal.STATUS, 0.0, name="gw-1"), reading(at + 5 * SECOND, Signal.STATUS, 1.0, name="gw-1")])
    assert raised(days.until(26 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.DANGER, 25 * HOUR)]


def test_outages_that_follow_each_other_hold_back_nothing_for_longer_than_ten_minutes() -> None:
    days = Days([*home_with(Signal.MOTION), motion(HOUR)])
    for at in every(9, 2 * HOUR, 28 * HOUR):
        days.feed([link_down(at + SECOND), link_up(at + 91 * SECOND)])
    said = days.until(28 * HOUR)
    assert [level for level, _ in raised(said, RuleKey.MOTION)][:2] == [Level.CAUTION, Level.WARNING]
    assert raised(said, RuleKey.CANNOT_VERIFY)[0][1] <= 25 * HOUR + 10 * MINUTE


def test_a_blip_right_after_a_long_outage_does_not_end_the_wait_for_its_backlog() -> None:
    days = Days([*home_with(Signal.MOTION), motion(0), link_down(8 * HOUR - MINUTE), link_up(10 * HOUR)])
    days.feed([link_down(10 * HOUR + 2 * MINUTE + SECOND), link_up(10 * HOUR + 2 * MINUTE + 6 * SECOND)])
    assert raised(days.until(10 * HOUR + 9 * MINUTE), RuleKey.MOTION) == []
    assert raised(days.until(10 * HOUR + 11 * MINUTE), RuleKey.MOTION) == [(Level.CAUTION, 10 * HOUR + 10 * MINUTE)]


def troubles(chance: random.Random, start: Millis, end: Millis) -> list[Item]:
    """All that may go wrong of link, gateway, sensors and ourselves, and all that is no life, often or seldom."""
    found: list[Item] = []
    at, pause = start, chance.choice([4 * MINUTE, 40 * MINUTE, 4 * HOUR])
    weights = [chance.choice([1, 1, 9]) for _ in range(10)]
    while (at := at + 10 * SECOND + int(chance.expovariate(1 / pause))) < end:
        some: list[list[Item]] = [
            [link_down(at), link_up(at + 5 * SECOND)],
            [link_down(at)],
            [link_up(at)],
            [run_started(at)],
            [RunStopped(fact_id=f"stop-{at}", at=START + at, run_id="r")],
            [reading(at, Signal.STATUS, 0.0, name="gw-1", credible=False)],
            [reading(at, Signal.STATUS, 1.0, name="gw-1")],
            [reading(at, Signal.DOOR, chance.choice([0.0, 1.0]), name="door-1")],
            [reading(at - chance.choice([0, HOUR]), Signal.HEARTBEAT, received=at)],
            [reading(at, Signal.MOTION, 0.0)],
        ]
        found += chance.choices(some, weights)[0]
    return found


@pytest.mark.parametrize("seed", range(12))
def test_whatever_goes_wrong_the_net_warns_within_a_day_and_is_danger_within_two(seed: int) -> None:
    """At most ten minutes later, for what our own outage had kept from us."""
    chance = random.Random(seed)
    stands: list[Item] = [enrolled(), device("gw-1", Signal.STATUS), device("door-1", Signal.DOOR)]
    stands.append(device("pir-1", Signal.MOTION, interval_s=chance.choice([0, 600, 3600])))
    days = Days([*stands, *living(17, 0, HOUR), motion(HOUR), *troubles(chance, HOUR + 20 * MINUTE, 50 * HOUR)])
    told_at = raised(days.until(50 * HOUR), RuleKey.CANNOT_VERIFY)
    assert told_at[0][0] >= Level.WARNING and 25 * HOUR <= told_at[0][1] <= 25 * HOUR + 11 * MINUTE
    assert told_at[-1][0] is Level.DANGER and told_at[-1][1] <= 49 * HOUR + 11 * MINUTE


def test_the_net_says_that_no_sensor_of_life_could_be_heard() -> None:
    days = Days([*home_with(Signal.MOTION, interval_s=600), motion(HOUR)])
    said = [one for one in days.until(25 * HOUR) if one.rule is RuleKey.CANNOT_VERIFY]
    assert [(one.evidence.coverage, one.evidence.blind) for one in said] == [(0.0, Blind.SENSOR)]
    assert "0%만 관측, 센서 응답 없음 또는 이상" in reason(RuleKey.CANNOT_VERIFY, Level.DANGER, said[0].evidence, said[0].at)


def test_the_net_is_observed_as_well_as_the_best_observed_of_the_signals_of_life() -> None:
    stands = [*home_with(Signal.MOTION, interval_s=600), device("ph", Signal.CALL)]
    days = Days([*stands, motion(HOUR), reading(2 * HOUR, Signal.CALL, name="ph")])
    said = [one for one in days.until(26 * HOUR) if one.rule is RuleKey.CANNOT_VERIFY]
    assert [(one.evidence.coverage, one.evidence.blind) for one in said] == [(1.0, "")]


def test_wrong_1_after_a_long_outage_of_ours_nothing_storms() -> None:
    homes = [f"hh-{number}" for number in range(50)]
    items = [fact for home in homes for fact in (enrolled(home), device(f"d-{home}", Signal.MOTION, home=home))]
    days = Days([*items, *(motion(0, home=home, name=f"d-{home}") for home in homes), link_down(HOUR), link_up(30 * HOUR)])
    days.until(30 * HOUR)
    kept = [
        motion(29 * HOUR, received=30 * HOUR + place * 10 * SECOND, home=home, name=f"d-{home}")
        for place, home in enumerate(homes)
    ]
    said = days.feed(kept).until(36 * HOUR)
    assert {one.verb for one in said} <= {Verb.CLEARED, Verb.ALIVE}


def test_a_gateway_that_is_lost_twice_was_lost_the_first_time_and_what_is_long_over_is_forgotten() -> None:
    watch = Observability()
    watch.gateway_lost(0, HOUR)
    watch.gateway_lost(0, 2 * HOUR)
    watch.gateway_found(0, 3 * HOUR)
    assert watch.blind_between(0, 0, DAY) == 2 * HOUR
    watch.gateway_lost(0, 20 * DAY)
    watch.gateway_found(0, 20 * DAY + HOUR)
    assert watch.blind_between(0, 0, 21 * DAY) == HOUR
    assert watch.cause_between(0, 0, DAY) is None


def test_a_household_that_ends_while_its_sensor_is_silent_is_blind_no_more() -> None:
    days = sensor_day(HouseholdEnded(fact_id="x", at=START + 5 * HOUR, household_id=HouseholdId("hh-1")))
    assert days.engine.sights().homes == {} and not days.engine._state.observability.blind(0, MOTION_BIT)
    assert days.engine._state.observability.blind_between(0, START, START + 9 * HOUR, MOTION_BIT) == 3 * HOUR
    assert told(days.until(30 * HOUR), RuleKey.MOTION, RuleKey.CANNOT_VERIFY) == []


def test_the_cause_is_what_kept_us_from_a_home_for_longest_all_of_it_taken_together() -> None:
    watch = Observability()
    for begins in (HOUR, 3 * HOUR):
        watch.gateway_lost(0, begins)
        watch.gateway_found(0, begins + HOUR)
    watch.link_lost(5 * HOUR, "mqtt")
    watch.link_found(6 * HOUR + 30 * MINUTE, "mqtt")
    assert watch.cause_between(0, 0, 12 * HOUR) is Blind.GATEWAY
    assert watch.cause_between(1, 0, 12 * HOUR) is Blind.BROKER
    watch.gateway_lost(2, 11 * HOUR)  # it lasts: of what is asked of it is an hour
    assert watch.cause_between(2, 0, 12 * HOUR) is Blind.BROKER


def test_a_home_behind_a_lost_gateway_has_not_been_heard_again_whatever_came_before() -> None:
    watch = Observability()
    assert watch.ended_at(0, MINUTE, 10 * MINUTE) is None
    watch.gateway_lost(0, HOUR)
    watch.gateway_found(0, 2 * HOUR)
    assert watch.ended_at(0, MINUTE, 10 * MINUTE) == 2 * HOUR
    watch.gateway_lost(0, 3 * HOUR)
    assert watch.ended_at(0, MINUTE, 10 * MINUTE) is None
    watch.link_lost(4 * HOUR, "mqtt")
    watch.link_found(5 * HOUR, "mqtt")
    assert watch.ended_at(0, MINUTE, 10 * MINUTE) is None and watch.ended_at(1, MINUTE, 10 * MINUTE) == 5 * HOUR


def test_what_comes_a_whole_minute_late_is_backlog_and_what_comes_sooner_says_that_it_is_over() -> None:
    for late, told_at in ((MINUTE, 10 * MINUTE), (MINUTE - 1, 2 * MINUTE + STEP)):
        days = Days([*home_with(Signal.MOTION), motion(0), link_down(8 * HOUR - MINUTE), link_up(10 * HOUR)])
        at = 10 * HOUR + 2 * MINUTE
        days.feed([reading(at - late, Signal.HEARTBEAT, received=at)])
        assert raised(days.until(11 * HOUR), RuleKey.MOTION) == [(Level.CAUTION, 10 * HOUR + told_at)]


def test_what_is_ahead_of_a_home_counts_the_time_alone_in_which_its_sensor_was_heard() -> None:
    beats = [reading(at, Signal.HEARTBEAT) for at in every(10, 5 * HOUR, 6 * HOUR + 1)]
    days = sensor_day(*beats)
    days.until(6 * HOUR)
    assert days.engine.first_alert(HouseholdId("hh-1"), START + 6 * HOUR) == 9 * HOUR  # twelve, of which three are seen


def test_a_home_whose_gateway_is_away_when_our_own_link_goes_stays_as_well_as_it_was_before_its_gateway_went() -> None:
    """In doubt after 24 h of its gateway's outage (경보); the outage of ours does not make that a danger an hour later."""
    lost = [reading(HOUR, Signal.STATUS, 0.0, name="gw-1"), link_down(25 * HOUR)]
    days = Days([*home_with(Signal.MOTION), device("gw-1", Signal.STATUS), motion(0), *lost])
    assert raised(days.until(49 * HOUR), RuleKey.CANNOT_VERIFY) == [(Level.WARNING, 24 * HOUR), (Level.DANGER, 48 * HOUR)]


def test_a_home_that_has_no_sign_of_life_to_hear_any_more_is_covered_as_a_home_whatever_a_sensor_did_that_is_gone() -> None:
    gone = DeviceRemoved(fact_id="x", at=START + 10 * HOUR, device_id=DeviceId("pir-1"))
    days = sensor_day(device("light-1", Signal.LIGHT), gone)
    [net] = [one for one in days.until(25 * HOUR) if one.rule is RuleKey.CANNOT_VERIFY]
    assert (net.verb, net.at - START, net.evidence.coverage, net.evidence.blind) == (Verb.RAISED, 24 * HOUR, 1.0, "")
