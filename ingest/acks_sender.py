"""How acknowledgements reach the devices: a connection to the broker of their own, away from the one that listens.

Its own, so that neither can hold up the other; and one that never shares the listener's session: with a user name the
broker may make that name the client id, and then a second connection of the same user would throw the first one out.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, replace

import structlog

from ingest import acks_metrics as metrics
from ingest.acks_tray import AckTray, OutgoingAck
from ingest.clock import Clock, Millis
from ingest.mqtt_frames import (
    CONNACK,
    DISCONNECT,
    PINGREQ,
    PUBACK,
    REFUSALS,
    Packet,
    Published,
    connect_frame,
    publish_frame,
)
from ingest.mqtt_wire import BrokerAddress, Pace, Wire, WireEnded
from ingest.wire import ack_topic

log = structlog.get_logger(__name__)

IN_FLIGHT = 500
"""Acknowledgements the broker has not taken over yet; mosquitto.conf allows as many."""

NEVER = "the broker has not been reached yet"

_MIDS = 65_535
_TURN_S = 0.05
_CONNECT_S = 3.0
_ANSWER_S = 10.0  # for the broker to accept us, and for it to take over what we published
_LAST_S = 0.7  # for what is under way when we are stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderStatus:
    """How the sender stands; `since` is machine time."""

    connected: bool
    since: Millis
    sent: int  # since the start
    error: str | None  # why there is no connection


def acks_address(listener: BrokerAddress, *, username: str | None = None, password: str | None = None) -> BrokerAddress:
    """Where and as whom acknowledgements are sent, given whom we listen as.

    With accounts: as `username`, or as the listener's name with `-acks` behind it and the same password, never as the
    listener itself.
    """
    client_id = f"{listener.client_id}-acks"
    if listener.username is None and username is None:
        return replace(listener, client_id=client_id)
    return replace(
        listener,
        client_id=client_id,
        username=username or f"{listener.username}-acks",
        password=password if password is not None else listener.password,
    )


class AckSender:
    """Publishes what lies in the tray at QoS 1, on a thread of its own, for ever.

    An acknowledgement counts as told once the broker has taken it over; until then, over any number of connections, it
    goes back into the tray, where a newer one of the same device takes its place. Nobody ever waits for this.
    """

    def __init__(
        self, tray: AckTray, clock: Clock, address: BrokerAddress, *, backoff_s: tuple[float, float] = (0.5, 30.0)
    ) -> None:
        self._tray, self._clock, self._address, self._backoff_s = tray, clock, address, backoff_s
        self._jitter = random.Random()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failures = 0
        self._said: str | None = None
        self._sent = 0
        self._under_way: dict[int, OutgoingAck] = {}  # by message id of the connection that is
        self._last_mid = 0
        self._asked_at: float | None = None  # monotonic: when a ping went out that has no answer yet
        self._progressed = 0.0  # monotonic: the broker last took something over, or owed us nothing
        self._status = SenderStatus(
            connected=False, since=clock.machine_now(), sent=0, error="the broker has not been reached yet"
        )

    def start(self) -> None:
        """Connect and send until `stop`; RuntimeError when it already does."""
        if self._thread is not None:
            raise RuntimeError("the acknowledgements are being sent")
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="acks-sender", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Send what lies there if the broker takes it soon, leave; waits at most `timeout` machine seconds."""
        self._stopping.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(timeout)

    def status(self) -> SenderStatus:
        """How it stands at this moment; from any thread."""
        return self._status

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._one_connection()
            except Exception as error:  # a bug in what follows a failure must not be the end of acknowledging
                self._show(f"stumbled: {type(error).__name__}")
                log.error("acknowledging stumbled, connects again", exc_info=error)
                self._stopping.wait(self._backoff_s[1])

    def _one_connection(self) -> None:
        self._under_way, self._last_mid = {}, 0
        wire = Wire(self._address, self._clock, Pace(connect_s=_CONNECT_S))
        unforeseen: Exception | None = None
        why = "we left"
        try:
            self._serve(wire)
        except (OSError, WireEnded) as error:
            why = str(error) or type(error).__name__
        except Exception as error:  # whatever it is, it must not be the end of acknowledging
            why, unforeseen = f"unforeseen {type(error).__name__}: {error}", error
        self._tray.put_back(self._under_way.values())
        self._under_way = {}
        wire.close()
        self._show(why)
        if not self._stopping.is_set():
            self._pause(why, unforeseen)

    def _serve(self, wire: Wire) -> None:
        """One connection, to its end; OSError or WireEnded when it could not be made or broke."""
        if not self._open(wire):
            return
        self._failures, self._said = 0, None
        self._progressed, self._asked_at = self._clock.monotonic(), None
        self._show(None)
        log.info("devices can be acknowledged", broker=str(self._address))
        while not self._stopping.is_set():
            self._send(wire)
        end = self._clock.monotonic() + _LAST_S
        while (len(self._tray) or self._under_way) and self._clock.monotonic() < end:
            self._send(wire)
        wire.send(DISCONNECT)

    def _open(self, wire: Wire) -> bool:
        """Connect and be accepted; False where we are to stop before that.

        Not with a clean session: a broker that takes us for somebody else must not wipe their queue.
        """
        address = self._address
        wire.dial()
        wire.send(
            connect_frame(
                address.client_id, keepalive_s=address.keepalive_s, username=address.username, password=address.password
            )
        )
        opened = self._clock.monotonic()
        while not self._stopping.is_set():
            for packet in wire.read() if wire.readable(_TURN_S) else ():
                if isinstance(packet, Packet) and packet.kind == CONNACK and len(packet.body) == 2:
                    code = packet.body[1]
                    if code:
                        raise ConnectionRefusedError(f"the broker refused us: {REFUSALS.get(code, f'code {code}')}")
                    return True
            if self._clock.monotonic() - opened > _ANSWER_S:
                raise TimeoutError(f"the broker did not accept us within {_ANSWER_S:g} s")
        return False

    def _send(self, wire: Wire) -> None:
        """Hand over what may go, in one piece, then hear for a moment what the broker has taken over."""
        frames = []
        for ack in self._tray.take(IN_FLIGHT - len(self._under_way)):
            mid = self._last_mid = self._last_mid % _MIDS + 1
            self._under_way[mid] = ack
            frames.append(publish_frame(ack_topic(ack.device_id).encode(), ack.payload, mid=mid))
        if frames:
            wire.send(b"".join(frames))
            self._sent += len(frames)
            metrics.SENT.inc(len(frames))
        self._keep_alive(wire)
        for packet in wire.read() if wire.readable(_TURN_S) else ():
            self._take(packet)
        if self._status.sent != self._sent:
            self._show(None)

    def _take(self, packet: Published | Packet) -> None:
        """A message is somebody else's, and stays theirs: it is not acknowledged."""
        if not isinstance(packet, Packet):
            return
        if packet.kind == PUBACK and len(packet.body) == 2:
            ack = self._under_way.pop(int.from_bytes(packet.body, "big"), None)
            if ack is not None:
                self._progressed = self._clock.monotonic()
                self._tray.confirm(ack)
                metrics.CONFIRMED.inc()

    def _keep_alive(self, wire: Wire) -> None:
        """Say something before the broker takes us for dead, and notice when it is."""
        now, keepalive = self._clock.monotonic(), self._address.keepalive_s
        if not self._under_way:
            self._progressed = now
        elif now - self._progressed > _ANSWER_S:
            raise TimeoutError(f"the broker took nothing over for {_ANSWER_S:g} s")
        if not keepalive:
            return
        if self._asked_at is not None and wire.heard_at > self._asked_at:
            self._asked_at = None  # whatever it says, it lives
        if self._asked_at is not None:
            if now - self._asked_at >= keepalive:
                raise TimeoutError(f"the broker did not answer a ping within {keepalive} s")
        elif now - wire.spoke_at >= keepalive:
            self._asked_at = now
            wire.send(PINGREQ)

    def _pause(self, why: str, unforeseen: Exception | None) -> None:
        first, most = self._backoff_s
        longest = min(first * 2.0 ** min(self._failures, 16), most)
        pause = longest * self._jitter.uniform(0.5, 1.0)
        self._failures += 1
        if why != self._said or unforeseen is not None:
            self._said = why
            log.warning(
                "devices cannot be acknowledged, connecting again",
                broker=str(self._address),
                why=why,
                waiting=len(self._tray),
                pause_s=round(pause, 2),
                exc_info=unforeseen,
            )
        self._stopping.wait(pause)

    def _show(self, error: str | None) -> None:
        connected = error is None
        before = self._status
        since = before.since if before.connected == connected else self._clock.machine_now()
        self._status = SenderStatus(connected=connected, since=since, sent=self._sent, error=error)
        metrics.CONNECTED.set(connected)
