"""The source on real brokers: nothing acknowledged is lost through restarts, kill -9 on either side, and a broker that hangs."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from ingest.clock import SystemClock
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Journal, JournalFull
from ingest.journal.sqlite import SqliteJournal
from ingest.source import BrokerAddress, MqttSource, Pace
from tests.ingest import source_process
from tests.ingest.journals import RefusingJournal, links, messages, payloads
from tests.servers import Broker, publish
from tests.waiting import until

Start: TypeAlias = Callable[[Journal], MqttSource]
TOPIC = "anbu/v1/dong-1/hh-1/pir-1/motion"
QUICK = Pace(canary_every_s=0.2, backoff_first_s=0.05, backoff_most_s=0.2, idle_s=0.01)


@pytest.fixture
def start(broker: Broker) -> Iterator[Start]:
    started: list[MqttSource] = []

    def begin(journal: Journal) -> MqttSource:
        address = BrokerAddress(host="127.0.0.1", port=broker.port, client_id="anbu-test")
        source = MqttSource(journal, SystemClock(), address, pace=QUICK)
        source.start()
        started.append(source)
        return source

    yield begin
    for source in started:
        source.stop()


def numbered(first: int, last: int) -> list[tuple[str, bytes]]:
    return [(TOPIC, b"%d" % number) for number in range(first, last)]


def test_what_is_published_stands_in_the_journal_as_it_was_sent(broker: Broker, start: Start, journal_folder: Path) -> None:
    journal = SqliteJournal(journal_folder)
    source = start(journal)
    until(lambda: source.status().caught_up)
    sent = [
        (TOPIC, b'{"t": 1763799243.123, "boot": 3, "seq": 12345, "v": 1, "bat": 87}'),
        ("anbu/v1/dong-1/hh-1/pir-1/no_such_signal", b""),
        ("anbu/v1/dong-1/hh-1/pir-1/temperature", b"\xff\xfe\x00 not text"),
        ("anbu/v1/dong-1/hh-1/gw-1/pack", os.urandom(100_000)),
        (TOPIC, b"last"),
    ]
    publish(broker.port, sent)
    until(lambda: len(messages(journal)) == len(sent))
    kept = messages(journal)
    assert [(message.topic, message.payload) for message in kept] == sent
    assert not any(message.retain or message.dup or message.catching_up for message in kept)
    assert source.status().received == len(sent)
    source.stop()
    assert links(journal) == ["LinkUp", "LinkDown"]
    journal.close()


def test_what_was_sent_while_we_were_away_arrives_before_the_link_counts_as_up(broker: Broker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    source.stop()
    publish(broker.port, numbered(0, 1_500))
    again = start(journal)
    until(lambda: again.status().caught_up)
    # On a machine so busy that a batch waits for longer than `ack_wait`, nats-server sends some of it again, marked.
    assert list(dict.fromkeys(payloads(journal))) == [b"%d" % number for number in range(1_500)]
    assert all(message.catching_up for message in messages(journal) if not message.dup)
    publish(broker.port, numbered(1_500, 1_501))
    until(lambda: b"1500" in payloads(journal))
    assert not messages(journal)[payloads(journal).index(b"1500")].catching_up


def test_a_retained_message_is_marked(broker: Broker, start: Start) -> None:
    publish(broker.port, [("anbu/v1/dong-1/hh-1/gw-1/status", b'{"online":true}')], retain=True)
    journal = MemoryJournal()
    start(journal)
    until(lambda: len(messages(journal)) == 1)
    assert messages(journal)[0].retain


def test_kill_9_between_append_and_acknowledgement_loses_nothing(broker: Broker, start: Start, journal_folder: Path) -> None:
    journal_folder.mkdir()

    def child(how: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, source_process.__file__, str(journal_folder), str(broker.port), how]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    first = child("lives")
    until(lambda: _column(journal_folder, "fact_id"), what="the session exists, its canary came back")
    first.kill()
    first.wait()
    publish(broker.port, numbered(0, 100))
    for _ in range(2):
        assert child("dies").wait(20) == -signal.SIGKILL
    journal = SqliteJournal(journal_folder)
    before = len(messages(journal))
    assert 0 < before < 100, "it died with a batch that was durable and not acknowledged"
    journal.close()
    last = child("lives")
    everything = {payload for _, payload in numbered(0, 100)}
    until(lambda: set(_column(journal_folder, "payload")) >= everything, 20, "all that was published is in the journal")
    last.kill()
    last.wait()
    journal = SqliteJournal(journal_folder)
    seen: set[bytes] = set()
    for message in messages(journal):
        assert message.dup or message.payload not in seen, "what stands there twice says so"
        seen.add(message.payload)
    assert len(messages(journal)) > 100, "the batches that were not acknowledged came again"
    journal.close()


def _column(folder: Path, column: str) -> list[object]:
    """A column of a journal that another process has open; nothing as long as there is no journal."""
    try:
        with sqlite3.connect(f"file:{folder}/{1:020d}.db?mode=ro", uri=True) as segment:
            return [row[0] for row in segment.execute(f"SELECT {column} FROM entry WHERE {column} IS NOT NULL")]
    except sqlite3.OperationalError:
        return []


def test_wrong_12_a_killed_and_restarted_broker_is_subscribed_to_again(broker: Broker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    publish(broker.port, numbered(0, 50))
    broker.kill()
    until(lambda: links(journal) == ["LinkUp", "LinkDown"])
    assert not source.status().connected
    broker.start()
    until(lambda: source.status().caught_up)
    publish(broker.port, numbered(50, 100))
    until(lambda: set(payloads(journal)) >= {payload for _, payload in numbered(50, 100)})
    assert links(journal) == ["LinkUp", "LinkDown", "LinkUp"]
    if type(broker).__name__ == "NatsServer":  # it acknowledges what is on the disk; Mosquitto does not claim to
        until(lambda: set(payloads(journal)) == {payload for _, payload in numbered(0, 100)})


def test_a_broker_stopped_in_good_order_keeps_our_session(broker: Broker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    source.stop()
    publish(broker.port, numbered(0, 20))
    broker.stop()
    again = start(journal)
    until(lambda: "no connection" in str(again.status().error))
    broker.start()
    until(lambda: len(messages(journal)) == 20)
    assert all(message.catching_up for message in messages(journal))


def test_a_hanging_broker_is_noticed_and_heard_again_when_it_goes_on(broker: Broker, start: Start) -> None:
    journal = MemoryJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        until(lambda: links(journal) == ["LinkUp", "LinkDown"])
        assert not source.status().connected
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    until(lambda: source.status().caught_up)
    publish(broker.port, numbered(0, 1))
    until(lambda: payloads(journal) == [b"0"])


@pytest.mark.parametrize("refusal", [RuntimeError("a bug"), JournalFull("no room")])
def test_what_the_journal_refuses_comes_again_until_it_stands_there(broker: Broker, start: Start, refusal: Exception) -> None:
    journal = RefusingJournal()
    source = start(journal)
    until(lambda: source.status().caught_up)
    journal.refusals = [refusal, refusal]
    publish(broker.port, numbered(0, 60))
    everything = {payload for _, payload in numbered(0, 60)}
    until(lambda: set(payloads(journal)) == everything, 20)
    until(lambda: source.status().caught_up)
    assert any(message.dup for message in messages(journal))
    source.stop()
    publish(broker.port, numbered(60, 61))
    again = start(journal)
    until(lambda: again.status().caught_up)
    until(lambda: payloads(journal)[-1] == b"60", what="all of it had been acknowledged, only the new one is left")
