"""Whether the site's broker takes our connection and our subscription, asked without touching the running site's session."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anbu.sections import Broker
from ingest.wire import SUBSCRIPTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the broker said; `error` None means that it would serve us."""

    error: str | None
    shares_session: bool = False  # it maps our user to one session, whatever the client id


def probe_broker(broker: Broker, *, answer_s: float = 5.0) -> Probe:
    """Connect with the site's settings under another client id and ask for the site's subscription; leaves nothing behind.

    Connecting and subscribing may take `answer_s` seconds each.

    A broker with `use_username_as_clientid` gives every client of our user the running site's session. A clean start
    would wipe its queue, so with a user name the first connect keeps the session, and where there was one it stops there.
    """
    client_id = f"{broker.client_id}-check-{secrets.token_hex(4)}"
    if broker.username:
        careful = _Visit(broker, client_id, answer_s, clean=False)
        careful.run(subscribe=False)
        if careful.error or careful.session_present:
            return Probe(error=careful.error, shares_session=careful.session_present)
    visit = _Visit(broker, client_id, answer_s, clean=True)
    visit.run(subscribe=True)
    return Probe(error=visit.error)


class _Visit:
    def __init__(self, broker: Broker, client_id: str, answer_s: float, *, clean: bool) -> None:
        self.error: str | None = None
        self.session_present = False
        self._broker = broker
        self._answer_s = answer_s
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            protocol=mqtt.MQTTv311,
            # What is already queued must stay with the site.
            manual_ack=True,
        )
        if broker.username:
            password = broker.password.get_secret_value() if broker.password else None
            self._client.username_pw_set(broker.username, password)
        self._client.connect_timeout = self._answer_s
        if broker.tls:
            self._client.tls_set(str(broker.ca_file) if broker.ca_file else None)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe

    def run(self, *, subscribe: bool) -> None:
        try:
            self._client.connect(self._broker.host, self._broker.port, keepalive=10)
        except OSError as error:
            self.error = error.strerror or str(error) or type(error).__name__
            return
        self._client.loop_start()
        try:
            self._ask(subscribe)
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _ask(self, subscribe: bool) -> None:
        if not self._connected.wait(self._answer_s):
            self.error = f"no MQTT answer within {self._answer_s:g} s"
        if self.error or not subscribe:
            return
        self._client.subscribe(SUBSCRIPTION, qos=1)
        if not self._subscribed.wait(self._answer_s):
            self.error = f"no answer to the subscription within {self._answer_s:g} s"

    def _on_connect(
        self, _client: mqtt.Client, _data: object, flags: mqtt.ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            self.error = f"refused: {code.getName()}"
        self.session_present = flags.session_present
        self._connected.set()

    def _on_subscribe(
        self, _client: mqtt.Client, _data: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(code.is_failure for code in codes):
            self.error = f"the subscription {SUBSCRIPTION} was refused"
        self._subscribed.set()
