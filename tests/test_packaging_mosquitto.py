"""Knows what the repository's mosquitto.conf promises on a real Mosquitto: it starts, keeps a long queue, and survives a stop."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from anbu.broker_conf import shipped_conf
from tests.servers import MOSQUITTO, MosquittoServer
from tests.waiting import until

pytestmark = [
    pytest.mark.mosquitto,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (scripts/servers.py names the command)"),
]


@contextmanager
def running(server: MosquittoServer) -> Iterator[MosquittoServer]:
    """The server started; stopped cleanly at the end."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _client(name: str, port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(client.is_connected, what=f"{name} connects")
    return client


def _leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


def test_mosquitto_conf_keeps_more_than_a_thousand_messages_for_an_absent_consumer_through_a_restart(
    tmp_path: Path,
) -> None:
    server = MosquittoServer(tmp_path)
    port = server.port
    heard: list[bytes] = []
    with running(server):
        consumer = _client("consumer", port)
        subscribed: list[int] = []
        consumer.on_subscribe = lambda *_: subscribed.append(1)
        consumer.subscribe("anbu/v1/#", qos=1)
        until(lambda: bool(subscribed), what="subscribed")
        _leave(consumer)
        sender = _client("sender", port)
        for number in range(3000):
            last = sender.publish("anbu/v1/h1/d1/event", str(number), qos=1)
        last.wait_for_publish(15)
        until(last.is_published, what="the broker took all")
        _leave(sender)
    with running(server):
        consumer = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="consumer", clean_session=False)
        consumer.on_message = lambda _client, _data, message: heard.append(message.payload)
        consumer.connect("127.0.0.1", port)
        consumer.loop_start()
        until(lambda: len(heard) >= 3000, what="the queue is delivered")
        _leave(consumer)
    assert heard == [str(number).encode() for number in range(3000)]


def test_mosquitto_conf_disconnects_who_sends_more_than_128_kib(tmp_path: Path) -> None:
    with running(MosquittoServer(tmp_path)) as server:
        sender = _client("sender", server.port)
        lost: list[int] = []
        sender.on_disconnect = lambda *_: lost.append(1)
        sender.publish("anbu/v1/h1/d1/event", b"x" * 200_000, qos=0)
        until(lambda: bool(lost), what="disconnected")
        sender.loop_stop()


def test_mosquitto_conf_lets_nobody_in_from_outside_without_tls_and_an_account(tmp_path: Path) -> None:
    text = shipped_conf()
    listeners = {block.splitlines()[0]: block for block in text.split("\nlistener ")[1:]}
    assert list(listeners) == ["1883 127.0.0.1", "8883", "8884"]
    assert all("use_username_as_clientid true" in block for block in listeners.values())
    assert all("tls_version tlsv1.2" in listeners[port] for port in ("8883", "8884"))
    assert "\nallow_anonymous false\n" in text and "allow_anonymous true" not in text
    with running(MosquittoServer(tmp_path, anonymous=False)) as server:
        assert server.pid is not None
        ours = _listening(server.pid)
        place = server.place
    assert ours == {f"0100007F:{port:04X}" for port in (place.port, place.password_port, place.certificate_port)}


def _listening(pid: int) -> set[str]:
    """Local addresses the process listens on, as /proc/net/tcp writes them; IPv6 ones included."""
    sockets, found = set[str](), set[str]()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            sockets.add(str(link.readlink()))
    for table in ("tcp", "tcp6"):
        for row in Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            fields = row.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                found.add(fields[1])
    return found
