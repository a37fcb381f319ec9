"""Proves on a real Mosquitto what each line about accounts, topics and sizes in mosquitto.conf keeps a device from doing."""

import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from anbu.broker_pki import Credential, revoke_device, sign_device
from ingest.clock import SystemClock
from ingest.dialects.registry import DIALECTS, subscriptions
from ingest.dialects.sparkplug import command_topic
from ingest.journal.memory import MemoryJournal
from ingest.source import BrokerAddress, MqttSource
from tests.servers import LISTENER, MOSQUITTO, PASSWORD, MosquittoServer
from tests.waiting import until

pytestmark = pytest.mark.mosquitto

DEVICES = ("pir-1", "pir-2")
MOTION = "anbu/v1/dong-1/hh-1/{}/motion"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MosquittoServer]:
    """Exactly what a site runs, with two devices that have passwords."""
    if MOSQUITTO is None:
        reason = "mosquitto is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    server = MosquittoServer(tmp_path, anonymous=False)
    for device in DEVICES:
        server.site.set_password(device, PASSWORD)
    server.start()
    yield server
    server.stop()


class Client:
    """One connection and what came of it."""

    def __init__(
        self,
        server: MosquittoServer,
        account: str | None,
        *,
        password: str = PASSWORD,
        client_id: str = "whatever",
        certificate: Credential | None = None,
        listener: int | None = None,
        will: str | None = None,
        clean: bool = True,
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.answer: ReasonCode | None = None
        self.granted = 0
        self.lost = 0
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean, reconnect_on_failure=False
        )
        self._client.on_message = lambda _client, _data, message: self.heard.append((message.topic, message.payload))
        self._client.on_connect = lambda _client, _data, _flags, reason, _more: setattr(self, "answer", reason)
        self._client.on_subscribe = lambda *_: setattr(self, "granted", self.granted + 1)
        self._client.on_disconnect = lambda *_: setattr(self, "lost", self.lost + 1)
        port = listener or (server.place.port if (account or "").startswith(LISTENER) else server.place.password_port)
        if account is not None:
            self._client.username_pw_set(account, password)
        if port != server.place.port:
            crt, key = _files(server, certificate) if certificate else (None, None)
            self._client.tls_set(str(server.site.ca_crt), crt, key)
        if will is not None:
            self._client.will_set(will, b"will", qos=1)
        self._client.connect("127.0.0.1", port, keepalive=30)
        self._client.loop_start()
        until(lambda: self.answer is not None or self.lost > 0, what="the broker answers")

    @property
    def is_in(self) -> bool:
        return self.answer is not None and not self.answer.is_failure and not self.lost

    def subscribe(self, *topics: str) -> None:
        before = self.granted
        self._client.subscribe([(topic, 1) for topic in topics])
        until(lambda: self.granted > before, what="the subscription is answered")

    def publish(self, topic: str, payload: bytes = b"1", *, qos: int = 1) -> None:
        sent = self._client.publish(topic, payload, qos=qos)
        until(lambda: sent.is_published() or self.lost > 0, what="the broker answers the publish")

    def publish_many(self, topic: str, payload: bytes, count: int) -> None:
        sent = [self._client.publish(topic, payload, qos=1) for _ in range(count)]
        until(lambda: all(one.is_published() for one in sent), what="the broker took them")

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def break_off(self) -> None:
        """Close the socket without a word, as a device that lost its power."""
        connected = self._client.socket()
        assert connected is not None
        connected.close()
        self._client.loop_stop()


def _files(server: MosquittoServer, credential: Credential) -> tuple[str, str]:
    crt, key = server.site.folder / "device.pem", server.site.folder / "device.key"
    crt.write_bytes(credential.certificate)
    key.write_bytes(credential.key)
    return str(crt), str(key)


@pytest.fixture
def connect(server: MosquittoServer) -> Iterator[Callable[..., Client]]:
    """Opens clients and ends them with the test."""
    opened: list[Client] = []

    def opener(account: str | None, **options: object) -> Client:
        opened.append(Client(server, account, **options))  # type: ignore[arg-type]  # passed through as given
        return opened[-1]

    yield opener
    for client in opened:
        client.leave()


@pytest.fixture
def ours(connect: Callable[..., Client]) -> Client:
    """Our process, hearing everything."""
    client = connect(LISTENER, clean=False)
    client.subscribe("anbu/v1/+/+/+/+", "zigbee2mqtt/#")
    return client


def heard_by(ours: Client, last: Client, device: str) -> list[tuple[str, bytes]]:
    """What had come when a last, allowed message of this client's device came."""
    last.publish(MOTION.format(device), b"last")
    until(lambda: (MOTION.format(device), b"last") in ours.heard, what="the last message is heard")
    return ours.heard[:-1]


def test_a_device_is_heard_on_its_own_topics_and_hears_its_own_acknowledgement(
    connect: Callable[..., Client], ours: Client
) -> None:
    device, acks = connect("pir-1"), connect(f"{LISTENER}-acks")
    device.subscribe("anbu/v1/ack/pir-1")
    acks.publish("anbu/v1/ack/pir-1", b"upto")
    until(lambda: device.heard == [("anbu/v1/ack/pir-1", b"upto")], what="acknowledged")
    assert heard_by(ours, device, "pir-1") == []


def test_a_device_that_publishes_in_anothers_name_is_not_heard(connect: Callable[..., Client], ours: Client) -> None:
    device, other = connect("pir-1"), connect("pir-2")
    other.subscribe("anbu/v1/ack/pir-2")
    for topic in (MOTION.format("pir-2"), "anbu/v1/ack/pir-2", "anbu/v1/canary/anbu/link/canary", "zigbee2mqtt/x", "$SYS/x"):
        device.publish(topic, b"forged")
    assert heard_by(ours, device, "pir-1") == []
    assert other.heard == []


def test_a_device_that_subscribes_outside_its_topics_hears_nothing(connect: Callable[..., Client], ours: Client) -> None:
    device, other = connect("pir-1"), connect("pir-2")
    device.subscribe("#", "$SYS/#", "anbu/v1/#", "anbu/v1/ack/+", "anbu/v1/ack/pir-2", MOTION.format("pir-2"))
    acks = connect(f"{LISTENER}-acks")
    acks.publish("anbu/v1/ack/pir-2", b"not yours")
    heard_by(ours, other, "pir-2")
    acks.publish("anbu/v1/ack/pir-1", b"yours")
    until(lambda: bool(device.heard), what="its own acknowledgement")
    assert set(device.heard) == {("anbu/v1/ack/pir-1", b"yours")}


def test_a_will_outside_the_devices_topics_is_never_published(connect: Callable[..., Client], ours: Client) -> None:
    connect("pir-1", will="anbu/v1/dong-1/hh-1/pir-2/status").break_off()
    connect("pir-2", will="anbu/v1/dong-1/hh-1/pir-2/status").break_off()
    until(lambda: bool(ours.heard), what="the will of the one that may")
    again = connect("pir-1")
    assert heard_by(ours, again, "pir-1") == [("anbu/v1/dong-1/hh-1/pir-2/status", b"will")]


def test_whoever_takes_our_client_id_gets_neither_our_session_nor_our_queue(connect: Callable[..., Client], ours: Client) -> None:
    ours.leave()
    device = connect("pir-1", client_id=LISTENER, clean=True)  # a clean session under our id would wipe our queue
    thief = connect("pir-2", client_id=LISTENER, clean=False)
    device.publish(MOTION.format("pir-1"), b"while we were away")
    assert device.is_in and thief.is_in and thief.heard == []
    back = connect(LISTENER, clean=False)
    until(lambda: back.heard == [(MOTION.format("pir-1"), b"while we were away")], what="our queue is ours")


def test_nobody_comes_in_without_an_account(server: MosquittoServer, connect: Callable[..., Client]) -> None:
    for listener in (server.place.port, server.place.password_port):
        assert not connect(None, listener=listener).is_in
        assert not connect("pir-1", password="wrong", listener=listener).is_in
        assert not connect("pir-9", listener=listener).is_in
    assert not connect("pir-1", listener=server.place.certificate_port).is_in, "a password is no certificate"


@pytest.mark.parametrize("size", [200_000, 1024 * 1024])
def test_a_device_that_sends_too_much_at_once_is_cut_off_alone(connect: Callable[..., Client], ours: Client, size: int) -> None:
    device, other = connect("pir-1"), connect("pir-2")
    with contextlib.suppress(RuntimeError):  # paho's word for being cut off while it still writes
        device.publish(MOTION.format("pir-1"), b"x" * size)
    until(lambda: device.lost == 1, what="cut off")
    assert heard_by(ours, other, "pir-2") == []
    assert ours.is_in


def test_a_device_that_never_reads_holds_up_nobody(server: MosquittoServer, connect: Callable[..., Client], ours: Client) -> None:
    context = ssl.create_default_context(cafile=str(server.site.ca_crt))
    with socket.create_connection(("127.0.0.1", server.place.password_port)) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as deaf:
            deaf.sendall(_connect_and_subscribe("pir-1", "anbu/v1/ack/pir-1"))
            deaf.recv(4)  # accepted; from here on it reads nothing
            acks, other = connect(f"{LISTENER}-acks"), connect("pir-2")
            other.subscribe("anbu/v1/ack/pir-2")
            acks.publish_many("anbu/v1/ack/pir-1", b"x" * 4_000, 2_000)  # 8 MB: more than the sockets on both sides hold
            acks.publish("anbu/v1/ack/pir-2", b"yours")
            until(lambda: other.heard == [("anbu/v1/ack/pir-2", b"yours")], what="the other is acknowledged")
            assert heard_by(ours, other, "pir-2") == []


def _connect_and_subscribe(account: str, topic: str) -> bytes:
    def text(value: str) -> bytes:
        return len(value).to_bytes(2, "big") + value.encode()

    connect = text("MQTT") + b"\x04\xc2\x00\x00" + text(account) + text(account) + text(PASSWORD)
    subscribe = b"\x00\x01" + text(topic) + b"\x01"
    return b"\x10" + bytes([len(connect)]) + connect + b"\x82" + bytes([len(subscribe)]) + subscribe


def test_a_certificate_names_its_device_and_can_be_taken_back(
    server: MosquittoServer, connect: Callable[..., Client], ours: Client
) -> None:
    now = SystemClock().machine_now()
    credential = sign_device(server.site, "gw-1", now)
    port = server.place.certificate_port
    gateway = connect(None, certificate=credential, listener=port)
    gateway.publish(MOTION.format("pir-1"), b"forged")
    assert heard_by(ours, gateway, "gw-1") == []
    claims = connect("pir-1", certificate=credential, listener=port)
    claims.publish(MOTION.format("pir-1"), b"forged")
    assert (MOTION.format("pir-1"), b"forged") not in heard_by(ours, claims, "gw-1"), "the certificate counts, not the name"
    revoke_device(server.site, credential.serial, now)
    server.site.allow("gw-1", ["deny #"])
    server.reload()
    until(lambda: not connect(None, certificate=credential, listener=port).is_in, what="the certificate is refused")
    server.site.allow("gw-1", [])
    other = sign_device(server.site, "gw-1", now)
    server.reload()
    until(lambda: connect(None, certificate=other, listener=port).is_in, what="a new one of the same device is not")


def test_an_account_that_is_taken_away_is_disconnected_at_the_next_reload(
    server: MosquittoServer, connect: Callable[..., Client], ours: Client
) -> None:
    device, other = connect("pir-1"), connect("pir-2")
    server.site.drop_password("pir-1")
    server.reload()
    until(lambda: device.lost == 1, what="disconnected")
    assert not connect("pir-1").is_in
    assert heard_by(ours, other, "pir-2") == [] and ours.is_in


def test_a_vendors_gateway_may_write_the_topics_it_was_given(
    server: MosquittoServer, connect: Callable[..., Client], ours: Client
) -> None:
    server.site.allow("pir-1", ["readwrite zigbee2mqtt/#"])
    server.reload()
    gateway, other = connect("pir-1"), connect("pir-2")
    other.publish("zigbee2mqtt/lamp", b"forged")
    until(lambda: gateway.publish("zigbee2mqtt/door", b"1") or bool(ours.heard), what="heard once the file is read")
    assert {topic for topic, _ in heard_by(ours, gateway, "pir-1")} == {"zigbee2mqtt/door"}


def test_more_waits_for_us_than_the_thousand_a_broker_keeps_by_default(connect: Callable[..., Client], ours: Client) -> None:
    ours.leave()
    connect("pir-1").publish_many(MOTION.format("pir-1"), b"while we were away", 3_000)
    back = connect(LISTENER, clean=False)
    until(lambda: len(back.heard) == 3_000, what="none was dropped")


@pytest.mark.long
def test_after_a_kill_our_session_and_its_queue_are_at_most_ten_seconds_old(
    server: MosquittoServer, connect: Callable[..., Client], ours: Client, tmp_path: Path
) -> None:
    ours.leave()
    connect("pir-1").publish(MOTION.format("pir-1"), b"while we were away")
    saved = tmp_path / "mosquitto.db"
    saved.unlink(missing_ok=True)
    until(saved.exists, 15, "it is saved by itself")
    server.kill()
    server.start()
    back = connect(LISTENER, clean=False)
    until(lambda: back.heard == [(MOTION.format("pir-1"), b"while we were away")], what="the queue is there")


def test_what_a_device_sends_at_qos_0_waits_for_us(connect: Callable[..., Client], ours: Client) -> None:
    ours.leave()
    device = connect("pir-1")
    device.publish(MOTION.format("pir-1"), b"unacknowledged", qos=0)
    device.publish(MOTION.format("pir-1"), b"acknowledged")
    back = connect(LISTENER, clean=False)
    until(lambda: len(back.heard) == 2, what="both are delivered")


def test_with_every_dialect_on_our_account_hears_to_the_end_and_asks_for_births(
    server: MosquittoServer, connect: Callable[..., Client]
) -> None:
    server.site.allow("pir-1", ["read spBv1.0/care/NCMD/gw"])
    server.reload()
    node = connect("pir-1")
    node.subscribe("spBv1.0/care/NCMD/gw")
    address = BrokerAddress(host="127.0.0.1", port=server.place.port, client_id=LISTENER, username=LISTENER, password=PASSWORD)
    source = MqttSource(MemoryJournal(), SystemClock(), address, subscriptions=subscriptions(DIALECTS))
    source.start()
    try:
        until(lambda: source.status().caught_up, what="a canary came back through every subscription")
        source.publish(command_topic("care/gw"), b"rebirth")
        until(lambda: node.heard == [("spBv1.0/care/NCMD/gw", b"rebirth")], what="the node is asked")
    finally:
        source.stop()


@pytest.mark.parametrize(("version", "taken"), [("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_tls_begins_at_1_2(server: MosquittoServer, version: str, taken: bool) -> None:
    context = ssl.create_default_context(cafile=str(server.site.ca_crt))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # or our own library would refuse first
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.load_cert_chain(*_files(server, sign_device(server.site, "gw-1", SystemClock().machine_now())))
    for port in (server.place.password_port, server.place.certificate_port):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            try:
                context.wrap_socket(plain, server_hostname="127.0.0.1").close()
            except ssl.SSLError:
                assert not taken
            else:
                assert taken
