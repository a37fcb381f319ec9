"""What the source says to a broker and when: nothing is acknowledged before it is durable, or on another connection."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
import structlog

from ingest.clock import SystemClock
from ingest.facts import LinkUp
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import JournalFull, Message
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest.journals import FullJournal, HeldJournal, RefusingJournal, links, messages, payloads
from tests.servers import ANSWERED, CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, ScriptedBroker, publish_frame
from tests.waiting import until

Start: TypeAlias = Callable[..., MqttSource]
TOPIC = b"anbu/v1/dong-1/hh-1/pir-1/motion"
QUICK = Pace(canary_every_s=0.2, handshake_s=0.5, backoff_first_s=0.01, backoff_most_s=0.05, idle_s=0.01)


@pytest.fixture
def start(scripted_broker: ScriptedBroker) -> Iterator[Start]:
    started: list[MqttSource] = []

    def begin(journal: MemoryJournal, clock: SystemClock | None = None, **address: object) -> MqttSource:
        fields = {"host": "127.0.0.1", "port": scripted_broker.port, "client_id": "anbu-test"} | address
        source = MqttSource(journal, clock or SystemClock(), BrokerAddress(**fields), pace=QUICK)  # type: ignore[arg-type]  # the test's own
        source.start()
        started.append(source)
        return source

    yield begin
    for source in started:
        source.stop()


def send(broker: ScriptedBroker, *mids: int, dup: bool = False) -> None:
    broker.send(b"".join(publish_frame(TOPIC, mid, b"%d" % mid, dup=dup) for mid in mids))


def test_a_session_that_survives_is_asked_for_and_the_subscription_is_renewed_on_every_connect(
    scripted_broker: ScriptedBroker, start: Start
) -> None:
    source = start(MemoryJournal())
    for connection in range(3):
        until(lambda: source.status().caught_up)
        frames = list(scripted_broker.connections[connection])
        assert [kind for kind, _ in frames][:3] == [CONNECT, SUBSCRIBE, PUBLISH]
        assert frames[0][1].startswith(b"\x00\x04MQTT\x04\x00"), "MQTT 3.1.1, clean session off, no will"
        assert b"anbu/v1/+/+/+/+\x01" in frames[1][1], "at QoS 1"
        scripted_broker.hang_up()
        until(lambda: len(scripted_broker.connections) == connection + 2)  # noqa: B023  # called within this turn alone


def test_nothing_is_acknowledged_before_it_is_durable(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = HeldJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.gate.clear()
    send(scripted_broker, 1, 2, 3)
    assert journal.held.wait(10)
    assert scripted_broker.acknowledged(0) == []
    journal.gate.set()
    until(lambda: scripted_broker.acknowledged(0) == [1, 2, 3])
    assert payloads(journal) == [b"1", b"2", b"3"]


def test_a_message_is_acknowledged_only_on_the_connection_it_came_by(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = HeldJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.gate.clear()
    send(scripted_broker, 7)
    assert journal.held.wait(10)
    scripted_broker.hang_up()  # and the broker loses its sessions: 7 may be another message next time
    journal.gate.set()
    until(lambda: len(scripted_broker.connections) == 2 and source.status().caught_up)
    send(scripted_broker, 8)
    until(lambda: scripted_broker.acknowledged(1))
    assert scripted_broker.acknowledged(1) == [8]
    assert payloads(journal) == [b"7", b"8"]


@pytest.mark.parametrize("refusal", [JournalFull("no room"), RuntimeError("a bug"), OSError("read-only file system")])
def test_a_batch_the_journal_refuses_is_not_acknowledged_and_comes_again(
    scripted_broker: ScriptedBroker, start: Start, refusal: Exception
) -> None:
    journal = RefusingJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.refusals = [refusal]
    send(scripted_broker, 1, 2)
    until(lambda: len(scripted_broker.connections) == 2 and source.status().caught_up)
    assert scripted_broker.acknowledged(0) == []
    assert payloads(journal) == []
    send(scripted_broker, 1, 2, dup=True)
    until(lambda: scripted_broker.acknowledged(1) == [1, 2])
    assert [(message.payload, message.dup) for message in messages(journal)] == [(b"1", True), (b"2", True)]
    assert links(journal) == ["LinkUp", "LinkDown", "LinkUp"]
    assert source.status().error is None


class StumblingClock(SystemClock):
    """Raises once for each of `stumbles`, wherever the source asks for home time next."""

    stumbles = 0

    def home_now(self) -> int:
        if self.stumbles:
            self.stumbles -= 1
            raise ArithmeticError("the clock stumbled")
        return super().home_now()


@pytest.mark.parametrize("stumbles", [1, 2])
def test_an_exception_while_a_message_is_handled_loses_neither_it_nor_the_thread(
    scripted_broker: ScriptedBroker, start: Start, stumbles: int
) -> None:
    journal, clock = MemoryJournal(), StumblingClock()
    source = start(journal, clock=clock)
    until(lambda: source.status().caught_up)
    clock.stumbles = stumbles  # the first in the callback, the second in what follows it
    send(scripted_broker, 1)
    until(lambda: len(scripted_broker.connections) == 2 and source.status().caught_up)
    assert scripted_broker.acknowledged(0) == []
    send(scripted_broker, 1, dup=True)
    until(lambda: scripted_broker.acknowledged(1) == [1])
    assert payloads(journal) == [b"1"]


def test_a_flood_without_a_pause_keeps_no_canary_from_coming_back(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = MemoryJournal()
    scripted_broker.answers = frozenset({CONNECT})
    source = start(journal)
    until(lambda: scripted_broker.connections and len(scripted_broker.connections[0]) == 2)
    frames = scripted_broker.connections[0]
    flood = b"".join(publish_frame(TOPIC, mid, b"x" * 10_000) for mid in range(1, 101))
    scripted_broker.send(flood + b"\x90\x03" + frames[1][1][:2] + b"\x01" + flood)
    for _ in range(100):
        scripted_broker.send(flood)  # blocks while the source has enough to read
        canaries = [body for kind, body in frames if kind == PUBLISH]
        if canaries:
            break
    size = int.from_bytes(canaries[0][:2], "big")
    scripted_broker.send(publish_frame(canaries[0][2 : 2 + size], 1, canaries[0][4 + size :]))
    until(lambda: source.status().caught_up)
    assert all(message.catching_up for message in messages(journal))


def test_a_full_journal_is_said_once_and_shown_until_there_is_room(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = FullJournal()
    with structlog.testing.capture_logs() as said:
        source = start(journal)
        until(lambda: len(scripted_broker.connections) >= 4)
        assert "no room" in str(source.status().error)
        journal.smallest = 0
        until(lambda: source.status().caught_up)
    assert [line["event"] for line in said] == ["source lost the broker, connects again", "source hears the broker"]
    assert links(journal) == ["LinkUp"], "what was never heard to its end was never up"


def test_a_disk_that_does_not_answer_is_shown_though_the_thread_that_waits_for_it_cannot_say_so(
    scripted_broker: ScriptedBroker, start: Start
) -> None:
    journal = HeldJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.gate.clear()
    send(scripted_broker, 1)
    until(journal.held.is_set, what="the commit hangs")
    until(lambda: "nothing has moved" in (source.status().error or ""), what="it is shown")
    assert not source.status().caught_up
    journal.gate.set()
    until(lambda: source.status().error is None and source.status().caught_up, what="it goes on")


def test_messages_count_as_queued_until_our_own_canary_of_this_connection_came_back(
    scripted_broker: ScriptedBroker, start: Start
) -> None:
    scripted_broker.suback = 0x80  # keeps the source from publishing its canary
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: len(scripted_broker.connections) >= 2)
    scripted_broker.suback = 1
    until(lambda: source.status().caught_up)
    canary = next(body for kind, body in scripted_broker.connections[-1] if kind == PUBLISH)
    size = int.from_bytes(canary[:2], "big")
    topic, old = canary[2 : 2 + size], canary[4 + size :]
    send(scripted_broker, 1)
    scripted_broker.answers = frozenset()
    scripted_broker.hang_up()
    connections = len(scripted_broker.connections)
    until(lambda: len(scripted_broker.connections) > connections)
    scripted_broker.send(
        b"\x20\x02\x01\x00" + publish_frame(topic, 2, old) + publish_frame(b"anbu/v1/canary/other/link/canary", 3, b"x")
    )
    send(scripted_broker, 4)
    until(lambda: len(messages(journal)) == 2)
    assert [(message.payload, message.catching_up) for message in messages(journal)] == [(b"1", False), (b"4", True)]
    assert not source.status().caught_up


def test_a_link_fact_the_journal_did_not_take_goes_before_what_came_later(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = FullJournal(smallest=0)
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.smallest = 2  # the fact alone is refused, and taken with the next one
    scripted_broker.hang_up()
    until(lambda: len(scripted_broker.connections) >= 2 and source.status().caught_up)
    assert links(journal) == ["LinkUp", "LinkDown", "LinkUp"]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x32\x05\x00\xffabc",
        b"\xf0\x00",
        b"\x32\xff\xff\xff\xff\x7f",
        b"\x20\x00",
        b"\x90\x00",
        b"\x40\x00",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_rubbish_from_a_broker_ends_the_connection_and_never_the_source(
    scripted_broker: ScriptedBroker, start: Start, rubbish: bytes
) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    scripted_broker.send(rubbish)
    until(lambda: len(scripted_broker.connections) >= 2 and source.status().caught_up)
    send(scripted_broker, 5)
    until(lambda: payloads(journal) == [b"5"])


def test_a_topic_that_is_no_text_is_kept_for_the_decoder_to_reject(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    scripted_broker.send(publish_frame(b"anbu/v1/\xff\xfe/x/y/z", 1, b"\xff"))
    until(lambda: scripted_broker.acknowledged(0) == [1])
    assert [(message.topic, message.payload) for message in messages(journal)] == [("anbu/v1/\\xff\\xfe/x/y/z", b"\xff")]


def test_a_broker_that_takes_the_connection_and_says_nothing_is_left(scripted_broker: ScriptedBroker, start: Start) -> None:
    scripted_broker.answers = frozenset()
    source = start(MemoryJournal())
    until(lambda: len(scripted_broker.connections) >= 2)
    assert "did not answer" in str(source.status().error)
    scripted_broker.answers = ANSWERED
    until(lambda: source.status().caught_up)


def test_a_broker_that_hangs_is_noticed_by_the_missing_canary(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    scripted_broker.answers = frozenset()
    until(lambda: links(journal) == ["LinkUp", "LinkDown"])
    assert not source.status().connected
    scripted_broker.answers = ANSWERED
    until(lambda: links(journal) == ["LinkUp", "LinkDown", "LinkUp"])


@pytest.mark.parametrize(
    ("field", "code", "why"), [("connack", 5, "refused us: Not authorized"), ("suback", 0x80, "refused the subscription")]
)
def test_a_refusal_is_shown_in_words_and_the_password_nowhere(
    scripted_broker: ScriptedBroker, start: Start, field: str, code: int, why: str
) -> None:
    setattr(scripted_broker, field, code)
    with structlog.testing.capture_logs() as said:
        source = start(MemoryJournal(), username="ingest", password="sesame-open")
        until(lambda: len(scripted_broker.connections) >= 3)
    assert b"sesame-open" in scripted_broker.connections[0][0][1]
    assert why in str(source.status().error)
    assert "sesame" not in str(said) + repr(source.status())
    assert "sesame" not in repr(BrokerAddress(host="h", port=1, client_id="c", username="u", password="sesame-open"))


def test_stopping_says_good_bye_and_writes_down_that_we_hear_nothing(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    send(scripted_broker, 1)
    until(lambda: scripted_broker.acknowledged(0) == [1])
    source.stop()
    until(lambda: scripted_broker.connections[0][-1][0] == DISCONNECT)
    assert links(journal) == ["LinkUp", "LinkDown"]
    assert not source.status().connected
    assert len(scripted_broker.connections) == 1


def test_no_broker_at_all_is_tried_for_ever(scripted_broker: ScriptedBroker, start: Start) -> None:
    scripted_broker.close()
    source = start(MemoryJournal())
    until(lambda: "no connection" in str(source.status().error))
    source.stop()


def test_link_facts_have_ids_of_their_own(scripted_broker: ScriptedBroker, start: Start) -> None:
    journal = MemoryJournal()
    for _ in range(2):
        source = start(journal)
        until(lambda: source.status().caught_up)  # noqa: B023  # called within this turn alone
        source.stop()
    facts = [entry.body for entry in journal.read(0, 100) if not isinstance(entry.body, Message)]
    assert len(facts) == len({fact.fact_id for fact in facts}) == 4
    assert isinstance(facts[0], LinkUp) and facts[0].source == "mqtt"
