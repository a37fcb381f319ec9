"""Proves the heat, cold and humidity rows: limits, dwell with its tolerance and gaps, clearing, and silence after a breach."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.reading import Reading, Signal
from rules.apparent import apparent_temperature, felt_heat
from rules.engine import Item
from rules.finding import Level, RuleKey, Verb
from tests.rules.rule_parts import HOME, START, Days, device, enrolled, every, raised, reading, resolved, told

INTERVAL_S = 600


def climate(*names: str) -> list[Item]:
    return [enrolled(), *(device(name, Signal.TEMPERATURE, Signal.HUMIDITY, interval_s=INTERVAL_S) for name in names)]


def air(value: float, start: Millis, end: Millis, *, name: str = "th-1", minutes: float = 10) -> list[Reading]:
    return [reading(at, Signal.TEMPERATURE, value, name=name) for at in every(minutes, start, end)]


def damp(value: float, start: Millis, end: Millis, *, name: str = "th-1") -> list[Reading]:
    return [reading(at, Signal.HUMIDITY, value, name=name) for at in every(10, start, end)]


def days(*readings: Reading, sensors: tuple[str, ...] = ("th-1",)) -> Days:
    return Days([*climate(*sensors), *readings])


@pytest.mark.parametrize(("humidity", "expected"), [(30.0, 32.0), (55.0, 35.0)])
def test_apparent_temperature_gives_the_published_check_values(humidity: float, expected: float) -> None:
    assert felt_heat(np.array([35.0]), np.array([humidity]))[0] in (expected, 35.0)
    assert round(float(apparent_temperature(np.array([35.0]), np.array([humidity]))[0]), 1) == expected


def test_apparent_temperature_at_55_percent_is_3497_before_rounding() -> None:
    assert float(apparent_temperature(np.array([35.0]), np.array([55.0]))[0]) == pytest.approx(34.97, abs=0.005)


@pytest.mark.parametrize(
    ("value", "level", "minutes"),
    [(31.0, Level.CAUTION, 30), (33.0, Level.WARNING, 30), (35.0, Level.DANGER, 10)],
)
def test_heat_is_raised_at_each_level_when_its_dwell_is_full(value: float, level: Level, minutes: int) -> None:
    said = days(*air(value, 0, 2 * HOUR)).until(2 * HOUR)
    assert raised(said, RuleKey.HEAT)[-1] == (level, minutes * MINUTE + 10 * SECOND)


@pytest.mark.parametrize(("value", "level"), [(30.9, None), (32.9, Level.CAUTION), (34.9, Level.WARNING)])
def test_heat_below_a_limit_is_not_raised_at_its_level(value: float, level: Level | None) -> None:
    said = raised(days(*air(value, 0, 5 * HOUR)).until(5 * HOUR), RuleKey.HEAT)
    assert max((one for one, _ in said), default=None) == level


@pytest.mark.parametrize(
    ("value", "level", "minutes"),
    [(17.9, Level.CAUTION, 110), (15.9, Level.WARNING, 60), (11.9, Level.DANGER, 30)],
)
def test_cold_is_raised_at_each_level_when_its_dwell_is_full(value: float, level: Level, minutes: int) -> None:
    """Two hours less the tenth are 108 minutes: the sample at 110 fills it."""
    said = raised(days(*air(value, 0, 4 * HOUR)).until(4 * HOUR), RuleKey.COLD)
    assert (level, minutes * MINUTE + 10 * SECOND) in said and max(one for one, _ in said) == level


def test_exactly_eighteen_degrees_is_not_cold() -> None:
    assert days(*air(18.0, 0, 5 * HOUR)).until(5 * HOUR) == []


@pytest.mark.parametrize(("value", "expected"), [(19.9, True), (80.1, True), (20.0, False), (80.0, False)])
def test_humidity_beyond_its_limits_for_six_hours_is_a_caution(value: float, expected: bool) -> None:
    said = days(*damp(value, 0, 8 * HOUR)).until(8 * HOUR)
    assert raised(said, RuleKey.HUMIDITY) == ([(Level.CAUTION, 330 * MINUTE + 10 * SECOND)] if expected else [])


def test_heat_takes_the_higher_of_air_and_apparent_temperature() -> None:
    said = days(*damp(85.0, 0, 2 * HOUR), *air(30.0, 0, 2 * HOUR)).until(2 * HOUR)
    heat = [one for one in said if one.rule is RuleKey.HEAT]
    assert heat[0].level is Level.CAUTION and heat[0].evidence.value > 31.0


def test_humidity_older_than_thirty_minutes_leaves_the_air_alone() -> None:
    said = days(*damp(85.0, 0, 1), *air(30.0, 31 * MINUTE, 3 * HOUR)).until(3 * HOUR)
    assert raised(said, RuleKey.HEAT) == []


def test_humidity_of_another_sensor_of_the_home_counts_where_a_sensor_has_none() -> None:
    said = days(*damp(85.0, 0, 2 * HOUR, name="th-2"), *air(30.0, 0, 2 * HOUR), sensors=("th-1", "th-2")).until(2 * HOUR)
    assert raised(said, RuleKey.HEAT)


def test_evidence_says_since_when_which_limit_which_value_and_which_reading() -> None:
    samples = air(33.44, 0, HOUR)
    first = days(*samples).until(HOUR)[0]
    seen = first.evidence
    assert (seen.limit, seen.value, seen.dwell, seen.device_id) == (33.0, 33.4, 30 * MINUTE, "th-1")
    assert (seen.since, seen.offset) == (samples[0].observed_at, samples[3].offset)


def test_the_dwell_has_ten_percent_tolerance() -> None:
    jittery = [reading(at, Signal.TEMPERATURE, 31.5, name="th-1") for at in (0, 9 * MINUTE, 18 * MINUTE, 27 * MINUTE)]
    assert raised(days(*jittery).until(28 * MINUTE), RuleKey.HEAT) == [(Level.CAUTION, 27 * MINUTE + 10 * SECOND)]
    short = [reading(at, Signal.TEMPERATURE, 31.5, name="th-1") for at in (0, 9 * MINUTE, 18 * MINUTE, 26 * MINUTE)]
    assert days(*short).until(28 * MINUTE) == []


def test_a_sample_that_does_not_breach_starts_the_dwell_anew() -> None:
    said = days(*air(31.5, 0, 21 * MINUTE), *air(30.9, 30 * MINUTE, 31 * MINUTE), *air(31.5, 40 * MINUTE, 70 * MINUTE))
    assert said.until(69 * MINUTE) == []


def test_wrong_4_a_gap_in_the_data_does_not_extend_a_breach() -> None:
    said = days(*air(31.5, 0, 11 * MINUTE), *air(31.5, 40 * MINUTE, 50 * MINUTE))
    assert raised(said.until(50 * MINUTE), RuleKey.HEAT) == []


def test_heat_clears_at_its_clear_limit_and_not_before() -> None:
    home = days(*air(31.5, 0, HOUR), *air(30.5, HOUR, 2 * HOUR), *air(30.0, 2 * HOUR, 3 * HOUR))
    said = home.until(3 * HOUR)
    assert told(said) == [("heat", "raised", 1, 0.5028), ("heat", "cleared", 1, 2.0028)]
    assert [one.evidence.limit for one in said] == [31.0, 30.0]


def test_a_breach_that_comes_again_is_a_new_episode() -> None:
    home = days(*air(31.5, 0, HOUR), *air(28.0, HOUR, 2 * HOUR), *air(31.5, 2 * HOUR, 3 * HOUR))
    said = home.until(3 * HOUR)
    assert [one.verb for one in said] == [Verb.RAISED, Verb.CLEARED, Verb.RAISED]
    assert said[0].episode == said[1].episode != said[2].episode


def test_a_rising_temperature_raises_each_level_once() -> None:
    home = days(*air(31.5, 0, HOUR), *air(33.5, HOUR, 2 * HOUR), *air(36.0, 2 * HOUR, 3 * HOUR))
    said = home.until(3 * HOUR)
    assert [one.level for one in said] == [Level.CAUTION, Level.WARNING, Level.DANGER]
    assert len({one.episode for one in said}) == 1


def test_a_sensor_silent_after_a_breach_leaves_it_undetermined_and_not_cleared() -> None:
    home = days(*air(33.5, 0, HOUR))
    said = home.until(6 * HOUR)
    assert [one.verb for one in said if one.rule is RuleKey.HEAT] == [Verb.RAISED, Verb.UNDETERMINED]
    assert said[-1].at is not None and ("hh-1", RuleKey.HEAT, Level.WARNING) in home.engine.standing()


def test_a_sensor_heard_again_says_whether_it_still_holds() -> None:
    still = days(*air(33.5, 0, HOUR), *air(33.5, 5 * HOUR, 5 * HOUR + 1)).until(5 * HOUR + MINUTE)
    assert [one.verb for one in still if one.rule is RuleKey.HEAT] == [Verb.RAISED, Verb.UNDETERMINED, Verb.RAISED]
    over = days(*air(33.5, 0, HOUR), *air(25.0, 5 * HOUR, 5 * HOUR + 1)).until(5 * HOUR + MINUTE)
    assert [one.verb for one in over if one.rule is RuleKey.HEAT] == [Verb.RAISED, Verb.UNDETERMINED, Verb.CLEARED]


def test_a_home_is_as_badly_off_as_its_worst_sensor() -> None:
    home = days(
        *air(31.5, 0, 3 * HOUR),
        *air(33.5, 0, HOUR, name="th-2"),
        *air(28.0, HOUR, 3 * HOUR, name="th-2"),
        sensors=("th-1", "th-2"),
    )
    said = home.until(2 * HOUR)
    assert [(one.verb, one.level, one.evidence.device_id) for one in said] == [(Verb.RAISED, Level.WARNING, "th-2")]
    home.feed(air(28.0, 3 * HOUR, 4 * HOUR))
    assert [one.verb for one in home.until(4 * HOUR) if one.rule is RuleKey.HEAT] == [Verb.CLEARED]


def test_settling_the_check_clears_no_temperature_but_a_later_rise_is_told() -> None:
    home = days(*air(33.5, 0, 2 * HOUR))
    home.until(HOUR)
    home.feed([resolved(2 * HOUR, "safe_by_phone", RuleKey.HEAT), *air(33.5, 2 * HOUR, 4 * HOUR), *air(36.0, 4 * HOUR, 5 * HOUR)])
    assert [(one.verb, one.level) for one in home.until(5 * HOUR)] == [(Verb.RAISED, Level.DANGER)]
    assert ("hh-1", RuleKey.HEAT, Level.DANGER) in home.engine.standing() and HOME == "hh-1"


def test_a_sensor_moved_to_another_home_begins_its_dwell_anew() -> None:
    """What it measured in the old home is no heat of the new one; what stood in the old one ends."""
    run = Days([*climate("th-1"), enrolled("hh-2"), *air(33.0, 0, 25 * MINUTE)])
    run.feed([device("th-1", Signal.TEMPERATURE, home="hh-2", at=25 * MINUTE, interval_s=INTERVAL_S)])
    run.feed([reading(at, Signal.TEMPERATURE, 33.0, name="th-1", home="hh-2") for at in every(10, 26 * MINUTE, 2 * HOUR)])
    heat = [one for one in run.until(2 * HOUR) if one.rule is RuleKey.HEAT]
    assert [(one.household_id, one.verb) for one in heat] == [("hh-2", Verb.RAISED)]
    assert heat[0].evidence.since == START + 26 * MINUTE and heat[0].at >= START + 26 * MINUTE + 27 * MINUTE


# ---------------------------------------------------------------- a sensor that is heard no more


def test_a_breach_whose_sensor_falls_silent_before_its_dwell_is_full_is_undetermined_and_never_well() -> None:
    """Heat is to last 30 min; after 20 nothing more is heard: in doubt two report intervals later, not before 27 min."""
    silent = days(*air(33.5, 0, 21 * MINUTE))
    said = [one for one in silent.until(5 * HOUR) if one.rule is RuleKey.HEAT]
    assert [(one.verb, one.level, one.at - START) for one in said] == [
        (Verb.UNDETERMINED, Level.WARNING, 40 * MINUTE + 10 * SECOND)
    ]
    assert said[0].evidence.blind == "sensor" and said[0].evidence.value == 33.5
    assert silent.engine.standing() == [("device:th-1", RuleKey.DEVICE_SILENT, Level.CAUTION)]


def test_what_was_in_doubt_is_over_with_the_first_sample_that_shows_it_and_raised_once_it_has_held() -> None:
    cool = days(*air(33.5, 0, 21 * MINUTE), *air(25.0, 2 * HOUR, 3 * HOUR))
    verbs = [(one.verb, one.at - START) for one in cool.until(3 * HOUR) if one.rule is RuleKey.HEAT]
    assert verbs == [(Verb.UNDETERMINED, 40 * MINUTE + 10 * SECOND), (Verb.CLEARED, 2 * HOUR + 10 * SECOND)]
    hot = days(*air(33.5, 0, 21 * MINUTE), *air(33.5, 2 * HOUR, 3 * HOUR))
    told_of = [(one.verb, one.at - START) for one in hot.until(3 * HOUR) if one.rule is RuleKey.HEAT]
    assert told_of == [(Verb.UNDETERMINED, 40 * MINUTE + 10 * SECOND), (Verb.RAISED, 150 * MINUTE + 10 * SECOND)]


def test_a_doubt_outlives_a_restart() -> None:
    items = [*climate("th-1"), *air(33.5, 0, 21 * MINUTE)]
    before, after = Days(items), Days()
    after.engine.restore(before.engine.snapshot())
    said = [(one.verb, one.level) for one in after.until(HOUR) if one.rule is RuleKey.HEAT]
    assert said == [(Verb.UNDETERMINED, Level.WARNING)]


def test_another_sensor_that_is_heard_says_how_it_is() -> None:
    both = days(*air(33.5, 0, 21 * MINUTE), *air(36.0, 0, 2 * HOUR, name="th-2"), sensors=("th-1", "th-2"))
    verbs = {one.verb for one in both.until(2 * HOUR) if one.rule is RuleKey.HEAT}
    assert verbs == {Verb.RAISED}


def test_a_home_without_a_thermometer_that_can_be_believed_is_blind_for_temperature() -> None:
    silent = days(*air(22.3, 0, HOUR), *air(22.1, HOUR, 2 * HOUR))
    silent.until(4 * HOUR)
    assert silent.engine.sights().homes[HOME].signals == ("temperature", "humidity")
    silent.feed([reading(5 * HOUR, Signal.TEMPERATURE, 22.0, name="th-1")])
    assert not silent.engine.sights().homes
    stuck = days(*air(22.0, 0, 26 * HOUR))
    stuck.until(26 * HOUR)
    assert stuck.engine.sights().homes[HOME].signals == ("temperature",)
    stuck.feed(air(22.1, 26 * HOUR, 27 * HOUR))
    stuck.until(27 * HOUR)
    assert not stuck.engine.sights().homes


@pytest.mark.parametrize("name", ["th-1", "th-2"])
def test_humidity_of_exactly_thirty_minutes_ago_still_counts_from_any_sensor_of_the_home(name: str) -> None:
    """29.5 C at 85% feels like more than 31 C; alone it is no heat. The dwell is full with the sample at 80 min."""
    wet = [reading(at, Signal.HUMIDITY, 85.0, name=name) for at in every(10, 0, 51 * MINUTE)]
    home = days(*wet, *air(29.5, 53 * MINUTE, 81 * MINUTE, minutes=9), sensors=("th-1", "th-2"))
    assert raised(home.until(90 * MINUTE), RuleKey.HEAT) == [(Level.CAUTION, 80 * MINUTE + 10 * SECOND)]


def test_a_fall_is_seen_over_a_half_hour_in_which_nothing_was_heard() -> None:
    home = days(*air(22.0, 0, 30 * MINUTE), *air(15.0, 60 * MINUTE, 90 * MINUTE))
    said = home.until(90 * MINUTE)
    assert raised(said, RuleKey.TEMPERATURE_FALL) == [(Level.CAUTION, 80 * MINUTE + 10 * SECOND)]
    assert next(one for one in said if one.rule is RuleKey.TEMPERATURE_FALL).evidence.value == 7.0


def test_a_high_of_an_hour_and_a_half_ago_is_no_fall_any_more() -> None:
    home = days(*air(22.0, 0, 30 * MINUTE), *air(15.0, 90 * MINUTE, 3 * HOUR))
    assert raised(home.until(3 * HOUR), RuleKey.TEMPERATURE_FALL) == []


def test_what_cannot_be_known_any_more_is_told_once_though_its_check_was_settled() -> None:
    home = days(*air(33.5, 0, HOUR))
    home.until(3 * HOUR)
    home.feed([resolved(3 * HOUR, "safe_by_phone", RuleKey.HEAT)])
    assert [one.verb for one in home.until(6 * HOUR) if one.rule is RuleKey.HEAT] == []


@pytest.mark.parametrize(("air_c", "humid"), [(20.0, 1.0), (25.0, 5.0), (28.5, 40.0), (35.0, 55.0), (38.0, 95.0)])
def test_apparent_temperature_is_the_published_formula_to_the_last_figure(air_c: float, humid: float) -> None:
    """Stull 2011 for the wet bulb, KMA for what is felt; in dry air each of its constants shows."""
    wet = air_c * math.atan(0.151977 * math.sqrt(humid + 8.313659)) + math.atan(air_c + humid) - math.atan(humid - 1.67633)
    wet += 0.00391838 * humid**1.5 * math.atan(0.023101 * humid) - 4.686035
    felt = -0.2442 + 0.55399 * wet + 0.45535 * air_c - 0.0022 * wet**2 + 0.00278 * wet * air_c + 3.0
    assert float(apparent_temperature(np.array([air_c]), np.array([humid]))[0]) == pytest.approx(felt, abs=1e-9)
