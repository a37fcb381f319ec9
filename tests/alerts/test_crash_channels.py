"""Killed by SIGKILL before and after every send, each channel delivers at least once, at most once more, under one number."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from alerts.contacts import ContactBook, Kind
from alerts.policy import Policy
from alerts.tables import delivery
from alerts.telling import Telling, tell_people
from ingest.seal import Sealer
from ingest.store import open_store
from rules.finding import Level
from tests.alerts.alert_parts import make_site
from tests.alerts.providers import HookServer, Taken
from tests.alerts.sending_process import PATIENCE_S
from tests.alerts.test_channel_contract import CASES, Case
from tests.stores import PostgresServer

HERE = Path(__file__).parent
CHANNEL = {"nhn": "message", "sens": "message", "solapi": "message"}
KIND = {"message": Kind.PHONE, "call": Kind.PHONE, "email": Kind.EMAIL, "push": Kind.PUSH, "webhook": Kind.WEBHOOK}


@dataclass(frozen=True)
class Outcome:
    """What became of one channel's message."""

    ends: list[int]
    turns: list[int]
    taken: list[Taken]
    rows: list[tuple[str, int]]


def told(url: str, channel: str, address: str, *persons: str, level: Level = Level.DANGER) -> list[str]:
    """Write a telling to each person by this channel; their number."""
    site = make_site(url)
    book = ContactBook(site.engine, Sealer(b"k" * 32), site.clock)
    for person in persons:
        book.add(person, KIND.get(channel, Kind.APPRISE), address)
    telling = Telling(key="k", kind="opened", level=level, dong="dong-1", code="A-2K7", path="/checks/c", channels=(channel,))
    with site.engine.begin() as connection:
        ids = tell_people(connection, telling, persons, Policy(), home_now=site.clock.home, machine_now=site.clock.machine)
    site.engine.dispose()
    return ids


def run(*arguments: str) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(HERE), str(HERE.parent.parent)])
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    """All channels in one process: starting one takes longer than all it does."""
    folder = tmp_path_factory.mktemp("crash")
    cases: dict[str, Case] = {name: make() for name, make in CASES.items()}
    asked: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        channel, store = CHANNEL.get(name, name), f"sqlite:///{folder / name}.sqlite3"
        told(store, channel, case.contacts.there[0], "kim")
        asked[name] = {"channel": channel, "store": store, "url": case.url}
    process = run(str(HERE / "dying_senders.py"), json.dumps(asked))
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors.decode()
    found = {}
    for name, done in json.loads(out.splitlines()[-1]).items():
        engine = open_store(asked[name]["store"])
        with engine.begin() as connection:
            rows = [(row.state, row.attempts) for row in connection.execute(select(delivery))]
        engine.dispose()
        found[name] = Outcome(done["ends"], done["turns"], list(cases[name].taken), rows)
    yield found
    for case in cases.values():
        case.server.close()


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_lost_and_at_most_one_comes_twice_with_the_same_number_in_its_text(
    outcomes: dict[str, Outcome], name: str
) -> None:
    found = outcomes[name]
    assert found.ends == [signal.SIGKILL, signal.SIGKILL]
    assert found.turns == [1, 0]
    assert found.rows == [("sent", 3)]
    assert len(found.taken) == 2  # the one before the death, and the one after it
    first, second = found.taken
    assert first.text == second.text
    assert first.key == second.key


class BothAtOnce(HookServer):
    """Takes its first two messages only while both are on their way, each from a process that has not sent before."""

    def __init__(self) -> None:
        super().__init__()
        self.first_two = threading.Barrier(2)
        self.turns = itertools.count()

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if next(self.turns) < self.first_two.parties:
            self.first_two.wait(PATIENCE_S - 10)
        return super().said(method, path, headers, body)


@pytest.mark.postgresql
def test_two_processes_on_one_postgresql_never_send_the_same_message_twice(postgresql: PostgresServer) -> None:
    store, server = postgresql.database(), BothAtOnce()
    persons = [f"kim{number}" for number in range(60)]
    try:
        hook = json.dumps({"url": f"{server.url}/hook", "secret": server.secret.decode()})
        ids = told(store, "webhook", hook, *persons)
        processes = [run(str(HERE / "sending_process.py"), store, server.url) for _ in range(2)]
        sent = []
        for process in processes:
            out, errors = process.communicate(timeout=100)
            assert process.returncode == 0, errors.decode()
            sent.append(int(out.splitlines()[-1]))
    finally:
        server.close()
    assert Counter(taken.key for taken in server.taken) == Counter(ids)
    assert sum(sent) == len(ids)
    assert min(sent) > 0, "both had a part in it"
