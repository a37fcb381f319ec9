"""Proves that the state grows with the homes, is written as the same bytes each time, and is read back or refused."""

from __future__ import annotations

import msgspec
import pytest

from ingest.clock import HOUR
from ingest.reading import Signal
from rules.engine import Engine
from rules.finding import RuleKey
from rules.roll import grade_place
from rules.state import Climates, Devices, Households
from tests.rules.rule_parts import START, TABLE, Days, device, enrolled, motion, reading


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
    assert Devices().bytes_per_row() <= 400 and Climates().bytes_per_row() <= 400


def test_many_rows_at_once_are_the_rows_one_by_one() -> None:
    names = [f"hh-{number}" for number in range(300)]
    at_once, one_by_one = Households(), Households()
    at_once.add("first")
    one_by_one.add("first")
    at_once.add_all(names)
    for name in names:
        one_by_one.add(name)
    at_once.add_all([])
    assert at_once.dump() == one_by_one.dump() and at_once.index == one_by_one.index


def test_an_unknown_grade_counts_as_the_most_careful() -> None:
    assert grade_place("nonsense") == grade_place("high") == 0


def test_readings_of_homes_and_devices_nobody_enrolled_are_left_out() -> None:
    days = Days([motion(0), enrolled(), motion(1)])
    assert days.until(2 * HOUR)[0].rule is RuleKey.NOT_COMMISSIONED
