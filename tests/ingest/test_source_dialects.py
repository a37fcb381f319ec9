"""A source with several subscriptions is caught up once each has been heard to its end, on scripted and real brokers."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import pytest

from ingest.clock import SystemClock
from ingest.dialects.registry import DIALECTS, subscriptions
from ingest.journal.memory import MemoryJournal
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest.journals import links, messages
from tests.servers import CONNECT, PUBLISH, SUBSCRIBE, Broker, ScriptedBroker, publish, publish_frame
from tests.waiting import until

Start: TypeAlias = Callable[..., MqttSource]
QUICK = Pace(canary_every_s=0.2, backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)
BOTH = ("anbu/v1/+/+/+/+", "zigbee2mqtt/#")
OURS = b"zigbee2mqtt/anbu-canary-anbu-test"


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[MqttSource] = []

    def begin(journal: MemoryJournal, port: int, subscriptions: Sequence[str] = BOTH) -> MqttSource:
        address = BrokerAddress(host="127.0.0.1", port=port, client_id="anbu-test")
        source = MqttSource(journal, SystemClock(), address, subscriptions=subscriptions, pace=QUICK)
        source.start()
        started.append(source)
        return source

    yield begin
    for source in started:
        source.stop()


def canaries(broker: ScriptedBroker) -> dict[bytes, bytes]:
    """Topic and payload of each canary the source has sent."""
    sent = [body for frames in broker.connections[-1:] for kind, body in frames if kind == PUBLISH]
    return {body[2 : 2 + body[1]]: body[4 + body[1] :] for body in sent}


def test_a_canary_of_one_subscription_says_nothing_of_the_other(scripted_broker: ScriptedBroker, start: Start) -> None:
    scripted_broker.answers = frozenset({CONNECT, SUBSCRIBE})
    journal = MemoryJournal()
    source = start(journal, scripted_broker.port)
    until(lambda: len(canaries(scripted_broker)) == 2)
    sent = canaries(scripted_broker)
    native = next(topic for topic in sent if topic != OURS)
    scripted_broker.send(publish_frame(native, 1, sent[native]) + publish_frame(b"zigbee2mqtt/hall", 2, b"queued"))
    until(lambda: len(messages(journal)) == 1)
    assert messages(journal)[0].catching_up and not source.status().caught_up and links(journal) == []
    until(lambda: OURS.decode() in str(source.status().error), what="the page says which canary is missing")
    scripted_broker.send(publish_frame(b"zigbee2mqtt/anbu-canary-other", 3, b"x") + publish_frame(OURS, 4, sent[OURS]))
    until(lambda: source.status().caught_up)
    scripted_broker.send(publish_frame(b"zigbee2mqtt/hall", 5, b"live"))
    until(lambda: len(messages(journal)) == 2)
    assert [(message.payload, message.catching_up) for message in messages(journal)] == [(b"queued", True), (b"live", False)]
    assert links(journal) == ["LinkUp"]


def test_what_waited_in_any_dialect_comes_before_the_link_counts_as_up(broker: Broker, start: Start) -> None:
    everything = subscriptions(DIALECTS)
    journal = MemoryJournal()
    first = start(journal, broker.port, everything)
    until(lambda: first.status().caught_up)
    first.stop()
    topics = ("anbu/v1/dong-1/hh-1/pir-1/motion", "zigbee2mqtt/hall", "tele/plug/SENSOR", "v3/a@t/devices/d/up", "node/status")
    publish(broker.port, [(topic, b"%d" % number) for number in range(100) for topic in topics])
    again = start(journal, broker.port, everything)
    until(lambda: again.status().caught_up)
    waited = messages(journal)  # some more than once: a busy broker sends again what it has not heard acknowledged
    assert len({(message.topic, message.payload) for message in waited}) == 100 * len(topics)
    assert all(message.catching_up for message in waited)
