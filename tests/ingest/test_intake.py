"""Proves that what could not be taken is kept once with its reason, within bounds, and counted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, Row, insert, select

from ingest.clock import DAY, HOUR
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, MessagesLeftOut
from ingest.intake import KEPT_PER_HOUR, IntakeConsumer, forget_rejections, storable
from ingest.journal.port import Entry
from ingest.reading import Reason
from ingest.register.tables import rejection, unclaimed
from ingest.store import metadata, open_store
from tests.ingest.entry_parts import HOME, NOON, Log, body, enrolled_home, topic

MOTION = topic("pir-1", "motion")


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    opened = open_store(store_url)
    metadata.create_all(opened, tables=[rejection, unclaimed])
    yield opened
    opened.dispose()


@pytest.fixture
def log() -> Log:
    begun = Log()
    enrolled_home(begun)
    return begun


def intake(engine: Engine, *batches: list[Entry]) -> IntakeConsumer:
    """A consumer that has taken these batches from the beginning."""
    consumer = IntakeConsumer(engine, Decoder())
    consumer.restore(None)
    for batch in batches:
        consumer.take(batch)
    return consumer


def rows(engine: Engine) -> list[Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return list(connection.execute(select(rejection).order_by(rejection.c.offset, rejection.c.index)))


def strangers(engine: Engine) -> dict[str, tuple[object, ...]]:
    with engine.connect() as connection:
        return {row.device_id: tuple(row)[3:] for row in connection.execute(select(unclaimed))}


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"anbu_{name}_total", labels) or 0.0


def test_rejection_is_kept_with_its_reason_and_its_bytes(engine: Engine, log: Log) -> None:
    entry = log.say(MOTION, b'{"v":2}')
    intake(engine, log.entries)
    (row,) = rows(engine)
    assert (row.offset, row.index, row.received_at) == (entry.offset, 0, entry.received_at)
    assert (row.reason, row.topic, row.device_id, row.payload) == ("out_of_range", MOTION, "pir-1", b'{"v":2}')
    assert "motion" in row.detail


def test_every_reason_but_the_duplicate_is_kept(engine: Engine, log: Log) -> None:
    for on, payload, retain in (
        ("x", b"", False),
        ("anbu/v1/dong-1/hh-1/pir-\udcff/motion", b"", False),
        (MOTION, b"x", False),
        (MOTION, b"\xff", False),
        (MOTION, b"\x00" * 2**20, False),
        (MOTION, b"{}", False),
        (MOTION, b'{"v":"x"}', False),
        (topic("pir-1", "pulse"), body(v=1, boot=1, seq=1), False),
        (topic("pir-1", "pulse"), body(v=1, boot=1, seq=1), False),
        (topic("stranger", "motion"), body(v=1), False),
        (topic("pir-1", "motion", household="hh-2"), body(v=1), False),
        (topic("th-1", "humidity"), body(v=101), False),
        (MOTION, body(v=1), True),
    ):
        log.say(on, payload, retain=retain)
    log.fact(MessagesLeftOut(fact_id="left", at=log.at, topic=MOTION, messages=5, since=log.at))
    for _ in range(101):
        log.say(topic("smoke-1", "smoke"), b"rubbish")
    decoded = set(Reason) - {Reason.HISTORY_REFUSED}  # which no decoder gives
    before = {reason: counted("rejections", reason=reason.value) for reason in decoded}
    intake(engine, log.entries)
    assert {row.reason for row in rows(engine)} == {reason.value for reason in decoded} - {"duplicate"}
    assert max(len(row.payload) for row in rows(engine)) == 4_096
    assert all(counted("rejections", reason=reason.value) > before[reason] for reason in decoded)


@pytest.mark.parametrize("odd", ["a\udcff\x00b", "\x00", "동" * 400, "x" * 60_000, "\ud800"])
def test_no_topic_breaks_the_store(engine: Engine, log: Log, odd: str) -> None:
    log.say(odd, b"\x00\xff")
    intake(engine, log.entries)
    (row,) = rows(engine)
    assert 0 < len(row.topic) <= 255 and "\x00" not in row.topic
    row.topic.encode()


def test_what_is_storable_stays_as_it_is() -> None:
    assert storable("anbu/v1/동") == "anbu/v1/동"
    assert storable("a\udcff\x00") == "a\\udcff\\x00"


def test_unclaimed_device_is_kept_with_its_last_payload(engine: Engine, log: Log) -> None:
    first = log.say(topic("new-1", "motion"), b"first")
    log.say(topic("new-1", "motion"), b"second")
    last = log.say(topic("new-1", "door"), b"x" * 5_000)
    intake(engine, log.entries)
    assert strangers(engine) == {
        "new-1": (first.offset, last.offset, last.received_at, topic("new-1", "door"), b"x" * 4_096, 3),
    }


def test_unclaimed_device_in_a_pack_counts_a_message_once(engine: Engine, log: Log) -> None:
    record = b'{"n":"new-1/motion","vb":true}'
    log.say(topic("gw-1", "pack"), b'[{"n":"boot","v":1},{"n":"seq","v":1},%s,%s]' % (record, record))
    intake(engine, log.entries)
    assert strangers(engine)["new-1"][-1] == 1
    assert [(row.index, row.device_id) for row in rows(engine)] == [(2, "new-1"), (3, "new-1")]


def test_device_that_is_enrolled_is_unclaimed_no_more(engine: Engine, log: Log) -> None:
    log.say(topic("new-1", "motion"), body(v=1))
    log.say(topic("new-2", "motion"), body(v=1))
    consumer = intake(engine, log.entries)
    taken = len(log.entries)
    log.say(topic("new-2", "motion"), body(v=1))
    for device_id in ("new-1", "new-2"):
        log.fact(DeviceEnrolled(fact_id=device_id, at=log.at, device_id=device_id, household_id=HOME, signals=()))
    consumer.take(log.entries[taken:])
    assert strangers(engine) == {}


def test_taking_again_leaves_the_same_rows(engine: Engine, log: Log) -> None:
    for number in range(40):
        log.say(MOTION, b"rubbish")
        log.say(topic(f"new-{number % 3}", "motion"), body(v=number))
    half = len(log.entries) // 2
    consumer = intake(engine, log.entries[:half])
    state = consumer.state()
    consumer.take(log.entries[half:])
    kept, unknown = rows(engine), strangers(engine)
    consumer.restore(state)
    for entry in log.entries[half:]:
        consumer.take([entry])
    assert (rows(engine), strangers(engine)) == (kept, unknown)
    again = intake(engine, log.entries)
    assert (rows(engine), strangers(engine)) == (kept, unknown)
    assert again.state() == consumer.state()


def test_failed_transaction_keeps_nothing_and_the_batch_can_be_taken_again(engine: Engine, log: Log) -> None:
    consumer = intake(engine, log.entries)
    state = consumer.state()
    before = counted("rejections", reason="unparsable")
    batch = [log.say(MOTION, b"rubbish"), log.say(topic("new-1", "motion"), body(v=1))]
    unclaimed.drop(engine)
    with pytest.raises(Exception, match="unclaimed"):
        consumer.take(batch)
    assert rows(engine) == [] and counted("rejections", reason="unparsable") == before
    unclaimed.create(engine)
    consumer.restore(state)
    consumer.take(batch)
    assert len(rows(engine)) == 2 and counted("rejections", reason="unparsable") == before + 1


def test_an_hour_of_rubbish_fills_no_disk(engine: Engine, log: Log) -> None:
    before = counted("rejections_not_kept")
    for number in range(KEPT_PER_HOUR + 50):
        log.say(MOTION, b"rubbish", after=0)
        log.say(topic(f"stranger-{number}", "motion"), b"rubbish", after=0)
    other = log.say(topic("th-1", "humidity"), body(v=101), after=0)
    consumer = intake(engine, log.entries)
    kept = rows(engine)
    assert sum(row.device_id == "pir-1" for row in kept) == KEPT_PER_HOUR
    assert sum(row.reason == "unknown_device" for row in kept) == KEPT_PER_HOUR
    assert kept[-1].offset == other.offset, "one device's rubbish hides no other's"
    assert counted("rejections_not_kept") == before + 100
    consumer.take([log.say(MOTION, b"rubbish", after=HOUR)])
    assert len(rows(engine)) == len(kept) + 1
    state = consumer.state()
    assert state is not None and len(state) < 5_000, "strangers leave nothing in the state"


def test_bound_holds_across_a_restart(engine: Engine, log: Log) -> None:
    for _ in range(KEPT_PER_HOUR - 1):
        log.say(MOTION, b"rubbish", after=0)
    state = intake(engine, log.entries).state()
    restarted = IntakeConsumer(engine, Decoder())
    restarted.restore(state)
    restarted.take([log.say(MOTION, b"rubbish", after=0) for _ in range(5)])
    assert len(rows(engine)) == KEPT_PER_HOUR


def test_unclaimed_devices_are_bounded(engine: Engine, log: Log) -> None:
    full = [
        {
            "device_id": f"old-{number}",
            "dialect": "native",
            "first_offset": 0,
            "last_offset": 0,
            "last_received_at": NOON,
            "topic": "",
            "payload": b"",
            "messages": 1,
        }
        for number in range(9_999)
    ]
    with engine.begin() as connection:
        connection.execute(insert(unclaimed), full)
    for device_id in ("new-1", "new-2", "old-5"):
        log.say(topic(device_id, "motion"), body(v=1))
    intake(engine, log.entries)
    found = strangers(engine)
    assert len(found) == 10_000 and "new-1" in found and "new-2" not in found and found["old-5"][-1] == 2


def test_each_entry_is_counted_once_however_often_it_is_read(engine: Engine, log: Log) -> None:
    log.say(MOTION, body(v=1, boot=1, seq=1))
    log.say(MOTION, body(v=1, boot=1, seq=1))
    log.say(MOTION, body(v=1, boot=1, seq=2, t=0))
    log.say(MOTION, body(v=1, boot=1, seq=3, t=4e9))
    names = [
        ("messages", {}),
        ("readings", {"signal": "motion"}),
        ("readings_not_credible", {"signal": "motion"}),
        ("readings_skewed", {"signal": "motion"}),
        ("rejections", {"reason": "duplicate"}),
    ]
    before = [counted(name, **labels) for name, labels in names]
    consumer = intake(engine, log.entries, [])
    consumer.restore(None)
    consumer.take(log.entries)
    consumer.at_head(NOON + DAY)
    assert [counted(name, **labels) - old for (name, labels), old in zip(names, before, strict=True)] == [4, 3, 1, 1, 1]
    assert rows(engine) == [] and consumer.name == "intake"


def test_old_rejections_are_forgotten(engine: Engine, log: Log) -> None:
    log.say(MOTION, b"old")
    log.say(topic("old-1", "motion"), b"old")
    young = log.say(MOTION, b"young", after=DAY)
    log.say(topic("old-2", "motion"), b"young", after=0)
    intake(engine, log.entries)
    assert forget_rejections(engine, young.received_at) == 3
    assert [row.payload for row in rows(engine)] == [b"young", b"young"] and set(strangers(engine)) == {"old-2"}
    assert forget_rejections(engine, young.received_at) == 0
