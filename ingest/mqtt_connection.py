"""One connection to the broker from its opening to its end; what came by it can be acknowledged by it alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from paho.mqtt.client import topic_matches_sub

from ingest.clock import Clock, Millis
from ingest.facts import LinkUp
from ingest.journal.port import Body, Message
from ingest.mqtt_frames import (
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    REFUSALS,
    SUBACK,
    Packet,
    Published,
    connect_frame,
    puback_frames,
    publish_frame,
    publish_once_frame,
    subscribe_frame,
)
from ingest.mqtt_wire import CANARY_ROOT, CANARY_WORD, BrokerAddress, Pace, Wire, WireEnded

_MIDS = 65_535


@dataclass(frozen=True, slots=True)
class Batch:
    """What came in together: bodies in the order they came, and the message ids to acknowledge once those are durable."""

    bodies: list[Body] = field(default_factory=list)
    mids: list[int] = field(default_factory=list)


class Connection:
    """Used by one thread. `ended` says why it ended, None while it lives; it is never opened again.

    Whatever is raised while something is read comes out of `receive`: nothing of the batch is acknowledged then, and the
    source drops the connection: all of it comes again.
    """

    def __init__(self, address: BrokerAddress, clock: Clock, pace: Pace, *, source: str, subscriptions: Sequence[str]) -> None:
        self.ended: str | None = None
        self.subscribed = False
        self.caught_up = False  # our canaries came back: all that was queued has been heard
        self.last_canary: Millis | None = None  # machine time one last came back
        self._address, self._clock, self._pace, self._source = address, clock, pace, source
        self._batch = Batch()
        topics = list(subscriptions)
        if not any(topic_matches_sub(topic, address.canary_topic) for topic in topics):
            topics.append(address.canary_topic)
        self._topics = topics
        self._canaries = tuple(dict.fromkeys(address.canary_through(topic) for topic in topics))
        self._unheard = set(self._canaries)  # of which none came back on this connection
        self._unanswered: dict[str, float] = {}  # canaries on their way, and when the first of each went out
        self._hears_vendors = not all(canary.startswith(CANARY_ROOT) for canary in self._canaries)
        self._nonce = uuid4().hex.encode()  # a canary of an earlier connection may still be in the queue
        self._silent_since = self._canary_sent = clock.monotonic()
        self._unheard_since: float | None = None  # when the first canary went out after the last message came in
        self._asked_at: float | None = None  # when a ping went out that has no answer yet
        self._last_mid = 0
        self._wire = Wire(address, clock, pace)
        self._unread: deque[Published | Packet] = deque()  # came with the last read, belongs to the next batch

    def open(self) -> None:
        """Connect, or end with the reason; blocks for at most `connect_s` and the name look-up."""
        try:
            self._wire.dial()
        except OSError as error:
            self._end(f"no connection: {error}")
            return
        self._silent_since = self._clock.monotonic()
        address = self._address
        self._send(
            connect_frame(
                address.client_id, keepalive_s=address.keepalive_s, username=address.username, password=address.password
            )
        )

    def receive(self, most: int) -> Batch:
        """Wait `idle_s` for something; the batch closes at `most` messages, after `batch_s`, or when nothing is waiting."""
        patience = 0.0 if self._unread else self._pace.idle_s
        closes: float | None = None
        while self.ended is None:
            self._take(most)
            if len(self._batch.bodies) >= most:
                break
            if self._batch.bodies:
                now = self._clock.monotonic()
                closes = now + self._pace.batch_s if closes is None else closes
                if now >= closes:
                    break
                patience = 0.0
            try:
                if not self._wire.readable(patience):
                    break
                self._unread += self._wire.read()
            except WireEnded as error:
                self._end(str(error))
            patience = 0.0
        batch, self._batch = self._batch, Batch()
        return batch

    def _take(self, most: int) -> None:
        unread, at = self._unread, self._clock.home_now()
        while unread and len(self._batch.bodies) < most and self.ended is None:
            packet = unread.popleft()
            if isinstance(packet, Published):
                self._on_message(packet, at)
            else:
                self._on_packet(packet)

    def acknowledge(self, mids: Sequence[int]) -> int:
        """Tell the broker that these are durable, as far as the connection still lives; returns how many it was told."""
        if self.ended is not None or not mids:
            return 0
        return len(mids) if self._send(puback_frames(mids)) else 0

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
        self._keep_alive(now, idle=idle)

    def _keep_alive(self, now: float, *, idle: bool) -> None:
        """The broker ends a connection that says nothing for one and a half times the keepalive; so do we."""
        keepalive = self._address.keepalive_s
        if not keepalive:
            return
        if self._asked_at is not None:
            if idle and now - self._asked_at >= keepalive:
                self._end(f"the broker did not answer a ping within {keepalive} s")
        elif now - min(self._wire.spoke_at, self._wire.heard_at) >= keepalive:
            self._asked_at = now
            self._send(PINGREQ)

    def _send_canary(self, now: float) -> None:
        self._canary_sent = now
        if self._unheard_since is None:
            self._unheard_since = now
        for canary in self._canaries:
            self._unanswered.setdefault(canary, now)
        self._send(b"".join(publish_frame(canary.encode(), self._nonce, mid=self._next_mid()) for canary in self._canaries))

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something at QoS 0: it may be lost."""
        self._send(publish_once_frame(topic.encode(), payload))

    def late(self) -> list[str]:
        """Canaries that have been on their way for longer than is likely; their subscriptions cannot be heard to the end."""
        oldest = self._clock.monotonic() - self._pace.canary_every_s * self._pace.canaries_missed
        return [canary for canary, since in self._unanswered.items() if since < oldest]

    def _next_mid(self) -> int:
        self._last_mid = self._last_mid % _MIDS + 1
        return self._last_mid

    def _send(self, data: bytes) -> bool:
        """False, and the end, where the connection does not take it."""
        if self.ended is not None:
            return False
        try:
            self._wire.send(data)
        except WireEnded as error:
            self._end(str(error))
            return False
        return True

    def leave(self) -> None:
        """Say good-bye in good order; the session stays at the broker."""
        if self.ended is None:
            self._send(DISCONNECT)
            self._end("we left")

    def drop(self) -> None:
        """Close the socket; what was not acknowledged comes again on the next connection."""
        self._end("we dropped it")
        self._wire.close()

    def _end(self, why: str) -> None:
        if self.ended is None:
            self.ended = why

    def _on_packet(self, packet: Packet) -> None:
        if packet.kind == CONNACK and len(packet.body) == 2:
            self._on_connect(packet.body[1])
        elif packet.kind == SUBACK and len(packet.body) >= 3:
            self._on_subscribe(packet.body[2:])
        elif packet.kind == PINGRESP:
            self._asked_at = None
        elif packet.kind != PUBACK or len(packet.body) != 2:  # one for our canary is fine: that it comes back says more
            self._end(f"the broker does not speak MQTT 3.1.1: a packet of kind {packet.kind}")

    def _on_connect(self, code: int) -> None:
        if code:
            self._end(f"the broker refused us: {REFUSALS.get(code, f'code {code}')}")
        else:  # on every connection: a broker that lost its store has lost our subscriptions too
            self._send(subscribe_frame(self._topics, mid=self._next_mid()))

    def _on_subscribe(self, codes: bytes) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code > 2]
        if refused:
            self._end(f"the broker refused the subscription to {', '.join(refused)}")
        else:
            self.subscribed = True
            self._canary_sent = float("-inf")  # due at once; it queues behind everything that waited for us

    def _on_message(self, message: Published, at: Millis) -> None:
        self._unheard_since = None
        try:
            topic = message.topic.decode()
        except UnicodeDecodeError:
            topic = message.topic.decode(errors="backslashreplace")  # for the decoder to reject, with what it was
        if message.mid is not None:
            self._batch.mids.append(message.mid)
        if topic.startswith(CANARY_ROOT) or (self._hears_vendors and CANARY_WORD in topic):
            if topic in self._canaries and message.payload == self._nonce:
                self._hear_canary(topic)
            return
        self._batch.bodies.append(
            Message(
                received_at=at,
                source=self._source,
                topic=topic,
                payload=message.payload,
                retain=message.retain,
                dup=message.dup,
                catching_up=not self.caught_up,
            )
        )

    def _hear_canary(self, topic: str) -> None:
        """Caught up once a canary has come back through every subscription: each has been heard to its end then."""
        self.last_canary = self._clock.machine_now()
        self._unanswered.pop(topic, None)
        self._unheard.discard(topic)
        if not self.caught_up and not self._unheard:
            self.caught_up = True
            at = self._clock.home_now()
            self._batch.bodies.append(LinkUp(fact_id=f"{self._source}-up-{uuid4().hex}", at=at, source=self._source))
