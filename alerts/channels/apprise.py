"""The Apprise channel: whatever of the services Apprise knows a person has, by its URL."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import apprise

from alerts.delivery import Permanent, Result, Sent, Temporary
from alerts.letter import Letter
from alerts.private_way import LOOPBACK

# It writes addresses, which hold tokens, into the log.
logging.getLogger("apprise").setLevel(logging.CRITICAL)


class Apprise:
    """A carrier over Apprise. It only says whether it worked, so a failure is temporary; a URL it cannot read is permanent."""

    def carry(self, address: str, letter: Letter) -> Result:
        """Hand it over. Its own time limits are 4 s to connect and 4 s to read."""
        service = apprise.Apprise.instantiate(address)
        if not isinstance(service, apprise.NotifyBase):
            return Permanent(error="not an Apprise URL of a service known here")
        if not _is_encrypted(address, service):
            return Permanent(error="the service's URL is not its encrypted one")
        kind = apprise.NotifyType.FAILURE if letter.danger else apprise.NotifyType.WARNING
        if service.notify(body=letter.text, title=letter.subject, notify_type=kind):
            return Sent()
        return Temporary(error="the service did not take it")


def _is_encrypted(address: str, service: apprise.NotifyBase) -> bool:
    secure: object = service.secure_protocol  # a scheme, several, or None
    schemes = (secure,) if isinstance(secure, str) else tuple(secure) if isinstance(secure, Iterable) else ()
    return address.partition("://")[0].lower() in schemes or str(service.host) in LOOPBACK
