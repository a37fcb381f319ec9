"""Acknowledgements on their way from the journal's reader to the broker: the latest of each boot, none before its time."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import msgspec


class OutgoingAck(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One acknowledgement; `serial` rises with every one put in."""

    device_id: str
    boot: int
    serial: int
    payload: bytes


class AckTray:
    """Holds at most one acknowledgement per device and boot: a newer one states all that the older did. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, int], OutgoingAck] = {}
        self._confirmed: list[OutgoingAck] = []

    def put(self, acks: Iterable[OutgoingAck]) -> None:
        """Put these in, in place of older ones that still wait."""
        with self._lock:
            for ack in acks:
                self._waiting[ack.device_id, ack.boot] = ack

    def take(self, most: int) -> list[OutgoingAck]:
        """Up to `most` of those that have waited longest, taken out."""
        if not self._waiting or most <= 0:
            return []
        with self._lock:
            keys = list(self._waiting)[:most] if len(self._waiting) > most else list(self._waiting)
            return [self._waiting.pop(key) for key in keys]

    def put_back(self, acks: Iterable[OutgoingAck]) -> None:
        """These did not reach the broker; where a newer one waits, that one stays."""
        with self._lock:
            for ack in acks:
                self._waiting.setdefault((ack.device_id, ack.boot), ack)

    def confirm(self, ack: OutgoingAck) -> None:
        """The broker took it over."""
        with self._lock:
            self._confirmed.append(ack)

    def confirmed(self) -> list[OutgoingAck]:
        """What the broker took over since the last question."""
        with self._lock:
            confirmed, self._confirmed = self._confirmed, []
        return confirmed

    def __len__(self) -> int:
        return len(self._waiting)
