"""A client that visits a broker to look at it: hears, publishes and counts, under a name of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.clock import SystemClock
from ingest.source import BrokerAddress

AT_LONGEST = 6


class Guest:
    """One connection. `refused` says why there is none. `answer_s`: machine seconds a broker may take to answer."""

    def __init__(self, address: BrokerAddress, *, clean: bool = True, reads: bool = True, answer_s: float = 5.0) -> None:
        self.refused: str | None = None
        self.session_present = False
        self.lost = False  # the broker ended the connection
        self.heard: list[tuple[str, bytes]] = []
        self._answer_s = answer_s
        self._changed = threading.Condition()
        self._connected = False
        self._granted: list[int] = []
        self._taken = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=address.client_id,
            clean_session=clean,
            protocol=mqtt.MQTTv311,
            manual_ack=not reads,  # then what is heard is never acknowledged
            reconnect_on_failure=False,
        )
        self._client.max_inflight_messages_set(1_000)
        if address.username is not None:
            self._client.username_pw_set(address.username, address.password)
        if address.tls:
            self._client.tls_set(str(address.ca_file) if address.ca_file else None)
        self._client.connect_timeout = answer_s
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message
        self._visit(address)

    def _visit(self, address: BrokerAddress) -> None:
        try:
            self._client.connect(address.host, address.port, keepalive=30)
        except OSError as error:
            self.refused = error.strerror or str(error) or type(error).__name__
            return
        self._client.loop_start()
        if not self.wait(lambda: self._connected or self.refused is not None or self.lost):
            self.refused = f"no MQTT answer within {self._answer_s:g} s"

    def wait(self, done: Callable[[], bool]) -> bool:
        """Whether this became so before nothing happened for as long as the broker may take to answer.

        A slow broker that goes on is waited for, `AT_LONGEST` times as long: on a living one something always happens.
        """
        clock = SystemClock()
        ends = clock.monotonic() + AT_LONGEST * self._answer_s
        with self._changed:
            while not done():
                left = min(self._answer_s, ends - clock.monotonic())
                if left <= 0 or not self._changed.wait(left):
                    return done()
            return True

    def subscribe(self, *topics: str) -> bool:
        """Whether all of them were granted at QoS 1."""
        self._granted = []
        self._client.subscribe([(topic, 1) for topic in topics])
        return self.wait(lambda: bool(self._granted)) and all(code == 1 for code in self._granted)

    def publish(self, topic: str, payload: bytes, count: int = 1) -> bool:
        """Publish at QoS 1 so many times; whether the broker said that it took them all."""
        before = self._taken
        for _ in range(count):
            self._client.publish(topic, payload, qos=1)
        return self.wait(lambda: self._taken >= before + count or self.lost)

    def hears(self, topic: str, payload: bytes, count: int = 1) -> bool:
        """Whether this came, so many times, in time."""
        return self.wait(lambda: self.heard.count((topic, payload)) >= count)

    def leave(self) -> None:
        """Say good-bye; a session that was asked for stays."""
        self._client.disconnect()
        self._client.loop_stop()

    def _change(self, what: Callable[[], None]) -> None:
        with self._changed:
            what()
            self._changed.notify_all()

    def _on_connect(
        self, _client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        def note() -> None:
            self.session_present = flags.session_present
            self._connected = not code.is_failure
            self.refused = f"refused: {code.getName()}" if code.is_failure else None

        self._change(note)

    def _on_disconnect(self, *_about: object) -> None:
        self._change(lambda: setattr(self, "lost", True))

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        self._change(lambda: self._granted.extend(int(code.value) for code in codes))

    def _on_publish(self, *_about: object) -> None:
        self._change(lambda: setattr(self, "_taken", self._taken + 1))

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self._change(lambda: self.heard.append((message.topic, bytes(message.payload))))
