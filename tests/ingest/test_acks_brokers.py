"""Acknowledgements on real brokers: after the commit alone, what is lost on the way comes again, everything counts once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from ingest.acks import AcksConsumer
from ingest.acks_sender import AckSender, acks_address
from ingest.acks_tray import AckTray
from ingest.clock import HOUR, MINUTE, Clock, Millis, SystemClock
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, Cursors, Journal, Message
from ingest.journal.runner import Runner
from ingest.losses import Losses
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading
from ingest.source import BrokerAddress, MqttSource, Pace
from ingest.store import metadata, open_store
from ingest.wire import Ack, ack_topic, decode_ack
from simulators.fleet import Fleet
from simulators.publisher import Publisher
from tests.ingest.acks_parts import T, enrolled, motion_message
from tests.ingest.journals import FullJournal, HeldJournal, messages
from tests.servers import Broker, ScriptedBroker, publish
from tests.waiting import until

QUICK = Pace(canary_every_s=0.2, backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)
FAST = 60.0  # home minutes in a second: a gap is old enough after one


class Device:
    """Listens to its acknowledgements; `heard` holds them in order."""

    def __init__(self, port: int, device_id: str = "pir-1") -> None:
        self.heard: list[Ack] = []
        self.ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"device-{device_id}", clean_session=False)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_connect = lambda client, *_: client.subscribe(ack_topic(device_id), qos=1)
        self._client.on_subscribe = lambda *_: self.ready.set()
        self._client.on_message = lambda _client, _data, message: self.heard.append(decode_ack(bytes(message.payload)))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(self.ready.is_set, what="the device listens")

    def is_told(self, boot: int, upto: int) -> bool:
        return any((ack.boot, ack.upto) == (boot, upto) for ack in list(self.heard))

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Site:
    """Source, acknowledging stage and sender, on threads of their own."""

    def __init__(
        self, port: int, engine: Engine, journal: Journal, cursors: Cursors, clock: Clock, *, pace: Pace = QUICK
    ) -> None:
        address = BrokerAddress(host="127.0.0.1", port=port, client_id="anbu-test")
        tray = AckTray()
        self.source = MqttSource(journal, clock, address, pace=pace)
        self.sender = AckSender(tray, clock, acks_address(address), backoff_s=(0.05, 0.2))
        consumer = AcksConsumer(engine, Decoder(), tray, clock, every_s=0.3)
        self.runner = Runner(journal, cursors, consumer, clock, backoff_s=(0.05, 0.2))

    def start(self) -> None:
        self.runner.start()
        self.sender.start()
        self.source.start()
        until(lambda: self.source.status().connected and self.sender.status().connected, what="the site is connected")

    def stop(self) -> None:
        self.source.stop()
        self.runner.stop()
        self.sender.stop()


class LossyJournal(MemoryJournal):
    """Loses every third message the first time it comes, as a broker does that is killed after it said it had it."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[bytes] = set()
        self.lost: list[Message] = []

    def append(self, bodies: Sequence[Body]) -> int:
        return super().append([body for body in bodies if not (isinstance(body, Message) and self._loses(body))])

    def _loses(self, message: Message) -> bool:
        key = message.topic.encode() + message.payload
        if key in self._seen:
            return False
        self._seen.add(key)
        if len(self._seen) % 3 == 0:
            self.lost.append(message)
            return True
        return False


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    store = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    metadata.create_all(store)
    yield store
    store.dispose()


@pytest.fixture
def begin(broker: Broker, engine: Engine) -> Iterator[Callable[..., Site]]:
    """Starts a site on the broker; stopped when the test ends."""
    begun: list[Site] = []

    def start(journal: Journal, *, cursors: Cursors | None = None, clock: Clock | None = None) -> Site:
        site = Site(broker.port, engine, journal, cursors or MemoryCursors(), clock or SystemClock())
        begun.append(site)
        site.start()
        return site

    yield start
    for site in begun:
        site.stop()


def journal_with(journal: MemoryJournal, *devices: str) -> MemoryJournal:
    MemoryJournal.append(journal, enrolled(*devices))
    return journal


def enrol_fleet(journal: MemoryJournal, fleet: Fleet, at: Millis) -> None:
    facts: list[Body] = []
    for home in fleet.homes:
        household = HouseholdId(home.household_id)
        dong = DongCode(home.dong_code)
        facts.append(HouseholdEnrolled(fact_id=f"home-{household}", at=at, household_id=household, dong_code=dong))
        facts += [
            DeviceEnrolled(
                fact_id=device.device_id,
                at=at,
                device_id=DeviceId(device.device_id),
                household_id=household,
                signals=device.signals,
            )
            for device in home.devices
        ]
    MemoryJournal.append(journal, facts)


def counted(journal: Journal) -> list[tuple[str, int | None, int | None, int]]:
    """Every reading of the journal as whoever counts them has it: device, boot, seq, index."""
    items = [item for _entry, items in Decoder().read(journal.read(0, 10**6)) for item in items]
    return [(item.device_id, item.boot, item.seq, item.index) for item in items if isinstance(item, Reading)]


def test_what_is_lost_on_the_way_is_asked_for_and_comes(broker: Broker, begin: Callable[..., Site], engine: Engine) -> None:
    clock = SystemClock(rate=FAST)
    start = clock.home_now() - HOUR
    fleet = Fleet(5, households=2, start=start)
    journal = LossyJournal()
    enrol_fleet(journal, fleet, start)
    begin(journal, clock=clock)
    publisher = Publisher(fleet, clock, "127.0.0.1", broker.port, client_id="homes", start=start, again_s=1.0)
    publisher.start()
    try:
        until(lambda: publisher.status().up_to >= start + HOUR, 20, "an hour is published")
        until(lambda: len(journal.lost) > 10, 20, "some of it is lost")
        until(lambda: publisher.status().resent > 10, 30, "what was lost is sent again")
        end = publisher.status().up_to - 5 * MINUTE
        sent = {(message.topic, message.payload) for message in fleet.messages(start, end)}

        def arrived() -> bool:
            return sent <= {(message.topic, message.payload) for message in messages(journal)}

        until(arrived, 40, "everything has come")
    finally:
        publisher.stop()
    numbers = counted(journal)
    assert len(numbers) == len(set(numbers))
    assert Losses(engine).of(dong=None) == []
    assert publisher.status().dropped == 0


def test_everything_sent_three_times_and_shuffled_is_counted_once_and_acknowledged(
    broker: Broker, begin: Callable[..., Site]
) -> None:
    devices = [f"pir-{number}" for number in range(8)]
    journal = journal_with(MemoryJournal(), *devices)
    begin(journal)
    listening = Device(broker.port, "pir-3")
    sent = [motion_message(seq, device=device) for device in devices for seq in range(60)] * 3
    random.Random(11).shuffle(sent)
    publish(broker.port, sent)
    until(lambda: listening.is_told(1, 59), 30, "all of it is acknowledged")
    assert listening.heard[-1] == Ack(boot=1, upto=59, rejected=[])
    until(lambda: len(messages(journal)) >= len(sent) and len(set(counted(journal))) >= 8 * 60, 30, "all of it is journalled")
    numbers = counted(journal)
    assert len(numbers) == len(set(numbers)) == 8 * 60
    listening.leave()


def test_nothing_is_acknowledged_before_the_commit(broker: Broker, begin: Callable[..., Site]) -> None:
    journal = HeldJournal()
    journal_with(journal, "pir-1")
    site = begin(journal)
    until(lambda: site.source.status().caught_up, what="caught up")
    device = Device(broker.port)
    journal.gate.clear()
    publish(broker.port, [motion_message(0), motion_message(1)])
    until(journal.held.is_set, what="the batch waits for the disk")
    until(lambda: site.runner.offset == len(journal.read(0, 100)), what="the stage has read all that is durable")
    assert device.heard == []
    journal.gate.set()
    until(lambda: device.is_told(1, 1), what="acknowledged after the commit")
    device.leave()


def test_nothing_is_acknowledged_while_the_journal_has_no_room(broker: Broker, begin: Callable[..., Site]) -> None:
    journal = FullJournal(smallest=0)
    journal_with(journal, "pir-1")
    site = begin(journal)
    until(lambda: site.source.status().caught_up, what="caught up")
    device = Device(broker.port)
    journal.smallest = 10**9
    publish(broker.port, [motion_message(0)])
    until(lambda: "full" in (site.source.status().error or ""), what="the journal is full")
    assert device.heard == []
    journal.smallest = 0
    until(lambda: device.is_told(1, 0), 20, "acknowledged once there is room")
    device.leave()


def test_a_site_that_died_before_its_commit_acknowledges_again(broker: Broker, begin: Callable[..., Site]) -> None:
    journal = journal_with(MemoryJournal(), "pir-1")
    first = begin(journal)
    device = Device(broker.port)
    publish(broker.port, [motion_message(0), motion_message(1)])
    until(lambda: device.is_told(1, 1), what="acknowledged")
    first.stop()
    device.heard.clear()
    begin(journal, cursors=MemoryCursors())  # as if its commit had never been
    until(lambda: device.is_told(1, 1), what="acknowledged again")
    device.leave()


def test_acknowledging_survives_a_broker_that_is_killed(broker: Broker, begin: Callable[..., Site]) -> None:
    journal = journal_with(MemoryJournal(), "pir-1")
    site = begin(journal)
    device = Device(broker.port)
    publish(broker.port, [motion_message(0)])
    until(lambda: device.is_told(1, 0), what="acknowledged")
    device.ready.clear()
    broker.kill()
    until(lambda: not site.sender.status().connected, what="the loss is noticed")
    journal.append([Message(received_at=T, source="http", topic=motion_message(1)[0], payload=motion_message(1)[1])])
    until(lambda: site.runner.offset == len(journal.read(0, 100)), what="the stage reads on without the broker")
    broker.start()
    until(lambda: site.sender.status().connected and site.source.status().caught_up, 30, "connected again")
    until(device.ready.is_set, 30, "the device listens again")
    publish(broker.port, [motion_message(1)])  # nobody listened when its acknowledgement went out: it sends again
    until(lambda: device.is_told(1, 1), 30, "acknowledged after the broker is back")
    publish(broker.port, [motion_message(2)])
    until(lambda: device.is_told(1, 2), 30, "and what came since")
    device.leave()


def test_a_device_that_starts_anew_is_acknowledged_by_its_new_boot(broker: Broker, begin: Callable[..., Site]) -> None:
    begin(journal_with(MemoryJournal(), "pir-1"), clock=SystemClock(rate=FAST))
    device = Device(broker.port)
    publish(broker.port, [motion_message(0), motion_message(1), motion_message(1, boot=2)])
    until(lambda: device.is_told(1, 1) and device.is_told(2, -1), what="each boot is told")
    until(lambda: any(ack.boot == 2 and ack.missing == [(0, 0)] for ack in device.heard), 20, "its first message is asked for")
    publish(broker.port, [motion_message(0, boot=2)])
    until(lambda: device.is_told(2, 1), 20, "and then acknowledged")
    device.leave()


def test_a_broker_that_refuses_the_sender_is_named_and_tried_again(scripted_broker: ScriptedBroker) -> None:
    scripted_broker.connack = 5
    listener = BrokerAddress(host="127.0.0.1", port=scripted_broker.port, client_id="anbu", username="anbu", password="x")
    address = acks_address(listener)
    assert (address.client_id, address.username, address.password) == ("anbu-acks", "anbu-acks", "x")
    sender = AckSender(AckTray(), SystemClock(), address, backoff_s=(0.05, 0.2))
    sender.start()
    until(lambda: "refused us" in (sender.status().error or ""), what="the refusal is told")
    until(lambda: len(scripted_broker.connections) > 1, what="tried again")
    scripted_broker.connack = 0
    until(lambda: sender.status().connected, what="connected")
    sender.stop()
