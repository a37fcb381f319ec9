"""Proves that a device that floods us is held to its rate alone, that its calls for help come through, and that it is seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ingest.clock import HOUR, SECOND, Millis, SystemClock
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.facts import LinkUp, MessagesLeftOut
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, Message
from ingest.rate import LAST_WORDS, TOLD_EVERY, RateLimit
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest.entry_parts import NOON, topic
from tests.ingest.journals import FullJournal, messages
from tests.servers import Broker, publish
from tests.waiting import until

MOTION = topic("pir-1", "motion")
STEADY = Pace(backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)  # no canary is missed: what comes after one is let in whole


def said(on: str = MOTION, payload: bytes = b'{"v":1}', *, at: Millis = NOON, catching_up: bool = False) -> Message:
    return Message(received_at=at, source="mqtt", topic=on, payload=payload, catching_up=catching_up)


def limit(*, per_s: int = 20, burst: int = 200, told_every: Millis = TOLD_EVERY) -> RateLimit:
    return RateLimit(make_dialects(DIALECTS), per_s=per_s, burst=burst, told_every=told_every)


def senders(bodies: Sequence[Body]) -> Counter[str]:
    return Counter(body.topic for body in bodies if isinstance(body, Message))


@given(st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 60)), max_size=60), st.integers(1, 50), st.integers(1, 80))
def test_of_one_device_never_more_than_its_burst_and_its_rate(steps: list[tuple[int, int]], per_s: int, burst: int) -> None:
    held, now, admitted = limit(per_s=per_s, burst=burst), NOON, 0
    for wait, count in steps:
        now += wait
        admitted += len(held.admit([said(at=now)] * count, now))
        assert admitted <= burst + (now - NOON) * 1_000 / round(1_000_000 / per_s)


@given(st.lists(st.integers(50, 5_000), min_size=1, max_size=300))
def test_a_device_at_its_rate_or_below_is_never_held_back(waits: list[int]) -> None:
    held, now = limit(per_s=20, burst=5), NOON
    for wait in waits:
        now += wait
        assert held.admit([said(at=now)], now)


def test_the_others_are_let_in_whole_and_in_their_order() -> None:
    held = limit()
    flood, other = [said(payload=b"%d" % number) for number in range(1_000)], topic("th-1", "temperature")
    mixed = [body for number, one in enumerate(flood) for body in ([one, said(other, b"%d" % number)] if number < 150 else [one])]
    admitted = held.admit(mixed, NOON)
    assert senders(admitted) == {MOTION: 200, other: 150}
    assert [body for body in admitted if body in flood] == flood[:200]


def test_all_topics_of_a_device_share_its_rate() -> None:
    held = limit(burst=10)
    topics = [topic("pir-1", "motion", household=f"hh-{number}") for number in range(100)]
    assert len(held.admit([said(on) for on in topics], NOON)) == 10


def test_calls_for_help_come_through_a_flood_and_a_flood_of_them_is_held_too() -> None:
    held, sos = limit(), topic("pir-1", "sos")
    held.admit([said()] * 300, NOON)
    assert held.admit([said()], NOON) == []
    assert held.admit([said(sos, b'{"v":0}')] * 5, NOON) == [], "nobody calls"
    assert len(held.admit([said(sos)], NOON)) == 1
    assert len(held.admit([said(sos, b"no json")], NOON)) == 1, "a call that cannot be read is a call"
    assert len(held.admit([said(topic("pir-1", "pack"), PACK_WITH_SMOKE)], NOON)) == 1
    assert len(held.admit([said(sos)] * 1_000, NOON)) == 197


PACK_WITH_SMOKE = b'[{"n":"boot","v":1},{"n":"seq","v":1},{"n":"th-1/temperature","v":20},{"n":"smoke-1/smoke","v":1}]'


def test_a_vendors_device_is_held_by_its_address_and_its_alarms_are_known() -> None:
    held, button = limit(burst=10), "zigbee2mqtt/smoke kitchen"
    assert len(held.admit([said(button, b'{"smoke":false}')] * 50, NOON)) == 10
    assert len(held.admit([said(button, b'{"smoke":true}')], NOON)) == 1
    assert len(held.admit([said("zigbee2mqtt/pir hall", b'{"occupancy":true}')], NOON)) == 1


def test_what_cannot_be_judged_alone_is_let_in_up_to_another_burst() -> None:
    held, data = limit(burst=10), "spBv1.0/homes/DDATA/edge-1/smoke-1"
    assert len(held.admit([said(data, b"\x00")] * 50, NOON)) == 20


def test_what_waited_in_the_brokers_queue_is_let_in_whole() -> None:
    backlog = [said(catching_up=True)] * 5_000
    assert limit().admit(backlog, NOON) == backlog


def test_facts_are_never_held_back() -> None:
    held, up = limit(burst=1), LinkUp(fact_id="up", at=NOON, source="mqtt")
    held.admit([said()] * 5, NOON)
    assert held.admit([said(), up], NOON) == [up]


def test_a_clock_that_is_set_back_silences_nobody() -> None:
    held = limit(burst=10)
    held.admit([said()] * 50, NOON)
    assert len(held.admit([said()] * 50, NOON - HOUR)) == 10


def test_what_is_left_out_is_told_every_five_seconds_with_its_number() -> None:
    held, now, bodies, left_out = limit(burst=10), NOON, list[Body](), 0
    for _ in range(30):
        left_out += 40 - len(held.admit([said()] * 40, now))
        bodies += held.tell(now)
        now += SECOND
    for _ in range(12):
        bodies += held.tell(now)
        now += SECOND
    told = [body for body in bodies if isinstance(body, MessagesLeftOut)]
    last_words = [body for body in bodies if isinstance(body, Message)]
    assert sum(fact.messages for fact in told) + len(last_words) == left_out > 500
    assert len(last_words) == len(told)
    assert {fact.topic for fact in told} == {MOTION}
    assert 6 <= len(told) <= 7
    assert all(fact.since < fact.at <= fact.since + 6 * SECOND for fact in told)
    assert [fact.since for fact in told[1:]] == [fact.at for fact in told[:-1]], "without a gap"


def test_the_last_word_of_a_flood_is_let_in_though_nothing_comes_after_it() -> None:
    held, door, window = limit(burst=10), "zigbee2mqtt/door", topic("pir-1", "door")
    for on in (door, window):
        held.admit([said(on, b"%d" % number) for number in range(100)], NOON)
    assert held.tell(NOON) == []
    told = held.tell(NOON + TOLD_EVERY)
    assert [(one.topic, one.payload) for one in told if isinstance(one, Message)] == [(door, b"99"), (window, b"99")]
    assert [one.messages for one in told if isinstance(one, MessagesLeftOut)] == [89, 89]
    assert held.tell(NOON + 2 * TOLD_EVERY) == []


def test_a_word_that_was_let_in_later_is_the_last() -> None:
    held = limit(burst=10)
    held.admit([said(payload=b"old")] * 11, NOON)
    assert len(held.admit([said(payload=b"new")], NOON + SECOND)) == 1
    [told] = held.tell(NOON + TOLD_EVERY)
    assert isinstance(told, MessagesLeftOut) and told.messages == 1


def test_where_nothing_but_the_last_word_was_above_the_rate_nothing_is_lost() -> None:
    held = limit(burst=10)
    held.admit([said()] * 11, NOON)
    assert held.tell(NOON + TOLD_EVERY) == [said()]


def test_of_a_device_that_invents_topics_so_many_last_words_are_kept_and_no_more() -> None:
    held = limit(burst=1)
    held.admit([said(topic("pir-1", "motion", household=f"hh-{number}")) for number in range(100)], NOON)
    told = held.tell(NOON + TOLD_EVERY)
    assert len([one for one in told if isinstance(one, Message)]) == LAST_WORDS
    assert [one.messages for one in told if isinstance(one, MessagesLeftOut)] == [99 - LAST_WORDS]


def test_a_flood_through_a_real_broker_fills_no_journal_and_holds_up_nobody(broker: Broker) -> None:
    journal = MemoryJournal()
    address = BrokerAddress(host="127.0.0.1", port=broker.port, client_id="anbu-test")
    source = MqttSource(journal, SystemClock(), address, pace=STEADY, rate=limit(per_s=1, burst=50, told_every=300))
    source.start()
    try:
        until(lambda: source.status().caught_up)
        other, sos = topic("th-1", "temperature"), topic("pir-1", "sos")
        publish(broker.port, [(MOTION, b"%d" % number) for number in range(2_000)])
        publish(broker.port, [(other, b'{"v":20}'), (sos, b'{"v":1}')])
        until(lambda: {other, sos} <= {one.topic for one in messages(journal)}, what="the others, and the call for help")
        until(lambda: any(isinstance(entry.body, MessagesLeftOut) for entry in journal.read(0, 10_000)), 20, "it is told")
        assert 50 <= senders(messages(journal))[MOTION] < 150
        assert source.status().received >= 2_002
    finally:
        source.stop()
    back = MqttSource(again := MemoryJournal(), SystemClock(), address, pace=STEADY)
    back.start()
    try:
        until(lambda: back.status().caught_up)
        assert len(messages(again)) < 500, "what was left out had been acknowledged to the broker (NATS may not know all yet)"
    finally:
        back.stop()


def test_what_was_left_out_is_told_though_the_journal_had_no_room(broker: Broker) -> None:
    journal = FullJournal(smallest=0)
    address = BrokerAddress(host="127.0.0.1", port=broker.port, client_id="anbu-test")
    source = MqttSource(journal, SystemClock(), address, pace=STEADY, rate=limit(per_s=1, burst=5, told_every=1_500))
    source.start()
    try:
        until(lambda: source.status().caught_up)
        publish(broker.port, [(MOTION, b"%d" % number) for number in range(500)])
        until(lambda: source.status().received >= 500)
        journal.smallest = 10**9
        until(lambda: "full" in (source.status().error or ""), 20, "the fact that is due is refused")
        journal.smallest = 0
        until(lambda: bool(left_out(journal)), 20, "told once there is room")
        assert sum(left_out(journal)) + senders(messages(journal))[MOTION] >= 500, "NATS may bring one twice"
    finally:
        source.stop()


def left_out(journal: MemoryJournal) -> list[int]:
    bodies = [entry.body for entry in journal.read(0, 10_000)]
    return [body.messages for body in bodies if isinstance(body, MessagesLeftOut)]
