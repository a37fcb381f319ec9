"""Proves what other rules are said to have meant: alerts, work, delay, and emergencies they would have missed."""

from __future__ import annotations

from ingest.clock import DAY, HOUR, MINUTE
from ingest.facts import HouseholdEnded, HouseholdEnrolled, RulesApplied
from ingest.reading import DongCode, HouseholdId, Signal
from rules.backtest.whatif import WhatIf, compare, of_dong
from rules.engine import Item
from rules.table import RuleTable, read_table
from tests.rules.rule_parts import (
    DONG,
    START,
    TABLE,
    device,
    enrolled,
    link_up,
    motion,
    reading,
    received_at,
    resolved,
    without_personal,
)

LATER = read_table(without_personal().replace('caution = "8 h"\nwarning = "12 h"', 'caution = "13 h"\nwarning = "20 h"'))


def day_of(home: str, day: int, *, until: int = 24) -> list[Item]:
    """A motion about each hour."""
    name = f"pir-{home}"
    return [motion(day * DAY + hour * HOUR + (hour * 7 + day) % 8 * MINUTE, home=home, name=name) for hour in range(until)]


def dong() -> list[Item]:
    """Two homes over five days: in one of them an evening of ten hours each day, in the other a fall on the fourth."""
    items: list[Item] = [link_up(0)]
    for home in ("hh-1", "hh-2"):
        items += [enrolled(home), device(f"pir-{home}", Signal.MOTION, Signal.DOOR, home=home)]
    for day in range(5):
        items += day_of("hh-1", day, until=14)
        items += day_of("hh-2", day) if day < 3 else day_of("hh-2", 3, until=2) if day == 3 else []
    items.append(resolved(3 * DAY + 13 * HOUR, "emergency_119", home="hh-2"))
    items.append(HouseholdEnded(fact_id="end", at=START + 4 * DAY, household_id=HouseholdId("hh-2")))
    return sorted(items, key=received_at)


def tried(proposed: RuleTable, items: list[Item] | None = None) -> WhatIf:
    past = dong() if items is None else items
    return compare(past, DONG, TABLE, proposed, since=START + DAY, until=START + 5 * DAY, minutes_a_check=10.0)


def test_the_same_rules_add_nothing() -> None:
    found = tried(TABLE)
    assert found.in_force == found.proposed and found.households == 2 and found.emergencies == 1
    assert (found.alerts_a_day_added, found.minutes_a_day_added) == (0.0, 0.0)
    assert (found.delay_h_added_median, found.delay_h_added_worst) == (0.0, 0.0)
    # hh-1 each evening from day 1 on, four times; hh-2 once
    assert found.in_force.alerts_a_day == 1.25 and found.in_force.checks_a_day == 1.25
    assert found.in_force.minutes_a_day == 12.5 and found.in_force.emergencies_missed == 0


def test_slower_rules_spare_work_and_cost_delay_and_the_emergency_that_they_miss_is_told() -> None:
    found = tried(LATER)
    assert found.proposed.alerts_a_day == 0.25 and found.alerts_a_day_added == -1.0 and found.minutes_a_day_added == -10.0
    assert found.delay_h_added_median == 8.0 and found.delay_h_added_worst == 8.0
    assert (found.proposed.delay_h_median or 0) > (found.in_force.delay_h_median or 0)
    assert found.proposed.emergencies_missed == 1 and found.in_force.emergencies_missed == 0


def test_what_stood_when_the_days_began_was_found() -> None:
    items: list[Item] = [enrolled("hh-1"), device("pir-hh-1", Signal.MOTION, home="hh-1"), motion(0, name="pir-hh-1")]
    items.append(resolved(DAY + 12 * HOUR, "death_found", home="hh-1"))
    found = tried(TABLE, items)
    assert found.emergencies == 1 and found.in_force.emergencies_missed == 0 and found.in_force.alerts_a_day == 0.0
    assert found.in_force.delay_h_median is not None


def test_what_stood_when_the_days_began_found_nothing_that_came_after_it_was_over() -> None:
    items: list[Item] = [enrolled("hh-1"), device("pir-hh-1", Signal.MOTION, home="hh-1"), motion(0, name="pir-hh-1")]
    lived = [item for day in (1, 2, 3) for item in day_of("hh-1", day)]
    fallen = resolved(DAY + 12 * HOUR, "emergency_119", home="hh-1")
    assert tried(TABLE, [*items, fallen]).in_force.emergencies_missed == 0
    assert tried(TABLE, [*items, *lived, fallen]).in_force.emergencies_missed == 1


def test_a_dong_in_which_nobody_is_at_home_has_no_delay() -> None:
    items: list[Item] = [enrolled("hh-1"), device("pir-hh-1", Signal.MOTION, Signal.DOOR, home="hh-1")]
    items += [motion(0, name="pir-hh-1"), reading(HOUR, Signal.DOOR, 2.0, name="pir-hh-1")]
    found = tried(TABLE, items)
    assert found.in_force.delay_h_median is None and found.delay_h_added_median is None and found.delay_h_added_worst is None


def test_only_the_dong_counts_and_what_befell_us() -> None:
    other = DongCode("dong-9")
    elsewhere = HouseholdEnrolled(fact_id="x", at=START, household_id=HouseholdId("hh-9"), dong_code=other)
    moved_away = HouseholdEnrolled(fact_id="y", at=START + 2, household_id=HouseholdId("hh-1"), dong_code=other)
    applied = RulesApplied(fact_id="r", at=START, version="v", table="")
    items: list[Item] = [
        link_up(0),
        enrolled("hh-1"),
        elsewhere,
        motion(0, home="hh-9"),
        applied,
        motion(1),
        moved_away,
        motion(3),
    ]
    kept = of_dong(items, DONG)
    assert kept == [items[0], items[1], items[5]]


def test_a_check_settled_as_the_days_begin_counts_and_one_settled_as_they_end_does_not() -> None:
    items: list[Item] = [enrolled("hh-1"), device("pir-hh-1", Signal.MOTION, home="hh-1"), motion(0, name="pir-hh-1")]
    items += [resolved(DAY, "emergency_119", home="hh-1"), resolved(5 * DAY, "emergency_119", home="hh-1")]
    assert tried(TABLE, items).emergencies == 1


def test_delays_are_told_to_hundredths_of_an_hour_and_alerts_to_thousandths_a_day() -> None:
    slower = read_table(without_personal().replace('warning = "12 h"', 'warning = "12.346 h"', 1))
    found = compare(dong(), DONG, TABLE, slower, since=START + DAY, until=START + 4 * DAY, minutes_a_check=7.0)
    assert (found.delay_h_added_median, found.delay_h_added_worst) == (0.35, 0.35)
    # hh-1 each evening from day 1 on, and the fall in hh-2: four in three days
    assert found.in_force.alerts_a_day == 1.333 and found.in_force.minutes_a_day == 9.3


def test_each_of_both_tells_its_pages_its_delay_and_the_rules_it_was_made_by() -> None:
    found = tried(LATER)
    # the evenings of hh-1 come to 주의 alone; the fall in hh-2 comes to 경보 after twelve hours, and after twenty
    assert (found.in_force.pages_a_day, found.proposed.pages_a_day) == (0.25, 0.25)
    assert (found.in_force.rule_version, found.proposed.rule_version) == (TABLE.version, LATER.version)
    delay = found.in_force.delay_h_median
    assert delay is not None and 11.0 < delay < 12.0 and round(delay, 2) == delay != round(delay)


def test_what_was_over_a_quarter_of_an_hour_before_its_check_was_settled_is_what_found_it_and_longer_before_it_is_not() -> None:
    """Raised at eight hours of stillness, over with the motion at nine: on the next step of the clock."""
    over = 2 * DAY + 9 * HOUR + 10_000
    stands: list[Item] = [enrolled("hh-1"), device("pir-hh-1", Signal.MOTION, home="hh-1")]
    moved = [*day_of("hh-1", 0), *day_of("hh-1", 1), motion(2 * DAY, home="hh-1", name="pir-hh-1")]
    moved += [motion(2 * DAY + 9 * HOUR, home="hh-1", name="pir-hh-1")]
    for later, missed in ((0, 0), (1, 1)):
        check = resolved(over + 15 * MINUTE + later, "hospital", home="hh-1")
        assert tried(TABLE, [*stands, *moved, check]).in_force.emergencies_missed == missed
