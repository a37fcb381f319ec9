"""Proves that a stuck sensor takes nothing from a person whom others see, and that what is found late is found whole."""

from __future__ import annotations

import pytest
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import DeviceRemoved, RulesApplied
from ingest.reading import DeviceId, Signal
from ingest.readings import Readings
from rules.engine import Item
from rules.finding import RuleKey, Verb
from rules.table import read_table
from tests.rules.rule_parts import SHIPPED, START, Days, device, every, home_with, motion, restless, told, without_personal


def blind(days: Days, until: Millis) -> float:
    """For how many hours no motion of the home could be seen."""
    return round(days.engine._state.observability.blind_between(0, START, START + until, 1) / HOUR, 2)


@pytest.mark.parametrize("pace", [20, 60, 240])
def test_who_is_seen_by_another_sensor_answers_though_one_goes_on_being_stuck(pace: int) -> None:
    stuck = [motion(second * SECOND) for second in range(0, 28 * HOUR // SECOND, pace)]
    seen = [motion(HOUR, name="pir-2"), *(motion(26 * HOUR + second * SECOND, name="pir-2") for second in range(13, 7_200, 300))]
    days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), *stuck, *seen])
    [alive] = [one for one in days.until(28 * HOUR) if one.verb is Verb.ALIVE]
    assert round((alive.at - START) / HOUR, 1) == 26.1


def test_what_a_sensor_saw_that_is_taken_away_stays_life_beside_one_that_is_stuck() -> None:
    stuck = [motion(at) for at in every(30, 0, 36 * HOUR)]
    seen = [motion(at + place * place % 700 * SECOND, name="pir-2") for place, at in enumerate(every(17, HOUR, 30 * HOUR))]
    away = DeviceRemoved(fact_id="r", at=START + 30 * HOUR + 5 * MINUTE, device_id=DeviceId("pir-2"))
    days = Days([*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), *stuck, *seen, away])
    assert told(days.until(36 * HOUR), RuleKey.CANNOT_VERIFY) == []
    assert days.engine._state.households.last_motion[0] == max(one.observed_at for one in seen)


def two_sensors(late: Millis) -> list[Item]:
    """Both tell motion every half hour for six hours and more, the second an hour later; one motion of it comes late."""
    second = [motion(at, name="pir-2") for at in every(30, HOUR, 7 * HOUR + 1)]
    second[-1] = structs.replace(second[-1], received_at=second[-1].received_at + late)
    first = [motion(at) for at in every(30, 0, 6 * HOUR + 31 * MINUTE)]
    return [*home_with(Signal.MOTION), device("pir-2", Signal.MOTION), *first, *second]


def test_a_home_whose_sensors_were_all_stuck_was_blind_then_though_one_run_was_over_when_the_other_was_found() -> None:
    timely, late = Days(two_sensors(0)), Days(two_sensors(115 * MINUTE))
    for days in (timely, late):
        days.until(15 * HOUR + 30 * MINUTE)
        assert blind(days, 16 * HOUR) == 6.5
    assert timely.engine.standing() == late.engine.standing()


def test_a_keep_alive_that_is_told_twice_is_not_taken_for_a_person_and_a_sensor_by_turns() -> None:
    echo = [motion(at + after) for at in every(30, 0, DAY) for after in (0, MINUTE)]
    assert told(Days([*home_with(Signal.MOTION), *echo]).until(DAY), RuleKey.DEVICE_STUCK) == []


def test_with_another_length_of_a_run_what_was_judged_stays_whatever_comes_late() -> None:
    text = without_personal()
    short = read_table(text.replace('stuck_on = "12 h"', 'stuck_on = "8 h"'))
    applied = RulesApplied(fact_id="r", at=START + 9 * HOUR, version="v", table=text)
    motions = [
        structs.replace(one, received_at=START + 582 * MINUTE) if 9.2 * HOUR <= one.observed_at - START < 9.5 * HOUR else one
        for one in restless(0, 10 * HOUR)
    ]
    days = Days([*home_with(Signal.MOTION), motion(0), applied, *motions], table=short)
    days.until(10 * HOUR + MINUTE)
    assert [rule for _, rule, _ in days.engine.standing()] == [RuleKey.DEVICE_STUCK]
    assert days.engine._state.households.last_motion[0] == START


OUT_OF_ORDER = {
    "newest first, hours apart": [7 * HOUR, 4 * HOUR, HOUR],
    "the present, then what was stored, then the present": [
        7 * HOUR,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        7 * HOUR + MINUTE,
        4 * HOUR,
        90 * MINUTE,
    ],
    "two of one old cell, the later first": [7 * HOUR, HOUR + 4 * MINUTE, HOUR + MINUTE],
    "in order": [HOUR, 2 * HOUR, 5 * HOUR, 7 * HOUR],
}


@pytest.mark.parametrize("order", OUT_OF_ORDER.values(), ids=OUT_OF_ORDER)
def test_what_comes_out_of_order_by_hours_means_the_same_in_one_batch_and_one_by_one(order: list[Millis]) -> None:
    disordered = [motion(at, received=8 * HOUR) for at in order]
    others = [motion(at + place * MINUTE, received=8 * HOUR, name="pir-2") for place, at in enumerate(sorted(order))]
    mixed = [one for pair in zip(disordered, others, strict=True) for one in pair]
    mixed.append(motion(6 * HOUR, received=8 * HOUR, name="pir-3"))
    sensors = [device(name, Signal.MOTION) for name in ("pir-2", "pir-3")]
    whole, single = (Days([*home_with(Signal.MOTION), *sensors], table=SHIPPED) for _ in range(2))
    for days in (whole, single):
        days.until(8 * HOUR)
    whole.engine.fold([Readings.of(mixed)])
    for one in mixed:
        single.engine.fold([one])
    assert whole.engine._state.movements.dump() == single.engine._state.movements.dump()


def test_with_another_pause_two_motions_mean_the_same_together_and_one_by_one() -> None:
    text = without_personal().replace('stuck_pause = "10 min"', 'stuck_pause = "12 min"')
    applied = RulesApplied(fact_id="r", at=START + 6 * HOUR + 2 * MINUTE, version="v", table=text)
    both = [motion(6 * HOUR + after * SECOND, received=6 * HOUR + 5 * MINUTE) for after in (30, 240)]
    states = []
    for batches in ([both], [[one] for one in both]):
        days = Days([*home_with(Signal.MOTION), motion(6 * HOUR + MINUTE), applied])
        for batch in batches:
            days.engine.fold([Readings.of(batch)])
        states.append(days.engine.snapshot())
    assert states[0] == states[1]


def test_two_runs_in_one_pack_are_no_life_either_of_them() -> None:
    """Of the older one only what was folded before the younger one began would be."""
    runs = [*every(30, 2 * HOUR, 12 * HOUR), *every(40, 20 * HOUR, 30 * HOUR)]
    late = [motion(at, received=31 * HOUR) for at in runs]
    whole, single = (Days([*home_with(Signal.MOTION), motion(0)], table=SHIPPED) for _ in range(2))
    for days, batches in ((whole, [late]), (single, [[one] for one in late])):
        days.until(31 * HOUR)
        for batch in batches:
            days.engine.fold([Readings.of(batch)])
        days.until(32 * HOUR)
    habits = [days.engine._state.habits.dump() for days in (whole, single)]
    assert habits[0] == habits[1]
    assert whole.engine._state.households.dump() == single.engine._state.households.dump()
