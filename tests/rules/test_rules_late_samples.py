"""Proves that a temperature or humidity that comes late counts as if it had come in time, and how far back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from msgspec import structs

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.facts import DeviceRemoved, Fact, HouseholdEnded, HouseholdGraded, HouseholdLimit, RulesApplied, SeasonDeclared
from ingest.reading import DeviceId, Reading, Signal
from ingest.readings import Readings
from rules.dwell import RULES as THRESHOLDS
from rules.dwell import Dwells
from rules.engine import Engine, Item
from rules.finding import LATE_DATA, Finding, Level, RuleKey, Verb
from rules.limits_in_force import LimitsInForce
from rules.metrics import SAMPLES_LEFT_OUT
from rules.samples import Samples
from rules.sentence import reason
from rules.settling import Settling
from tests.rules.rule_parts import HOME, START, TABLE, Days, device, enrolled, every, motion, reading, resolved, without_personal


def air(value: float, start: Millis, end: Millis, *, came: Millis | None = None, name: str = "th-1") -> list[Reading]:
    """Every ten minutes; all of them a second apart from `came` on, or at once."""
    return [
        reading(at, Signal.TEMPERATURE, value, name=name, received=None if came is None else came + place * SECOND)
        for place, at in enumerate(every(10, start, end))
    ]


def damp(value: float, at: Millis, *, came: Millis | None = None, name: str = "th-1") -> Reading:
    return reading(at, Signal.HUMIDITY, value, name=name, received=came)


def home(*items: Iterable[Item], sensors: tuple[str, ...] = ("th-1",)) -> Days:
    return Days(
        [
            enrolled(),
            *(device(name, Signal.TEMPERATURE, Signal.HUMIDITY, interval_s=600) for name in sensors),
            *(item for some in items for item in some),
        ]
    )


def of(findings: Iterable[Finding], rule: RuleKey = RuleKey.HEAT) -> list[tuple[Verb, int, Millis, str]]:
    return [(one.verb, int(one.level), one.at - START, one.evidence.withdrawn) for one in findings if one.rule is rule]


def standing(days: Days) -> list[tuple[RuleKey, Level]]:
    return [(rule, level) for name, rule, level in days.engine.standing() if name == HOME and rule in THRESHOLDS]


def timely(items: Iterable[Reading]) -> list[Reading]:
    """The same messages, had they come at once."""
    return [structs.replace(one, received_at=one.observed_at) for one in items]


def left_out() -> float:
    return SAMPLES_LEFT_OUT._value.get()


# ---------------------------------------------------------------- as if it had come in time


def test_heat_raised_in_ignorance_of_a_cool_sample_is_withdrawn_and_its_dwell_runs_from_there() -> None:
    """Hot from 0 to 60 min but for the sample of 10 min, which comes at 35: heat is full 27 min after the one of 20."""
    hot = [one for one in air(31.5, 0, HOUR) if one.observed_at != START + 10 * MINUTE]
    late = reading(10 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=35 * MINUTE)
    said = home(hot, [late]).until(HOUR)
    assert of(said) == [
        (Verb.RAISED, 1, 30 * MINUTE + 10 * SECOND, ""),
        (Verb.CLEARED, 1, 35 * MINUTE + 10 * SECOND, LATE_DATA),
        (Verb.RAISED, 1, 50 * MINUTE + 10 * SECOND, ""),
    ]
    assert [one.evidence.since - START for one in said if one.rule is RuleKey.HEAT][2] == 20 * MINUTE


def test_a_late_hot_sample_fills_the_gap_in_a_dwell() -> None:
    """Of 0 to 60 min those of 20 and 30 are missing, a gap that breaks the dwell; they come at 52."""
    hot = [one for one in air(31.5, 0, 60 * MINUTE) if one.observed_at - START not in (20 * MINUTE, 30 * MINUTE)]
    said = home(hot, air(31.5, 20 * MINUTE, 40 * MINUTE, came=52 * MINUTE)).until(HOUR)
    assert [one[:3] for one in of(said)] == [
        (Verb.UNDETERMINED, 1, 30 * MINUTE + 10 * SECOND),
        (Verb.RAISED, 1, 52 * MINUTE + 10 * SECOND),
    ]
    assert said[-1].evidence.since == START


@pytest.mark.parametrize("length", [30 * MINUTE, 90 * MINUTE, 6 * HOUR, 30 * HOUR])
def test_a_sensor_whose_network_was_away_sends_the_present_first_and_then_what_it_stored(length: Millis) -> None:
    back = HOUR + length
    stored = air(31.5, HOUR, back, came=back + 30 * SECOND)
    items = [*air(22.0, 0, HOUR), *air(31.5, back, back + 1), *stored]
    late, in_time = home(items), home(timely(items))
    said = of(late.until(back + 9 * MINUTE))
    in_time.until(back + 9 * MINUTE)
    assert standing(late) == standing(in_time) == [(RuleKey.HEAT, Level.CAUTION)]
    assert said[-1][:2] == (Verb.RAISED, 1) and said[-1][2] <= back + MINUTE + len(stored) * SECOND


def test_a_repeated_sample_changes_nothing() -> None:
    samples = air(31.5, 0, HOUR)
    again = [structs.replace(one, received_at=START + 57 * MINUTE, offset=one.offset + 1_000) for one in samples]
    once, twice = home(samples), home(samples, again)
    assert of(once.until(HOUR)) == of(twice.until(HOUR))
    kept = twice.engine._state.recent.dump()
    assert len(kept.columns[0]) == 4 * len(samples), "a device that tells one thing for ever fills no memory"


def test_a_level_that_was_raised_too_high_in_ignorance_is_withdrawn_and_told_as_it_is() -> None:
    """Heat at 33.5 that came down to 31.5 at 10 min and rose again: what said so comes at 40."""
    hot = [reading(at, Signal.TEMPERATURE, 33.5, name="th-1") for at in every(10, 0, HOUR) if at != 10 * MINUTE]
    late = reading(10 * MINUTE, Signal.TEMPERATURE, 32.5, name="th-1", received=36 * MINUTE)
    days = home(hot, [late], [motion(-5 * HOUR)])
    said = of(days.until(39 * MINUTE))
    assert said == [
        (Verb.RAISED, 2, 30 * MINUTE + 10 * SECOND, ""),
        (Verb.CLEARED, 2, 36 * MINUTE + 10 * SECOND, LATE_DATA),
        (Verb.RAISED, 1, 36 * MINUTE + 10 * SECOND, ""),
    ]
    assert standing(days) == [(RuleKey.HEAT, Level.CAUTION)]


def test_heat_while_nobody_moves_is_withdrawn_with_its_heat_and_told_anew_no_graver_than_that() -> None:
    start = 6 * HOUR
    hot = [
        reading(at, Signal.TEMPERATURE, 33.5, name="th-1") for at in every(10, start, start + HOUR) if at != start + 10 * MINUTE
    ]
    late = reading(start + 10 * MINUTE, Signal.TEMPERATURE, 32.5, name="th-1", received=start + 36 * MINUTE)
    days = home([device("pir-1", Signal.MOTION), motion(MINUTE)], hot, [late])
    said = days.until(start + 39 * MINUTE)
    assert of(said, RuleKey.HEAT_INACTIVE) == [
        (Verb.RAISED, 3, start + 30 * MINUTE + 10 * SECOND, ""),
        (Verb.CLEARED, 3, start + 36 * MINUTE + 10 * SECOND, LATE_DATA),
        (Verb.RAISED, 2, start + 36 * MINUTE + 10 * SECOND, ""),
    ]


def test_heat_that_comes_again_while_nobody_moves_is_a_new_finding() -> None:
    """It had the name of the first, and the desk took it for one it knew."""
    hot = [*air(31.5, 5 * HOUR, 6 * HOUR), *air(22.0, 6 * HOUR, 7 * HOUR), *air(31.5, 7 * HOUR, 8 * HOUR)]
    said = home([device("pir-1", Signal.MOTION), motion(MINUTE)], hot).until(8 * HOUR)
    raised = [one.finding_id for one in said if one.rule is RuleKey.HEAT_INACTIVE and one.verb is Verb.RAISED]
    assert len(raised) == 2 == len(set(raised))


def test_what_was_worse_in_between_and_came_late_is_told_with_the_sample_that_showed_it() -> None:
    """36 C for 20 min comes once it is 31.5 again: never over since, so it stands as the danger that it was."""
    items = [*air(36.0, 0, 30 * MINUTE), *air(34.5, 30 * MINUTE, 40 * MINUTE)]
    stored = [structs.replace(one, received_at=START + 52 * MINUTE) for one in items]
    days = home(stored, air(31.5, 40 * MINUTE, 60 * MINUTE))
    danger = next(one for one in days.until(55 * MINUTE) if one.rule is RuleKey.HEAT and one.level is Level.DANGER)
    seen = danger.evidence
    assert (seen.value, seen.limit, seen.since, seen.device_id, seen.offset) == (36.0, 35.0, START, "th-1", items[1].offset)
    assert "36.0" in reason(danger.rule, danger.level, seen, danger.at)


def test_a_humidity_that_comes_after_its_temperatures_makes_the_heat_that_was_felt() -> None:
    """29.5 C at 85% feels like more than 31; the humidity of each comes a minute later."""
    warm = air(29.5, 0, HOUR)
    wet = [damp(85.0, at, came=at + MINUTE) for at in every(10, 0, HOUR)]
    said = home(warm, wet).until(HOUR)
    assert of(said) == [(Verb.RAISED, 1, 30 * MINUTE + 10 * SECOND, "")]
    assert said[0].evidence.since == START, "of that sample too, which was judged before its humidity came"


def test_another_sensor_of_the_home_that_goes_on_lends_the_one_that_was_away_the_humidity_of_its_time() -> None:
    """Away for six hours; it was wet until two hours before it came back, as only the other sensor can tell."""
    wet = [damp(90.0 if at < 4 * HOUR else 40.0, at, name="th-2") for at in every(10, 0, 6 * HOUR)]
    stored = air(29.5, HOUR, 4 * HOUR, came=6 * HOUR)
    days = home(wet, air(22.0, 0, HOUR), stored, sensors=("th-1", "th-2"))
    assert of(days.until(6 * HOUR + MINUTE))[0][:2] == (Verb.RAISED, 1)


def test_a_room_of_which_a_well_sample_comes_late_ended_its_heat_there_and_the_next_is_another() -> None:
    """Raised at 30 min; cool at 40 (late), hot again from 50 on."""
    hot = [one for one in air(31.5, 0, 2 * HOUR) if one.observed_at != START + 40 * MINUTE]
    late = reading(40 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=95 * MINUTE)
    assert of(home(hot, [late]).until(2 * HOUR)) == [
        (Verb.RAISED, 1, 30 * MINUTE + 10 * SECOND, ""),
        (Verb.CLEARED, 1, 95 * MINUTE + 10 * SECOND, ""),
        (Verb.RAISED, 1, 95 * MINUTE + 10 * SECOND, ""),
    ]


def test_a_doubt_that_follows_heat_raised_in_ignorance_leaves_nothing_standing() -> None:
    """Raised on 0 to 30 min, then silent; the cool sample of 20 comes two hours later: heat for ten minutes, and nobody knows."""
    hot = [one for one in air(31.5, 0, 40 * MINUTE) if one.observed_at != START + 20 * MINUTE]
    late = reading(20 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=150 * MINUTE)
    days = home(hot, [late])
    said = of(days.until(3 * HOUR))
    assert [one[0] for one in said] == [Verb.RAISED, Verb.UNDETERMINED, Verb.CLEARED, Verb.UNDETERMINED]
    assert said[2][3] == LATE_DATA and standing(days) == []


def test_a_sensor_that_told_another_temperature_as_comes_to_be_known_late_is_not_stuck_on_one() -> None:
    """22.0 for 26 hours but for one sample of 22.1, which comes an hour late."""
    same = [one for one in air(22.0, 0, 26 * HOUR) if one.observed_at != START + 20 * HOUR]
    late = reading(20 * HOUR, Signal.TEMPERATURE, 22.1, name="th-1", received=21 * HOUR)
    timely, missing = home(same, [late]), home(same)
    assert of(missing.until(26 * HOUR), RuleKey.DEVICE_STUCK)[0][:2] == (Verb.RAISED, 1)
    assert of(timely.until(26 * HOUR), RuleKey.DEVICE_STUCK) == []
    assert missing.engine.sights().homes and not timely.engine.sights().homes


@pytest.mark.parametrize("received", [25 * HOUR, 25 * HOUR + 20 * MINUTE])
def test_a_sensor_found_stuck_in_ignorance_is_well_again_with_the_late_sample_that_shows_it(received: Millis) -> None:
    same = [one for one in air(22.0, 0, 26 * HOUR) if one.observed_at != START + 24 * HOUR]
    late = reading(24 * HOUR, Signal.TEMPERATURE, 22.1, name="th-1", received=received)
    verbs = [one[0] for one in of(home(same, [late]).until(26 * HOUR), RuleKey.DEVICE_STUCK)]
    assert verbs == [Verb.RAISED, Verb.CLEARED]


# ---------------------------------------------------------------- how far back


def test_in_a_home_with_heat_a_sample_of_a_day_ago_still_counts() -> None:
    hot = [one for one in air(31.5, 0, 20 * HOUR) if one.observed_at != START + 10 * MINUTE]
    late = reading(10 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=20 * HOUR)
    before = left_out()
    days = home(hot, [late])
    assert of(days.until(20 * HOUR + MINUTE))[-2:] == [
        (Verb.CLEARED, 1, 20 * HOUR + 10 * SECOND, LATE_DATA),
        (Verb.RAISED, 1, 20 * HOUR + 10 * SECOND, ""),
    ]
    assert left_out() == before


def test_a_sample_that_comes_too_late_is_left_out_counted_and_said_in_the_finding() -> None:
    hot = [one for one in air(31.5, 0, 40 * HOUR) if one.observed_at != START + 10 * MINUTE]
    late = reading(10 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=40 * HOUR)
    before = left_out()
    days = home(hot, [late], air(33.5, 40 * HOUR, 42 * HOUR))
    said = [one for one in days.until(42 * HOUR) if one.rule is RuleKey.HEAT]
    assert left_out() == before + 1
    assert of(said)[0][2] == 30 * MINUTE + 10 * SECOND and [one.level for one in said] == [1, 2]
    assert said[0].evidence.left_out == 0
    warning = structs.replace(said[1].evidence, left_out=START + 10 * MINUTE)
    assert said[1].evidence.left_out == 0, "it is older than the breach that is told of"
    assert "11월 22일 09:10 측정값은 너무 늦게 와서" in reason(RuleKey.HEAT, Level.WARNING, warning, said[1].at)
    assert "22 Nov 09:10 came too late" in reason(RuleKey.HEAT, Level.WARNING, warning, said[1].at, "en")


def test_what_was_left_out_since_the_breach_began_stands_in_its_evidence() -> None:
    """A supervisor's change of limits closes the past: what comes after it and belongs before it is left out."""
    hot = [one for one in air(31.5, 0, 30 * MINUTE) if one.observed_at != START + 10 * MINUTE]
    late = reading(10 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=25 * MINUTE)
    change = RulesApplied(fact_id="f", at=START + 22 * MINUTE, version="v", table=without_personal())
    said = home(hot, [change, late], air(31.5, 30 * MINUTE, HOUR)).until(HOUR)
    assert [(one.verb, one.evidence.left_out) for one in said] == [(Verb.RAISED, START + 10 * MINUTE)]


def test_where_all_is_well_two_hours_are_kept_and_what_is_older_would_change_nothing() -> None:
    calm = home(air(22.0, 0, 10 * HOUR))
    calm.until(10 * HOUR)
    state = calm.engine._state
    assert len(state.recent.dump().columns[0]) // 4 in range(12, 15)
    assert int(state.before.sampled_at[0, 0]) in range(START + 7 * HOUR, START + 8 * HOUR)
    before = left_out()
    hours_ago = air(36.0, 3 * HOUR + MINUTE, 4 * HOUR, came=10 * HOUR)
    assert of(calm.feed(hours_ago).until(10 * HOUR + MINUTE)) == [] and left_out() == before + 6


def test_a_snapshot_keeps_what_was_before_and_what_came_since() -> None:
    samples = [one for one in air(31.5, 0, 30 * HOUR) if one.observed_at != START + 29 * HOUR]
    late = reading(29 * HOUR, Signal.TEMPERATURE, 20.0, name="th-1", received=30 * HOUR)
    whole, restored = home(samples), Days()
    restored.engine.restore(whole.engine.snapshot())
    restored._begun |= whole._begun
    assert restored.engine.snapshot() == whole.engine.snapshot()
    said = [of(one.feed([late]).until(30 * HOUR + MINUTE))[-2:] for one in (whole, restored)]
    assert said[0] == said[1] and said[0][0][0] is Verb.CLEARED
    assert restored.engine.snapshot() == whole.engine.snapshot()


# ---------------------------------------------------------------- what closes the past

COOL = reading(10 * MINUTE, Signal.TEMPERATURE, 20.0, name="th-1", received=45 * MINUTE)


@pytest.mark.parametrize(
    ("fact", "closes"),
    [
        (SeasonDeclared(fact_id="f", at=START + 42 * MINUTE, season="heatwave", until=START + 50 * MINUTE), True),
        (HouseholdLimit(fact_id="f", at=START + 42 * MINUTE, household_id=HOME, rule="cold", level=1, limit=19.0), True),
        (HouseholdGraded(fact_id="f", at=START + 42 * MINUTE, household_id=HOME, grade="high"), True),
        (resolved(42 * MINUTE, "safe_by_phone", RuleKey.HEAT), True),
        (resolved(42 * MINUTE, "safe_by_phone", RuleKey.MOTION), False),
        (device("th-2", Signal.TEMPERATURE, home="hh-9", at=42 * MINUTE), False),
    ],
)
def test_limits_that_change_and_a_check_that_is_settled_close_the_past(fact: Fact, closes: bool) -> None:
    hot = [one for one in air(31.5, 0, HOUR) if one.observed_at != START + 10 * MINUTE]
    before = left_out()
    said = of(home(hot, [fact, COOL]).until(48 * MINUTE))
    assert (left_out() - before, said[-1][0]) == ((1, Verb.RAISED) if closes else (0, Verb.CLEARED))


def test_a_season_that_ends_by_itself_closes_the_past_too() -> None:
    season = SeasonDeclared(fact_id="f", at=START, season="heatwave", until=START + 42 * MINUTE)
    hot = [one for one in air(31.5, 0, HOUR) if one.observed_at != START + 10 * MINUTE]
    assert of(home([season], hot, [COOL]).until(48 * MINUTE))[-1][0] is Verb.RAISED


def test_after_a_settled_check_only_what_is_yet_to_come_is_told() -> None:
    """It was a danger, is 31.5 when staff settle it, and rises to a warning."""
    samples = [*air(36.0, 0, 30 * MINUTE), *air(31.5, 30 * MINUTE, HOUR), *air(33.5, HOUR, 2 * HOUR)]
    said = of(home(samples, [resolved(55 * MINUTE, "safe_by_visit", RuleKey.HEAT)]).until(2 * HOUR))
    assert [one[:2] for one in said if one[2] > 55 * MINUTE] == [(Verb.RAISED, 2)]


def test_a_sensor_that_is_taken_away_takes_its_heat_and_its_humidity_with_it() -> None:
    wet = [damp(90.0, at, name="th-2") for at in every(10, 0, 90 * MINUTE)]
    gone = DeviceRemoved(fact_id="f", at=START + 61 * MINUTE, device_id=DeviceId("th-2"))
    days = home(air(29.5, 0, 3 * HOUR), wet, air(36.0, 0, HOUR, name="th-2"), [gone], sensors=("th-1", "th-2"))
    said = of(days.until(3 * HOUR))
    assert said[-1][:1] == (Verb.CLEARED,) and standing(days) == []
    assert len(days.engine._state.before) == len(days.engine._state.climates)


def test_a_sensor_that_stands_in_another_home_brings_none_of_its_samples_along() -> None:
    items = [enrolled("hh-2"), device("th-1", Signal.TEMPERATURE, home="hh-2", at=65 * MINUTE, interval_s=600)]
    days = home(air(36.0, 0, HOUR), items)
    days.feed([reading(at, Signal.TEMPERATURE, 22.0, name="th-1", home="hh-2", received=at) for at in (70 * MINUTE, 90 * MINUTE)])
    days.feed([reading(80 * MINUTE, Signal.TEMPERATURE, 22.0, name="th-1", home="hh-2", received=95 * MINUTE)])
    days.until(14 * HOUR)
    days.feed([reading(14 * HOUR, Signal.TEMPERATURE, 22.0, name="th-1", home="hh-2")])
    days.until(15 * HOUR)
    assert [one for one in days.engine.standing() if ":" not in one[0]] == []


def test_a_home_that_is_looked_after_no_more_leaves_nothing_behind() -> None:
    days = home(air(36.0, 0, HOUR), [HouseholdEnded(fact_id="f", at=START + HOUR, household_id=HOME)])
    days.feed([enrolled("hh-2", at=2 * HOUR), device("th-9", Signal.TEMPERATURE, home="hh-2", at=2 * HOUR)])
    days.feed([reading(at, Signal.TEMPERATURE, 22.0, name="th-9", home="hh-2") for at in every(10, 2 * HOUR + MINUTE, 30 * HOUR)])
    days.until(30 * HOUR)
    state = days.engine._state
    assert state.spans.dump() == state.spans_before.dump() == []
    assert standing(days) == []


def test_what_was_over_a_day_ago_is_forgotten() -> None:
    days = home(air(36.0, 0, HOUR), air(22.0, HOUR, 12 * HOUR))
    assert days.engine._state.spans.dump()
    days.feed(air(22.0, 12 * HOUR, 40 * HOUR))
    assert days.engine._state.spans.dump() == days.engine._state.spans_before.dump() == []


# ---------------------------------------------------------------- a flood


def flood(samples: int, apart: Millis = 1) -> list[Reading]:
    """One pack after the other of a sensor that tells every millisecond, all of them come within a minute."""
    first = reading(0, Signal.TEMPERATURE, 31.5, name="th-1", received=30 * MINUTE + SECOND)
    return [structs.replace(first, observed_at=START + place * apart, offset=100 + place) for place in range(samples)]


def test_a_flood_does_not_wait_for_the_grid_point_and_leaves_the_same_wherever_it_is_cut() -> None:
    at = np.arange(START, START + 1_000 * SECOND, SECOND // 2)
    nothing = np.zeros(len(at), dtype=np.int64)
    samples = Samples(nothing, nothing, 31.0 + at % 1_500 / 1_000, at, np.arange(len(at)), nothing == 0)
    left = []
    for piece in (len(at), 30, 499, 500, 1):
        days = home()
        days.until(30 * MINUTE)
        state = days.engine._state
        settling = Settling(Dwells(LimitsInForce(TABLE, state, None)), at_once=300)
        for start in range(0, len(at), piece):
            settling.add(state, samples.chosen(slice(start, start + piece)))
        assert state.waiting.count == len(at) % 300
        left.append(days.engine.snapshot())
    assert left == left[:1] * len(left)


def test_of_a_sensor_that_tells_all_the_time_one_sample_a_second_is_kept() -> None:
    days = home()
    days.until(30 * MINUTE)
    days.engine.fold([Readings.of(flood(4_000))])
    days.until(31 * MINUTE)
    assert len(days.engine._state.recent.dump().columns[0]) == 4 * 4
    split = home(flood(10), [structs.replace(one, received_at=START + 32 * MINUTE) for one in flood(10, 100)])
    split.until(33 * MINUTE)
    assert len(split.engine._state.recent.dump().columns[0]) == 4


def test_many_samples_that_wait_are_kept_in_a_snapshot() -> None:
    days = home()
    days.until(30 * MINUTE)
    days.engine.fold(flood(500))
    again = Engine(TABLE)
    again.restore(days.engine.snapshot())
    assert again._state.waiting.count == 500
    assert again.snapshot() == days.engine.snapshot()
