"""How long the broker's certificate still holds: on the day it ends no device comes in any more, and every home falls silent."""

from __future__ import annotations

from pathlib import Path

from anbu.broker_pki import RENEW_DAYS, server_expires
from anbu.broker_site import BrokerFolder
from anbu.chores import Chore
from anbu.ending import Refusal
from anbu.language import say
from ingest.clock import DAY, Clock, Millis, to_millis

RENEW = "anbu broker renew, systemctl reload mosquitto"


class CertificateEnds(Exception):
    """It is to be renewed; the text says how many days are left."""


def certificate_looked_at(path: Path, clock: Clock) -> list[Chore]:
    """The chore that looks at the certificate of a broker of the site's own; none where there is no such broker."""
    folder = BrokerFolder(path)
    if not folder.server_crt.exists():
        return []
    return [Chore("broker certificate", lambda: look_at_certificate(folder, clock), RENEW, clock)]


def look_at_certificate(folder: BrokerFolder, clock: Clock) -> None:
    """CertificateEnds where less than RENEW_DAYS are left (machine time)."""
    left = _days_left(folder, clock.machine_now())
    if left < RENEW_DAYS:
        raise CertificateEnds(f"the broker's certificate holds for {left} days more, then no device comes in")


def say_certificate(folder: BrokerFolder, now: Millis) -> str:
    """As `anbu check` says it. Refusal where it is to be renewed."""
    left = _days_left(folder, now)
    if left < RENEW_DAYS:
        wrong = (f"브로커 인증서가 {left}일 뒤 끝나면 기기가 접속하지 못합니다", f"the broker's holds for {left} days more")
        raise Refusal(say(*wrong), RENEW)
    return say(f"브로커 인증서 {left}일 남음", f"the broker's holds for {left} days")


def _days_left(folder: BrokerFolder, now: Millis) -> int:
    return (to_millis(server_expires(folder)) - now) // DAY
