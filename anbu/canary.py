"""The canary: each dong's synthetic button is pressed every hour, by a client of the real broker with a credential of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from alerts.contacts import ContactBook
from alerts.proof import CANARY, Path, Paths, canary_id
from dashboard_api.services import StageHealth
from ingest.clock import Clock
from ingest.mqtt_wire import BrokerAddress
from ingest.register.homes import AlreadyRegistered
from ingest.register.register import Register
from ingest.wire import Payload, Topic, encode

log = structlog.get_logger(__name__)

SIGNAL = "sos"
MODEL = "canary"


class Pressing(Protocol):
    """Presses the synthetic buttons of these dongs; raises where the broker does not take it."""

    def press(self, dongs: Sequence[str]) -> None:
        """On return the broker has them all."""
        ...


class CanaryFailed(Exception):
    """The broker did not take the alarm; the text says why, without a password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Keeps the synthetic homes, presses when it is time, and says which path is unproven."""

    register: Register
    contacts: ContactBook
    channels: Sequence[str]  # by which this site reaches people
    paths: Paths
    button: Pressing
    clock: Clock
    listening: Callable[[], bool]  # before we hear the broker, an alarm would be lost on its way
    _homes: set[str] = field(default_factory=set)
    _seen: list[Path] = field(default_factory=list)  # as of the last turn: how we are is asked often, and without the store

    def turn(self) -> int:
        """Enrol what is missing, press what is due; how many are due."""
        dongs = [dong.code for dong in self.register.dongs()]
        fresh = [dong for dong in dongs if dong not in self._homes]
        for dong in fresh:
            self._enrol(dong)
        proven = [channel for ways in self.contacts.ways([CANARY], self.channels).values() for channel in ways]
        self.paths.keep(dongs, ["console", *proven])
        due = self.paths.due()
        # What was enrolled just now is not in the journal yet: the next turn presses it.
        if due and not fresh and self.listening():
            self.button.press(due)
            self.paths.alarmed(due)
            log.info("synthetic alarms sent", dongs=len(due))
        self._seen[:] = self.paths.all()
        return len(due)

    def health(self) -> StageHealth:
        """Not well while a path has gone unproven for two hours."""
        now = self.clock.machine_now()
        silent = [_name(path) for path in list(self._seen) if not path.proven(now)]
        detail = f"unproven for two hours: {', '.join(silent[:10])}" if silent else f"{len(self._seen)} paths"
        return StageHealth(name="paths", ok=not silent, detail=detail)

    def _enrol(self, dong: str) -> None:
        number, now = canary_id(dong), self.clock.home_now()
        with suppress(AlreadyRegistered):
            self.register.enrol_household(number, dong, at=now, synthetic=True)
        if not self.register.devices(household=number):
            self.register.enrol_device(number, number, model=MODEL, signals=(SIGNAL,), report_interval_s=0, at=now)
        self._homes.add(dong)


def _name(path: Path) -> str:
    return f"{path.dong_code}/{path.channel}"


class MqttButton:
    """Presses over MQTT at QoS 1: connects, publishes, waits for the broker's word for each, leaves."""

    def __init__(self, address: BrokerAddress, clock: Clock, *, answer_s: float = 10.0) -> None:
        self._address = address
        self._clock = clock
        self._answer_s = answer_s

    def press(self, dongs: Sequence[str]) -> None:
        """CanaryFailed where the broker is not there, refuses us, or does not take one in time."""
        address = self._address
        accepted, refusal = threading.Event(), [""]
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=address.client_id, protocol=mqtt.MQTTv311)
        if address.username:
            client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set(str(address.ca_file) if address.ca_file else None)

        def on_connect(_c: mqtt.Client, _d: object, _f: mqtt.ConnectFlags, code: ReasonCode, _p: Properties | None) -> None:
            refusal[0] = code.getName() if code.is_failure else ""
            accepted.set()

        client.on_connect = on_connect
        client.connect_timeout = self._answer_s
        try:
            client.connect(address.host, address.port, keepalive=30)
        except OSError as error:
            raise CanaryFailed(f"no connection: {error.strerror or type(error).__name__}") from error
        client.loop_start()
        try:
            if not accepted.wait(self._answer_s) or refusal[0]:
                raise CanaryFailed(f"the broker refuses the canary: {refusal[0] or 'no answer'}")
            self._publish(client, dongs)
        finally:
            client.disconnect()
            client.loop_stop()

    def _publish(self, client: mqtt.Client, dongs: Sequence[str]) -> None:
        now = self._clock.home_now() / 1_000
        for dong in dongs:
            device = canary_id(dong)
            sent = client.publish(str(Topic(dong, device, device, SIGNAL)), encode(Payload(t=now, v=1)), qos=1)
            if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise CanaryFailed("the alarm was not sent")
            sent.wait_for_publish(self._answer_s)
            if not sent.is_published():
                raise CanaryFailed(f"the broker did not take the alarm within {self._answer_s:g} s")


def canary_topics(dongs: Sequence[str]) -> list[str]:
    """The `topic` lines a broker's ACL needs for the canary's account: to write for its own devices and nothing else."""
    return [f"write {Topic(dong, canary_id(dong), canary_id(dong), SIGNAL)}" for dong in dongs]
