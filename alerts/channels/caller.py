"""Automatic calls over any provider: a signed order over HTTP, whose answer comes back by the signed callback.

A small bridge of a site's own stands between this and the provider it has a contract with (docs/channels.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from alerts.channels.phone import json_bytes, read_answer
from alerts.channels.webhook import signed_headers
from alerts.channels.wire import Wire
from alerts.delivery import Result, Sent
from alerts.letter import Letter
from ingest.clock import Clock

CALLBACK = "/api/v1/calls/answers"
"""Where the answer is posted to: of `alerts.call.CallAnswer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBridge:
    """Where orders go, what signs them and their answers, and our own address as the bridge reaches it."""

    url: str = field(repr=False)
    secret: bytes = field(repr=False)
    base_url: str


class _Taken(msgspec.Struct):
    reference: str = ""


class HttpCaller:
    """A `CallGateway`. `Idempotency-Key` is the delivery id: an order that comes twice is one call."""

    def __init__(self, bridge: CallBridge, clock: Clock, wire: Wire) -> None:
        self._bridge = bridge
        self._clock = clock
        self._wire = wire

    def carry(self, address: str, letter: Letter) -> Result:
        """Order the call; that it was ordered is all `Sent` says."""
        order = {
            "id": letter.id,
            "to": address,
            "say": letter.script,
            "keys": ["1", "2"],
            "callback": self._bridge.base_url.rstrip("/") + CALLBACK,
        }
        body = json_bytes(order)
        headers = signed_headers(self._bridge.secret, self._clock, letter.id, body)
        taken = read_answer(self._wire.ask("POST", self._bridge.url, headers=headers, content=body), _Taken)
        return Sent(reference=taken.reference or None) if isinstance(taken, _Taken) else taken
