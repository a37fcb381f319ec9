"""Proves that whoever publishes for a benchmark leaves nothing behind in a broker that is slower than it is."""

from __future__ import annotations

import multiprocessing
import select
import socket
from concurrent.futures import ThreadPoolExecutor

from anbu.bench.players import Trickle, trickle

TRICKLE = Trickle(homes=10, start=0, a_second=500, seconds=0.2, sos_every_s=0.1, first_sos_home=0)


def acknowledge_late(listening: socket.socket) -> tuple[int, int]:
    """A broker that says nothing while something still comes; how many it had, and how many of these it had acknowledged."""
    connected, _ = listening.accept()
    with connected:
        connected.recv(1_024)
        connected.sendall(b"\x20\x02\x00\x00")
        came = told = 0
        while True:
            if not select.select([connected], [], [], 0.05)[0]:
                connected.sendall(b"\x40\x02\x00\x01" * (came - told))
                told = came
                continue
            data = connected.recv(65_536)
            if not data:
                return came, told
            came += data.count(b"anbu/v1/")


def test_the_publisher_stays_until_the_broker_has_everything() -> None:
    ours, theirs = multiprocessing.Pipe()
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(2) as pool:
        broker = pool.submit(acknowledge_late, listening)
        publisher = pool.submit(trickle, listening.getsockname()[1], TRICKLE, theirs)
        assert ours.recv() == "ready"
        ours.send("go")
        sent = ours.recv()
        publisher.result()
        came, told = broker.result()
    assert came == told == len(sent.messages) + len(sent.alarms) > 0
