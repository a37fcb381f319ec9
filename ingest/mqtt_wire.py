"""The socket to the broker: where it leads, how patient we are, and bytes as packets in both directions."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from paho.mqtt.client import topic_matches_sub

from ingest.clock import Clock
from ingest.mqtt_frames import Packet, ProtocolError, Published, Reader
from ingest.wire import ROOT, slug

CANARY_ROOT = f"{ROOT}/canary/"
"""No dong is called canary: what is published below this is ours, tells about the connection, and is never journalled."""

CANARY_WORD = "anbu-canary-"
"""How the levels of our canaries begin that go through the subscription of another dialect."""

_READ_BYTES = 65_536


class WireEnded(Exception):
    """The connection is over; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and who we are there. One `client_id` is one session: two processes must not share it."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 10
    tls: bool = False
    ca_file: Path | None = None  # with tls: whom to trust; the system's authorities when None

    def __str__(self) -> str:
        return f"{self.host}:{self.port} as {self.client_id}"

    @property
    def canary_topic(self) -> str:
        """Has the form of a device's topic: through the same subscription it cannot overtake what was queued there."""
        return canary_of(self.client_id)

    def canary_through(self, subscription: str) -> str:
        """Our canary's topic for this subscription: another one's canary may overtake what was queued for it."""
        return canary_through(self.client_id, subscription)


def canary_of(client_id: str) -> str:
    """See BrokerAddress.canary_topic."""
    return f"{CANARY_ROOT}{slug(client_id)}/link/canary"


def canary_through(client_id: str, subscription: str) -> str:
    """See BrokerAddress.canary_through."""
    if topic_matches_sub(subscription, canary_of(client_id)):
        return canary_of(client_id)
    own = f"{CANARY_WORD}{slug(client_id)}"
    return "/".join(own if level in ("+", "#") else level for level in subscription.split("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient the source is, in machine seconds."""

    canary_every_s: float = 5.0
    canaries_missed: int = 3  # so many periods without a word after a canary: the broker hangs
    handshake_s: float = 10.0  # silence between the TCP connection and the granted subscription
    connect_s: float = 3.0
    batch_s: float = 0.02  # how long the first message of a batch waits for others
    idle_s: float = 0.1  # how long to wait for a message before looking at the rest
    backoff_first_s: float = 0.5
    backoff_most_s: float = 30.0


class Wire:
    """Not opened again once it has ended."""

    def __init__(self, address: BrokerAddress, clock: Clock, pace: Pace) -> None:
        self._address, self._clock, self._pace = address, clock, pace
        self.heard_at = self.spoke_at = clock.monotonic()
        self._poll = select.poll()
        self._socket: socket.socket | None = None
        self._reader = Reader()
        self._unsent = b""  # what the socket did not take yet

    def dial(self) -> None:
        """Connect, with TLS where the address says so. Raises OSError."""
        address = self._address
        context = ssl.create_default_context(cafile=address.ca_file) if address.tls else None
        dialled = socket.create_connection((address.host, address.port), timeout=self._pace.connect_s)
        try:
            # An acknowledgement must not wait for a second one to fill a packet.
            dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connected = context.wrap_socket(dialled, server_hostname=address.host) if context is not None else dialled
            connected.setblocking(False)
        except BaseException:
            dialled.close()
            raise
        self._socket = connected
        self._poll.register(connected.fileno(), select.POLLIN)

    def readable(self, patience: float) -> bool:
        """True when `read` will find something, within `patience` machine seconds. Raises WireEnded."""
        connected = self._living()
        if isinstance(connected, ssl.SSLSocket) and connected.pending() > 0:  # TLS has read further than we have
            return True
        self._poll.modify(connected.fileno(), select.POLLIN | (select.POLLOUT if self._unsent else 0))
        events = self._poll.poll(patience * 1000)
        if self._unsent and any(event & select.POLLOUT for _, event in events):
            self.send(b"")
        return any(event & ~select.POLLOUT for _, event in events)

    def read(self) -> list[Published | Packet]:
        """The packets that one read completes. Raises WireEnded."""
        try:
            data = self._living().recv(_READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return []
        except OSError as error:
            raise WireEnded(f"the connection was lost: {error}") from error
        if not data:
            raise WireEnded("the broker closed the connection")
        self.heard_at = self._clock.monotonic()
        try:
            return self._reader.feed(data)
        except ProtocolError as error:
            raise WireEnded(f"the broker does not speak MQTT 3.1.1: {error}") from error

    def send(self, data: bytes) -> None:
        """Hand this to the socket after what it has not taken yet; the rest goes when it can. Raises WireEnded."""
        connected = self._living()
        self._unsent += data
        try:
            while self._unsent:
                self._unsent = self._unsent[connected.send(self._unsent) :]
                self.spoke_at = self._clock.monotonic()
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError as error:
            raise WireEnded(f"the connection was lost: {error}") from error

    def close(self) -> None:
        """Close without a word; nothing happens when it is closed."""
        connected, self._socket = self._socket, None
        if connected is not None:
            with contextlib.suppress(OSError):  # the other end may have closed it first
                connected.shutdown(socket.SHUT_RDWR)
            connected.close()

    def _living(self) -> socket.socket:
        if self._socket is None:
            raise WireEnded("the connection was lost")
        return self._socket
