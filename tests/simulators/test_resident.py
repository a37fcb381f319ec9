"""Proves that a simulated resident lives a believable day: repeatable, whole, and with every outing seen at the door."""

from itertools import pairwise

import pytest

from ingest.clock import DAY, HOUR, MINUTE
from simulators.resident import CallKind, Doing, day_start, draw_habits, local_day, plan_day

DAYS = range(20_600, 20_640)
SEEDS = [f"home-{number}" for number in range(12)]


def test_the_same_seed_gives_the_same_habits_and_the_same_day() -> None:
    assert draw_habits("a") == draw_habits("a")
    assert plan_day(draw_habits("a"), "a", 20_600) == plan_day(draw_habits("a"), "a", 20_600)


def test_residents_differ_from_each_other_and_days_from_each_other() -> None:
    assert draw_habits("a") != draw_habits("b")
    habits = draw_habits("a")
    assert plan_day(habits, "a", 20_600).movements != [(at - DAY, room) for at, room in plan_day(habits, "a", 20_601).movements]


def test_a_local_day_begins_at_midnight_in_seoul() -> None:
    assert day_start(local_day(0)) == -9 * HOUR
    assert local_day(day_start(20_600)) == 20_600
    assert local_day(day_start(20_600) - 1) == 20_599


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_is_filled_from_midnight_to_midnight_without_gap_or_overlap(seed: str) -> None:
    habits = draw_habits(seed)
    for day in DAYS:
        spells = plan_day(habits, seed, day).spells
        assert spells[0].start == day_start(day)
        assert spells[-1].end == day_start(day + 1)
        assert all(spell.start < spell.end for spell in spells)
        assert all(former.end == latter.start for former, latter in pairwise(spells))


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_sleeps_and_eats_and_some_days_go_out(seed: str) -> None:
    habits = draw_habits(seed)
    days = [[spell.doing for spell in plan_day(habits, seed, day).spells] for day in DAYS]
    assert all(doings.count(Doing.SLEEP) == 2 and doings.count(Doing.MEAL) == 3 for doings in days)
    assert any(Doing.OUT in doings for doings in days)
    assert any(Doing.OUT not in doings for doings in days)


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_moves_at_home_between_leaving_and_coming_back(seed: str) -> None:
    habits = draw_habits(seed)
    for day in DAYS:
        plan = plan_day(habits, seed, day)
        for out in (spell for spell in plan.spells if spell.doing is Doing.OUT):
            assert not [at for at, _ in plan.movements if out.start <= at < out.end]
            assert (out.start, True) in plan.doors
            assert (out.end, True) in plan.doors
            assert len([at for at, opened in plan.doors if out.start <= at < out.start + MINUTE and not opened]) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_coming_home_shows_as_a_movement_more_than_90_seconds_after_the_door(seed: str) -> None:
    habits = draw_habits(seed)
    for day in DAYS:
        plan = plan_day(habits, seed, day)
        for out in (spell for spell in plan.spells if spell.doing is Doing.OUT):
            closed = min(at for at, opened in plan.doors if at > out.end and not opened)
            assert [at for at, _ in plan.movements if closed + 90_000 < at < closed + 5 * MINUTE]


@pytest.mark.parametrize("seed", SEEDS)
def test_two_days_never_pass_without_a_call_dialled(seed: str) -> None:
    habits = draw_habits(seed)
    for day in DAYS:
        if day % 2 == 0:
            assert CallKind.OUT in [kind for _, kind in plan_day(habits, seed, day).calls]
