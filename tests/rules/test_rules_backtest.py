"""Proves what a back-test counts: false alarms, delays, where emergencies are put, and that it is the engine of production."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis
from ingest.facts import CheckResolved, DeviceEnrolled, DeviceRemoved, RulesApplied, RunStopped, SeasonDeclared
from ingest.reading import DeviceId, HouseholdId, Signal
from rules.backtest.course import Course, Recorded, gaps_of, homes_of, train_until
from rules.backtest.figures import poisson95, row
from rules.backtest.judged import FIRST_ALERT, delays, draw, judge, total
from rules.baseline.prior import shipped
from rules.baseline.tail import Tail
from rules.engine import STEP, Item
from rules.finding import RuleKey, Verb
from tests.rules.rule_parts import (
    HOME,
    SHIPPED,
    START,
    TABLE,
    Days,
    device,
    enrolled,
    home_with,
    link_down,
    link_up,
    motion,
    raised,
    reading,
    received_at,
    rejection,
    run_started,
)


def recorded(*items: Item, name: str = "log") -> Recorded:
    everything = sorted([*home_with(Signal.MOTION, Signal.DOOR), *items], key=received_at)
    return Recorded(household_id=HOME, log=name, items=everything, end=received_at(everything[-1]))


def hourly(days: int, *, but: frozenset[tuple[int, int]] = frozenset()) -> list[Item]:
    """A motion each hour, to some minutes, but in these hours of these days."""
    return [
        motion(day * DAY + hour * HOUR + (hour * 7 + day) % 8 * MINUTE)
        for day in range(days)
        for hour in range(24)
        if (day, hour) not in but
    ]


def silent(day: int, first: int, hours: int) -> frozenset[tuple[int, int]]:
    return frozenset((day + hour // 24, hour % 24) for hour in range(first, first + hours))


def test_it_says_what_production_would_have_said() -> None:
    items = hourly(4, but=silent(1, 2, 13) | silent(3, 5, 9))
    home = recorded(*items, run_started(HOUR + 5), link_up(2 * HOUR), link_down(2 * DAY), link_up(2 * DAY + HOUR))
    course = Course(home, SHIPPED, None)
    said = course.until(home.end)
    days = Days(home.items, table=SHIPPED)
    assert said == days.until(home.end - START) and raised(said, RuleKey.MOTION)
    assert course.engine.snapshot() == days.engine.snapshot()


def test_a_false_alarm_is_a_raise_in_the_judged_days_and_first_alert_counts_a_pause_once() -> None:
    items = hourly(12, but=silent(1, 2, 13) | silent(6, 2, 13) | silent(9, 2, 25))
    tally = judge(recorded(*items), TABLE, None, since=START + 4 * DAY, injections=0, seed=1, progress=lambda: None)
    assert tally.alarms == {
        **{"motion.caution": 2, "motion.warning": 2, "motion.danger": 1, "cannot_verify.danger": 1},
        FIRST_ALERT: 2,
    }
    found = tally.row("motion.warning")
    assert found.false_alarms == 2 and found.months == pytest.approx((7 * 24 + 23) / 24 / 30.4375, abs=1e-3)
    assert found.per_month == pytest.approx(2 / found.months, rel=1e-3) and found.delay_h_median is None and found.missed == 0


def test_an_emergency_waits_for_what_is_left_of_the_limit() -> None:
    course = Course(recorded(*hourly(2)), TABLE, None)
    course.until(START + DAY + 30 * MINUTE)
    found = delays(course, START + DAY + 30 * MINUTE)
    assert (found["motion.caution"], found["motion.warning"], found[FIRST_ALERT]) == (451 * MINUTE, 691 * MINUTE, 691 * MINUTE)
    assert found["cannot_verify.danger"] == 1411 * MINUTE and found["away.danger"] is None


def test_what_stood_already_waited_for_nothing() -> None:
    course = Course(recorded(motion(0), reading(0, Signal.TEMPERATURE, 20.0)), TABLE, None)
    course.until(START + 13 * HOUR)
    found = delays(course, START + 13 * HOUR)
    assert found["motion.caution"] == found["motion.warning"] == found[FIRST_ALERT] == 0
    assert found["motion.danger"] == 11 * HOUR


def test_the_home_is_observed_after_the_emergency_whatever_befell_us_before() -> None:
    for ours in ([link_down(20 * HOUR)], [run_started(HOUR), RunStopped(fact_id="s", at=START + 20 * HOUR, run_id="r")]):
        course = Course(recorded(*hourly(1), *ours), TABLE, None)
        course.until(START + 23 * HOUR + 1)
        assert delays(course, START + 23 * HOUR + 1)["motion.danger"] is not None


def test_a_sensor_whose_reports_end_with_the_emergency_hides_nothing() -> None:
    """Its reports would be missed and the home be blind; the log counts as observed, whatever became of gateway and sensor."""
    sensors: list[Item] = [
        enrolled(),
        device("pir-1", Signal.MOTION, interval_s=600),
        device("pir-2", Signal.MOTION, interval_s=600),
        device("gw", Signal.STATUS),
        reading(22 * HOUR, Signal.STATUS, 0.0, name="gw"),
        DeviceRemoved(fact_id="r", at=START + 20 * HOUR, device_id=DeviceId("pir-2")),
    ]
    items = sorted([*sensors, *hourly(2), link_up(30 * HOUR)], key=received_at)
    home = Recorded(household_id=HOME, log="log", items=items, end=received_at(items[-1]))
    course = Course(home, TABLE, None)
    course.until(START + 23 * HOUR + 5 * MINUTE)
    assert delays(course, START + 23 * HOUR + 5 * MINUTE)["motion.danger"] is not None


def test_emergencies_are_put_where_somebody_is_at_home() -> None:
    away = [reading(2 * DAY, Signal.DOOR, 2.0), *(motion(3 * DAY + hour * HOUR + hour * 7 % 8 * MINUTE) for hour in range(24))]
    home = recorded(*hourly(2), *away)
    tally = judge(home, TABLE, None, since=START, injections=40, seed=7, progress=lambda: None)
    found = tally.row("motion.danger")
    assert found.injections == 40 and found.missed == 0 and tally.row("away.caution").missed == 40
    assert 23 < (found.delay_h_median or 0) <= 24 and (found.delay_h_p95 or 0) <= 24 and (found.delay_h_mean or 0) > 22.9
    again = judge(home, TABLE, None, since=START, injections=40, seed=7, progress=lambda: None)
    assert again.delays == tally.delays
    other = judge(home, TABLE, None, since=START, injections=40, seed=8, progress=lambda: None)
    assert other.delays != tally.delays


def test_instants_are_drawn_evenly_from_the_spans_alone() -> None:
    found = draw([(0, 10), (100, 100), (200, 230)], 4000, "seed")
    assert found == sorted(found) and all(0 <= at < 10 or 200 <= at < 230 for at in found)
    assert sum(at < 10 for at in found) == pytest.approx(1000, abs=120)
    assert draw([], 5, "seed") == draw([(3, 3)], 5, "seed") == []


def test_progress_is_told_after_each_emergency() -> None:
    told = count()
    judge(recorded(*hourly(2)), TABLE, None, since=START, injections=3, seed=1, progress=lambda: next(told))
    assert next(told) == 3


@pytest.mark.parametrize(
    ("days", "train", "found"), [(60, 14, 14), (28, 14, 14), (27, 14, 13), (16, 14, 8), (40, 30, 20), (10, 0, 0)]
)
def test_the_training_days_end_after_fourteen_days_or_the_whole_days_of_half_a_short_log(
    days: int, train: int, found: int
) -> None:
    home = recorded(motion(0), motion(days * DAY))
    assert train_until(home, train) == START + found * DAY


def test_homes_of_many_are_rows_of_one() -> None:
    home = recorded(*hourly(3, but=silent(1, 2, 13)))
    both = total([judge(home, TABLE, None, since=START, injections=n, seed=1, progress=lambda: None) for n in (1, 2)])
    assert both.alarms["motion.warning"] == 2 and len(both.delays["motion.danger"]) == 3


def test_poisson_intervals_are_the_exact_ones() -> None:
    """Garwood's table."""
    for seen, low, high in ((0, 0.0, 3.689), (1, 0.0253, 5.572), (3, 0.619, 8.767), (15, 8.395, 24.74), (100, 81.36, 121.63)):
        assert poisson95(seen) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))


def test_a_row_of_no_time_and_no_emergency_has_no_rate_and_no_delay() -> None:
    nothing = row(0, 0, [])
    assert nothing.per_month == 0.0 and nothing.interval95 == (0.0, 0.0) and nothing.delay_h_mean is None
    assert row(1, 30 * DAY, [None, HOUR, 3 * HOUR]).delay_h_mean == 2.0


# ---------------------------------------------------------------- homes of a journal


def moved(name: str, home: str, at: Millis) -> DeviceEnrolled:
    return device(name, Signal.MOTION, home=home, at=at)


def test_a_journal_of_many_homes_is_told_apart_and_what_befell_us_belongs_to_each() -> None:
    items: list[Item] = [
        motion(0, home="hh-9"),  # never enrolled
        link_up(0),
        enrolled("hh-1"),
        device("a", Signal.MOTION, home="hh-1"),
        enrolled("hh-2"),
        device("b", Signal.MOTION, home="hh-2"),
        enrolled("hh-3"),
        motion(1, home="hh-1", name="a"),
        link_down(2),
        RulesApplied(fact_id="r", at=START + 3, version="v", table="x"),
        SeasonDeclared(fact_id="s", at=START + 3, season="heatwave", until=START + DAY),
        moved("a", "hh-2", 4),
        rejection(5, name="a"),
        rejection(5, name="nobody"),
        DeviceRemoved(fact_id="d", at=START + 6, device_id=DeviceId("b")),
        CheckResolved(fact_id="c", at=START + 7, check_id="c", household_id=HouseholdId("hh-2"), outcome="other", rules=()),
    ]
    homes = {home.household_id: [type(item).__name__ for item in home.items] for home in homes_of(items, "log")}
    assert homes == {
        "hh-1": ["HouseholdEnrolled", "DeviceEnrolled", "Reading", "LinkDown", "SeasonDeclared", "DeviceRemoved"],
        "hh-2": [
            *["HouseholdEnrolled", "DeviceEnrolled", "LinkDown", "SeasonDeclared", "DeviceEnrolled"],
            *["Rejection", "DeviceRemoved", "CheckResolved"],
        ],
        "hh-3": ["HouseholdEnrolled", "LinkDown", "SeasonDeclared"],
    }


def test_a_season_declared_before_a_home_was_enrolled_holds_there_too() -> None:
    declared = SeasonDeclared(fact_id="s", at=START, season="heatwave", until=START + DAY)
    again = enrolled("hh-1", at=2 * HOUR, grade="high")
    [home] = homes_of([enrolled("hh-0"), declared, enrolled("hh-1", at=HOUR), again], "log")[1:]
    assert [type(item).__name__ for item in home.items] == ["HouseholdEnrolled", "SeasonDeclared", "HouseholdEnrolled"]
    assert home.start == START + HOUR


def test_what_a_home_teaches_is_what_the_rules_learnt_of_it() -> None:
    gaps = gaps_of(recorded(*hourly(9, but=silent(1, 2, 5) | silent(3, 2, 3))), SHIPPED)
    assert sorted(round(minutes) for minutes in gaps.minutes if minutes > 70) == [243, 363] and gaps.days >= 8


def test_the_prior_of_the_call_is_the_one_that_speaks_of_an_unknown_home() -> None:
    course = Course(recorded(motion(0)), SHIPPED, shipped())
    said = course.until(START + 9 * HOUR)
    assert said == Course(recorded(motion(0)), SHIPPED, None).until(START + 9 * HOUR)
    assert any(one.rule is RuleKey.PERSONAL and one.verb is Verb.RAISED for one in said)


def test_both_the_judged_days_and_the_emergencies_go_by_the_prior_of_the_call() -> None:
    """One by which no pause is ever too long for a home that is not known yet."""
    patient = replace(shipped(), tail=Tail(start=1e6, excess=1.0, per_day=0.001))
    home, rows = recorded(*hourly(2, but=silent(1, 2, 7))), {}
    for prior in (None, patient):
        tally = judge(home, SHIPPED, prior, since=START + DAY, injections=5, seed=1, progress=int)
        found = tally.row("personal.caution")
        rows[prior] = (found.false_alarms, found.injections, found.missed)
    assert rows == {None: (1, 5, 0), patient: (0, 5, 5)}


def test_what_comes_at_a_grid_point_comes_after_what_was_said_there() -> None:
    """The limit is reached in the very millisecond of a motion: production looks first."""
    home = recorded(motion(0), reading(8 * HOUR - SECOND, Signal.HEARTBEAT), motion(8 * HOUR))
    said = [one for one in Course(home, TABLE, None).until(START + 9 * HOUR) if one.rule is RuleKey.MOTION]
    assert [(one.verb, one.at - START) for one in said] == [(Verb.RAISED, 8 * HOUR), (Verb.CLEARED, 8 * HOUR + STEP)]


def test_a_device_that_comes_after_the_emergency_is_not_looked_on_with() -> None:
    phone = [device("ph-1", Signal.PHONE), reading(1, Signal.PHONE, 1.0, name="ph-1")]
    items: list[Item] = [enrolled(), *phone, device("pir-1", Signal.MOTION, at=10 * HOUR)]
    course = Course(Recorded(household_id=HOME, log="log", items=items, end=START + DAY), TABLE, None)
    course.until(START + 9 * HOUR)
    assert delays(course, START + 9 * HOUR)["motion.danger"] is None
    course.until(START + 10 * HOUR)
    assert delays(course, START + 10 * HOUR)["motion.danger"] is not None


def test_a_household_of_which_nothing_but_its_enrolment_is_known_is_no_home_of_the_log() -> None:
    items: list[Item] = [enrolled("hh-1"), enrolled("hh-2"), device("pir-2", Signal.MOTION, home="hh-2")]
    assert [one.household_id for one in homes_of(items, "log")] == ["hh-2"]


def test_the_interval_of_a_rate_is_that_of_its_count_at_both_ends() -> None:
    months = 2 * 30.4375 * DAY
    low, high = poisson95(3)
    assert row(3, int(months), []).interval95 == (pytest.approx(low / 2, abs=1e-4), pytest.approx(high / 2, abs=1e-4))


def test_a_device_that_moved_is_removed_from_where_it_stood() -> None:
    stood = [enrolled("hh-1"), device("a", Signal.MOTION, home="hh-1"), enrolled("hh-2"), moved("a", "hh-2", 4)]
    [left] = [item for item in homes_of(stood, "log")[0].items if isinstance(item, DeviceRemoved)]
    assert (left.device_id, left.at) == ("a", START + 4)


def test_a_row_says_the_median_the_mean_and_the_delay_that_one_in_twenty_exceeds() -> None:
    told = row(1, 30 * DAY, [*(hours * HOUR for hours in range(21)), None])
    assert (told.delay_h_median, told.delay_h_mean, told.delay_h_p95, told.missed) == (10.0, 10.0, 19.0, 1)
