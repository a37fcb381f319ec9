"""How a site's own Mosquitto gets its folder: authority, certificates, our two accounts, topics and configuration."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anbu.broker_conf import Place, site_conf
from anbu.broker_pki import make_authority, server_hosts, sign_server
from anbu.broker_site import AccountWrong, BrokerFolder, write_acl
from anbu.ending import Refusal
from anbu.language import say
from anbu.settings import Settings
from ingest.clock import Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeBroker:
    """The folder as it was made; `password` is to be shown once, None where the settings held it."""

    folder: BrokerFolder
    accounts: tuple[str, str]  # who listens, who acknowledges
    hosts: tuple[str, ...]
    password: str | None
    readable: bool  # the broker's group may read it


def our_accounts(settings: Settings) -> tuple[str, str]:
    """Under which names we listen and acknowledge at a broker that asks for them."""
    listener = settings.broker.username or settings.broker.client_id
    return listener, settings.broker.acks_username or f"{listener}-acks"


def make_broker(settings: Settings, hosts: Sequence[str], now: Millis) -> MadeBroker:
    """Make everything Mosquitto reads; Refusal where there is an authority already: devices trust it."""
    folder = BrokerFolder(settings.broker_folder)
    if folder.ca_key.exists() or folder.passwd.exists():
        raise Refusal(
            say(
                f"{folder.folder} 이(가) 이미 있습니다. 덮어쓰지 않습니다.", f"{folder.folder} is there; nothing is overwritten."
            ),
            say("서버 인증서 갱신은 anbu broker renew", "to renew the broker's certificate: anbu broker renew"),
        )
    names = tuple(hosts) or _own_names()
    given = settings.broker.password
    password = given.get_secret_value() if given else secrets.token_urlsafe(24)
    listener, acks = accounts = our_accounts(settings)
    try:
        readable = folder.make()
        make_authority(folder, f"anbu {settings.site.name}", now)
        sign_server(folder, names, now)
        write_acl(folder, listener, acks, settings.broker.client_id)
        folder.set_password(listener, password)
        folder.set_password(acks, _acks_password(settings, password))
        place = Place(folder=folder.folder.resolve(), port=settings.broker.port)
        folder.write(folder.conf, site_conf(place).encode())
    except AccountWrong as error:
        raise Refusal(str(error), say("[broker] 의 username 을 고치십시오", "mend username in [broker]")) from error
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error
    return MadeBroker(folder=folder, accounts=accounts, hosts=names, password=None if given else password, readable=readable)


def renew_server(settings: Settings, hosts: Sequence[str], now: Millis) -> tuple[str, ...]:
    """A new certificate for the broker, by default for the same names; devices notice nothing."""
    folder = existing_folder(settings.broker_folder)
    try:
        names = tuple(hosts) or server_hosts(folder)
        with folder.changing():
            sign_server(folder, names, now)
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error
    return names


def existing_folder(path: Path) -> BrokerFolder:
    """The folder; Refusal where it was not made yet."""
    folder = BrokerFolder(path)
    if not folder.ca_key.exists():
        raise Refusal(say(f"{path} 이(가) 없습니다", f"there is no {path}"), "anbu broker init")
    return folder


def _acks_password(settings: Settings, password: str) -> str:
    given = settings.broker.acks_password
    return given.get_secret_value() if given else password


def _own_names() -> tuple[str, ...]:
    return tuple(dict.fromkeys((socket.getfqdn(), socket.gethostname(), "localhost", "127.0.0.1")))
