"""Proves that what nobody could take is read again once, by what is known now, and that nothing is counted or raised twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import msgspec
import pytest
from sqlalchemy import Engine, select

from ingest.clock import HOUR, MINUTE, Millis, VirtualClock
from ingest.decode import Decoder
from ingest.dialects.registry import make_dialects
from ingest.fact_outbox import carry_facts
from ingest.facts import MessageReread
from ingest.intake import IntakeConsumer
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, Message
from ingest.reading import Reading, Reason, Rejection, Signal
from ingest.register.homes import AlreadyRegistered, EntryWrong, NotRegistered
from ingest.register.register import Register
from ingest.register.strangers import Strangers
from ingest.register.tables import reread
from ingest.rereading import carry_rereads
from ingest.seal import Sealer, new_key
from ingest.store import metadata, open_store
from ingest.wire import PackRecord, encode_pack

NOON: Millis = 1_767_268_800_000


@dataclass
class Place:
    """A register, a journal, and two who read it."""

    engine: Engine
    register: Register
    strangers: Strangers
    journal: MemoryJournal = field(default_factory=MemoryJournal)
    decoder: Decoder = field(default_factory=Decoder)
    now: Millis = NOON
    read: int = 0

    def hear(self, topic: str, payload: bytes, **how: bool) -> None:
        """A message a minute after the last."""
        self.now += MINUTE
        self.append([Message(received_at=self.now, source="mqtt", topic=topic, payload=payload, **how)])

    def append(self, bodies: Sequence[Body]) -> None:
        """Put it into the journal."""
        self.journal.append(bodies)

    def carry(self) -> None:
        """What the serving process does all the time."""
        while carry_facts(self.engine, self.journal, self.now) + carry_rereads(self.engine, self.journal, self.now):
            pass
        carry_rereads(self.engine, self.journal, self.now)

    def settle(self) -> list[Reading | Rejection]:
        """Carry everything, let the intake look, and say what is new."""
        self.carry()
        entries = self.journal.read(self.read, 10_000)
        self.read += len(entries)
        self.intake.take(entries)
        items = [item for _entry, items in self.decoder.read(entries) for item in items]
        return [item for item in items if isinstance(item, (Reading, Rejection))]

    def __post_init__(self) -> None:
        self.intake = IntakeConsumer(self.engine, Decoder())
        self.intake.restore(None)


@pytest.fixture
def place(store_url: str) -> Iterator[Place]:
    engine = open_store(store_url)
    metadata.create_all(engine)
    register = Register(engine, Sealer(new_key()), VirtualClock(NOON))
    register.add_dong("dong-1", "바람동")
    for home in ("hh-1", "hh-2"):
        register.enrol_household(home, "dong-1", at=NOON - 48 * HOUR)
    yield Place(engine, register, Strangers(engine))
    engine.dispose()


def topic(device: str, signal: str, household: str = "hh-1") -> str:
    return f"anbu/v1/dong-1/{household}/{device}/{signal}"


def numbered(seq: int, v: float = 1, *, boot: int = 1) -> bytes:
    return msgspec.json.encode({"boot": boot, "seq": seq, "v": v})


def readings(items: Sequence[Reading | Rejection]) -> list[Reading]:
    return [item for item in items if isinstance(item, Reading)]


def test_claimed_device_is_read_again_from_its_first_message_with_the_times_of_then(place: Place) -> None:
    for seq in range(3):
        place.hear(topic("pir-1", "motion"), numbered(seq))
    heard_at = place.now
    assert readings(place.settle()) == []
    place.now += 2 * HOUR
    place.strangers.claim("pir-1", "hh-1", at=place.now, by="installer")
    taken = readings(place.settle())
    assert [reading.seq for reading in taken] == [0, 1, 2]
    assert [reading.observed_at for reading in taken] == [heard_at - 2 * MINUTE, heard_at - MINUTE, heard_at]
    assert {reading.household_id for reading in taken} == {"hh-1"}
    place.hear(topic("pir-1", "motion"), numbered(3))
    assert [reading.again for reading in [*taken, *readings(place.settle())]] == [True, True, True, False]


def test_what_a_device_saw_before_it_was_enrolled_is_no_sign_of_life(place: Place) -> None:
    place.hear(topic("pir-1", "motion"), numbered(0))
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now + HOUR, by="installer")
    assert [reading.credible for reading in readings(place.settle())] == [False]


def test_it_is_one_where_the_installer_says_since_when_the_device_has_stood_there(place: Place) -> None:
    place.hear(topic("pir-1", "motion"), numbered(0))
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now + HOUR, by="installer", since=place.now - HOUR)
    assert [reading.credible for reading in readings(place.settle())] == [True]


def test_a_vendors_device_is_claimed_by_its_address_and_read_again(place: Place) -> None:
    place.decoder = Decoder(make_dialects(["native", "zigbee2mqtt"]))
    place.intake = IntakeConsumer(place.engine, Decoder(make_dialects(["native", "zigbee2mqtt"])))
    for degrees in (20, 21):
        place.hear("zigbee2mqtt/living room", msgspec.json.encode({"temperature": degrees, "linkquality": 80}))
    assert readings(place.settle()) == []
    (stranger,) = place.strangers.unclaimed()
    assert (stranger.dialect, stranger.address, stranger.dong_code) == ("zigbee2mqtt", "zigbee2mqtt/living room", None)
    assert stranger.signals == ("temperature", "link") and stranger.messages == 2
    place.strangers.claim(stranger.device_id, "hh-1", at=place.now + HOUR, by="installer")
    place.now += HOUR
    place.hear("zigbee2mqtt/living room", b'{"temperature":22}')
    taken = [(one.value, one.household_id) for one in readings(place.settle()) if one.signal is Signal.TEMPERATURE]
    assert sorted(taken) == [(20, "hh-1"), (21, "hh-1"), (22, "hh-1")] and place.strangers.unclaimed() == []


def test_a_vendors_device_enrolled_under_an_id_of_its_own_is_read_again_too(place: Place) -> None:
    place.decoder = Decoder(make_dialects(["zigbee2mqtt"]))
    place.intake = IntakeConsumer(place.engine, Decoder(make_dialects(["zigbee2mqtt"])))
    place.hear("zigbee2mqtt/living room", b'{"temperature":20}')
    place.settle()
    how = {"model": "th", "signals": ("temperature",), "report_interval_s": 0, "at": place.now + HOUR}
    place.register.enrol_device("th-1", "hh-1", address="zigbee2mqtt/living room", **how)
    with pytest.raises(AlreadyRegistered, match="living room"):
        place.register.enrol_device("th-2", "hh-1", address="zigbee2mqtt/living room", **how)
    (taken,) = readings(place.settle())
    assert (taken.device_id, taken.value, taken.credible) == ("th-1", 20, False) and place.strangers.unclaimed() == []
    place.register.remove_device("th-1", at=place.now + HOUR)
    place.register.enrol_device("th-2", "hh-1", address="zigbee2mqtt/living room", **how)


def test_messages_on_their_way_while_a_device_is_claimed_are_taken_once(place: Place) -> None:
    place.hear(topic("th-1", "temperature"), b'{"v":21.5}')
    place.settle()
    place.hear(topic("th-1", "temperature"), b'{"v":21.6}')  # before the fact, after the intake looked
    place.strangers.claim("th-1", "hh-1", at=place.now, by="installer")
    carry_facts(place.engine, place.journal, place.now)
    place.hear(topic("th-1", "temperature"), b'{"v":21.7}')  # after it
    assert sorted(reading.value for reading in readings(place.settle())) == [21.5, 21.6, 21.7]


def test_what_the_device_sends_again_itself_is_a_duplicate(place: Place) -> None:
    place.hear(topic("pir-1", "motion"), numbered(0))
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now, by="installer")
    carry_facts(place.engine, place.journal, place.now)
    place.hear(topic("pir-1", "motion"), numbered(0))
    assert [item.reason if isinstance(item, Rejection) else "taken" for item in place.settle()] == ["taken", "duplicate"]


def test_crash_after_the_journal_and_before_our_note_tells_nothing_twice(place: Place) -> None:
    for _ in range(3):
        place.hear(topic("pir-1", "motion"), b'{"v":1}')
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now, by="installer")
    carry_facts(place.engine, place.journal, place.now)
    with place.engine.begin() as connection:
        before = connection.execute(select(reread)).one()._mapping
    carry_rereads(place.engine, place.journal, place.now)
    with place.engine.begin() as connection:  # as if it had never been written down
        connection.execute(reread.update().values(next_offset=before["next_offset"], done_at=None, found=0))
    assert len(readings(place.settle())) == 3
    facts = [entry for entry in place.journal.read(0, 100) if isinstance(entry.body, MessageReread)]
    assert len(facts) == 3


def test_sos_of_an_unclaimed_device_is_raised_when_it_comes_and_not_again_at_the_claim(place: Place) -> None:
    place.hear(topic("sos-1", "sos"), numbered(0))
    place.hear(topic("sos-1", "sos"), numbered(1))
    assert [reading.signal for reading in readings(place.settle())] == [Signal.SOS, Signal.SOS]
    place.strangers.claim("sos-1", "hh-1", at=place.now, by="installer")
    assert readings(place.settle()) == []
    place.hear(topic("sos-1", "sos"), numbered(2))
    assert [reading.household_id for reading in readings(place.settle())] == ["hh-1"]


def test_claiming_a_device_of_a_pack_takes_its_records_and_no_others(place: Place) -> None:
    place.register.enrol_device("gw-1", "hh-1", model="gw", signals=(), report_interval_s=0, at=NOON)
    place.register.enrol_device("th-1", "hh-1", model="th", signals=("temperature",), report_interval_s=0, at=NOON)
    place.carry()
    records = [PackRecord(n="boot", v=1), PackRecord(n="seq", v=0)]
    records += [PackRecord(n="th-1/temperature", v=20.5), PackRecord(n="th-2/temperature", v=19.5)]
    place.hear(topic("gw-1", "pack"), encode_pack(records))
    assert [reading.device_id for reading in readings(place.settle())] == ["th-1"]
    place.strangers.claim("th-2", "hh-1", at=place.now, by="installer", signals=("temperature",))
    assert [(reading.device_id, reading.value) for reading in readings(place.settle())] == [("th-2", 19.5)]


def test_rejection_that_can_be_read_by_now_is_taken_on_retry(place: Place) -> None:
    place.register.enrol_device("pir-1", "hh-2", model="pir", signals=("motion",), report_interval_s=0, at=NOON)
    place.carry()
    place.hear(topic("pir-1", "motion"), numbered(0))  # still says hh-1
    assert [item.reason for item in place.settle() if isinstance(item, Rejection)] == [Reason.REGISTER_MISMATCH]
    place.register.move_device("pir-1", "hh-1", at=NOON)
    assert place.strangers.retry(at=place.now, by="ops") == 1
    assert [(reading.household_id, reading.seq) for reading in readings(place.settle())] == [("hh-1", 0)]
    assert place.strangers.rejections() == []
    assert [one.retried_at for one in place.strangers.rejections(retried=True)] == [place.now]


def test_rejection_that_still_cannot_be_read_is_rejected_anew(place: Place) -> None:
    place.register.enrol_device("pir-1", "hh-1", model="pir", signals=("motion",), report_interval_s=0, at=NOON)
    place.carry()
    place.hear(topic("pir-1", "motion"), numbered(0, 7))
    place.settle()
    (first,) = place.strangers.rejections()
    place.strangers.retry([first.offset], at=place.now, by="ops")
    place.settle()
    (again,) = place.strangers.rejections()
    assert again.offset > first.offset and (again.reason, again.payload) == (first.reason, first.payload)


def test_retry_of_one_value_leaves_the_values_that_were_taken_alone(place: Place) -> None:
    place.register.enrol_device("phone-1", "hh-1", model="phone", signals=("steps",), report_interval_s=0, at=NOON)
    place.carry()
    place.hear(topic("phone-1", "steps"), b'{"boot":1,"seq":0,"v":900,"bat":140}')
    assert [reading.value for reading in readings(place.settle())] == [900]
    place.strangers.retry(at=place.now, by="ops")
    (item,) = place.settle()
    assert isinstance(item, Rejection) and item.index == 2


def test_unclaimed_devices_are_listed_with_their_last_payload_a_dialect_and_what_was_heard(place: Place) -> None:
    place.hear(topic("th-1", "humidity", "hh-2"), b'{"v":40}')
    place.hear(topic("th-1", "temperature", "hh-2"), b'{"v":21}')
    place.settle()
    (stranger,) = place.strangers.unclaimed()
    assert (stranger.device_id, stranger.dialect, stranger.household_id) == ("th-1", "native", "hh-2")
    assert (stranger.payload, stranger.messages) == (b'{"v":21}', 2)
    assert stranger.signals == ("temperature", "humidity")
    device = place.strangers.claim("th-1", "hh-2", at=place.now, by="installer")
    assert device.signals == ("temperature", "humidity") and place.strangers.unclaimed() == []


def test_officer_can_claim_nothing_from_or_into_another_dong(place: Place) -> None:
    place.register.add_dong("dong-2", "구름동")
    place.register.enrol_household("hh-9", "dong-2", at=NOON)
    place.hear(topic("pir-1", "motion"), numbered(0))
    place.settle()
    assert place.strangers.unclaimed(dong="dong-2") == []
    for dong, home in (("dong-2", "hh-9"), ("dong-1", "hh-9")):
        with pytest.raises(NotRegistered):
            place.strangers.claim("pir-1", home, at=place.now, by="o", dong=dong)
    with pytest.raises(NotRegistered):
        place.strangers.claim("pir-9", "hh-1", at=place.now, by="o")
    with pytest.raises(EntryWrong):
        place.strangers.claim("pir-1", "hh-1", at=place.now, by="o", since=place.now + 1)


def test_decoder_restored_in_the_midst_of_a_reread_goes_on_as_one_that_read_everything(place: Place) -> None:
    for seq in range(4):
        place.hear(topic("pir-1", "motion"), numbered(seq))
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now, by="installer")
    place.carry()
    entries = place.journal.read(0, 100)
    whole = list(Decoder().read(entries))
    for cut in range(len(entries)):
        first, second = Decoder(), Decoder()
        begun = list(first.read(entries[:cut]))
        second.restore(first.snapshot())
        assert begun + list(second.read(entries[cut:])) == whole


def test_what_was_asked_for_again_stays_so_when_the_intake_reads_the_journal_once_more(place: Place) -> None:
    place.hear(topic("pir-1", "motion"), numbered(0))
    place.hear(topic("pir-2", "motion"), numbered(0))
    place.hear("rubbish", b"1")
    place.settle()
    place.strangers.claim("pir-1", "hh-1", at=place.now, by="installer")
    assert place.strangers.retry(reason=Reason.UNKNOWN_TOPIC.value, at=place.now, by="installer") == 1
    place.settle()
    before = place.strangers.rejections(retried=True)
    assert sum(one.retried_at is not None for one in before) == 2
    intake = IntakeConsumer(place.engine, Decoder())
    intake.restore(None)
    intake.take(place.journal.read(0, 10_000))
    assert place.strangers.rejections(retried=True) == before
