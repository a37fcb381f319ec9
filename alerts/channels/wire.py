"""HTTP as all channels speak it: bounded in time and size, encrypted, silent about addresses, failures as values."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeAlias

import httpx

from alerts.delivery import Permanent, Temporary
from alerts.private_way import is_private_way
from ingest.clock import SECOND, Clock, Millis, to_millis

_RETRY = frozenset({408, 425, 429})
_LARGEST = 64 * 1024
_LONGEST_S = 20.0
"""For a whole answer; well under the sender's lease."""

# httpx writes every address it asks into the log at INFO, and a webhook's address is often its password.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the other side said, except that it may work later: that is `Temporary`."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it took what was sent."""
        return 200 <= self.status < 300


Asked: TypeAlias = Answer | Temporary | Permanent


class Wire:
    """Asks web servers. Safe to use from several threads. Redirects are not followed: what is sent is for this receiver."""

    def __init__(self, clock: Clock, *, timeout_s: float = 5.0) -> None:
        self._clock = clock
        # A new connection for each: messages are seldom, and one that a firewall dropped meanwhile would cost a try.
        fresh = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False, limits=fresh)

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        read: bool = True,
    ) -> Asked:
        """Ask; 408, 425, 429, 5xx and a broken or silent connection are temporary, an address that is none is permanent.

        Without `read` the status says everything: an endless body must not hold the sender.
        """
        if not is_private_way(url):
            return Permanent(error="the address is not https")
        try:
            with self._client.stream(method, url, content=content, headers=dict(headers), params=params) as response:
                if response.status_code in _RETRY or response.status_code >= 500:
                    wait = self._asked(response.headers.get("Retry-After"))
                    return Temporary(error=f"status {response.status_code}", retry_after=wait)
                return Answer(status=response.status_code, body=self._read(response) if read else b"")
        except httpx.InvalidURL:
            return Permanent(error="the address is not a web address")
        except httpx.TransportError as error:
            return Temporary(error=f"no answer: {type(error).__name__}")

    def _read(self, response: httpx.Response) -> bytes:
        ends, body = self._clock.monotonic() + _LONGEST_S, bytearray()
        for part in response.iter_bytes():
            body += part
            if len(body) > _LARGEST:
                raise httpx.RemoteProtocolError("the answer is too long")
            if self._clock.monotonic() > ends:
                raise httpx.ReadTimeout("the answer takes too long")
        return bytes(body)

    def _asked(self, text: str | None) -> Millis | None:
        """`Retry-After` as milliseconds from now: seconds, or an HTTP date; None where unreadable."""
        if text is None:
            return None
        if text.strip().isdecimal():
            return int(text.strip()[:9]) * SECOND
        try:
            return max(0, to_millis(parsedate_to_datetime(text)) - self._clock.machine_now())
        except ValueError:
            return None
