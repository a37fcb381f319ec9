"""One connection to the broker from its opening to its end; what came by it can be acknowledged by it alone."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.clock import Clock, Millis
from ingest.facts import LinkUp
from ingest.journal.port import Body, Message
from ingest.wire import ROOT, slug

CANARY_ROOT = f"{ROOT}/canary/"
"""No dong is called canary: what is published below this is ours, tells about the connection, and is never journalled."""


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
        return f"{CANARY_ROOT}{slug(self.client_id)}/link/canary"


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


@dataclass(frozen=True, slots=True)
class Batch:
    """What came in together: bodies in the order they came, and the message ids to acknowledge once those are durable."""

    bodies: list[Body] = field(default_factory=list)
    mids: list[int] = field(default_factory=list)


class Connection:
    """Used by one thread. `ended` says why it ended, None while it lives; it is never opened again."""

    def __init__(self, address: BrokerAddress, clock: Clock, pace: Pace, *, source: str, subscriptions: Sequence[str]) -> None:
        self.ended: str | None = None
        self.subscribed = False
        self.caught_up = False  # our canary came back: the queue has been heard to its end
        self.last_canary: Millis | None = None  # machine time one last came back
        self._address, self._clock, self._pace, self._source = address, clock, pace, source
        self._batch = Batch()
        topics = list(subscriptions)
        if not any(mqtt.topic_matches_sub(topic, address.canary_topic) for topic in topics):
            topics.append(address.canary_topic)
        self._topics = topics
        self._nonce = uuid4().hex.encode()  # a canary of an earlier connection may still be in the queue
        self._silent_since = self._canary_sent = clock.monotonic()
        self._unheard_since: float | None = None  # when the first canary went out after the last message came in
        self._poll = select.poll()
        self._client = self._make_client()

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._address.client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = self._pace.connect_s
        if self._address.username is not None:
            client.username_pw_set(self._address.username, self._address.password)
        client.on_socket_open = _send_at_once
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        return client

    def open(self) -> None:
        """Connect, or end with the reason; blocks for at most `connect_s` and the name look-up."""
        try:
            if self._address.tls:
                self._client.tls_set(ca_certs=str(self._address.ca_file) if self._address.ca_file else None)
            self._client.connect(self._address.host, self._address.port, self._address.keepalive_s)
        except OSError as error:
            self._end(f"no connection: {error}")
            return
        connected = self._client.socket()
        if connected is None:
            self._end("the connection was lost at once")
        else:
            self._silent_since = self._clock.monotonic()
            self._poll.register(connected.fileno(), select.POLLIN)

    def receive(self, most: int) -> Batch:
        """Wait `idle_s` for something; the batch closes at `most` bodies, after `batch_s`, or when nothing is waiting."""
        patience = self._pace.idle_s
        closes: float | None = None
        while self.ended is None and self._readable(patience):
            self._ended_if(self._client.loop_read())
            patience = 0.0
            if self._batch.bodies:
                now = self._clock.monotonic()
                closes = now + self._pace.batch_s if closes is None else closes
                if now >= closes or len(self._batch.bodies) >= most:
                    break
        batch, self._batch = self._batch, Batch()
        return batch

    def _readable(self, patience: float) -> bool:
        connected = self._client.socket()
        if connected is None:
            self._end("the connection was lost")
            return False
        if getattr(connected, "pending", int)() > 0:  # TLS has read further than we have
            return True
        writes = self._client.want_write()
        self._poll.modify(connected.fileno(), select.POLLIN | (select.POLLOUT if writes else 0))
        events = self._poll.poll(patience * 1000)
        if writes and any(event & select.POLLOUT for _, event in events):
            self._ended_if(self._client.loop_write())
        return any(event & ~select.POLLOUT for _, event in events)

    def acknowledge(self, mids: Sequence[int]) -> int:
        """Tell the broker that these are durable, as far as the connection still lives; returns how many it was told."""
        for told, mid in enumerate(mids):
            if self.ended is not None:
                return told
            self._ended_if(self._client.ack(mid, 1))
        return len(mids)

    def tend(self, *, idle: bool) -> None:
        """Send the canary when due, keep the connection alive, and end it when the broker has gone silent.

        `idle`: `receive` has just found nothing waiting. Only then is silence the broker's and not a stall of ours.
        """
        now = self._clock.monotonic()
        if self.ended is not None:
            return
        if not self.subscribed:
            if not idle:  # what was queued may stand before the answer
                self._silent_since = now
            elif now - self._silent_since > self._pace.handshake_s:
                self._end(f"the broker did not answer within {self._pace.handshake_s:g} s")
            return
        limit = self._pace.canary_every_s * self._pace.canaries_missed
        if idle and self._unheard_since is not None and now - self._unheard_since > limit:
            self._end(
                f"no canary came back for {limit:g} s; the broker hangs, or this account may not use {self._address.canary_topic}"
            )
        elif now - self._canary_sent >= self._pace.canary_every_s:
            self._send_canary(now)
        self._ended_if(self._client.loop_misc())

    def _send_canary(self, now: float) -> None:
        self._canary_sent = now
        if self._unheard_since is None:
            self._unheard_since = now
        self._ended_if(self._client.publish(self._address.canary_topic, self._nonce, qos=1).rc)

    def leave(self) -> None:
        """Say good-bye in good order; the session stays at the broker."""
        if self.ended is None:
            self._end("we left")
            self._client.disconnect()

    def drop(self) -> None:
        """Close the socket without a word; what was not acknowledged comes again on the next connection."""
        self._end("we dropped it")
        connected = self._client.socket()
        if isinstance(connected, socket.socket):
            with contextlib.suppress(OSError):  # the other end may have closed it first
                connected.shutdown(socket.SHUT_RDWR)
            connected.close()

    def _end(self, why: str) -> None:
        if self.ended is None:
            self.ended = why

    def _ended_if(self, rc: MQTTErrorCode) -> None:
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(mqtt.error_string(rc))

    # paho calls these from loop_read on our thread. Should one raise all the same, the exception comes out of `receive`,
    # nothing of the batch is acknowledged, and the source drops the connection: all of it comes again.

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: mqtt.ConnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        if reason.is_failure:
            self._end(f"the broker refused us: {reason}")
        else:  # on every connection: a broker that lost its store has lost our subscriptions too
            client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: list[ReasonCode], _more: Properties | None
    ) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused:
            self._end(f"the broker refused the subscription to {', '.join(refused)}")
        else:
            self.subscribed = True
            self._canary_sent = float("-inf")  # due at once; it queues behind everything that waited for us

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        self._unheard_since = None
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = bytes(error.object).decode(errors="backslashreplace")  # for the decoder to reject, with what it was
        if message.qos:
            self._batch.mids.append(message.mid)
        if topic.startswith(CANARY_ROOT):
            if topic == self._address.canary_topic and message.payload == self._nonce:
                self._hear_canary()
            return
        self._batch.bodies.append(
            Message(
                received_at=self._clock.home_now(),
                source=self._source,
                topic=topic,
                payload=bytes(message.payload),
                retain=message.retain,
                dup=message.dup,
                catching_up=not self.caught_up,
            )
        )

    def _hear_canary(self) -> None:
        self.last_canary = self._clock.machine_now()
        if not self.caught_up:
            self.caught_up = True
            at = self._clock.home_now()
            self._batch.bodies.append(LinkUp(fact_id=f"{self._source}-up-{uuid4().hex}", at=at, source=self._source))

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: mqtt.DisconnectFlags, reason: ReasonCode, _more: Properties | None
    ) -> None:
        self._end(f"the connection ended: {reason}")


def _send_at_once(_client: mqtt.Client, _data: Any, connected: Any) -> None:
    """An acknowledgement must not wait for a second one to fill a packet."""
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
