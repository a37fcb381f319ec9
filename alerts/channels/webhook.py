"""The webhook channel: a signed HTTP POST that a receiver can verify and take twice without harm."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from alerts.channels.wire import Answer, Wire
from alerts.delivery import Delivery, Permanent, Result, Sent
from ingest.clock import MINUTE, SECOND, Clock, Millis

TOLERANCE: Millis = 5 * MINUTE
"""How old, or how far ahead, a signed request may be that somebody sends to us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a recipient listens. The secret signs; both stay out of logs and error texts."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)


class Webhook:
    """POSTs the message as JSON. Safe to use from several threads.

    `Idempotency-Key` is the delivery id, the same at every attempt. `Anbu-Timestamp` is unix seconds of machine time,
    `Anbu-Signature` is `v1=` and the hex HMAC-SHA256 of timestamp, a full stop, and the body: check it, and that the
    timestamp is recent.
    """

    def __init__(self, find: Callable[[str], Endpoint | None], clock: Clock, wire: Wire) -> None:
        self._find = find
        self._clock = clock
        self._wire = wire

    def send(self, delivery: Delivery) -> Result:
        """2xx is sent; what `Wire` finds temporary is; all else is permanent."""
        endpoint = self._find(delivery.recipient)
        if endpoint is None:
            return Permanent(error="no webhook is set up for this recipient")
        headers = signed_headers(endpoint.secret, self._clock, delivery.id, delivery.body)
        answer = self._wire.ask("POST", endpoint.url, content=delivery.body, headers=headers, read=False)
        if not isinstance(answer, Answer):
            return answer
        return Sent() if answer.ok else Permanent(error=f"status {answer.status}")


def signed_headers(secret: bytes, clock: Clock, key: str, body: bytes) -> dict[str, str]:
    """The headers of a signed JSON request of ours."""
    timestamp = str(clock.machine_now() // SECOND)
    return {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Anbu-Timestamp": timestamp,
        "Anbu-Signature": sign(secret, timestamp, body),
    }


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """The value of `Anbu-Signature`, for receivers and tests as well."""
    return "v1=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(secret: bytes, timestamp: str, signature: str, body: bytes, now: Millis) -> bool:
    """Whether a request to us was signed with this secret, and lately."""
    if not timestamp.isascii() or not timestamp.isdecimal() or abs(int(timestamp[:12]) * SECOND - now) > TOLERANCE:
        return False
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode())
