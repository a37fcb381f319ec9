"""Proves on real brokers that a publisher follows home time, loses nothing while the broker is away, and always ends."""

import os
import signal
import threading
from collections.abc import Iterator

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.clock import HOUR, MINUTE, SystemClock, VirtualClock, parse_local
from ingest.wire import SUBSCRIPTION
from simulators.fleet import Fleet
from simulators.publisher import Publisher
from simulators.scenario import Scenario
from tests.servers import Broker, NatsServer, ScriptedBroker, free_port
from tests.waiting import until

START = parse_local("2026-11-20T21:00:00")


def fleet() -> Fleet:
    return Fleet(3, households=8, start=START)


def said(until_home: int) -> list[tuple[str, bytes]]:
    return [(message.topic, message.payload) for message in fleet().messages(START, until_home)]


class Listener:
    """A subscriber with a session that survives; `heard` holds each message once, in the order of the first delivery."""

    def __init__(self, port: int) -> None:
        self.heard: dict[tuple[str, bytes], None] = {}
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = lambda client, *_: client.subscribe(SUBSCRIPTION, qos=1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.update({(message.topic, message.payload): None})
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self._subscribed.is_set, what="subscribed")

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def publishers() -> Iterator[list[Publisher]]:
    """Those a test made; stopped at its end."""
    made: list[Publisher] = []
    yield made
    for publisher in made:
        publisher.stop()


class StumblingClock(VirtualClock):
    """Fails the first time it is asked."""

    asked = 0

    def home_now(self) -> int:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("the clock stumbled")
        return super().home_now()


def running_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "simulated-devices"]


def test_what_the_clock_has_reached_is_published_in_order_and_nothing_else(
    broker: Broker, clock: VirtualClock, publishers: list[Publisher]
) -> None:
    listener = Listener(broker.port)
    publisher = Publisher(fleet(), clock, "127.0.0.1", broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    clock.advance_to(START + HOUR)
    until(lambda: len(listener.heard) == len(said(START + HOUR)), 20, "heard the first hour")
    assert list(listener.heard) == said(START + HOUR)
    clock.advance_to(START + 3 * HOUR)
    until(lambda: len(listener.heard) == len(said(START + 3 * HOUR)), 20, "heard three hours")
    assert list(listener.heard) == said(START + 3 * HOUR)
    until(lambda: publisher.status().acknowledged == len(said(START + 3 * HOUR)), what="all acknowledged")
    assert publisher.status().published == len(said(START + 3 * HOUR))
    listener.leave()


def test_time_that_runs_60_times_as_fast_is_kept_up_with(nats_broker: NatsServer, publishers: list[Publisher]) -> None:
    publisher = Publisher(
        fleet(), SystemClock(rate=60, home_start=START), "127.0.0.1", nats_broker.port, client_id="homes", start=START - HOUR
    )
    publishers.append(publisher)
    publisher.start()
    until(lambda: publisher.status().up_to >= START + 2 * MINUTE, 20, "two minutes of home time are published")
    assert publisher.status().acknowledged > 0


def test_nothing_is_lost_when_the_broker_is_killed_and_comes_back(
    nats_broker: NatsServer, clock: VirtualClock, publishers: list[Publisher]
) -> None:
    listener = Listener(nats_broker.port)
    publisher = Publisher(fleet(), clock, "127.0.0.1", nats_broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    clock.advance_to(START + HOUR)
    until(lambda: publisher.status().published > 100, what="under way")
    nats_broker.kill()
    until(lambda: not publisher.status().connected, what="the loss is noticed")
    until(lambda: publisher.status().error is not None, what="the loss is told")
    clock.advance_to(START + 3 * HOUR)
    nats_broker.start()
    until(lambda: publisher.status().acknowledged == len(said(START + 3 * HOUR)), 30, "all acknowledged")
    until(lambda: len(listener.heard) == len(said(START + 3 * HOUR)), 30, "all heard")
    assert sorted(listener.heard) == sorted(said(START + 3 * HOUR))
    assert publisher.status().error is None
    listener.leave()


def test_a_broker_that_comes_late_is_waited_for(
    nats_broker: NatsServer, clock: VirtualClock, publishers: list[Publisher]
) -> None:
    nats_broker.stop()
    publisher = Publisher(fleet(), clock, "127.0.0.1", nats_broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    clock.advance_to(START + 10 * MINUTE)
    until(lambda: publisher.status().error is not None, what="the absence is told")
    assert publisher.status().published == 0
    nats_broker.start()
    until(lambda: publisher.status().acknowledged == len(said(START + 10 * MINUTE)), 20, "all acknowledged")


def test_a_scenario_injected_under_way_is_published(
    nats_broker: NatsServer, clock: VirtualClock, publishers: list[Publisher]
) -> None:
    listener = Listener(nats_broker.port)
    homes = fleet()
    publisher = Publisher(homes, clock, "127.0.0.1", nats_broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    clock.advance_to(START + 10 * MINUTE)
    until(lambda: publisher.status().up_to == START + 10 * MINUTE, what="published so far")
    homes.inject(Scenario.SOS, "dong-1-002", START + 11 * MINUTE)
    clock.advance_to(START + 20 * MINUTE)
    until(lambda: any(topic.endswith("/dong-1-002-sos/sos") for topic, _ in listener.heard), what="the button is heard")
    listener.leave()


def test_a_failure_nobody_foresaw_is_told_and_outlived(nats_broker: NatsServer, publishers: list[Publisher]) -> None:
    clock = StumblingClock(START + 10 * MINUTE)
    publisher = Publisher(fleet(), clock, "127.0.0.1", nats_broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    until(lambda: "the clock stumbled" in (publisher.status().error or ""), what="the failure is told")
    until(lambda: publisher.status().acknowledged == len(said(START + 10 * MINUTE)), what="all acknowledged all the same")


def test_a_refused_connection_is_told_and_tried_again(
    scripted_broker: ScriptedBroker, clock: VirtualClock, publishers: list[Publisher]
) -> None:
    scripted_broker.answers = frozenset()
    publisher = Publisher(fleet(), clock, "127.0.0.1", scripted_broker.port, client_id="homes", start=START)
    publishers.append(publisher)
    publisher.start()
    until(lambda: scripted_broker.connections and scripted_broker.connections[0], what="the first attempt")
    scripted_broker.send(b"\x20\x02\x00\x05")  # CONNACK: not authorized
    until(lambda: "refuses" in (publisher.status().error or ""), what="the refusal is told")
    until(lambda: len(scripted_broker.connections) == 2, what="the second attempt")


def test_it_ends_although_the_broker_has_stopped_answering(nats_broker: NatsServer, clock: VirtualClock) -> None:
    publisher = Publisher(fleet(), clock, "127.0.0.1", nats_broker.port, client_id="homes", start=START)
    publisher.start()
    until(lambda: publisher.status().connected, what="connected")
    assert nats_broker.pid is not None
    os.kill(nats_broker.pid, signal.SIGSTOP)
    try:
        clock.advance_to(START + 5 * HOUR)
        until(lambda: publisher.status().published - publisher.status().acknowledged >= 400, what="the window is full")
        publisher.stop()
        assert not running_threads()
    finally:
        os.kill(nats_broker.pid, signal.SIGCONT)


def test_it_ends_without_ever_having_had_a_broker_or_having_started(clock: VirtualClock) -> None:
    idle = Publisher(fleet(), clock, "127.0.0.1", free_port(), client_id="homes", start=START)
    idle.stop()
    lonely = Publisher(fleet(), clock, "127.0.0.1", free_port(), client_id="homes", start=START)
    lonely.start()
    until(lambda: lonely.status().error is not None, what="the absence is told")
    lonely.stop()
    assert not running_threads()
