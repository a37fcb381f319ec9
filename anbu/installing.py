"""What an installer needs: a device enrolled with its credential, its account at the site's broker, and a label to scan."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import msgspec
import segno
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from anbu.broker_making import existing_folder, our_accounts
from anbu.broker_pki import revoke_device, server_hosts, sign_device
from anbu.broker_site import CANARY_ACCOUNT, BrokerFolder
from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import Opened, open_site
from anbu.settings import Settings
from anbu.unregistered import unregistered
from ingest.clock import Millis
from ingest.reading import DeviceId
from ingest.register.credentials import CredentialKind, credentials, note_credential
from ingest.register.homes import AlreadyRegistered, Device, EntryWrong, NotRegistered
from ingest.register.models import MODELS
from ingest.register.placing import (
    living_household,
    new_device,
    place,
    revoke_credential,
    standing_device,
    standing_or_none,
    take_out,
)
from ingest.wire import ROOT, slug

_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_PORTS = {CredentialKind.PASSWORD: 8883, CredentialKind.CERTIFICATE: 8884}  # as mosquitto.conf has them


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A device ready to be set up. `password` is known here and on the label alone."""

    device: Device
    topic: str | None  # before the signal; None for a vendor's device, which has its own
    password: str | None
    label: Path | None
    files: tuple[Path, ...] = ()  # certificate, key, authority

    def __repr__(self) -> str:
        return f"Installed({self.device.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be enrolled; without an id one is made, without signals the model's are taken."""

    household: str
    model: str
    device_id: str | None = None
    signals: Sequence[str] = ()
    every: int | None = None
    certificate: bool = False
    topics: Sequence[str] = ()  # of a vendor's, which a gateway may use besides its own; none: those it has
    out: Path = Path()


def enrol(config: Path | None, wanted: Wanted, *, by: str) -> Installed:
    """Enrol the device, or give one that stands in this household a new credential in place of its old one."""
    with _site(config) as (site, folder):
        now = site.clock.home_now()
        known = MODELS.get(wanted.model)
        with site.engine.begin() as connection:
            household = living_household(connection, wanted.household)
            device_id = wanted.device_id or _new_id(wanted.model)
            _refuse_ours(site.settings, device_id)
            stands = standing_or_none(connection, device_id)
            if stands is not None:
                _refuse_a_vendors(stands)
            if stands is not None and stands.household_id != household.id:
                raise Refusal(
                    say(f"{device_id} 은(는) 다른 가구에 있습니다", f"{device_id} stands in another household"),
                    f"anbu device move {device_id} --household {household.id}",
                )
            signals = wanted.signals or (tuple(known.signals) if known else stands.signals if stands else ())
            if not signals:
                raise Refusal(
                    say(f"모델 {wanted.model} 의 신호를 모릅니다", f"what the model {wanted.model} sends is not known"),
                    say("--signal 로 알려 주십시오. 아는 모델: ", "name it with --signal; models known: ") + ", ".join(MODELS),
                )
            every = wanted.every if wanted.every is not None else known.report_interval_s if known else 0
            at = stands.enrolled_at if stands is not None else now
            device = new_device(device_id, household, model=wanted.model, signals=signals, report_interval_s=every, at=at)
            topics = [f"readwrite {_vendor_topic(topic)}" for topic in wanted.topics]
            place(connection, device, at=now, by=by)
            made = _give(connection, folder, device, certificate=wanted.certificate, out=wanted.out, now=now)
            if topics:
                folder.allow(device.id, topics)
            return made


def replace(config: Path | None, device_id: str, wanted_id: str | None, *, certificate: bool, out: Path, by: str) -> Installed:
    """Put a new device in the place of this one: same household, same signals; the old one's credential ends."""
    with _site(config) as (site, folder):
        now = site.clock.home_now()
        with site.engine.begin() as connection:
            old = standing_device(connection, device_id)
            _refuse_a_vendors(old)
            new_id = wanted_id or _new_id(old.model)
            _refuse_ours(site.settings, new_id)
            if new_id == old.id or standing_or_none(connection, new_id) is not None:
                raise AlreadyRegistered("device", new_id)
            household = living_household(connection, old.household_id)
            device = new_device(
                new_id, household, model=old.model, signals=old.signals, report_interval_s=old.report_interval_s, at=now
            )
            # The new one first: a home that had no motion sensor for a moment would have its clock begin anew.
            place(connection, device, at=now, by=by)
            take_out(connection, old.id, now)
            made = _give(connection, folder, device, certificate=certificate, out=out, now=now)
            folder.allow(device.id, folder.allowed(old.id))
        shut_out(site, folder)
    return made


def move(config: Path | None, device_id: str, household: str, *, out: Path) -> Installed:
    """Put the device into another household; its credential stays, what it must say in its topics changes.

    A vendor's device goes on under its own address, so there is no label to make.
    """
    with _site(config) as (site, folder):
        with site.engine.begin() as connection:
            device = standing_device(connection, device_id)
            home = living_household(connection, household)
            now = site.clock.home_now()
            moved = msgspec.structs.replace(device, household_id=home.id, dong_code=home.dong_code, enrolled_at=now)
            place(connection, moved)
            kinds = [one.kind for one in credentials(connection, device_id)]
        if moved.address is not None:
            return Installed(device=moved, topic=None, password=None, label=None)
        kind = kinds[0] if kinds else CredentialKind.PASSWORD
        return Installed(device=moved, topic=_topic(moved), password=None, label=_label(folder, moved, kind, None, out))


def revoke(config: Path | None, device_id: str) -> None:
    """End the device's credential and take it out of its household."""
    with _site(config) as (site, folder):
        now = site.clock.home_now()
        with site.engine.begin() as connection:
            stands = standing_or_none(connection, device_id)
            if stands is not None:
                take_out(connection, stands.id, now)
            elif not revoke_credential(connection, device_id, now):
                raise NotRegistered("device", device_id)
        shut_out(site, folder)


def shut_out(site: Opened, folder: BrokerFolder) -> None:
    """Take from the broker's files whatever the register has revoked; done again it changes nothing."""
    with site.engine.connect() as connection:
        ended = [one for one in credentials(connection) if one.revoked_at is not None]
    for one in ended:
        folder.drop_password(one.device_id)
        folder.allow(one.device_id, ())
        if one.serial is not None:
            revoke_device(folder, one.serial, site.clock.machine_now())


def shut_out_removed(site: Opened) -> None:
    """The same for a site that has a broker of its own; elsewhere there is nothing to do."""
    folder = BrokerFolder(site.settings.broker_folder)
    if folder.ca_key.exists():
        shut_out(site, folder)


@contextmanager
def _site(config: Path | None) -> Iterator[tuple[Opened, BrokerFolder]]:
    with open_site(config) as site:
        folder = existing_folder(site.settings.broker_folder)
        try:
            yield site, folder
        except (EntryWrong, AlreadyRegistered, NotRegistered) as error:
            raise unregistered(error) from error
        except OSError as error:
            raise Refusal(f"{error.filename}: {error.strerror}") from error


def _give(
    connection: Connection, folder: BrokerFolder, device: Device, *, certificate: bool, out: Path, now: Millis
) -> Installed:
    """Make the credential and its files inside the transaction: what cannot be written is not enrolled either."""
    out.mkdir(parents=True, exist_ok=True)
    kind = CredentialKind.CERTIFICATE if certificate else CredentialKind.PASSWORD
    password: str | None = None
    files: tuple[Path, ...] = ()
    serial: int | None = None
    if certificate:
        made = sign_device(folder, device.id, now)
        serial = made.serial
        files = (out / f"{device.id}.crt", out / f"{device.id}.key", out / "ca.crt")
        for file, content in zip(files, (made.certificate, made.key, folder.ca_crt.read_bytes()), strict=True):
            _write(file, content)
    else:
        password = secrets.token_urlsafe(18)
    before = note_credential(connection, device.id, kind, serial=serial, at=now)
    label = _label(folder, device, kind, password, out)
    if before is not None and before.serial is not None:
        revoke_device(folder, before.serial, now)
    if password is None:
        folder.drop_password(device.id)
    else:
        folder.set_password(device.id, password)
    return Installed(device=device, topic=_topic(device), password=password, label=label, files=files)


def _label(folder: BrokerFolder, device: Device, kind: CredentialKind, password: str | None, out: Path) -> Path:
    """The QR code as PNG, for its owner's eyes alone: it may hold the password."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"{device.id}.png"
    _write(path, b"")
    segno.make(label_text(folder, device, kind, password), error="q", micro=False).save(str(path), kind="png", scale=8, border=4)
    return path


def label_text(folder: BrokerFolder, device: Device, kind: CredentialKind, password: str | None) -> str:
    """What the label says: where to connect, as whom, under which topic, and whose certificate to expect there."""
    authority = x509.load_pem_x509_certificate(folder.ca_crt.read_bytes()).public_bytes(Encoding.DER)
    user = device.id if password is None else f"{device.id}:{quote(password, safe='')}"
    host = server_hosts(folder)[0]
    return f"mqtts://{user}@{host}:{_PORTS[kind]}/{_topic(device)}?ca-sha256={sha256(authority).hexdigest()}"


def _refuse_ours(settings: Settings, device_id: str) -> None:
    """A device under a name of ours would be given our account at the broker: all that we hear, and our queue."""
    if device_id in (*our_accounts(settings), settings.canary.username or CANARY_ACCOUNT):
        raise Refusal(
            say(
                f"{device_id} 은(는) 사이트 자신의 브로커 계정입니다",
                f"{device_id} is an account of the site's own at the broker",
            ),
            say("--id 로 다른 번호를 주십시오", "give it another --id"),
        )


def _refuse_a_vendors(device: Device) -> None:
    """What it has is an address at its vendor's gateway; with an account of ours it would not be heard any more."""
    if device.address is None:
        return
    dialect, _, name = device.address.partition("/")
    signals = " ".join(f"--signal {signal}" for signal in device.signals)
    raise Refusal(
        say(f"{device.id} 은(는) {dialect} 기기입니다: {name}", f"{device.id} is a device of {dialect}: {name}"),
        f"anbu device add ID --household {device.household_id} {signals} --dialect {dialect} --address "
        + say("주소", "ADDRESS")
        + f", anbu device remove {device.id}",
    )


def _vendor_topic(text: str) -> str:
    """The filter, where it is one and leaves our own topics and everybody else's alone; Refusal otherwise."""
    *above, last = levels = text.split("/")
    whole = all(level == "+" or not set(level) & set("+#") for level in above)
    whole = whole and (last in ("+", "#") or not set(last) & set("+#"))
    ours = levels[0] in ("", "+", "#", ROOT.partition("/")[0]) or levels[0].startswith("$")
    if not whole or ours or not text.isprintable():
        raise Refusal(f"--topic {text}", "zigbee2mqtt/#, shellies/#, tele/plug-7/#")
    return text


def _topic(device: Device) -> str:
    return f"{ROOT}/{device.dong_code}/{device.household_id}/{device.id}"


def _new_id(model: str) -> DeviceId:
    return DeviceId(f"{slug(model)[:20].rstrip('-')}-{''.join(secrets.choice(_LETTERS) for _ in range(8))}")


def _write(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
