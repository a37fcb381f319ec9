"""Proves the journal against a process killed at every write, a disk that fails to sync, and kill -9 of ingest under load.

Each ends the same way: what was acknowledged is counted exactly once, every rejection is kept, and the state is that of a
run nobody disturbed.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.clock import SystemClock
from ingest.journal.port import Entry
from ingest.journal.sqlite import SqliteJournal
from ingest.journal.verify import verify
from ingest.journal.view import JournalView
from tests.ingest import batch_process, source_process
from tests.ingest.batch_process import BATCHES, END, SIZE, batch
from tests.ingest.faulty_days import became, enrolment, everything, identities, rubbish, spoken, undisturbed, without_last_repeats
from tests.servers import Broker, MosquittoServer
from tests.waiting import until

STRACE = shutil.which("strace")
ALL = range((BATCHES - 1) * SIZE)


@pytest.fixture
def strace() -> str:
    """Skipped where there is none, but not in CI."""
    if STRACE is None:
        reason = "strace is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return STRACE


def run_under(strace: str, folder: Path, inject: str) -> tuple[int, list[str]]:
    """The exit code of the appending process with this fault in its system calls, and what it printed."""
    command = [strace, "-f", "-qq", "-o", os.devnull, "-e", f"trace={inject.partition(':')[0]}"]
    command += ["-e", f"inject={inject}"] if ":" in inject else []
    done = subprocess.run(
        [*command, sys.executable, batch_process.__file__, str(folder)], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()


def finish(folder: Path, said: list[str]) -> None:
    """What was not acknowledged comes again, in a new process as it were, and then the rest."""
    durable = [int(line.split()[1]) for line in said if line.startswith("durable")]
    journal = SqliteJournal(folder, segment_bytes=30_000)
    for number in range(durable[-1] + 1 if durable else 0, BATCHES):
        journal.append(batch(number, again=True))
    journal.close()


def hold_against_an_undisturbed_run(folder: Path, tmp_path: Path) -> None:
    view = JournalView(folder)
    assert verify(view, None, lambda _: None).damages == ()
    entries = everything(view)
    view.close()
    quiet = SqliteJournal(tmp_path / "quiet")
    for number in range(BATCHES):
        quiet.append(batch(number))
    expected = became(everything(quiet), END)
    quiet.close()
    found = became(entries, END)
    assert found.counted == expected.counted == identities(ALL), "counted exactly once"
    assert found.refused == expected.refused == rubbish(ALL), "rejections are all kept"
    assert found.findings == expected.findings
    assert found.engine == expected.engine and found.decoder == expected.decoder, "the state is that of an undisturbed run"


def kill_at(strace: str, write: int, folder: Path) -> bool:
    """False when the process has no such write: it came to its end."""
    code, said = run_under(strace, folder, f"pwrite64:signal=SIGKILL:when={write}")
    if code == 0:
        return False
    assert code in (-signal.SIGKILL, 128 + signal.SIGKILL), (code, said)
    finish(folder, said)
    return True


@pytest.mark.parametrize("write", [1, 7, 30, 61, 95])
def test_a_process_killed_at_a_write_of_the_journal_loses_nothing(strace: str, write: int, tmp_path: Path) -> None:
    assert kill_at(strace, write, tmp_path / "journal")
    hold_against_an_undisturbed_run(tmp_path / "journal", tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_a_process_killed_at_every_write_of_the_journal_loses_nothing(strace: str, tmp_path: Path) -> None:
    write = 1
    while kill_at(strace, write, tmp_path / f"{write}" / "journal"):
        hold_against_an_undisturbed_run(tmp_path / f"{write}" / "journal", tmp_path / f"{write}")
        shutil.rmtree(tmp_path / f"{write}")
        write += 1
    assert write > 100, "all of them, to the end of the process"


@pytest.mark.parametrize("failing", ["17", "20..24"])
def test_a_failed_sync_is_no_acknowledgement_and_the_journal_goes_on_by_itself(strace: str, failing: str, tmp_path: Path) -> None:
    code, said = run_under(strace, tmp_path / "journal", f"fsync,fdatasync:error=EIO:when={failing}")
    assert code == 0, said
    assert any(line.startswith("refused") for line in said)
    assert [line for line in said if line.startswith("durable")] == [f"durable {number}" for number in range(BATCHES)]
    view = JournalView(tmp_path / "journal")
    assert verify(view, None, lambda _: None).damages == ()
    found = became(everything(view), END)
    view.close()
    assert found.counted == identities(ALL) and found.refused == rubbish(ALL)
    assert all(rule not in ("motion", "life") for rule, *_ in found.findings)


class Load:
    """Publishes numbered messages at a steady pace on a thread of its own, at QoS 1, until told to stop."""

    def __init__(self, port: int, per_s: int) -> None:
        self.count = 0
        self._per_s = per_s
        self._stopping = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.max_inflight_messages_set(1_000)
        self._client.max_queued_messages_set(0)
        self._client.connect("127.0.0.1", port)
        self._acknowledged = 0
        self._client.on_publish = self._heard
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._client.loop_start()
        self._thread.start()

    def _run(self) -> None:
        clock = SystemClock()
        began = clock.monotonic()
        while not self._stopping.wait(0.01):
            while self.count < (clock.monotonic() - began) * self._per_s:
                topic, payload = spoken(self.count, clock.home_now())
                self._client.publish(topic, payload, qos=1)  # kept by the client until acknowledged, a lost connection included
                self.count += 1

    def _heard(self, *_about: object) -> None:
        self._acknowledged += 1

    def stop(self) -> None:
        """Return once the broker acknowledged everything."""
        self._stopping.set()
        self._thread.join()
        until(lambda: self._acknowledged == self.count, 900, "the broker took everything")  # nats syncs each
        self._client.disconnect()
        self._client.loop_stop()


def kill_ingest_under_load(port: int, folder: Path, kills: int, moves: int) -> None:
    """Kill the ingest process as often, each time after so many more messages are durable, and judge what is there then."""
    seed = SqliteJournal(folder)
    seed.append(enrolment(SystemClock().home_now()))
    seed.close()
    child = _ingest(folder, port)
    until(lambda: _head(folder) > len(enrolment(0)), 30, "ingest has subscribed and its canary came back")
    load = Load(port, 1_000)
    load.start()
    for _ in range(kills):
        mark = _head(folder)
        until(lambda mark=mark: _head(folder) > mark + moves, 60, "ingest goes on")  # type: ignore[misc]
        child.kill()
        child.wait()
        child = _ingest(folder, port)
    load.stop()
    numbers = range(load.count)
    expected = identities(numbers)
    until(lambda: _different(folder) == load.count, 240, "everything that was acknowledged is there")
    child.kill()
    child.wait()
    entries = without_last_repeats(_entries(folder))
    end = entries[-1].received_at + 60_000
    found, quiet = became(entries, end), became(undisturbed(entries), end)
    assert found.counted == quiet.counted == expected, "counted exactly once"
    assert found.refused == quiet.refused == rubbish(numbers), "rejections are all kept"
    assert found.findings == quiet.findings
    assert found.decoder == quiet.decoder and found.engine == quiet.engine, "the state is that of an undisturbed run"


def _ingest(folder: Path, port: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, source_process.__file__, str(folder), str(port), "lives"], stdout=subprocess.DEVNULL)


def _head(folder: Path) -> int:
    view = JournalView(folder)
    view.close()
    return view.head


def _different(folder: Path) -> int:
    """How many different messages are there; cheap enough to ask again and again."""
    said: set[tuple[str, bytes]] = set()
    for segment in folder.glob("0*.db"):
        with sqlite3.connect(f"file:{segment}?mode=ro", uri=True) as connection:
            said.update(connection.execute("SELECT topic, payload FROM entry WHERE kind = 0"))
    return len(said)


def _entries(folder: Path) -> list[Entry]:
    view = JournalView(folder)
    try:
        return everything(view)
    finally:
        view.close()


@pytest.mark.mosquitto
def test_kill_9_of_ingest_under_1000_messages_a_second_loses_nothing(
    mosquitto_broker: MosquittoServer, journal_folder: Path
) -> None:
    kill_ingest_under_load(mosquitto_broker.port, journal_folder, kills=3, moves=300)


@pytest.mark.long
@pytest.mark.timeout(2_400)
def test_kill_9_of_ingest_20_times_under_1000_messages_a_second_loses_nothing(broker: Broker, journal_folder: Path) -> None:
    kill_ingest_under_load(broker.port, journal_folder, kills=20, moves=1_500)
