"""Which devices say so much that cannot be taken that nothing of them but a call for help is taken for an hour.

What a device sends meanwhile stands in the journal and is rejected with that reason, so that nothing of it is lost: once it
is mended it can be read again (`anbu rejections retry --device`). All times are home time as the journal has it, so whoever
reads the same journal sets the same devices aside. Only enrolled devices are counted: rubbish fills no memory.
"""

from __future__ import annotations

import msgspec

from ingest.clock import HOUR, Millis
from ingest.reading import Reason

MOST_REJECTIONS = 100
"""Rejections of a device within an hour at which it is set aside."""

SET_ASIDE_FOR: Millis = HOUR

NOT_COUNTED = frozenset({Reason.DUPLICATE, Reason.RETAINED, Reason.UNKNOWN_DEVICE, Reason.SET_ASIDE})
"""What the network or the broker did, what nobody has enrolled yet, and what follows from having been set aside."""


class _Conduct(msgspec.Struct, array_like=True):
    begun: Millis  # of the hour that is counted
    rejections: int = 0
    until: Millis = 0  # set aside before this instant


class _State(msgspec.Struct, array_like=True):
    devices: list[tuple[str, _Conduct]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class SetAside:
    """Counts rejections of each device by the hour."""

    def __init__(self) -> None:
        self._devices: dict[str, _Conduct] = {}

    def holds(self, device_id: str, at: Millis) -> bool:
        """Whether the device is set aside at this instant."""
        conduct = self._devices.get(device_id)
        return conduct is not None and at < conduct.until

    def count(self, device_id: str, at: Millis) -> None:
        """One more rejection of an enrolled device; at the hundredth within an hour it is set aside from here on."""
        conduct = self._devices.get(device_id)
        if conduct is None or at >= conduct.begun + HOUR:
            conduct = self._devices[device_id] = _Conduct(at)
        conduct.rejections += 1
        if conduct.rejections == MOST_REJECTIONS:
            conduct.until = at + SET_ASIDE_FOR

    def forget(self, device_id: str) -> None:
        """The device is gone, or begins anew."""
        self._devices.pop(device_id, None)

    def snapshot(self) -> bytes:
        """Everything counted; the same content gives the same bytes."""
        return _encoder.encode(_State(sorted(self._devices.items(), key=lambda item: item[0])))

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        self._devices = dict(_decoder.decode(state).devices) if state else {}
