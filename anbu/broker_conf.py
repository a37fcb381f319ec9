"""The shipped mosquitto.conf with the lines put in that differ from site to site."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = "/var/lib/anbu/data/broker-site"
"""Where the shipped file looks for accounts, topics and certificates."""

_BESIDE = Path(__file__).resolve().parent / "mosquitto.conf"  # in an installed wheel
_WORK_TREE = _BESIDE.parent.parent / "mosquitto.conf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What differs from site to site."""

    folder: Path  # BrokerFolder
    persistence: Path = Path("/var/lib/mosquitto")  # where the broker keeps its queue
    account: str = "mosquitto"  # of the operating system, under which it runs
    port: int = 1883  # on loopback, for our own process
    password_port: int = 8883  # TLS, devices with a password
    certificate_port: int = 8884  # TLS, devices with a certificate
    bind: str | None = None  # address of the two TLS listeners; None: every one


def shipped_conf() -> str:
    """The text of mosquitto.conf as we ship it."""
    return (_BESIDE if _BESIDE.exists() else _WORK_TREE).read_text(encoding="utf-8")


def site_conf(place: Place) -> str:
    """That text for this place; ValueError where the shipped file does not have a line it should have exactly once."""
    bound = f" {place.bind}" if place.bind else ""
    lines = {
        "listener 1883 127.0.0.1": f"listener {place.port} 127.0.0.1",
        "listener 8883": f"listener {place.password_port}{bound}",
        "listener 8884": f"listener {place.certificate_port}{bound}",
        "persistence_location /var/lib/mosquitto/": f"persistence_location {place.persistence}/",
        "user mosquitto": f"user {place.account}",
    }
    text = shipped_conf()
    for line, wanted in lines.items():
        if text.count(f"\n{line}\n") != 1:
            raise ValueError(f"mosquitto.conf must hold the line {line!r} exactly once")
        text = text.replace(f"\n{line}\n", f"\n{wanted}\n")
    return text.replace(FOLDER, str(place.folder))
