"""Proves that the register writes rows and facts together or not at all, and shows nobody's name without a log row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from ingest.clock import VirtualClock
from ingest.fact_outbox import fact_outbox
from ingest.facts import DeviceEnrolled, DeviceRemoved, Fact, HouseholdEnded, HouseholdEnrolled, HouseholdGraded, decode_fact
from ingest.register import tables
from ingest.register.homes import AlreadyRegistered, EntryWrong, Grade, NotRegistered
from ingest.register.people import Guardian, Resident, mask_name, mask_phone
from ingest.register.register import Register
from ingest.seal import SealBroken, Sealer, new_key
from ingest.store import metadata, open_store

NOON = 1_763_780_400_000
RESIDENT = Resident(name="김하늘", address="바람길 1", phone="010-0000-1234", birth_year=1941, note="당뇨")
GUARDIANS = (Guardian(name="김바다", phone="010-0000-5678", relation="딸"), Guardian(name="이웃", phone="010-0000-9999"))


@pytest.fixture
def store(store_url: str) -> Iterator[Engine]:
    engine = open_store(store_url)
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def register(store: Engine) -> Register:
    register = Register(store, Sealer(new_key()), VirtualClock(NOON))
    register.add_dong("dong-1", "바람동")
    register.add_dong("dong-2", "구름동")
    return register


def facts(store: Engine) -> list[Fact]:
    with store.connect() as connection:
        return [decode_fact(row.body) for row in connection.execute(select(fact_outbox).order_by(fact_outbox.c.id))]


def views(store: Engine) -> list[tuple[str, str, str, str]]:
    log = tables.view_log.c
    with store.connect() as connection:
        rows = connection.execute(select(log.login, log.household_id, log.purpose, log.fields).order_by(log.id)).all()
    return [(row.login, row.household_id, row.purpose, row.fields) for row in rows]


def enrol(register: Register, household_id: str = "home-1", dong: str = "dong-1") -> None:
    register.enrol_household(household_id, dong, grade="high", at=NOON, resident=RESIDENT, guardians=GUARDIANS)


def enrol_motion(register: Register, device_id: str = "pir-1", household_id: str = "home-1") -> None:
    register.enrol_device(device_id, household_id, model="pir", signals=["motion", "battery"], report_interval_s=0, at=NOON)


def test_enrolling_a_household_tells_the_journal_ids_alone(register: Register, store: Engine) -> None:
    enrol(register)
    (fact,) = facts(store)
    assert fact == HouseholdEnrolled(
        fact_id="household_enrolled:home-1", at=NOON, household_id="home-1", dong_code="dong-1", grade="high"
    )
    with store.connect() as connection:
        bodies = b"".join(row.body for row in connection.execute(select(fact_outbox.c.body)))
    assert "김".encode() not in bodies and b"010-" not in bodies


def test_people_lie_sealed_in_the_file(register: Register, store: Engine, tmp_path: Path) -> None:
    enrol(register)
    store.dispose()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in ("김하늘", "바람길", "당뇨", "김바다", "010-0000"):
        assert secret.encode() not in raw


def test_every_view_is_logged_with_who_what_and_why(register: Register, store: Engine) -> None:
    enrol(register)
    people = register.view_people("home-1", login="officer-1", purpose="household page")
    assert people.resident == RESIDENT
    assert people.guardians == GUARDIANS
    ((login, household, purpose, fields),) = views(store)
    assert (login, household, purpose) == ("officer-1", "home-1", "household page")
    assert fields.split(",") == [
        "resident.name",
        "resident.address",
        "resident.phone",
        "resident.birth_year",
        "resident.note",
        "guardian.name",
        "guardian.phone",
        "guardian.relation",
    ]


def test_the_masked_view_hides_and_is_logged_as_masked(register: Register, store: Engine) -> None:
    enrol(register)
    people = register.masked_people("home-1", login="officer-1", purpose="queue")
    assert people.resident == Resident(name="김○○", phone="010-0000-****")
    assert [guardian.phone for guardian in people.guardians] == ["010-0000-****"] * 2
    ((_, _, _, fields),) = views(store)
    assert fields == "masked:resident.name,resident.phone,guardian.name,guardian.phone,guardian.relation"


def test_a_view_that_cannot_be_logged_shows_nothing(register: Register, store: Engine) -> None:
    enrol(register)
    tables.view_log.drop(store)
    with pytest.raises(Exception, match="view_log"):
        register.view_people("home-1", login="officer-1", purpose="household page")


def test_people_sealed_under_a_lost_key_are_named_by_household_only(register: Register, store: Engine) -> None:
    enrol(register)
    other = Register(store, Sealer(new_key()), VirtualClock(NOON))
    with pytest.raises(SealBroken, match="resident:home-1") as caught:
        other.view_people("home-1", login="officer-1", purpose="household page")
    assert "김" not in str(caught.value)
    assert views(store) == []


def test_people_print_nothing_of_themselves() -> None:
    assert "김" not in repr(RESIDENT) and "0000" not in str(GUARDIANS)


def test_a_replaced_resident_and_guardians_leave_no_old_row(register: Register, store: Engine) -> None:
    enrol(register)
    register.put_resident("home-1", Resident(name="박새벽"))
    register.put_guardians("home-1", GUARDIANS[1:])
    people = register.view_people("home-1", login="officer-1", purpose="edit")
    assert people.resident == Resident(name="박새벽")
    assert people.guardians == GUARDIANS[1:]
    with store.connect() as connection:
        assert connection.execute(select(func.count()).select_from(tables.guardian)).scalar_one() == 1


def test_enrolling_twice_is_refused_and_writes_nothing(register: Register, store: Engine) -> None:
    enrol(register)
    with pytest.raises(AlreadyRegistered, match="home-1"):
        enrol(register, dong="dong-2")
    assert len(facts(store)) == 1
    assert register.household("home-1").dong_code == "dong-1"
    with pytest.raises(AlreadyRegistered, match="dong-1"):
        register.add_dong("dong-1", "또")


def test_unknown_dong_household_and_device_are_named(register: Register, store: Engine) -> None:
    with pytest.raises(NotRegistered, match="dong dong-9"):
        enrol(register, dong="dong-9")
    with pytest.raises(NotRegistered, match="household home-9"):
        enrol_motion(register, household_id="home-9")
    with pytest.raises(NotRegistered, match="device pir-9"):
        register.remove_device("pir-9", at=NOON)
    with pytest.raises(NotRegistered, match="household home-9"):
        register.view_people("home-9", login="officer-1", purpose="household page")
    assert facts(store) == [] and views(store) == []


@pytest.mark.parametrize("wrong", ["", "Home", "home 1", "집", "a" * 33, "home/1", "home\n"])
def test_an_id_unfit_for_a_topic_is_refused(register: Register, wrong: str) -> None:
    with pytest.raises(EntryWrong, match="household id"):
        register.enrol_household(wrong, "dong-1", at=NOON)
    enrol(register)
    with pytest.raises(EntryWrong, match="device id"):
        enrol_motion(register, device_id=wrong)
    with pytest.raises(EntryWrong, match="dong code"):
        register.add_dong(wrong, "동")


def test_an_unknown_signal_grade_or_interval_is_refused(register: Register, store: Engine) -> None:
    enrol(register)
    with pytest.raises(EntryWrong, match="motoin"):
        register.enrol_device("pir-1", "home-1", model="pir", signals=["motoin"], report_interval_s=0, at=NOON)
    with pytest.raises(EntryWrong, match="report_interval_s"):
        register.enrol_device("pir-1", "home-1", model="pir", signals=["motion"], report_interval_s=-1, at=NOON)
    with pytest.raises(EntryWrong, match="ordinary"):
        register.set_grade("home-1", "low", at=NOON)
    assert register.devices() == []


def test_a_device_moves_out_of_the_home_it_stood_in(register: Register, store: Engine) -> None:
    enrol(register)
    enrol(register, "home-2", "dong-2")
    enrol_motion(register)
    moved = register.move_device("pir-1", "home-2", at=NOON + 1)
    assert (moved.household_id, moved.dong_code) == ("home-2", "dong-2")
    assert register.devices(household="home-1") == []
    assert register.devices(dong="dong-2") == [moved]
    last = facts(store)[-1]
    assert isinstance(last, DeviceEnrolled)
    assert (last.household_id, last.signals, last.at) == ("home-2", ("motion", "battery"), NOON + 1)
    ids = [fact.fact_id for fact in facts(store)]
    assert len(set(ids)) == len(ids)


def test_a_removed_device_can_come_back(register: Register, store: Engine) -> None:
    enrol(register)
    enrol_motion(register)
    register.remove_device("pir-1", at=NOON + 1)
    assert register.devices() == []
    with pytest.raises(NotRegistered):
        register.remove_device("pir-1", at=NOON + 2)
    enrol_motion(register)
    assert [device.id for device in register.devices()] == ["pir-1"]
    assert [type(fact) for fact in facts(store)] == [HouseholdEnrolled, DeviceEnrolled, DeviceRemoved, DeviceEnrolled]


def test_a_claimed_device_leaves_the_list_of_the_unclaimed(register: Register, store: Engine) -> None:
    enrol(register)
    row = {"dialect": "native", "first_offset": 1, "last_offset": 1, "last_received_at": NOON, "topic": "t", "messages": 1}
    with store.begin() as connection:
        connection.execute(tables.unclaimed.insert().values(device_id="pir-1", payload=b"", **row))
    enrol_motion(register)
    with store.connect() as connection:
        assert connection.execute(select(tables.unclaimed)).all() == []


def test_a_changed_grade_is_told_once(register: Register, store: Engine) -> None:
    enrol(register)
    assert register.set_grade("home-1", Grade.ORDINARY, at=NOON + 1).grade is Grade.ORDINARY
    register.set_grade("home-1", "ordinary", at=NOON + 2)
    told = [fact for fact in facts(store) if isinstance(fact, HouseholdGraded)]
    assert [(fact.grade, fact.at) for fact in told] == [("ordinary", NOON + 1)]


def test_an_ended_household_takes_its_devices_with_it_and_changes_no_more(register: Register, store: Engine) -> None:
    enrol(register)
    enrol_motion(register)
    register.end_household("home-1", at=NOON + 5)
    assert isinstance(facts(store)[-1], HouseholdEnded)
    assert register.households() == [] and register.devices() == []
    assert [(home.id, home.ended_at) for home in register.households(ended=True)] == [("home-1", NOON + 5)]
    with pytest.raises(NotRegistered, match="no longer"):
        register.set_grade("home-1", "ordinary", at=NOON + 6)
    with pytest.raises(NotRegistered, match="no longer"):
        register.end_household("home-1", at=NOON + 6)


def test_a_dong_sees_its_own_households_and_devices_alone(register: Register) -> None:
    enrol(register)
    enrol(register, "home-2", "dong-2")
    enrol_motion(register)
    enrol_motion(register, "pir-2", "home-2")
    assert [dong.code for dong in register.dongs()] == ["dong-1", "dong-2"]
    assert [home.id for home in register.households()] == ["home-1", "home-2"]
    assert [home.id for home in register.households("dong-2")] == ["home-2"]
    assert register.household("home-1", "dong-2") is None
    assert register.household("home-1", "dong-1") == register.household("home-1")
    assert [device.id for device in register.devices(dong="dong-1")] == ["pir-1"]
    assert register.devices(dong="dong-1", household="home-2") == []


@pytest.mark.parametrize(("name", "shown"), [("김하늘", "김○○"), ("남궁바람", "남○○○"), ("린", "○"), ("", "")])
def test_a_masked_name_keeps_its_first_letter(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"), [("010-0000-1234", "010-0000-****"), ("01000001234", "0100000****"), ("12-3", "**-*"), ("", "")]
)
def test_a_masked_phone_hides_its_last_four_digits(phone: str, shown: str) -> None:
    assert mask_phone(phone) == shown
