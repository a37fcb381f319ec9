"""Acknowledgements under the long faults on a real Mosquitto: six hours of our absence, and an hour of shuffled repeats."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from ingest.clock import SystemClock
from ingest.decode import Decoder
from ingest.journal.cursors import SqliteCursors
from ingest.journal.sqlite import SqliteJournal
from ingest.losses import Losses
from ingest.reading import Reading
from ingest.store import metadata, open_store
from ingest.wire import ACK_SUBSCRIPTION, Ack, decode_ack
from tests.ingest.acks_parts import enrolled
from tests.ingest.test_acks_brokers import Site
from tests.servers import MosquittoServer, publish
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.mosquitto, pytest.mark.timeout(1_800)]


class Listener:
    """Hears the acknowledgements of all devices; `latest` holds each device's newest."""

    def __init__(self, port: int) -> None:
        self.latest: dict[str, Ack] = {}
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self._client.on_connect = lambda client, *_: client.subscribe(ACK_SUBSCRIPTION, qos=1)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda _client, _data, message: self._hear(message)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        until(ready.is_set, 30, "the listener listens")

    def _hear(self, message: mqtt.MQTTMessage) -> None:
        self.latest[message.topic.rpartition("/")[2]] = decode_ack(bytes(message.payload))

    def all_told(self, devices: list[str], upto: int) -> bool:
        wanted = Ack(boot=1, upto=upto, rejected=[])
        return all(self.latest.get(device) == wanted for device in devices)

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    store = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    metadata.create_all(store)
    yield store
    store.dispose()


def names(count: int) -> list[str]:
    return [f"pir-{number}" for number in range(count)]


def said(device: str, seq: int) -> tuple[str, bytes]:
    return f"anbu/v1/dong-1/hh-1/{device}/motion", b'{"boot":1,"seq":%d,"v":1}' % seq


def counted(journal: SqliteJournal) -> Counter[tuple[str, int | None, int | None]]:
    """How often each number makes a reading."""
    decoder, found, offset = Decoder(), Counter[tuple[str, int | None, int | None]](), 0
    while entries := journal.read(offset, 5_000):
        offset = entries[-1].offset
        for _entry, items in decoder.read(entries):
            found.update((item.device_id, item.boot, item.seq) for item in items if isinstance(item, Reading))
    return found


def test_six_hours_of_a_thousand_devices_without_us_are_taken_once_and_acknowledged(
    mosquitto_broker: MosquittoServer, engine: Engine, tmp_path: Path
) -> None:
    devices, minutes = names(1_000), 360
    journal, cursors, clock = SqliteJournal(tmp_path / "journal"), SqliteCursors(tmp_path / "cursors"), SystemClock()
    journal.append(enrolled(*devices))
    first = Site(mosquitto_broker.port, engine, journal, cursors, clock)
    first.start()
    until(lambda: first.source.status().caught_up, 30, "the session exists")
    first.stop()
    for minute in range(0, minutes, 10):
        publish(mosquitto_broker.port, [said(device, seq) for seq in range(minute, minute + 10) for device in devices])
    listener = Listener(mosquitto_broker.port)
    back = Site(mosquitto_broker.port, engine, journal, cursors, clock)
    back.start()
    until(lambda: listener.all_told(devices, minutes - 1), 300, "every device is told that all of it is durable")
    back.stop()
    listener.leave()
    assert counted(journal) == Counter((device, 1, seq) for device in devices for seq in range(minutes))
    assert Losses(engine).of(dong=None) == []
    cursors.close()
    journal.close()


def test_every_message_three_times_and_shuffled_over_an_hour_is_counted_once_and_acknowledged(
    mosquitto_broker: MosquittoServer, engine: Engine, tmp_path: Path
) -> None:
    devices, numbers, every_s = names(60), 720, 10.0  # two hours of a message every 10 s
    chance = random.Random(17)
    timed = [
        (seq * every_s + chance.random() * 3_600, device, seq) for device in devices for seq in range(numbers) for _ in range(3)
    ]
    timed.sort()
    journal, cursors, clock = SqliteJournal(tmp_path / "journal"), SqliteCursors(tmp_path / "cursors"), SystemClock()
    journal.append(enrolled(*devices))
    listener = Listener(mosquitto_broker.port)
    site = Site(mosquitto_broker.port, engine, journal, cursors, clock)
    site.start()
    for start in range(0, len(timed), 10_000):
        publish(mosquitto_broker.port, [said(device, seq) for _at, device, seq in timed[start : start + 10_000]])
    until(lambda: listener.all_told(devices, numbers - 1), 300, "every device is told that all of it is durable")
    site.stop()
    listener.leave()
    assert counted(journal) == Counter((device, 1, seq) for device in devices for seq in range(numbers))
    assert Losses(engine).of(dong=None) == []
    cursors.close()
    journal.close()
