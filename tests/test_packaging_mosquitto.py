"""Knows what the repository's mosquitto.conf promises on a real Mosquitto: it starts, keeps a long queue, and survives a stop."""

import contextlib
import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

ROOT = Path(__file__).resolve().parent.parent
# Debian puts it in sbin, which is not on everybody's PATH.
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")

pytestmark = [
    pytest.mark.mosquitto,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed (scripts/servers.py names the command)"),
]


def site_conf(folder: Path, port: int) -> Path:
    """A copy of mosquitto.conf with its three site lines replaced; see the head of that file."""
    text = (ROOT / "mosquitto.conf").read_text(encoding="utf-8")
    for line, value in (
        ("listener", f"{port} 127.0.0.1"),
        ("persistence_location", f"{folder}/"),
        ("user", getpass.getuser()),
    ):
        text, changed = re.subn(rf"(?m)^{line} .*$", f"{line} {value}", text)
        assert changed == 1, f"mosquitto.conf must set {line} exactly once"
    conf = folder / "mosquitto.conf"
    conf.write_text(text, encoding="utf-8")
    return conf


@contextmanager
def running(conf: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Mosquitto on that configuration; stopped cleanly at the end."""
    with (conf.parent / "mosquitto.log").open("ab") as log:
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(conf)], stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or _answers(port), "mosquitto answers")
        assert process.poll() is None, (conf.parent / "mosquitto.log").read_text(encoding="utf-8")
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _client(name: str, port: int) -> mqtt.Client:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(client.is_connected, f"{name} connects")
    return client


def _leave(client: mqtt.Client) -> None:
    client.disconnect()
    client.loop_stop()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def test_mosquitto_conf_keeps_more_than_a_thousand_messages_for_an_absent_consumer_through_a_restart(
    tmp_path: Path, port: int
) -> None:
    conf = site_conf(tmp_path, port)
    heard: list[bytes] = []
    with running(conf, port):
        consumer = _client("consumer", port)
        subscribed: list[int] = []
        consumer.on_subscribe = lambda *_: subscribed.append(1)
        consumer.subscribe("anbu/v1/#", qos=1)
        wait_until(lambda: bool(subscribed), "subscribed")
        _leave(consumer)
        sender = _client("sender", port)
        for number in range(3000):
            last = sender.publish("anbu/v1/h1/d1/event", str(number), qos=1)
        last.wait_for_publish(15)
        wait_until(last.is_published, "the broker took all")
        _leave(sender)
    with running(conf, port):
        consumer = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="consumer", clean_session=False)
        consumer.on_message = lambda _client, _data, message: heard.append(message.payload)
        consumer.connect("127.0.0.1", port)
        consumer.loop_start()
        wait_until(lambda: len(heard) >= 3000, "the queue is delivered")
        _leave(consumer)
    assert heard == [str(number).encode() for number in range(3000)]


def test_mosquitto_conf_disconnects_who_sends_more_than_128_kib(tmp_path: Path, port: int) -> None:
    with running(site_conf(tmp_path, port), port):
        sender = _client("sender", port)
        lost: list[int] = []
        sender.on_disconnect = lambda *_: lost.append(1)
        sender.publish("anbu/v1/h1/d1/event", b"x" * 200_000, qos=0)
        wait_until(lambda: bool(lost), "disconnected")
        sender.loop_stop()


def test_mosquitto_conf_listens_on_loopback_alone(tmp_path: Path, port: int) -> None:
    text = (ROOT / "mosquitto.conf").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^listener .*$", text) == ["listener 1883 127.0.0.1"]
    with running(site_conf(tmp_path, port), port) as process:
        ours = _listening(process.pid)
    assert ours == {f"0100007F:{port:04X}"}


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
