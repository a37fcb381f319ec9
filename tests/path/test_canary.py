"""Proves that each dong's synthetic alarm goes through the real broker and the whole site to the canary, and opens nothing."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from alerts.channels.personal import hook_of
from alerts.channels.webhook import Webhook
from alerts.channels.wire import Wire
from alerts.contacts import ContactBook, Kind
from alerts.policy import Policy
from alerts.proof import CANARY, LONGEST, Paths
from anbu.canary import CanaryFailed, MqttButton, canary_topics
from anbu.schema import migrate
from anbu.stores import open_stores
from anbu.wiring import Site
from ingest.clock import SystemClock
from ingest.mqtt_wire import BrokerAddress
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.store import open_store
from rules.table import load_table
from tests.alerts.alert_parts import Book, HandClock
from tests.alerts.providers import HookServer
from tests.servers import LISTENER, MOSQUITTO, PASSWORD, MosquittoServer, free_port
from tests.waiting import until

pytestmark = pytest.mark.mosquitto

SEALER = Sealer(bytes(range(32)))
ACCOUNT = "anbu-canary"


class Hook(HookServer):
    """Takes signed messages whatever the time is."""

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, object]:
        self.taken.append(body.decode())
        return 200, {}

    taken: list[str]  # type: ignore[assignment]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MosquittoServer]:
    if MOSQUITTO is None:
        reason = "mosquitto is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = MosquittoServer(tmp_path / "broker", anonymous=False)
    server.site.set_password(ACCOUNT, PASSWORD)
    yield server
    server.stop()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    migrate(made)
    register = Register(made, SEALER, SystemClock())
    for dong in ("dong-1", "dong-2"):
        register.add_dong(dong, dong)
    yield made
    made.dispose()


def broker(server: MosquittoServer, account: str, password: str = PASSWORD) -> BrokerAddress:
    return BrokerAddress(host="127.0.0.1", port=server.port, client_id=account, username=account, password=password)


@pytest.fixture
def site(server: MosquittoServer, engine: Engine, hook: Hook, tmp_path: Path) -> Iterator[Site]:
    """A whole site on this broker, with a webhook of the canary's own; not started."""
    clock = SystemClock()
    contacts = ContactBook(engine, SEALER, clock)
    contacts.add(CANARY, Kind.WEBHOOK, f'{{"url": "{hook.url}/", "secret": "sixteen letters."}}')
    wire = Wire(clock)
    webhook = Webhook(lambda person: hook_of(contacts, person), clock, wire)
    made = Site(
        open_stores(tmp_path, engine, SEALER),
        clock,
        table=load_table(None),
        policy=Policy(channels=("webhook",)),
        channels={"console": Book(), "webhook": webhook},
        broker=broker(server, LISTENER),
        button=MqttButton(broker(server, ACCOUNT), clock),
    )
    yield made
    made.stop()
    wire.close()


def all_proven(site: Site) -> bool:
    return bool(site.paths.all()) and all(path.proven_at is not None for path in site.paths.all())


def test_each_dongs_alarm_comes_out_at_each_channels_receiver_and_opens_no_check(
    site: Site, server: MosquittoServer, hook: Hook
) -> None:
    server.site.allow(ACCOUNT, canary_topics(["dong-1", "dong-2"]))
    server.start()
    site.start()
    until(lambda: all_proven(site), 30, "every path is proven")
    assert [(path.dong_code, path.channel) for path in site.paths.all()] == [
        ("dong-1", "console"),
        ("dong-1", "webhook"),
        ("dong-2", "console"),
        ("dong-2", "webhook"),
    ]
    assert sorted('"dong":"dong-1"' in body for body in hook.taken) == [False, True]
    assert all('"kind":"proof"' in body for body in hook.taken)
    assert site.desk.checks(dong=None) == []
    assert site.desk.tickets(dong=None) == []
    assert site.register.households() == []
    assert site.register.devices() == []
    until(lambda: next(stage for stage in site.stages() if stage.name == "paths").detail == "4 paths", 30, "it says so")


def test_a_broker_that_denies_the_canary_says_success_and_the_path_stays_unproven(site: Site, server: MosquittoServer) -> None:
    server.site.allow(ACCOUNT, canary_topics(["dong-2"]))
    server.start()
    site.start()
    until(lambda: any(path.proven_at for path in site.paths.all()), 30, "one dong is proven")
    unproven = {path.dong_code for path in site.paths.all() if path.proven_at is None}
    assert "dong-1" in unproven
    assert all(path.alarmed_at is not None for path in site.paths.all())


def test_a_path_unproven_for_two_hours_is_a_stage_that_is_not_well(site: Site, server: MosquittoServer) -> None:
    assert site.canary is not None
    clock = HandClock()
    paths = Paths(site.stores.engine, clock)
    canary = dataclasses.replace(site.canary, clock=clock, paths=paths, listening=lambda: True)
    assert canary.turn() == 2  # enrolled; pressed from the next turn on
    with pytest.raises(CanaryFailed, match="no connection"):
        canary.turn()
    assert canary.health().ok
    clock.machine += LONGEST + 1
    server.start()
    canary.turn()
    found = canary.health()
    assert not found.ok
    assert found.detail.startswith("unproven for two hours: dong-1/console, dong-1/webhook, dong-2/console")
    assert dataclasses.replace(canary, listening=lambda: False).turn() == 0
    clock.machine += 2 * LONGEST
    silent = dataclasses.replace(canary, listening=lambda: False)
    assert silent.turn() == 2
    assert all(path.alarmed_at is not None and path.alarmed_at < clock.machine for path in paths.all())


def test_the_canary_is_refused_with_a_wrong_password_and_says_so_without_it(server: MosquittoServer) -> None:
    server.start()
    with pytest.raises(CanaryFailed) as refused:
        MqttButton(broker(server, ACCOUNT, "wrong-password"), SystemClock()).press(["dong-1"])
    assert "refuses" in str(refused.value)
    assert "wrong-password" not in str(refused.value)


def test_a_broker_that_is_not_there_is_said_so() -> None:
    address = BrokerAddress(host="127.0.0.1", port=free_port(), client_id="canary")
    with pytest.raises(CanaryFailed, match="no connection"):
        MqttButton(address, SystemClock()).press(["dong-1"])
