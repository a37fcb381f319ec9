"""The webhook channel: a signed HTTP POST that a receiver can verify and take twice without harm."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import httpx

from alerts.delivery import Delivery, Permanent, Result, Sent, Temporary
from ingest.clock import SECOND, Clock, Millis, to_millis

_RETRY = frozenset({408, 425, 429})

# httpx writes every address it asks into the log at INFO, and a webhook's address is often its password.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a recipient listens. The secret signs; both stay out of logs and error texts."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


class Webhook:
    """POSTs the message as JSON. Safe to use from several threads.

    `Idempotency-Key` is the delivery id, the same at every attempt. `Anbu-Timestamp` is unix seconds of machine time,
    `Anbu-Signature` is `v1=` and the hex HMAC-SHA256 of timestamp, a full stop, and the body: check it, and that the
    timestamp is recent. Redirects are not followed: the signature was made for this receiver.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint], clock: Clock, *, timeout_s: float = 5.0) -> None:
        self._endpoints = dict(endpoints)
        self._clock = clock
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def send(self, delivery: Delivery) -> Result:
        """2xx is sent; 408, 425, 429, 5xx and a broken or silent connection are temporary; all else is permanent."""
        endpoint = self._endpoints.get(delivery.recipient)
        if endpoint is None:
            return Permanent(error="no webhook is set up for this recipient")
        headers = self._headers(delivery, endpoint)
        try:
            # A stream: the status says everything, a receiver's endless body must not hold the sender.
            with self._client.stream("POST", endpoint.url, content=delivery.body, headers=headers) as response:
                return self._judge(response)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL):
            return Permanent(error="the webhook's address is not a web address")
        except httpx.TransportError as error:
            return Temporary(error=f"no answer: {type(error).__name__}")

    def _headers(self, delivery: Delivery, endpoint: Endpoint) -> dict[str, str]:
        timestamp = str(self._clock.machine_now() // SECOND)
        return {
            "Content-Type": "application/json",
            "Idempotency-Key": delivery.id,
            "Anbu-Timestamp": timestamp,
            "Anbu-Signature": sign(endpoint.secret, timestamp, delivery.body),
        }

    def _judge(self, response: httpx.Response) -> Result:
        status = response.status_code
        if 200 <= status < 300:
            return Sent()
        if status in _RETRY or status >= 500:
            return Temporary(error=f"status {status}", retry_after=self._asked(response.headers.get("Retry-After")))
        return Permanent(error=f"status {status}")

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


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of `Anbu-Signature`, for receivers and tests as well."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
