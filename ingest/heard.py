"""What one message says before the register, the window and the clock have had their say, whatever its dialect."""

from __future__ import annotations

import msgspec

from ingest.reading import Reason, Signal


class Said(msgspec.Struct, frozen=True, gc=False):
    """One value, in the unit of its signal and within physics."""

    index: int  # which one of its message
    device_id: str
    signal: Signal
    value: float
    t: float | None = None  # the device's time in seconds since 1970 UTC
    relative: bool = False  # `t` counts from now instead


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """A value, or all of them, that cannot be taken. At most one for each index."""

    reason: Reason
    detail: str
    index: int = 0
    device_id: str | None = None  # None: the sender itself


class Heard(msgspec.Struct, gc=False):
    """All of one message. An urgent value stands under `said` even where something about it is also `wrong`."""

    said: list[Said]
    wrong: list[Wrong]
    boot: int | None = None
    seq: int | None = None
