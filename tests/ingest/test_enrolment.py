"""Proves that the map of devices and households follows the facts in their order and comes back from its snapshot."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import HOUR
from ingest.enrolment import Enrolment
from ingest.facts import (
    AwayEnded,
    DeviceEnrolled,
    DeviceRemoved,
    Fact,
    HouseholdEnded,
    HouseholdEnrolled,
    HouseholdGraded,
)
from tests.ingest.entry_parts import ENROLLED


def home(household_id: str = "hh-1", *, at: int = ENROLLED, dong: str = "dong-1") -> Fact:
    return HouseholdEnrolled(fact_id="h", at=at, household_id=household_id, dong_code=dong)


def device(device_id: str = "pir-1", household_id: str = "hh-1", *, at: int = ENROLLED) -> Fact:
    return DeviceEnrolled(
        fact_id="d", at=at, device_id=device_id, household_id=household_id, signals=("motion",), report_interval_s=600
    )


def folded(*facts: Fact) -> Enrolment:
    enrolment = Enrolment()
    for fact in facts:
        enrolment.fold(fact)
    return enrolment


def test_device_stands_where_it_was_enrolled() -> None:
    enrolment = folded(home(), device())
    place = enrolment.place("pir-1")
    assert place is not None
    assert (place.household_id, place.dong_code, place.enrolled_at, place.ended) == ("hh-1", "dong-1", ENROLLED, False)
    known = enrolment.device("pir-1")
    assert known is not None and (known.signals, known.report_interval_s) == (("motion",), 600)
    assert [one.device_id for one in enrolment.devices_of("hh-1")] == ["pir-1"]
    assert enrolment.place("pir-2") is None and len(enrolment) == 1


def test_device_of_a_home_nobody_knows_stands_nowhere_until_it_is_known() -> None:
    enrolment = folded(device())
    assert enrolment.place("pir-1") is None
    enrolment.fold(home(at=ENROLLED + HOUR))
    place = enrolment.place("pir-1")
    assert place is not None and place.enrolled_at == ENROLLED + HOUR, "nothing before the home was enrolled is life"


def test_enrolling_again_in_the_same_home_keeps_the_first_time_and_moving_counts_anew() -> None:
    enrolment = folded(home(), home("hh-2"), device(), device(at=ENROLLED + HOUR))
    known = enrolment.device("pir-1")
    assert known is not None and known.enrolled_at == ENROLLED
    enrolment.fold(device(household_id="hh-2", at=ENROLLED + 2 * HOUR))
    place = enrolment.place("pir-1")
    assert place is not None and (place.household_id, place.enrolled_at) == ("hh-2", ENROLLED + 2 * HOUR)
    assert enrolment.devices_of("hh-1") == [] and len(enrolment.devices_of("hh-2")) == 1


def test_removed_device_stands_nowhere() -> None:
    enrolment = folded(home(), device(), DeviceRemoved(fact_id="r", at=ENROLLED, device_id="pir-1"))
    assert enrolment.place("pir-1") is None and enrolment.device("pir-1") is None and enrolment.devices_of("hh-1") == []


def test_home_ends_and_begins_again_at_its_new_time() -> None:
    enrolment = folded(home(), device(), HouseholdEnded(fact_id="e", at=ENROLLED + HOUR, household_id="hh-1"))
    place, known = enrolment.place("pir-1"), enrolment.household("hh-1")
    assert place is not None and place.ended and known is not None and known.ended_at == ENROLLED + HOUR
    enrolment.fold(home(at=ENROLLED + 2 * HOUR))
    place = enrolment.place("pir-1")
    assert place is not None and not place.ended and place.enrolled_at == ENROLLED + 2 * HOUR


def test_home_enrolled_again_while_looked_after_may_change_its_dong_and_keeps_its_time() -> None:
    enrolment = folded(home(), device(), home(at=ENROLLED + HOUR, dong="dong-2"))
    place = enrolment.place("pir-1")
    assert place is not None and (place.dong_code, place.enrolled_at) == ("dong-2", ENROLLED)


def test_grade_changes_and_facts_about_strangers_pass() -> None:
    enrolment = folded(home(), HouseholdGraded(fact_id="g", at=ENROLLED, household_id="hh-1", grade="high"))
    known = enrolment.household("hh-1")
    assert known is not None and known.grade == "high"
    before = enrolment.snapshot()
    for fact in (
        HouseholdGraded(fact_id="g2", at=ENROLLED, household_id="hh-9", grade="high"),
        HouseholdEnded(fact_id="e2", at=ENROLLED, household_id="hh-9"),
        DeviceRemoved(fact_id="r2", at=ENROLLED, device_id="pir-9"),
        AwayEnded(fact_id="a", at=ENROLLED, household_id="hh-1"),
    ):
        enrolment.fold(fact)
    assert enrolment.snapshot() == before
    assert [one.household_id for one in enrolment.households()] == ["hh-1"]


_homes = st.sampled_from(["hh-1", "hh-2", "hh-3"])
_devices = st.sampled_from(["a", "b", "c"])
_at = st.integers(ENROLLED, ENROLLED + HOUR)
_facts = st.one_of(
    st.builds(home, _homes, at=_at, dong=st.sampled_from(["dong-1", "dong-2"])),
    st.builds(device, _devices, _homes, at=_at),
    st.builds(DeviceRemoved, fact_id=st.just("r"), at=_at, device_id=_devices),
    st.builds(HouseholdEnded, fact_id=st.just("e"), at=_at, household_id=_homes),
    st.builds(HouseholdGraded, fact_id=st.just("g"), at=_at, household_id=_homes, grade=st.just("high")),
)


@settings(derandomize=True)
@given(st.lists(_facts, max_size=30), st.lists(_facts, max_size=10))
def test_restored_from_a_snapshot_it_goes_on_as_before(before: list[Fact], after: list[Fact]) -> None:
    whole, restored = folded(*before), Enrolment()
    restored.restore(whole.snapshot())
    for fact in after:
        whole.fold(fact)
        restored.fold(fact)
    assert restored.snapshot() == whole.snapshot()
    for device_id in ("a", "b", "c"):
        there, known = restored.place(device_id), whole.place(device_id)
        assert (there is None) == (known is None)
        if there is not None and known is not None:  # their numbers are each process's own
            assert msgspec.structs.replace(there, number=known.number) == known
    for household_id in ("hh-1", "hh-2", "hh-3"):
        assert restored.devices_of(household_id) == whole.devices_of(household_id)
    restored.restore(None)
    assert restored.snapshot() == Enrolment().snapshot()


def test_a_register_that_says_the_same_again_makes_nothing_grow() -> None:
    told = [home("hh-1"), device("a", "hh-1"), device("b", "hh-1")]
    enrolment = folded(*told)
    for fact in told * 3:
        enrolment.fold(fact)
    assert [place.device_id for place in enrolment.standing] == ["a", "b"]
    enrolment.fold(device("a", "hh-2"))
    enrolment.fold(home("hh-2"))
    moved = enrolment.place("a")
    assert moved is not None and enrolment.standing[moved.number] is moved and len(enrolment.standing) == 3
