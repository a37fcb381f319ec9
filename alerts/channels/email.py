"""The e-mail channel: one letter in text and HTML over SMTP, with the delivery id as its Message-ID."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path

from alerts.delivery import Permanent, Result, Sent, Temporary
from alerts.letter import Letter
from ingest.clock import SEOUL, Clock, to_datetime


class Security(StrEnum):
    """How the way to the server is protected; `none` on this machine alone."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where and as whom we hand in letters."""

    host: str
    port: int
    security: Security
    sender: str  # an address
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None  # None: the system's authorities


class Email:
    """A carrier of e-mail. Safe to use from several threads: each letter has a connection of its own."""

    def __init__(self, server: MailServer, clock: Clock, *, timeout_s: float = 5.0) -> None:
        self._server = server
        self._clock = clock
        self._timeout_s = timeout_s

    def carry(self, address: str, letter: Letter) -> Result:
        """4xx, a broken and a silent connection are temporary; 5xx, a refused log-in and a missing TLS are permanent."""
        try:
            with self._connected() as smtp:
                smtp.send_message(self._written(address, letter))
        except smtplib.SMTPRecipientsRefused as refused:
            return _judged(next(iter(refused.recipients.values()))[0], "the recipient is refused")
        except smtplib.SMTPResponseException as error:
            return _judged(error.smtp_code, type(error).__name__)
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as error:
            return Permanent(error=f"the mail server cannot be used so: {type(error).__name__}")
        except (smtplib.SMTPException, OSError) as error:
            return Temporary(error=f"no answer: {type(error).__name__}")
        return Sent()

    def probe(self) -> None:
        """Connect and log in, send nothing; raises what smtplib raises."""
        with self._connected() as smtp:
            smtp.noop()

    def _connected(self) -> _Session:
        return _Session(self._server, self._timeout_s)

    def _written(self, address: str, letter: Letter) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = letter.subject
        mail["From"] = Address(display_name="안부", addr_spec=self._server.sender)
        mail["To"] = Address(addr_spec=address)
        mail["Date"] = format_datetime(to_datetime(self._clock.machine_now()).astimezone(SEOUL))
        mail["Message-ID"] = f"<{letter.id}@{self._server.sender.partition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        if letter.danger:
            mail["Importance"] = "high"
        mail.set_content(letter.text + "\n")
        mail.add_alternative(letter.html, subtype="html")
        return mail


class _Session:
    """A connection that is logged in, and closed at the end whatever happened: a letter taken stays taken."""

    def __init__(self, server: MailServer, timeout_s: float) -> None:
        context = ssl.create_default_context(cafile=server.ca_file)
        if server.security is Security.TLS:
            self._smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=timeout_s, context=context)
        else:
            self._smtp = smtplib.SMTP(server.host, server.port, timeout=timeout_s)
        try:
            if server.security is Security.STARTTLS:
                self._smtp.starttls(context=context)
            if server.username is not None:
                self._smtp.login(server.username, server.password or "")
        except BaseException:
            self._smtp.close()
            raise

    def __enter__(self) -> smtplib.SMTP:
        return self._smtp

    def __exit__(self, *_: object) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self._smtp.quit()
        self._smtp.close()


def _judged(code: int, why: str) -> Result:
    text = f"{why}: {code}"
    # Only a whole 5xx says never: half an answer has a number too.
    return Permanent(error=text) if 500 <= code < 600 else Temporary(error=text)
