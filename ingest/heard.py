"""What one message says before the register, the window and the clock have had their say, whatever its dialect."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from ingest.reading import Reason, Signal
from ingest.readings import Floats, Ints


class Said(msgspec.Struct, frozen=True, gc=False):
    """One value, in the unit of its signal and within physics."""

    index: int  # which one of its message
    device_id: str  # of ours in native; in a vendor's dialect an address of it, empty for the sender itself
    signal: Signal
    value: float
    t: float | None = None  # the device's time in seconds since 1970 UTC
    relative: bool = False  # `t` counts from now instead
    local: bool = False  # `t` was read off a clock in the device's own zone, as if that were UTC
    moment: bool = False  # `t` is when it happened, not when it was said: the same moment is the same event
    channel: str = ""  # which one of several inputs of the same signal
    either: Signal | None = None  # what it is where the device is enrolled with this signal and not with the other


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """A value, or all of them, that cannot be taken. At most one for each index."""

    reason: Reason
    detail: str
    index: int = 0
    device_id: str | None = None  # None: the sender itself


class EvenPack(NamedTuple):
    """A message of many values, all well, none urgent, each with the device's time; columns are `[value]`."""

    boot: int
    seq: int
    first: int  # index of the first value; the others follow
    devices: list[str]  # of the sensors that speak in it
    sensor: Ints  # which one of these
    signal: Ints  # as Signal.code
    value: Floats
    t: Floats  # seconds since 1970 UTC


class Heard(msgspec.Struct, gc=False):
    """All of one message. An urgent value stands under `said` even where something about it is also `wrong`."""

    said: list[Said]
    wrong: list[Wrong]
    boot: int | None = None
    seq: int | None = None
    key: str | None = None  # the vendor's idempotency key
    test: bool = False  # a test frame: nothing in it is life
    restated: bool = False  # a birth or a full status: its lasting values are state, whatever they were before
