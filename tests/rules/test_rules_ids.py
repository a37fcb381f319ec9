"""Proves that ids are found as a dictionary would find them, written and read back, and that a decoder's places stay true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import HOUR
from ingest.facts import DeviceEnrolled, DeviceRemoved, HouseholdEnded
from ingest.reading import DeviceId, HouseholdId, Signal
from ingest.readings import CREDIBLE, Gathered, Readings, Whose
from rules.directory import Directory
from rules.engine import Engine
from rules.ids import NO_ROW, Ids
from rules.roll import end_household, enrol_device, enrol_household, remove_device
from rules.state import State
from tests.rules.rule_parts import DONG, START, TABLE, device, enrolled

MANY = [f"hh-{number}" for number in range(1_000)]
ONE_HASH = ("hh-2607", "hh-110292")


def restored(ids: Ids) -> Ids:
    again = Ids()
    again.load(ids.dump())
    return again


_IDS = st.one_of(st.sampled_from(("", "a", "b", "12345678", "123456781", "화분-1", *ONE_HASH)), st.text(max_size=20))


@settings(derandomize=True)
@given(
    st.lists(st.one_of(_IDS, st.lists(_IDS, max_size=5), st.just(None)), max_size=25),
    st.lists(_IDS, max_size=20),
)
def test_ids_are_found_as_a_dictionary_finds_them(steps: list[str | list[str] | None], others: list[str]) -> None:
    """One by one (a text), many at once (a list), written and read back (None), in any order."""
    ids, plain = Ids(), list[str]()
    for step in steps:
        if step is None:
            ids = restored(ids)
        elif isinstance(step, str):
            assert ids.add(step) == len(plain)
            plain.append(step)
        else:
            ids.add_all(step)
            plain += step
    newest = {one: row for row, one in enumerate(plain)}
    asked = [*plain, *others]
    assert [ids[row] for row in range(len(ids))] == plain
    assert [ids.find(one) for one in asked] == [newest.get(one) for one in asked]
    assert ids.find_all(asked * 9).tolist() == [newest.get(one, NO_ROW) for one in asked] * 9
    one_by_one = Ids()
    for one in plain:
        one_by_one.add(one)
    assert ids.dump() == one_by_one.dump(), "the same ids have the same bytes"


def test_two_ids_of_one_hash_are_both_found_one_by_one_and_with_many_others() -> None:
    ids = Ids()
    ids.add_all([*ONE_HASH, *MANY])
    assert [ids.find(one) for one in ONE_HASH] == [0, 1]
    assert ids.find_all([*MANY, *ONE_HASH]).tolist() == [*range(2, 1_002), 0, 1]
    alone = Ids()
    alone.add_all([ONE_HASH[1], *MANY])
    assert alone.find(ONE_HASH[0]) is None and alone.find_all([*MANY, ONE_HASH[0]]).tolist() == [*range(1, 1_001), NO_ROW]


def test_ids_before_the_first_hash_and_after_the_last_are_nobodys() -> None:
    ids = Ids()
    ids.add_all(["hh-1"])
    assert [ids.find(one) for one in MANY].count(None) == len(MANY) - 1
    assert ids.find_all(MANY).tolist() == [0 if one == "hh-1" else NO_ROW for one in MANY]


def test_an_id_that_is_no_utf8_is_nobodys() -> None:
    ids = Ids()
    ids.add_all(MANY)
    assert ids.find("hh-\udcff") is None
    assert ids.find_all([*MANY, "hh-\udcff"]).tolist() == [*range(1_000), NO_ROW]


class Town:
    """Homes, their devices, and a decoder whose list of places only grows."""

    def __init__(self, homes: int) -> None:
        self.state, self.directory, self.places = State(), Directory(), list[Whose]()
        for number in range(homes):
            self.enrol(number)

    def enrol(self, number: int) -> None:
        home = enrol_household(self.state, enrolled(f"hh-{number}"))
        enrol_device(self.state, self.fact(number, number), home)
        self.directory.look_again()

    def fact(self, number: int, home: int) -> DeviceEnrolled:
        return device(f"d-{number}", Signal.MOTION, home=f"hh-{home}")

    def stands(self, number: int, home: int) -> int:
        """The place of a device in a home, as the decoder tells it."""
        self.places.append(Whose(device_id=DeviceId(f"d-{number}"), household_id=HouseholdId(f"hh-{home}"), dong_code=DONG))
        return len(self.places) - 1

    def rows(self, *places: int) -> list[tuple[int, int]]:
        homes, devices = self.directory.rows(self.state, moved(self.places, places))
        return list(zip(homes.tolist(), devices.tolist(), strict=True))


def moved(places: list[Whose], which: tuple[int, ...]) -> Readings:
    gathered, number = Gathered(), np.arange(len(which))
    motion = np.full_like(number, Signal.MOTION.code)
    at = START + number
    credible = np.full_like(number, CREDIBLE)
    place = np.array(which, dtype=np.int64)
    gathered.add_all(number, place, motion, at, credible, np.ones(len(which)), offset=1, received_at=START, boot=1, seq=1)
    return gathered.close(places)


@pytest.mark.parametrize("homes", [3, 300])
def test_whoever_is_enrolled_or_leaves_changes_nobody_elses_rows(homes: int) -> None:
    town = Town(homes)
    there = [town.stands(number, number) for number in range(homes)]
    stranger, newcomer = town.stands(homes + 7, 0), town.stands(homes, homes)
    rows = [(number, number) for number in range(homes)]
    assert town.rows(*there, stranger, newcomer) == [*rows, (0, NO_ROW), (NO_ROW, NO_ROW)]
    town.enrol(homes)
    assert town.rows(*there, stranger, newcomer) == [*rows, (0, NO_ROW), (homes, homes)]


def test_a_home_that_leaves_is_nowhere_and_one_that_comes_back_has_its_new_row() -> None:
    town = Town(3)
    places = [town.stands(number, number) for number in range(3)]
    assert town.rows(*places) == [(0, 0), (1, 1), (2, 2)]
    end_household(town.state, 1)
    town.directory.look_again()
    assert town.rows(*places) == [(0, 0), (NO_ROW, 1), (2, 2)]
    town.enrol(1)
    assert town.rows(*places) == [(0, 0), (3, 1), (2, 2)]


def test_the_places_of_another_decoder_are_asked_for_anew() -> None:
    town = Town(3)
    assert town.rows(town.stands(2, 2)) == [(2, 2)]
    town.places = []
    assert town.rows(town.stands(1, 1)) == [(1, 1)]


def test_a_device_stands_in_one_home_at_a_time_beside_the_others() -> None:
    town = Town(3)
    state = town.state
    for number, home in ((9, 1), (8, 1), (7, 0)):
        enrol_device(state, town.fact(number, home), home)
    [nine, eight, seven] = [state.devices.ids.find(f"d-{number}") for number in (9, 8, 7)]
    assert nine is not None and eight is not None and seven is not None
    assert [state.standing(home) for home in range(3)] == [[0, seven], [1, nine, eight], [2]]
    enrol_device(state, town.fact(8, 0), 0)
    remove_device(state, 1)
    assert [state.standing(home) for home in range(3)] == [[0, eight, seven], [nine], [2]]
    again = State.load(state.dump())
    assert [again.standing(home) for home in range(3)] == [[0, eight, seven], [nine], [2]]
    end_household(again, 0)
    assert [again.standing(home) for home in range(3)] == [[], [nine], [2]]


def test_a_reading_of_a_place_asked_for_before_its_home_was_enrolled_counts() -> None:
    """The decoder's list of places goes on while facts come; what was nobody's is somebody's from its enrolment on."""
    places = [Whose(device_id=DeviceId("pir-1"), household_id=HouseholdId("hh-1"), dong_code=DONG)]
    engine = Engine(TABLE)
    engine.advance(START)
    engine.fold([moved(places, (0,))])
    engine.fold([enrolled(), device("pir-1", Signal.MOTION), moved(places, (0,))])
    other = Engine(TABLE)
    other.advance(START)
    other.fold([enrolled(), device("pir-1", Signal.MOTION), moved(places, (0,))])
    assert engine.snapshot() == other.snapshot()
    ended = HouseholdEnded(fact_id="e", at=START + HOUR, household_id=HouseholdId("hh-1"))
    removed = DeviceRemoved(fact_id="r", at=START + HOUR, device_id=DeviceId("pir-1"))
    for one in (engine, other):
        one.fold([ended, removed])
    engine.fold([moved(places, (0,))])
    assert engine.snapshot() == other.snapshot()
