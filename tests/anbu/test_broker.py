"""The broker of our own: it starts on a port of its own, says why when it cannot, and leaves nothing running."""

import os
import socket
from pathlib import Path

import pytest

from anbu.broker import BrokerFailed, EmbeddedBroker
from tests.servers import publish


def test_a_started_broker_takes_messages_and_a_stopped_one_is_gone(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / 'a folder with a space and a "quote"')
    broker.start()
    pid = broker.pid
    assert pid is not None and os.getpgid(pid) == pid, "Ctrl-C in our terminal does not reach it"
    publish(broker.port, [("anbu/v1/d/h/p/motion", b"1")])
    with pytest.raises(RuntimeError, match="is running"):
        broker.start()
    broker.stop()
    broker.stop()
    assert broker.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_broker_started_again_keeps_its_port(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    port = broker.port
    broker.kill()
    broker.start()
    assert broker.port == port
    publish(port, [("anbu/v1/d/h/p/motion", b"1")])
    broker.stop()


def test_a_taken_port_is_said_with_what_the_broker_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        broker = EmbeddedBroker(tmp_path, port=other.getsockname()[1])
        try:
            with pytest.raises(BrokerFailed, match="address already in use"):
                broker.start()
            assert broker.pid is None
        finally:
            broker.stop()
