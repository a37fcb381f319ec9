"""What every simulator hands on: a device as it is enrolled, and a message as it is published."""

from __future__ import annotations

import msgspec

from ingest.clock import Millis


class SimDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A simulated device, with all that its enrolment asks for."""

    device_id: str
    model: str
    signals: tuple[str, ...]  # as they stand in topics
    report_interval_s: int  # seconds; 0: speaks only when something happens
    enrolled_at: Millis


class SimMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One MQTT message; `at` is the home time at which it is published, a little after the device observed it."""

    at: Millis
    topic: str
    payload: bytes
    retain: bool = False
