"""Proves that `anbu check` asks a real broker as the site would, and never touches the queue that waits for the site."""

from __future__ import annotations

import getpass
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from anbu.broker_probe import probe_broker
from anbu.sections import Broker
from ingest.wire import SUBSCRIPTION
from tests.servers import MOSQUITTO, free_port
from tests.servers import Broker as Server
from tests.waiting import until

TOPIC = "anbu/v1/dong-1/home-1/pir-1/motion"


def publish(port: int, *, username: str | None = None) -> None:
    """A device says one thing."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="pir-1")
    with connected(client, port, username):
        sent = client.publish(TOPIC, b'{"v":1}', qos=1)
        until(sent.is_published, what="the broker took the message")


def hear(port: int, *, expect: int, username: str | None = None) -> list[bytes]:
    """What the site hears in its session, which it leaves standing."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anbu", clean_session=False)
    heard: list[bytes] = []
    granted: list[int] = []
    client.on_message = lambda _client, _data, message: heard.append(message.payload)
    client.on_subscribe = lambda _client, _data, mid, _codes, _properties: granted.append(mid)
    with connected(client, port, username):
        client.subscribe(SUBSCRIPTION, qos=1)
        until(lambda: granted and len(heard) >= expect, what="subscribed and heard")
    return heard


@contextmanager
def connected(client: mqtt.Client, port: int, username: str | None) -> Iterator[None]:
    if username:
        client.username_pw_set(username, "right")
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(client.is_connected, what="connected")
    yield
    client.disconnect()
    client.loop_stop()


def test_a_broker_that_serves_us_is_well(broker: Server) -> None:
    probe = probe_broker(Broker(host="127.0.0.1", port=broker.port))
    assert probe.error is None and not probe.shares_session


def test_the_probe_leaves_the_waiting_queue_alone(broker: Server) -> None:
    hear(broker.port, expect=0)
    publish(broker.port)
    assert probe_broker(Broker(host="127.0.0.1", port=broker.port)).error is None
    assert hear(broker.port, expect=1) == [b'{"v":1}']


def test_nobody_at_home_is_an_error_in_words() -> None:
    probe = probe_broker(Broker(host="127.0.0.1", port=free_port()))
    assert probe.error is not None and "refused" in probe.error


def test_a_server_that_speaks_no_mqtt_is_found_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes the connection and says nothing
        broker = Broker(host="127.0.0.1", port=listener.getsockname()[1])
        assert probe_broker(broker, answer_s=0.2).error == "no MQTT answer within 0.2 s"


@pytest.fixture
def strict_mosquitto(tmp_path: Path) -> Iterator[int]:
    """A Mosquitto where the user name is the client id, as mosquitto.conf proposes for a network."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    passwords = tmp_path / "passwd"
    passwords.write_text("anbu:right\npir-1:right\n")
    passwords.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True)
    configuration = tmp_path / "strict.conf"
    lines = ("allow_anonymous false", f"password_file {passwords}", "use_username_as_clientid true", f"user {getpass.getuser()}")
    configuration.write_text("\n".join([f"listener {port} 127.0.0.1", *lines, ""]))
    process = subprocess.Popen([MOSQUITTO, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    until(lambda: probe_broker(Broker(host="127.0.0.1", port=port)).error != "Connection refused", what="mosquitto answers")
    yield port
    process.terminate()
    process.wait(10)


@pytest.mark.mosquitto
def test_a_broker_with_one_session_per_user_keeps_the_sites_queue(strict_mosquitto: int) -> None:
    broker = Broker(host="127.0.0.1", port=strict_mosquitto, username="anbu", password="right")
    assert probe_broker(broker).error is None
    hear(strict_mosquitto, expect=0, username="anbu")
    publish(strict_mosquitto, username="pir-1")
    probe = probe_broker(broker)
    assert probe.error is None and probe.shares_session
    assert hear(strict_mosquitto, expect=1, username="anbu") == [b'{"v":1}']


@pytest.mark.mosquitto
def test_a_wrong_password_is_told_as_such(strict_mosquitto: int) -> None:
    broker = Broker(host="127.0.0.1", port=strict_mosquitto, username="anbu", password="wrong")
    error = probe_broker(broker).error
    assert error is not None and error.startswith("refused: ")
