"""Real brokers for tests (nats-server from its wheel, Debian's Mosquitto with this repository's file), and a scripted one."""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from anbu.broker import EmbeddedBroker
from anbu.broker_conf import Place, site_conf
from anbu.broker_pki import make_authority, sign_server
from anbu.broker_site import BrokerFolder, write_acl
from ingest.clock import SystemClock
from tests.waiting import until

# Debian puts it in sbin, which is not on everybody's PATH.
MOSQUITTO = shutil.which("mosquitto", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


LISTENER, PASSWORD = "anbu", "right-1234567890"  # our account at a test's Mosquitto; with -acks behind it, the other one


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Broker(Protocol):
    """What tests ask of a broker. It keeps its port and its folder over stops, kills and starts."""

    port: int

    @property
    def pid(self) -> int | None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class MosquittoServer:
    """Mosquitto on this repository's file as `anbu broker init` lays it out, and one listener more, `port`, for tests that
    are not about accounts: anonymous clients may do everything there. With `anonymous=False`, exactly what a site runs."""

    def __init__(self, folder: Path, *, anonymous: bool = True) -> None:
        assert MOSQUITTO is not None
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.site = BrokerFolder(folder / "broker-site")
        self.place = Place(
            folder=self.site.folder,
            persistence=folder,
            account=getpass.getuser(),
            port=free_port(),
            password_port=free_port(),
            certificate_port=free_port(),
            bind="127.0.0.1",
        )
        now = SystemClock().machine_now()
        self.site.make()
        make_authority(self.site, "test", now)
        sign_server(self.site, ["127.0.0.1", "localhost"], now)
        write_acl(self.site, LISTENER, f"{LISTENER}-acks", LISTENER)
        for account in (LISTENER, f"{LISTENER}-acks"):
            self.site.set_password(account, PASSWORD)
        text = site_conf(self.place)
        if anonymous:
            self.site.acl.write_text("topic readwrite #\n" + self.site.acl.read_text(encoding="utf-8"), encoding="utf-8")
            text = text.replace("allow_anonymous false", "allow_anonymous true") + f"\nlistener {self.port} 127.0.0.1\n"
        else:
            self.port = self.place.port
        (folder / "mosquitto.conf").write_text(text, encoding="utf-8")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            process = subprocess.Popen([str(MOSQUITTO), "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log)
        self._process = process
        ports = {self.port, self.place.port, self.place.password_port, self.place.certificate_port}
        until(lambda: process.poll() is not None or all(map(answers, ports)), what="mosquitto answers")
        assert process.poll() is None, (self._folder / "mosquitto.log").read_text(encoding="utf-8")

    def also_listen(self, options: str) -> int:
        """Give the stopped server a second listener with these options, start it, and return that listener's port."""
        port = free_port()
        with (self._folder / "mosquitto.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(f"\nlistener {port} 127.0.0.1\n{options}")
        self.start()
        return port

    def reload(self) -> None:
        """Let it read accounts, topics and certificates again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=10)
            self._process = None


class NatsServer(EmbeddedBroker):
    """The production one, but what was not acknowledged comes again after one second instead of five."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, ack_wait="1s")


def publish(port: int, messages: Iterable[tuple[str, bytes]], *, retain: bool = False) -> None:
    """Publish at QoS 1 and return once the broker acknowledged all of them."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(200)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        sent = [client.publish(topic, payload, qos=1, retain=retain) for topic, payload in messages]
        until(lambda: all(info.is_published() for info in sent), 30, "the broker acknowledged what was published")
    finally:
        client.disconnect()
        client.loop_stop()


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT = 1, 3, 8, 14
ANSWERED = frozenset({CONNECT, PUBLISH, SUBSCRIBE})


class ScriptedBroker:
    """Speaks just enough MQTT 3.1.1 to say exactly what a test wants, and to write down every frame it was sent.

    It answers CONNECT (with `connack`), SUBSCRIBE (with `suback`) and our canary, the only thing the source publishes,
    as far as their packet types are in `answers`.
    `connections` holds, per connection, the frames it sent: (packet type, body).
    """

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections: list[list[tuple[int, bytes]]] = []
        self.answers = ANSWERED
        self.connack = 0
        self.suback = 1
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:  # closed: the test is over
                return
            frames: list[tuple[int, bytes]] = []
            self._sockets.append(peer)
            self.connections.append(frames)
            threading.Thread(target=self._converse, args=(peer, frames), daemon=True).start()

    def _converse(self, peer: socket.socket, frames: list[tuple[int, bytes]]) -> None:
        with peer.makefile("rb") as stream, contextlib.suppress(OSError):  # the source may drop the connection at any point
            while head := stream.read(1):
                size, shift = 0, 0
                while True:
                    byte = stream.read(1)[0]
                    size |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                body = stream.read(size)
                if head[0] >> 4 in self.answers:
                    self._answer(peer, head[0], body)
                frames.append((head[0] >> 4, body))

    def _answer(self, peer: socket.socket, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == 1:
            peer.sendall(b"\x20\x02\x00" + bytes([self.connack]))  # no session
        elif kind == 8:
            peer.sendall(b"\x90\x03" + body[:2] + bytes([self.suback]))  # to one filter
        elif kind == 3:
            size = int.from_bytes(body[:2], "big")
            topic, mid, payload = body[2 : 2 + size], body[2 + size : 4 + size], body[4 + size :]
            peer.sendall(b"\x40\x02" + mid + publish_frame(topic, 60_000, payload))  # PUBACK, and its echo to the subscriber

    def send(self, raw: bytes) -> None:
        """Send these bytes on the newest connection."""
        self._sockets[-1].sendall(raw)

    def hang_up(self) -> None:
        """Close the newest connection."""
        self._sockets[-1].shutdown(socket.SHUT_RDWR)

    def acknowledged(self, connection: int) -> list[int]:
        """Message ids acknowledged on this connection, the canary's apart."""
        mids = [int.from_bytes(body, "big") for kind, body in self.connections[connection] if kind == 4]
        return [mid for mid in mids if mid != 60_000]

    def close(self) -> None:
        with contextlib.suppress(OSError):  # closed by the test
            self._listener.shutdown(socket.SHUT_RDWR)  # or the thread goes on accepting
        self._listener.close()
        for peer in self._sockets:
            peer.close()


def publish_frame(topic: bytes, mid: int, payload: bytes, *, dup: bool = False) -> bytes:
    """A PUBLISH at QoS 1 as it stands on the wire."""
    body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + payload
    size, rest = b"", len(body)
    while True:
        rest, seven = rest >> 7, rest & 0x7F
        size += bytes([seven | (0x80 if rest else 0)])
        if not rest:
            return bytes([0x3A if dup else 0x32]) + size + body
