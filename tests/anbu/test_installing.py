"""Proves what an installer gets: a credential that a real Mosquitto takes, a label with all of it, an end when revoked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import paho.mqtt.client as mqtt
import pytest
import segno
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy import Engine, select

from anbu.broker_making import make_broker
from anbu.broker_site import BrokerFolder, password_fits
from anbu.installing import label_text
from anbu.settings import load_settings
from ingest.clock import HOUR, SystemClock
from ingest.decode import Decoder
from ingest.enrolment import Enrolment
from ingest.fact_outbox import carry_facts
from ingest.history.memory import MemoryHistory
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Message
from ingest.reading import HouseholdId, Reading, Signal
from ingest.register import tables
from ingest.register.credentials import Credential, CredentialKind, credentials
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.store import open_store
from tests.anbu.typing_anbu import anbu
from tests.servers import LISTENER, MOSQUITTO, PASSWORD, MosquittoServer
from tests.waiting import until


@pytest.fixture
def home(site: Path) -> Path:
    """A site with a broker folder and two households."""
    make_broker(load_settings(site / "anbu.toml"), ["broker.example", "127.0.0.1"], SystemClock().machine_now())
    for household in ("home-1", "home-2"):
        assert anbu("household", "add", household, "--dong", "dong-1").exit_code == 0
    return site


@pytest.fixture
def store(home: Path) -> Iterator[Engine]:
    engine = open_store(load_settings(home / "anbu.toml").store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def strict_mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    """Exactly what a site runs."""
    if MOSQUITTO is None:
        reason = "mosquitto is not installed (scripts/servers.py names the command)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    server = MosquittoServer(folder, anonymous=False)
    server.start()
    yield server
    server.stop()


def folder_of(site: Path) -> BrokerFolder:
    return BrokerFolder(load_settings(site / "anbu.toml").broker_folder)


def enrol(*words: str) -> str:
    done = anbu("device", "enrol", "--household", "home-1", *words, english=True)
    assert done.exit_code == 0, done.output
    return done.stdout


def password_in(said: str) -> str:
    return next(line.split()[1] for line in said.splitlines() if line.startswith("password"))


def known(store: Engine) -> list[Credential]:
    with store.connect() as connection:
        return credentials(connection)


def placed(store: Engine) -> Enrolment:
    """Where every device stands by the facts that were queued."""
    journal = MemoryJournal()
    carry_facts(store, journal, 0)
    decoder = Decoder()
    decoder.read(journal.read(0, 1_000))
    return decoder.enrolment


def test_enrolled_device_has_a_password_in_mosquittos_format_and_a_label_to_scan(home: Path, store: Engine) -> None:
    said = enrol("--model", "climate", "--id", "th-1")
    password = password_in(said)
    hashed = next(line.split(":", 1)[1] for line in folder_of(home).passwd.read_text().splitlines() if line.startswith("th-1:"))
    assert hashed.startswith("$7$") and password_fits(password, hashed)
    assert "anbu/v1/dong-1/home-1/th-1/..." in said
    assert [(one.device_id, one.kind, one.revoked_at) for one in known(store)] == [("th-1", CredentialKind.PASSWORD, None)]
    (device,) = Register(store, Sealer(bytes(32)), SystemClock()).devices()
    assert (device.signals, device.report_interval_s) == (("temperature", "humidity", "battery"), 600)
    label = home / "th-1.png"
    assert label.stat().st_mode & 0o777 == 0o600
    text = label_text(folder_of(home), device, CredentialKind.PASSWORD, password)
    assert text.startswith(f"mqtts://th-1:{password}@broker.example:8883/anbu/v1/dong-1/home-1/th-1?ca-sha256=")
    segno.make(text, error="q", micro=False).save(str(home / "again.png"), kind="png", scale=8, border=4)
    assert label.read_bytes() == (home / "again.png").read_bytes()


def test_password_lies_nowhere_but_on_the_label(home: Path, store: Engine) -> None:
    password = password_in(enrol("--model", "motion", "--id", "pir-1"))
    store.dispose()
    for path in [*home.rglob("*")]:
        if path.is_file():
            assert password.encode() not in path.read_bytes()


def test_device_without_an_id_gets_one_and_an_unknown_model_needs_its_signals(home: Path) -> None:
    assert enrol("--model", "Motion Sensor 3", "--signal", "motion").startswith("motion-sensor-3-")
    refused = anbu("device", "enrol", "--household", "home-1", "--model", "acme")
    assert refused.exit_code == 1 and "--signal" in refused.stderr
    assert anbu("device", "enrol", "--household", "home-9", "--model", "motion").exit_code == 1


def test_refused_enrolment_leaves_no_credential(home: Path, store: Engine) -> None:
    enrol("--model", "motion", "--id", "pir-1")
    before = folder_of(home).passwd.read_text()
    refused = anbu("device", "enrol", "--household", "home-2", "--model", "motion", "--id", "pir-1")
    assert refused.exit_code == 1 and "device move" in refused.stderr
    assert anbu("device", "enrol", "--household", "home-1", "--model", "motion", "--id", "Pir 2").exit_code == 1
    assert folder_of(home).passwd.read_text() == before and len(known(store)) == 1


def test_site_without_a_broker_of_its_own_is_told_what_to_do(site: Path) -> None:
    refused = anbu("device", "enrol", "--household", "home-1", "--model", "motion")
    assert refused.exit_code == 1 and "anbu broker init" in refused.stderr


def test_move_keeps_the_credential_and_changes_household_and_label(home: Path, store: Engine) -> None:
    enrol("--model", "motion", "--id", "pir-1")
    before = folder_of(home).passwd.read_text()
    moved = anbu("device", "move", "pir-1", "--household", "home-2", english=True)
    assert moved.exit_code == 0, moved.output
    assert "anbu/v1/dong-1/home-2/pir-1/..." in moved.stdout and "password" not in moved.stdout
    assert folder_of(home).passwd.read_text() == before
    place = placed(store).place("pir-1")
    assert place is not None and place.household_id == "home-2"


def test_revoked_device_has_no_account_and_stands_nowhere(home: Path, store: Engine) -> None:
    enrol("--model", "motion", "--id", "pir-1")
    assert anbu("device", "revoke", "pir-1").exit_code == 0
    assert "pir-1" not in folder_of(home).passwd.read_text()
    assert [one.revoked_at is not None for one in known(store)] == [True]
    assert placed(store).place("pir-1") is None
    assert anbu("device", "revoke", "pir-1").exit_code == 1


@pytest.mark.parametrize("words", [("device", "remove", "pir-1"), ("household", "end", "home-1")])
def test_credential_ends_with_the_device_and_with_the_household(home: Path, words: tuple[str, ...]) -> None:
    enrol("--model", "motion", "--id", "pir-1")
    assert anbu(*words).exit_code == 0
    assert "pir-1" not in folder_of(home).passwd.read_text()


def test_replacing_a_device_keeps_the_history_with_the_household(home: Path, store: Engine) -> None:
    enrol("--model", "climate", "--id", "th-1")
    journal, history, decoder = MemoryJournal(), MemoryHistory(), Decoder()
    now = SystemClock().home_now()

    def say(device: str, value: int) -> None:
        carry_facts(store, journal, now)
        topic = f"anbu/v1/dong-1/home-1/{device}/temperature"
        journal.append([Message(received_at=now, source="mqtt", topic=topic, payload=b'{"v":%d}' % value)])

    say("th-1", 20)
    done = anbu("device", "replace", "th-1", "--id", "th-2", english=True)
    assert done.exit_code == 0, done.output
    say("th-2", 21)
    say("th-1", 99)  # the old one goes on in somebody's drawer
    items = [item for _entry, found in decoder.read(journal.read(0, 100)) for item in found]
    history.write([item for item in items if isinstance(item, Reading)])
    (bucket,) = history.series(HouseholdId("home-1"), Signal.TEMPERATURE, now - HOUR, now + HOUR, 1)
    assert (bucket.count, bucket.min, bucket.max) == (2, 20, 21)
    assert [device.device_id for device in decoder.enrolment.devices_of(HouseholdId("home-1"))] == ["th-2"]
    accounts = folder_of(home).accounts()
    assert "th-2" in accounts and "th-1" not in accounts
    assert anbu("device", "replace", "th-2", "--id", "th-2").exit_code == 1


def test_facts_of_a_replacement_leave_the_home_its_signals_at_every_moment(home: Path, store: Engine) -> None:
    enrol("--model", "motion", "--id", "pir-1")
    anbu("device", "replace", "pir-1", "--id", "pir-2")
    journal = MemoryJournal()
    carry_facts(store, journal, 0)
    enrolment = Enrolment()
    stood = []
    for entry in journal.read(0, 100):
        assert not isinstance(entry.body, Message)
        enrolment.fold(entry.body)
        stood.append(len(enrolment.devices_of(HouseholdId("home-1"))))
    assert stood[-3:] == [1, 2, 1]


def test_household_import_and_template_on_the_command_line(home: Path, store: Engine) -> None:
    assert anbu("household", "template", "table.xlsx").exit_code == 0
    assert anbu("household", "template", "table.xlsx").exit_code == 1
    assert anbu("household", "template", "table.csv").exit_code == 0
    heading = (home / "table.csv").read_text(encoding="utf-8-sig").strip().split(",")
    rows = [["home-3", "dong-1", "일반군", "김하늘"], ["home-4", "dong-9", "일반군", "김바다"]]
    lines = [heading, *(row + [""] * (len(heading) - len(row)) for row in rows)]
    (home / "table.csv").write_text("\n".join(",".join(line) for line in lines), encoding="utf-8")
    dry = anbu("household", "import", "table.csv", "--dry-run", english=True)
    assert (
        dry.exit_code == 1
        and "line      3  dong: no such dong → anbu dong add" in dry.stdout
        and "would be entered 1/2" in dry.stdout
    )
    done = anbu("household", "import", "table.csv", english=True)
    assert "households entered 1/2" in done.stdout and "김" not in done.output
    assert anbu("household", "import", "nowhere.xlsx").exit_code == 1
    empty = anbu("household", "import", "table.xlsx", english=True)
    assert empty.exit_code == 0 and "0/0" in empty.stdout
    with store.connect() as connection:
        assert connection.execute(select(tables.household.c.id).where(tables.household.c.id == "home-3")).scalar() == "home-3"


class Device:
    """A client as an installer sets one up."""

    def __init__(self, server: MosquittoServer, name: str, *, password: str | None = None, cert: Path | None = None) -> None:
        self.answered, self.code = Event(), -1
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.on_connect = self._on_connect
        if password is not None:
            self._client.username_pw_set(name, password)
        files = (None, None) if cert is None else (str(cert), str(cert.with_suffix(".key")))
        self._client.tls_set(str(server.site.ca_crt), *files, cert_reqs=ssl.CERT_REQUIRED)
        port = server.place.password_port if cert is None else server.place.certificate_port
        try:
            self._client.connect("127.0.0.1", port)
            self._client.loop_start()
        except OSError:
            self.answered.set()

    def _on_connect(self, _client: object, _data: object, _flags: object, code: mqtt.ReasonCode, _props: object) -> None:
        self.code = code.value
        self.answered.set()

    def is_in(self) -> bool:
        """Whether the broker took it."""
        self.answered.wait(3)
        return self.code == 0

    def say(self, topic: str) -> None:
        """Publish at QoS 1."""
        self._client.publish(topic, b'{"v":1}', qos=1).wait_for_publish(5)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


@pytest.mark.mosquitto
def test_mosquitto_lets_enrolled_devices_publish_under_their_own_name_and_shuts_revoked_ones_out(
    strict_mosquitto: MosquittoServer, site: Path
) -> None:
    server = strict_mosquitto
    target = load_settings(site / "anbu.toml").broker_folder
    target.symlink_to(server.site.folder)
    assert anbu("household", "add", "home-1", "--dong", "dong-1").exit_code == 0
    password = password_in(enrol("--model", "motion", "--id", "pir-1"))
    enrol("--model", "sos", "--id", "sos-1", "--certificate")
    server.reload()
    heard: list[str] = []
    ear = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=LISTENER)
    ear.username_pw_set(LISTENER, PASSWORD)
    ear.on_message = lambda _client, _data, message: heard.append(message.topic)
    ear.connect("127.0.0.1", server.place.port)
    ear.loop_start()
    ready = Event()
    ear.on_subscribe = lambda *_: ready.set()
    ear.subscribe("anbu/v1/#", qos=1)
    assert ready.wait(5)
    assert not Device(server, "pir-1", password="wrong").is_in()
    pir, sos = Device(server, "pir-1", password=password), Device(server, "sos-1", cert=site / "sos-1.crt")
    assert pir.is_in() and sos.is_in()
    pir.say("anbu/v1/dong-1/home-1/sos-1/sos")  # another's name: the broker says "success" and passes nothing on
    pir.say("anbu/v1/dong-1/home-1/pir-1/motion")
    sos.say("anbu/v1/dong-1/home-1/sos-1/sos")
    until(lambda: len(heard) >= 2, what="both messages")
    assert sorted(heard) == ["anbu/v1/dong-1/home-1/pir-1/motion", "anbu/v1/dong-1/home-1/sos-1/sos"]
    pir.close()
    sos.close()
    for device_id in ("pir-1", "sos-1"):
        assert anbu("device", "revoke", device_id).exit_code == 0
    server.reload()
    until(lambda: not Device(server, "pir-1", password=password).is_in(), what="the password is refused")
    until(lambda: not Device(server, "sos-1", cert=site / "sos-1.crt").is_in(), what="the certificate is refused")
    ear.loop_stop()


@pytest.mark.mosquitto
def test_a_vendors_gateway_is_given_its_topics_with_its_account_and_loses_them_with_it(
    strict_mosquitto: MosquittoServer, site: Path
) -> None:
    server = strict_mosquitto
    load_settings(site / "anbu.toml").broker_folder.symlink_to(server.site.folder)
    assert anbu("household", "add", "home-1", "--dong", "dong-1").exit_code == 0
    before = server.site.acl.read_text()
    password = password_in(enrol("--model", "gateway", "--id", "gw-1", "--topic", "zigbee2mqtt/#"))
    assert password_in(enrol("--model", "gateway", "--id", "gw-1")) != password, "a new password, and the topics it had"
    replaced = anbu("device", "replace", "gw-1", "--id", "gw-2", english=True)
    server.reload()
    heard: list[str] = []
    ear = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=LISTENER)
    ear.username_pw_set(LISTENER, PASSWORD)
    ear.on_message = lambda _client, _data, message: heard.append(message.topic)
    ready = Event()
    ear.on_subscribe = lambda *_: ready.set()
    ear.connect("127.0.0.1", server.place.port)
    ear.loop_start()
    ear.subscribe("#", qos=1)
    assert ready.wait(5)
    gateway = Device(server, "gw-2", password=password_in(replaced.stdout))
    assert gateway.is_in()
    gateway.say("shellies/x")
    gateway.say("zigbee2mqtt/hall pir")
    until(lambda: "zigbee2mqtt/hall pir" in heard, what="what it may write is heard")
    assert "shellies/x" not in heard
    gateway.close()
    ear.loop_stop()
    assert anbu("device", "revoke", "gw-2").exit_code == 0
    assert server.site.acl.read_text() == before


@pytest.mark.parametrize("topic", ["#", "+/x", "anbu/v1/#", "$SYS/#", "a#", "a/#/b", "a/b+", "", "a/b\nuser x", "/a"])
def test_a_topic_that_is_none_or_would_give_away_others_is_refused(home: Path, topic: str, store: Engine) -> None:
    refused = anbu("device", "enrol", "--household", "home-1", "--model", "gateway", "--id", "gw-1", "--topic", topic)
    assert refused.exit_code == 1 and "zigbee2mqtt/#" in refused.stderr
    assert known(store) == [], "nor is the device enrolled"


def test_a_vendors_device_keeps_its_address_whatever_the_installer_types(home: Path, store: Engine) -> None:
    where = ("--signal", "motion", "--dialect", "zigbee2mqtt", "--address", "hall pir")
    assert anbu("device", "add", "pir-7", "--household", "home-1", *where).exit_code == 0
    for words in (
        ("enrol", "--household", "home-1", "--model", "motion", "--id", "pir-7"),
        ("replace", "pir-7", "--id", "pir-8"),
    ):
        refused = anbu("device", *words, english=True)
        assert refused.exit_code == 1 and "--dialect zigbee2mqtt --address" in refused.stderr
    moved = anbu("device", "move", "pir-7", "--household", "home-2", english=True)
    assert moved.exit_code == 0 and "topic" not in moved.stdout and not (home / "pir-7.png").exists()
    (device,) = Register(store, Sealer(bytes(32)), SystemClock()).devices()
    assert (device.household_id, device.address) == ("home-2", "zigbee2mqtt/hall pir")


@pytest.mark.parametrize(
    ("words", "step"),
    [
        (("household", "add", "home-8", "--dong", "dong-8"), "anbu dong add dong-8 NAME"),
        (("device", "enrol", "--household", "home-8", "--model", "motion"), "anbu household add home-8 --dong CODE"),
        (("device", "move", "pir-8", "--household", "home-1"), "anbu device enrol --household ID --model MODEL --id pir-8"),
        (("device", "claim", "pir-8", "--household", "home-1"), "anbu device unclaimed"),
        (("why", "home-8"), "anbu household add home-8 --dong CODE"),
    ],
)
def test_what_the_register_does_not_know_is_said_with_the_next_step(home: Path, words: tuple[str, ...], step: str) -> None:
    refused = anbu(*words, english=True)
    assert refused.exit_code == 1 and step in refused.stderr
    assert "없습니다" in anbu(*words).stderr


@pytest.mark.parametrize("account", ["anbu", "anbu-acks", "anbu-canary"])
def test_no_device_is_given_an_account_of_the_sites_own(home: Path, store: Engine, account: str) -> None:
    """It would take over the session that hears everybody, and revoking it would shut the site out."""
    before = folder_of(home).passwd.read_text()
    enrol("--model", "motion", "--id", "pir-1")
    for words in (
        ("enrol", "--household", "home-1", "--model", "motion", "--id", account),
        ("replace", "pir-1", "--id", account),
    ):
        refused = anbu("device", *words, english=True)
        assert refused.exit_code == 1 and "--id" in refused.stderr, refused.output
    assert anbu("device", "revoke", "pir-1").exit_code == 0
    assert folder_of(home).passwd.read_text() == before and not (home / f"{account}.png").exists()
