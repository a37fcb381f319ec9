"""Proves that two `anbu serve` on one PostgreSQL tick and deliver once, tell both journals every fact, and replace each other."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.desk import Desk
from alerts.policy import Policy, Route
from anbu.schema import migrate
from ingest.clock import HOUR, SystemClock, VirtualClock
from ingest.facts import HouseholdGraded
from ingest.journal.sqlite import SqliteJournal
from ingest.register.register import Register
from ingest.seal import Sealer, write_key
from ingest.store import open_store
from tests.alerts.alert_parts import Receiver, finding
from tests.path.site_process import MadeSite
from tests.servers import NatsServer
from tests.stores import PostgresServer
from tests.waiting import until

pytestmark = pytest.mark.postgresql

KEY = bytes(range(32))
WEBHOOK = Route(channel="webhook", recipient="night-desk")
SETTINGS = """
[store]
url = "{store}"
[alerts]
webhook_url = "{receiver}"
webhook_secret = "0123456789abcdef"
recipients = ["night-desk"]
[log]
format = "json"
"""


class Peer(MadeSite):
    """One of two."""

    def ticked(self) -> int:
        """How many checks its own tick brought up again."""
        return sum(json.loads(line)["event"] == "due" for line in self.said().splitlines() if line.startswith("{"))

    def graded(self) -> list[str]:
        """The grades its journal was told of."""
        journal = SqliteJournal(self.folder / "data" / "journal")
        told = [entry.body.grade for entry in journal.read(0, 1_000) if isinstance(entry.body, HouseholdGraded)]
        journal.close()
        return told


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def engine(postgresql: PostgresServer) -> Iterator[Engine]:
    made = open_store(postgresql.database())
    yield made
    made.dispose()


@pytest.fixture
def peers(nats_broker: NatsServer, engine: Engine, receiver: Receiver, tmp_path: Path) -> Iterator[tuple[Peer, Peer]]:
    folders = tmp_path / "a", tmp_path / "b"
    store = engine.url.render_as_string(hide_password=False)
    for folder, name in zip(folders, ("anbu-a", "anbu-b"), strict=True):
        folder.mkdir()
        settings = f'[broker]\nport = {nats_broker.port}\nclient_id = "{name}"\n'
        (folder / "anbu.toml").write_text(settings + SETTINGS.format(store=store, receiver=receiver.url), encoding="utf-8")
        write_key(folder / "anbu.key", KEY)
    migrate(engine)
    register = Register(engine, Sealer(KEY), SystemClock())
    register.add_dong("dong-1", "바람동")
    register.enrol_household("hh-1", "dong-1", at=SystemClock().home_now())
    made = Peer(folders[0], nats_broker.port), Peer(folders[1], nats_broker.port)
    for peer in made:
        peer.start()
    yield made
    for peer in made:
        if peer.process is not None and peer.process.poll() is None:
            peer.kill()


def test_two_processes_tick_and_deliver_once_and_one_stands_in_for_the_other(
    peers: tuple[Peer, Peer], engine: Engine, receiver: Receiver
) -> None:
    clock = SystemClock()
    earlier = Desk(engine, VirtualClock(clock.home_now() - 5 * HOUR), Sealer(KEY), Policy(routes=(WEBHOOK,)))

    def bring_up(homes: list[str]) -> None:
        """Open a check for each home as if five hours ago: its first reminder is due now."""
        before = len(reminders(receiver))
        earlier.take_findings([finding(household=home, number=home) for home in homes])
        until(lambda: len(reminders(receiver)) == before + len(homes), 30, "all were brought up again")

    bring_up([f"hh-{number}" for number in range(12)])
    assert [peer.ticked() for peer in peers] == [12, 0]  # the lease is with the one that began first
    Register(engine, Sealer(KEY), clock).set_grade("hh-1", "high", at=clock.home_now())
    peers[0].kill()
    bring_up([f"hh-{number}" for number in range(12, 18)])
    assert peers[1].ticked() == 6
    assert set(Counter(receiver.keys).values()) == {1}
    assert peers[1].stop() == 0
    peers[0].start()
    assert peers[0].stop() == 0
    assert [peer.graded() for peer in peers] == [["high"], ["high"]]


def reminders(receiver: Receiver) -> list[str]:
    """The numbers of the reminders that have arrived."""
    return [each.headers["Idempotency-Key"] for each in receiver.posted if json.loads(each.body)["kind"] == "reminder"]
