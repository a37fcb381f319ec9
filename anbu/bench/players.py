"""The other processes of a benchmark: the one that publishes, and a client that does nothing with what it hears."""

from __future__ import annotations

import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from typing import Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from anbu.bench.town import NOWHERE, Load, below_nowhere, household, motion_turn, said_by, single, sos
from ingest.clock import Clock, SystemClock
from ingest.mqtt_frames import connect_frame

HOST = "127.0.0.1"
UNACKNOWLEDGED = 1_000
"""Messages the publisher has on their way to the broker."""

CHUNK = 100
PUBACK_BYTES = 4
PATIENCE_S = 60.0
"""For a broker that has more in its socket than it can store in the time that was measured."""

_WAIT_S = 0.002


class Counter(Protocol):
    """A number that several processes see."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle:
    """So many messages a second for so many seconds, and every now and then an SOS, each of a home of its own."""

    homes: int
    start: int
    a_second: int
    seconds: float
    sos_every_s: float
    first_sos_home: int


@dataclass(frozen=True, slots=True)
class Sent:
    """When each message and each SOS of a trickle was handed to the socket, on the machine's monotonic clock."""

    messages: dict[tuple[str, int], float]  # by device and sequence number
    alarms: dict[str, float]  # by household


def _connect(port: int, name: str) -> socket.socket:
    connected = socket.create_connection((HOST, port))
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.sendall(connect_frame(name, keepalive_s=0, username=None, password=None))
    if connected.recv(4)[-1:] != b"\0":
        raise ConnectionError("the broker refused the publisher")
    return connected


def blast(port: int, load: Load, taken: Counter, ahead: int, pipe: Pipe) -> None:
    """Publish the load as fast as it is taken: never more than `ahead` messages before whoever counts in `taken`.

    Says "ready" on the pipe, begins at the first word from it, says "sent" when the broker acknowledged everything.
    """
    frames = load.frames()
    with _connect(port, "anbu-bench-publisher") as connected:
        pipe.send("ready")
        pipe.recv()
        _pour(connected, frames, taken, ahead)
        pipe.send("sent")


def _pour(connected: socket.socket, frames: Sequence[bytes], taken: Counter, ahead: int) -> None:
    total, sent, answered = len(frames), 0, 0  # answered: bytes of PUBACK
    connected.setblocking(False)
    waiting = b""
    while sent < total or waiting or answered < PUBACK_BYTES * total:
        room = min(UNACKNOWLEDGED - (sent - answered // PUBACK_BYTES), ahead - (sent - taken.value), total - sent)
        if not waiting and room >= min(CHUNK, total - sent) > 0:
            waiting = b"".join(frames[sent : sent + room])
            sent += room
        readable, writable, _ = select.select([connected], [connected] if waiting else [], [], _WAIT_S)
        if writable:
            waiting = waiting[connected.send(waiting) :]
        if readable:
            answered += len(_answers(connected))


def _answers(connected: socket.socket) -> bytes:
    data = connected.recv(65_536)
    if not data:
        raise ConnectionError("the broker closed the publisher's connection")
    return data


def _heard_all(connected: socket.socket, owed: int, clock: Clock) -> None:
    """Wait until the broker has acknowledged what it was sent, `owed` bytes: whoever leaves before takes messages along.

    A connection that is closed with acknowledgements unread is reset, and what the broker has not read of it is lost.
    """
    ends = clock.monotonic() + PATIENCE_S
    while owed > 0:
        if clock.monotonic() > ends:
            raise ConnectionError(f"the broker still owes {owed // PUBACK_BYTES} acknowledgements")
        if select.select([connected], [], [], _WAIT_S)[0]:
            owed -= len(_answers(connected))


def flood(port: int, home: int, a_second: int, start: int, nowhere: bool, pipe: Pipe) -> None:
    """Publish as one device that has gone wild, from the first word on the pipe to the second; sends back how many it sent.

    `nowhere`: where nobody hears it.
    """
    clock = SystemClock()
    with _connect(port, "anbu-bench-flood") as connected:
        pipe.send("ready")
        pipe.recv()
        began, number, answered = clock.monotonic(), 0, 0
        while not pipe.poll():
            due = int((clock.monotonic() - began) * a_second)
            frames = [single(one, home, motion_turn(start + one), clock.home_now()) for one in range(number, due)]
            if nowhere:
                frames = [below_nowhere(frame) for frame in frames]
            number = max(number, due)
            connected.sendall(b"".join(frames))
            while select.select([connected], [], [], _WAIT_S)[0]:
                answered += len(_answers(connected))
        _heard_all(connected, PUBACK_BYTES * number - answered, clock)
        pipe.send(number)


def trickle(port: int, plan: Trickle, pipe: Pipe) -> None:
    """Publish at an even pace, and send back when each message went out."""
    clock = SystemClock()
    with _connect(port, "anbu-bench-trickle") as connected:
        pipe.send("ready")
        pipe.recv()
        pipe.send(_drip(connected, plan, clock))


def _drip(connected: socket.socket, plan: Trickle, clock: Clock) -> Sent:
    sent = Sent({}, {})
    began = clock.monotonic()
    number, alarms, answered = 0, 0, 0
    while (now := clock.monotonic() - began) < plan.seconds:
        due = int(now * plan.a_second)
        while number < due:
            turn, home = divmod(plan.start + number, plan.homes)
            frame = single(number, home, turn, clock.home_now())
            sent.messages[said_by(turn, home)] = clock.monotonic()
            connected.sendall(frame)
            number += 1
        if alarms < int(now / plan.sos_every_s):
            home = plan.first_sos_home + alarms
            sent.alarms[household(home)] = clock.monotonic()
            connected.sendall(sos(home, number, clock.home_now()))
            alarms += 1
        if select.select([connected], [], [], _WAIT_S / 2)[0]:
            answered += len(_answers(connected))
    _heard_all(connected, PUBACK_BYTES * (number + alarms) - answered, clock)
    return sent


def do_nothing(port: int, taken: Counter, pipe: Pipe) -> None:
    """paho as it comes, subscribed at QoS 1 to all that is published nowhere: each message is counted, and that is all."""

    def count(_client: mqtt.Client, _data: object, _message: mqtt.MQTTMessage) -> None:
        taken.value += 1

    def subscribe(*_: object) -> None:
        client.subscribe(f"{NOWHERE}/#", 1)

    def subscribed(*_: object) -> None:
        pipe.send("ready")

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anbu-bench-noop")
    client.on_message = count
    client.on_connect = subscribe
    client.on_subscribe = subscribed
    client.connect(HOST, port)
    client.loop_start()
    pipe.recv()
    client.loop_stop()
    client.disconnect()
