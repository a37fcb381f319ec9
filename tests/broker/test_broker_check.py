"""Proves that `anbu broker check` finds nothing to say against the broker we ship, and says of another what it lacks."""

from __future__ import annotations

import getpass
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anbu.broker_check import check_broker, is_this_machine
from anbu.broker_guest import Guest
from anbu.cli import app
from anbu.sections import Broker
from ingest.acks_sender import acks_address
from ingest.dialects.registry import DIALECTS, subscriptions
from ingest.source import BrokerAddress
from tests.servers import LISTENER, MOSQUITTO, PASSWORD, MosquittoServer, NatsServer, answers, free_port
from tests.waiting import until


def lacks(broker: Broker) -> dict[str, str]:
    """What is not well, and why."""
    password = broker.password.get_secret_value() if broker.password else None
    listener = BrokerAddress(
        host=broker.host, port=broker.port, client_id=broker.client_id, username=broker.username, password=password
    )
    lines = check_broker(broker, listener, acks_address(listener), subscriptions(DIALECTS), answer_s=2.0)
    assert all(line.ok or line.next_step for line in lines)
    return {line.name: line.detail for line in lines if not line.ok}


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[MosquittoServer]:
    """Exactly what a site runs."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (scripts/servers.py names the command)")
    server = MosquittoServer(tmp_path, anonymous=False)
    server.start()
    yield server
    server.stop()


def bare(folder: Path, *lines: str) -> Iterator[int]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (scripts/servers.py names the command)")
    port = free_port()
    configuration = folder / "bare.conf"
    configuration.write_text("\n".join([f"listener {port} 127.0.0.1", f"user {getpass.getuser()}", *lines, ""]))
    process = subprocess.Popen([MOSQUITTO, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    until(lambda: answers(port), what="mosquitto answers")
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def as_it_comes(tmp_path: Path) -> Iterator[int]:
    yield from bare(tmp_path, "allow_anonymous true")


@pytest.mark.mosquitto
def test_the_broker_we_ship_lacks_nothing(shipped: MosquittoServer) -> None:
    broker = Broker(host="127.0.0.1", port=shipped.port, username=LISTENER, password=PASSWORD)
    assert lacks(broker) == {}


@pytest.mark.mosquitto
def test_a_mosquitto_as_it_comes_is_found_wanting_in_each(as_it_comes: int) -> None:
    found = lacks(Broker(host="127.0.0.1", port=as_it_comes))
    assert found.keys() == {"strangers", "client id", "in flight", "queue"}
    assert " 20" in found["in flight"] and " 10" in found["queue"]


@pytest.mark.mosquitto
def test_rights_that_are_missing_are_named(tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read #\ntopic write anbu/v1/canary/+/link/canary\n")
    options = ("max_inflight_messages 500", "max_queued_messages 5000")
    for port in bare(tmp_path, "allow_anonymous true", f"acl_file {acl}", *options):
        found = lacks(Broker(host="127.0.0.1", port=port))
        assert found.keys() == {"strangers", "client id", "acknowledging", "dialects"}
        assert "zigbee2mqtt/#" in found["dialects"]


@pytest.mark.mosquitto
def test_a_wrong_password_is_all_that_is_said(shipped: MosquittoServer) -> None:
    assert lacks(Broker(host="127.0.0.1", port=shipped.port, username=LISTENER, password="wrong")).keys() == {"connect"}


def test_the_embedded_broker_is_told_to_be_open(nats_broker: NatsServer) -> None:
    assert lacks(Broker(host="127.0.0.1", port=nats_broker.port)).keys() <= {"strangers", "client id", "in flight"}


@pytest.mark.mosquitto
def test_the_command_says_it_and_ends_with_one(as_it_comes: int, tmp_path: Path) -> None:
    config = tmp_path / "anbu.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\nport = {as_it_comes}\n')
    ran = CliRunner().invoke(app, ["broker", "check", "-c", str(config), "--json", "--wait", "1"])
    assert ran.exit_code == 1, ran.output
    lines = {line["name"]: line for line in json.loads(ran.stdout)}
    assert lines["connect"]["ok"] and "max_inflight_messages" in lines["in flight"]["next_step"]


def test_encryption_is_asked_for_outside_this_machine() -> None:
    assert is_this_machine("127.0.0.1") and is_this_machine("localhost") and is_this_machine("::1")
    assert not is_this_machine("10.0.0.1") and not is_this_machine("broker.example")


def test_a_broker_on_which_something_always_happens_is_not_waited_for_without_end(as_it_comes: int) -> None:
    visitor = Guest(BrokerAddress(host="127.0.0.1", port=as_it_comes, client_id="visitor"), answer_s=0.3)
    assert visitor.subscribe("busy")
    other = Guest(BrokerAddress(host="127.0.0.1", port=as_it_comes, client_id="other"))
    enough = threading.Event()
    busy = threading.Thread(target=lambda: all(other.publish("busy", b"1") and not enough.wait(0.02) for _ in range(10_000)))
    busy.start()
    assert not visitor.hears("what never comes", b"")
    enough.set()
    busy.join()
    visitor.leave()
    other.leave()
