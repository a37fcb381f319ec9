"""The last SOS, smoke or gas message of each device, so that an echo of it can be told from a new one."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import msgspec

from ingest.reading import Signal

STRANGERS = 4_096
"""Devices nobody enrolled of which the last message is remembered; of a forgotten one an echo raises again."""


class Mark(NamedTuple):
    """What tells one urgent message from another: it differs when any of these does."""

    value: float
    t: float | None
    boot: int | None
    seq: int | None
    rest: int  # a checksum of the payload where it could not be read well


class _State(msgspec.Struct, array_like=True):
    known: list[tuple[str, str, Mark]]
    strangers: list[tuple[str, str, Mark]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class LastUrgent:
    """The newest mark of each device and signal."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Mark] = {}
        self._strangers: OrderedDict[tuple[str, str], Mark] = OrderedDict()  # the longest unheard first

    def note(self, device_id: str, signal: Signal, mark: Mark, *, enrolled: bool) -> bool:
        """Make this the last one; True where it differs from the one before."""
        key = (device_id, signal.value)
        if enrolled:
            before = self._known.get(key)
            self._known[key] = mark
            return before != mark
        before = self._strangers.pop(key, None)
        self._strangers[key] = mark
        if len(self._strangers) > STRANGERS:
            self._strangers.popitem(last=False)
        return before != mark

    def forget(self, device_id: str) -> None:
        """The device is gone."""
        for key in [key for key in self._known if key[0] == device_id]:
            del self._known[key]

    def snapshot(self) -> bytes:
        """Everything known; the same content, heard in the same order, gives the same bytes."""
        return _encoder.encode(
            _State(
                [(*key, mark) for key, mark in sorted(self._known.items(), key=lambda item: item[0])],
                [(*key, mark) for key, mark in self._strangers.items()],
            )
        )

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        past = _decoder.decode(state) if state is not None else _State([], [])
        self._known = {(device_id, signal): mark for device_id, signal, mark in past.known}
        self._strangers = OrderedDict(((device_id, signal), mark) for device_id, signal, mark in past.strangers)
