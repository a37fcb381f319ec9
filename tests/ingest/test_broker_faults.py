"""Proves what happens when the broker fails under load: devices that keep what we have not acknowledged lose nothing.

Mosquitto's own acknowledgement lasts no longer than its last save, so a killed one has lost messages, and gives out old
message ids anew. Each test ends the same way: every number acknowledged by us and counted exactly once, every rejection
kept, and the state that of a run nobody disturbed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine

from ingest.clock import SystemClock
from ingest.journal.cursors import SqliteCursors
from ingest.journal.sqlite import SqliteJournal
from ingest.losses import Losses
from ingest.store import metadata, open_store
from ingest.wire import ACK_SUBSCRIPTION, Ack, decode_ack
from tests.ingest.faulty_days import (
    HOMES,
    became,
    enrolment,
    everything,
    identities,
    rubbish,
    spoken,
    undisturbed,
    without_last_repeats,
)
from tests.ingest.test_acks_brokers import QUICK, Site
from tests.servers import Broker
from tests.waiting import until

PATIENT = replace(QUICK, canary_every_s=1.0)
"""A broker that is busy with a backlog is no broker that hangs: every connection given up has it send all again."""


class Keepers:
    """All devices on one connection: they speak at a steady pace, keep what we have not acknowledged, and send it again.

    Again when the broker has all they said and nothing was acknowledged for a while, as docs/devices.md asks: devices that
    repeat all the time what stands in a queue already keep a slow broker from ever coming to its end.
    """

    def __init__(self, port: int, per_s: int, again_s: float) -> None:
        self.count = 0
        self._per_s, self._again_s = per_s, again_s
        self._kept: dict[int, tuple[str, bytes]] = {}
        self._clock = SystemClock()
        self._progressed = self._clock.monotonic()  # when something was last acknowledged, or sent again
        self._latest: mqtt.MQTTMessageInfo | None = None
        self._lock = threading.Lock()
        self._speaking, self._ending = threading.Event(), threading.Event()
        self._speaking.set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="keepers", clean_session=True)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.max_inflight_messages_set(500)
        self._client.on_connect = lambda client, *_: client.subscribe(ACK_SUBSCRIPTION, qos=1)
        self._client.on_message = lambda _client, _data, message: self._hear(message.topic, decode_ack(bytes(message.payload)))
        self._client.connect("127.0.0.1", port, keepalive=5)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def waiting(self) -> int:
        """How many messages we have not acknowledged yet."""
        with self._lock:
            return len(self._kept)

    def fall_silent(self) -> None:
        """Say nothing new."""
        self._speaking.clear()

    def leave(self) -> None:
        self._ending.set()
        self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, topic: str, ack: Ack) -> None:
        device = int(topic.rpartition("-")[2])
        settled = [range(ack.upto + 1), *(range(first, last + 1) for first, last in ack.kept)]
        with self._lock:
            for seqs in settled:
                for seq in seqs:
                    if self._kept.pop(seq * HOMES + device, None) is not None:
                        self._progressed = self._clock.monotonic()

    def _run(self) -> None:
        began = self._clock.monotonic()
        while not self._ending.wait(0.01):
            now = self._clock.monotonic()
            while self._speaking.is_set() and self.count < (now - began) * self._per_s:
                self._say(self.count, spoken(self.count, self._clock.home_now()))
                self.count += 1
            if self._latest is not None and self._latest.rc == mqtt.MQTT_ERR_SUCCESS and not self._latest.is_published():
                self._progressed = now
            elif now - self._progressed >= self._again_s and self._client.is_connected():
                with self._lock:
                    self._progressed = now
                    oldest = sorted(self._kept.items())[:10_000]
                for number, message in oldest:
                    self._say(number, message)

    def _say(self, number: int, message: tuple[str, bytes]) -> None:
        with self._lock:
            self._kept[number] = message
        if self._client.is_connected():  # a device that is offline keeps it: its client must not do so too
            self._latest = self._client.publish(*message, qos=1)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    store = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    metadata.create_all(store)
    yield store
    store.dispose()


def endure(broker: Broker, engine: Engine, folder: Path, faults: Callable[[SqliteJournal], None], *, per_s: int) -> None:
    """Let the devices speak while `faults` happen, and judge what is there when all of it is acknowledged."""
    journal, cursors, clock = SqliteJournal(folder / "journal"), SqliteCursors(folder / "cursors"), SystemClock()
    journal.append(enrolment(clock.home_now()))
    site = Site(broker.port, engine, journal, cursors, clock, pace=PATIENT)
    site.start()
    keepers = Keepers(broker.port, per_s, again_s=3.0)
    faults(journal)
    keepers.fall_silent()
    until(lambda: keepers.waiting() == 0, 900, "everything is acknowledged by us")
    keepers.leave()
    site.stop()
    entries = without_last_repeats(everything(journal))
    end = entries[-1].received_at + 60_000
    found, quiet, numbers = became(entries, end), became(undisturbed(entries), end), range(keepers.count)
    assert found.counted == quiet.counted == identities(numbers), "counted exactly once"
    assert found.refused == quiet.refused == rubbish(numbers), "rejections are all kept"
    assert found.findings == quiet.findings
    assert found.decoder == quiet.decoder and found.engine == quiet.engine, "the state is that of an undisturbed run"
    assert Losses(engine).of(dong=None) == []
    cursors.close()
    journal.close()


def moved(journal: SqliteJournal, entries: int) -> None:
    """Return once so many more are durable."""
    mark = journal.head
    until(lambda: journal.head >= mark + entries, 60, "ingest goes on")


def killed(broker: Broker, kills: int, entries: int) -> Callable[[SqliteJournal], None]:
    def faults(journal: SqliteJournal) -> None:
        for _ in range(kills):
            moved(journal, entries)
            broker.kill()
            broker.start()
        moved(journal, entries)

    return faults


def test_kill_9_of_the_broker_under_load_loses_nothing(broker: Broker, engine: Engine, tmp_path: Path) -> None:
    endure(broker, engine, tmp_path, killed(broker, 1, 200), per_s=200)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_kill_9_of_the_broker_10_times_under_500_messages_a_second_loses_nothing(
    broker: Broker, engine: Engine, tmp_path: Path
) -> None:
    endure(broker, engine, tmp_path, killed(broker, 10, 1_500), per_s=500)


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_broker_stopped_for_60_s_under_500_messages_a_second_loses_nothing(
    broker: Broker, engine: Engine, tmp_path: Path
) -> None:
    def faults(journal: SqliteJournal) -> None:
        moved(journal, 1_500)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGSTOP)
        try:
            threading.Event().wait(60.0)  # the fault itself
        finally:
            os.kill(broker.pid, signal.SIGCONT)
        moved(journal, 5_000)

    endure(broker, engine, tmp_path, faults, per_s=500)
