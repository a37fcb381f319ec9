"""Proves that the state grows with the homes, is written as the same bytes each time, and is read back or refused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from msgspec import structs

from ingest.clock import DAY, HOUR, MINUTE
from ingest.facts import AwayDeclared, DeviceRemoved, EntrySkipped, Fact, HouseholdEnded, MessageReread, MessagesLeftOut
from ingest.reading import DeviceId, DongCode, Signal
from rules.columns import Ints, Rows, by_parts
from rules.device_rows import Climates, Devices
from rules.engine import Engine
from rules.finding import RuleKey
from rules.household_rows import Households
from rules.movements import Cells, Movements
from rules.roll import grade_place
from rules.runs import Runs
from tests.rules.rule_parts import HOME, START, TABLE, Days, device, enrolled, motion, reading


def many(count: int) -> Days:
    items = [enrolled(f"hh-{number}") for number in range(count)]
    devices = [device(f"d-{number}", Signal.MOTION, home=f"hh-{number}", interval_s=600) for number in range(count)]
    moved = [motion(number, home=f"hh-{number}", name=f"d-{number}") for number in range(count)]
    warm = [reading(count, Signal.TEMPERATURE, 22.0, home=f"hh-{number}", name=f"d-{number}") for number in range(count)]
    return Days([*items, *devices, *moved, *warm])


@pytest.mark.parametrize("count", [1, 64, 65, 300])
def test_the_arrays_grow_with_the_homes_and_survive_a_snapshot(count: int) -> None:
    days = many(count)
    assert days.engine.households == count
    other = Engine(TABLE)
    other.restore(days.engine.snapshot())
    assert other.snapshot() == days.engine.snapshot() and other.households == count
    said = other.advance(START + 9 * HOUR)
    assert said == days.engine.advance(START + 9 * HOUR)
    assert len([one for one in said if one.rule is RuleKey.MOTION]) == count


def test_a_snapshot_of_another_format_is_refused_with_what_to_do() -> None:
    raw = msgspec.msgpack.decode(Engine(TABLE).snapshot())
    raw[0] = 0
    with pytest.raises(ValueError, match="start from the journal"):
        Engine(TABLE).restore(msgspec.msgpack.encode(raw))


def test_restoring_nothing_begins_anew() -> None:
    engine = many(3).engine
    engine.restore(None)
    assert engine.households == 0 and engine.snapshot() == Engine(TABLE).snapshot()


def test_a_home_takes_at_most_four_hundred_bytes() -> None:
    assert Households().bytes_per_row() <= 400
    assert Movements().bytes_per_row() == 2 * Runs().bytes_per_row() + Cells().bytes_per_row() == 124
    assert Devices().bytes_per_row() + Movements().bytes_per_row() <= 400 and Climates().bytes_per_row() <= 400


def test_many_rows_at_once_are_the_rows_one_by_one() -> None:
    at_once, one_by_one = Households(), Households()
    assert at_once.add() == one_by_one.add() == 0
    assert at_once.add(300) == 1 and [one_by_one.add() for _ in range(300)] == list(range(1, 301))
    assert at_once.dump() == one_by_one.dump() and len(at_once) == 301


@pytest.mark.parametrize("count", [0, 1, 65_536, 65_537, 200_000])
def test_a_whole_town_looked_at_by_parts_is_looked_at_once_and_in_order(count: int) -> None:
    most = 0

    def squares(rows: Rows) -> Ints:
        nonlocal most
        most = max(most, len(rows))
        return rows * rows

    rows = np.arange(count)
    assert np.array_equal(by_parts(squares, rows), rows * rows) and most <= 65_536


def test_an_unknown_grade_counts_as_the_most_careful() -> None:
    assert grade_place("nonsense") == grade_place("high") == 0


def test_readings_of_homes_and_devices_nobody_enrolled_are_left_out() -> None:
    days = Days([motion(0), enrolled(), motion(1)])
    assert days.until(2 * HOUR)[0].rule is RuleKey.NOT_COMMISSIONED


def test_a_home_enrolled_anew_after_its_end_is_the_one_that_a_snapshot_finds() -> None:
    """Two rows bear its name: the ended one is not to be found, nor to take the name from the new one."""
    days = Days([enrolled(), HouseholdEnded(fact_id="e", at=START + HOUR, household_id=HOME)])
    days.feed([enrolled(at=2 * HOUR), device("pir-1", Signal.MOTION, at=2 * HOUR), motion(3 * HOUR)])
    days.until(4 * HOUR)
    restored = Engine(TABLE)
    restored.restore(days.engine.snapshot())
    assert restored.households == days.engine.households == 1
    assert restored.snapshot() == days.engine.snapshot()
    days.feed([motion(5 * HOUR)])
    restored.advance(START + 5 * HOUR)
    restored.fold([motion(5 * HOUR)])
    said = [(one.rule, one.at - START) for one in restored.advance(START + 13 * HOUR + MINUTE)]
    assert said == [(RuleKey.MOTION, 13 * HOUR)]
    assert [(one.rule, one.at - START) for one in days.until(13 * HOUR + MINUTE)] == said


def test_an_ended_home_that_was_away_is_not_judged_after_a_restart() -> None:
    away = AwayDeclared(fact_id="a", at=START, household_id=HOME, returns_at=START + 2 * HOUR, reason="travel")
    days = Days([enrolled(), device("pir-1", Signal.MOTION), motion(0), away])
    days.feed([HouseholdEnded(fact_id="e", at=START + HOUR, household_id=HOME)])
    days.until(HOUR)
    restored = Engine(TABLE)
    restored.restore(days.engine.snapshot())
    assert restored.advance(START + 10 * DAY) == days.until(10 * DAY) == []
    assert restored.snapshot() == days.engine.snapshot()


def test_a_home_registered_again_keeps_its_clocks_and_takes_the_new_grade_and_dong() -> None:
    days = Days([enrolled(), device("pir-1", Signal.MOTION), motion(0)])
    again = structs.replace(enrolled(at=4 * HOUR, grade="high"), dong_code=DongCode("dong-2"))
    [said] = days.feed([again]).until(8 * HOUR)
    assert (said.rule, said.at - START, said.dong_code) == (RuleKey.MOTION, 8 * HOUR, "dong-2")
    assert days.engine.households == 1


def test_a_device_of_a_home_nobody_enrolled_stands_nowhere() -> None:
    days = Days([device("pir-1", Signal.MOTION, home="hh-unknown", interval_s=600), motion(0, home="hh-unknown")])
    assert days.until(3 * DAY) == [] and days.engine.households == 0


def test_a_device_that_stands_nowhere_can_be_removed_again_without_a_word() -> None:
    items = [enrolled(), device("pir-1", Signal.MOTION, interval_s=600), motion(0)]
    gone = [DeviceRemoved(fact_id=f"r{at}", at=START + at * MINUTE, device_id=DeviceId("pir-1")) for at in (1, 2)]
    once, twice = Days([*items, gone[0]]), Days([*items, *gone])
    never = DeviceRemoved(fact_id="r3", at=START + 3 * MINUTE, device_id=DeviceId("pir-unheard-of"))
    twice.feed([never])
    assert twice.until(2 * DAY) == once.until(2 * DAY) != []


@pytest.mark.parametrize(
    "fact",
    [
        EntrySkipped(fact_id="s", at=START + HOUR, reason="cannot be read"),
        MessagesLeftOut(fact_id="l", at=START + HOUR, topic="t", messages=5, since=START),
        MessageReread(fact_id="r", at=START + HOUR, of=1, received_at=START, source="mqtt", topic="t", payload=b""),
    ],
)
def test_what_the_journal_says_of_itself_is_no_sign_of_life(fact: Fact) -> None:
    items = [enrolled(), device("pir-1", Signal.MOTION), motion(0)]
    without, with_it = Days(items), Days([*items, fact])
    said = with_it.until(2 * DAY)
    assert (said[0].rule, said[0].at - START) == (RuleKey.MOTION, 8 * HOUR)
    assert said == without.until(2 * DAY)
