"""How a fleet's messages reach the broker as home time passes, each kept and sent again until the site acknowledges it."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest.clock import HOUR, Clock, Millis
from ingest.wire import ACK_SUBSCRIPTION, decode_ack
from simulators.fleet import Fleet
from simulators.keeping import AGAIN_S, Keeper
from simulators.message import SimMessage

_log = structlog.get_logger(__name__)

_TURN_S = 0.05  # machine seconds between two looks at the clock
_STRETCH: Millis = HOUR  # of home time made at once, so that an injection is seen soon
_IN_FLIGHT = 400  # messages without their acknowledgement
_KEEPALIVE_S = 10
_BACK_OFF_S = 1.0
_CONNECT_TIMEOUT_S = 1.0
_ANSWER_S = 5.0  # how long the broker may take to accept a connection
_LOOK_AGAIN_S = 1.0  # between two looks at what has waited too long for the site's acknowledgement
_LAST_ACKS_S = 0.7  # how long stop() waits for the broker's acknowledgements
_STOP_S = 1.9


class PublisherStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a publisher is."""

    connected: bool
    published: int  # handed to the connection since the start
    acknowledged: int  # of those, by the broker
    resent: int  # handed to the connection again, asked or unasked
    kept: int  # not acknowledged by the site yet
    dropped: int  # forgotten for want of memory, unacknowledged
    up_to: Millis  # home time: all messages before it have been handed over
    error: str | None  # the latest trouble, until it is over


class Publisher:
    """Publishes the messages of `fleet` from `start` (home time) on at QoS 1, each when `clock` reaches it.

    A message is kept until the site acknowledges it, and sent again when the site asks, on every new connection, and when
    nothing is heard of it for `again_s` (machine seconds). One connection stands for all gateways of the dong, and one thread
    both publishes and serves it: paho's own network thread ends silently when a callback fails, and can send new messages
    before those it repeats after a reconnect. While the broker is away no more is made than an hour's messages: the fleet
    can always tell again what happened, and does so once it is back.
    """

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        host: str,
        port: int,
        *,
        client_id: str,
        username: str | None = None,
        password: str | None = None,
        start: Millis,
        again_s: float = AGAIN_S,
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._host = host
        self._port = port
        self._made_to = start  # messages before it have been made
        self._waiting: deque[SimMessage] = deque()
        self._up_to = start
        self._published = 0
        self._acknowledged = 0
        self._resent = 0
        self._keeper = Keeper(again_s=again_s)
        self._again: deque[SimMessage] = deque()
        self._again_mids: set[int] = set()  # under way for the second time or more
        self._looked_at = float("-inf")
        self._connected = False
        self._refused: str | None = None
        self._error: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated-devices", daemon=True)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=True, protocol=MQTTProtocolVersion.MQTTv311
        )
        self._client.username_pw_set(username, password)
        self._client.connect_timeout = _CONNECT_TIMEOUT_S
        self._client.max_inflight_messages_set(_IN_FLIGHT)
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Begin; a broker that is not there yet is waited for."""
        self._thread.start()

    def stop(self) -> None:
        """End within 2 machine seconds; what the broker has not acknowledged by then stays unsent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        _log.info("simulated devices stopped", published=self._published, acknowledged=self._acknowledged)

    def status(self) -> PublisherStatus:
        """How far it is, from any thread."""
        return PublisherStatus(
            connected=self._connected,
            published=self._published,
            acknowledged=self._acknowledged,
            resent=self._resent,
            kept=len(self._keeper),
            dropped=self._keeper.dropped,
            up_to=self._up_to,
            error=self._error,
        )

    def _run(self) -> None:
        """Connect and publish, again and again whatever happens, until told to stop."""
        while not self._stopping.is_set():
            try:
                self._connect()
                while not self._stopping.is_set():
                    self._turn()
                self._take_leave()
            except OSError as error:
                self._trouble(str(error))
            except Exception as error:  # whatever it is, the homes must go on talking
                self._error = f"{type(error).__name__}: {error}"
                _log.exception("simulated devices failed, connecting anew", after_s=_BACK_OFF_S, up_to=self._up_to)
            self._connected = False
            self._stopping.wait(_BACK_OFF_S)

    def _connect(self) -> None:
        """A connection the broker has accepted, on which paho has repeated what was not acknowledged; OSError without one."""
        self._refused = None
        self._client.connect(self._host, self._port, keepalive=_KEEPALIVE_S)
        end = self._clock.monotonic() + _ANSWER_S
        while not self._connected and not self._stopping.is_set():
            self._serve(_TURN_S)
            if self._clock.monotonic() > end:
                raise TimeoutError(f"the broker did not accept the connection within {_ANSWER_S:.0f} s")
        self._error = None
        self._again = deque(self._keeper.everything())
        _log.info("simulated devices connected", host=self._host, port=self._port)

    def _serve(self, seconds: float) -> None:
        """Let paho read and write for at most `seconds`; ConnectionError when the connection is gone or refused."""
        code = self._client.loop(seconds)
        if self._refused is not None:
            raise ConnectionRefusedError(f"the broker refuses the connection: {self._refused}")
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise ConnectionError(f"the connection to the broker ended: {mqtt.error_string(code)}")

    def _turn(self) -> None:
        """Hand over what is due as far as the window allows, then serve the connection."""
        now = self._clock.home_now()
        if not self._waiting and self._made_to < now:
            until = min(now, self._made_to + _STRETCH)
            self._waiting.extend(self._fleet.messages(self._made_to, until))
            self._made_to = until
        self._look_again()
        while self._again and self._has_room():
            self._publish_again(self._again.popleft())
        while self._waiting and self._has_room():
            self._publish(self._waiting[0])
            self._waiting.popleft()
        self._up_to = self._waiting[0].at if self._waiting else self._made_to
        behind = not self._waiting and self._made_to < now
        self._serve(0.0 if behind else _TURN_S)

    def _look_again(self) -> None:
        """Put what has waited too long for the site's word among what is sent again."""
        now = self._clock.monotonic()
        if now - self._looked_at >= _LOOK_AGAIN_S:
            self._looked_at = now
            self._again.extend(self._keeper.due(now))

    def _has_room(self) -> bool:
        return self._published - self._acknowledged + len(self._again_mids) < _IN_FLIGHT

    def _publish_again(self, message: SimMessage) -> None:
        self._again_mids.add(self._hand_over(message))
        self._resent += 1

    def _publish(self, message: SimMessage) -> None:
        self._hand_over(message)
        self._published += 1
        self._keeper.keep(message, self._clock.monotonic())

    def _hand_over(self, message: SimMessage) -> int:
        """Give it to paho, which has it even where the connection does not; its message id."""
        told = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        if told.rc in (MQTTErrorCode.MQTT_ERR_QUEUE_SIZE, MQTTErrorCode.MQTT_ERR_PAYLOAD_SIZE):
            raise RuntimeError(f"paho does not take a message: {mqtt.error_string(told.rc)}")
        return told.mid  # with any other code paho sends it on the next connection if not on this

    def _take_leave(self) -> None:
        """Wait a little for the last acknowledgements and close in good order."""
        end = self._clock.monotonic() + _LAST_ACKS_S
        while self._acknowledged < self._published and self._clock.monotonic() < end:
            self._serve(_TURN_S)
        self._client.disconnect()

    def _on_connect(self, client: mqtt.Client, data: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        else:
            client.subscribe(ACK_SUBSCRIPTION, qos=1)
            self._connected = True

    def _on_message(self, client: mqtt.Client, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            ack = decode_ack(bytes(message.payload))
        except msgspec.DecodeError as error:
            _log.warning("simulated devices heard an acknowledgement they cannot read", topic=message.topic, why=str(error))
            return
        device_id = message.topic.rpartition("/")[2]
        self._again.extend(self._keeper.hear(device_id, ack, self._clock.monotonic()))

    def _on_publish(self, client: mqtt.Client, data: Any, mid: int, reason: ReasonCode, properties: Any) -> None:
        if mid in self._again_mids:
            self._again_mids.remove(mid)
        else:
            self._acknowledged += 1

    def _trouble(self, what: str) -> None:
        """Note it, and log it once while it lasts."""
        if what != self._error:
            self._error = what
            _log.warning("simulated devices cannot publish, trying again", reason=what, every_s=_BACK_OFF_S)
