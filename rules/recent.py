"""The samples of temperature and humidity that were judged lately: where one that comes late finds its place among them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from ingest.readings import Mask
from rules.columns import NEVER, UNSET, Floats, Ints, raw
from rules.samples import Samples

_TYPES = ("<i4", "<f8", "<i8", "<i8", "|b1")


class _Part(NamedTuple):
    """Samples as columns of 29 bytes a row; their homes are those in which the devices stand."""

    device: Ints  # row in Devices; -1: forgotten
    value: Floats
    at: Ints  # ms UTC
    offset: Ints
    air: Mask

    def chosen(self, which: Mask) -> _Part:
        """These alone."""
        device, value, at, offset, air = self
        return _Part(device[which], value[which], at[which], offset[which], air[which])


_NOTHING = _Part(*(np.zeros(0, dtype=kind) for kind in _TYPES))


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot keeps them: the columns as bytes."""

    columns: list[memoryview]
    cleared: int


class Recent:
    """The samples, in the order in which they were judged first."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self.cleared = NEVER  # when old ones were last given up (ms UTC, rounded down)

    def add(self, samples: Samples) -> None:
        """These have been judged."""
        columns = (samples.device, samples.value, samples.at, samples.offset, samples.air)
        self._parts.append(_Part(*(one.astype(kind) for one, kind in zip(columns, _TYPES, strict=True))))

    def of(self, devices: Mask, household: Ints) -> Samples:
        """Those of these devices; `devices` and `household` by device row."""
        asked = np.append(devices, False)  # the last one: of those that are forgotten
        return _samples(_joined([part.chosen(asked[part.device]) for part in self._parts]), household)

    def give_up(self, floor: Ints, household: Ints) -> Samples:
        """Take out and return those before the floor (ms UTC by device row) of their device, in their order."""
        floors = np.append(floor, UNSET)
        whole = _joined(self._parts)
        old = whole.at < floors[whole.device]
        self._parts = [whole.chosen(~old)]
        return _samples(whole.chosen(old & (whole.device >= 0)), household).in_order()

    def forget(self, device: int) -> None:
        """The device begins anew, maybe elsewhere."""
        for part in self._parts:
            part.device[part.device == device] = -1

    def clear(self) -> None:
        """Forget all."""
        self._parts = []

    def dump(self) -> Kept:
        """The same samples judged in the same order give the same bytes."""
        return Kept([raw(column) for column in _joined(self._parts)], self.cleared)

    def load(self, kept: Kept) -> None:
        """Hold what `dump` gave."""
        columns = (np.frombuffer(one, dtype=kind).copy() for one, kind in zip(kept.columns, _TYPES, strict=True))
        self._parts, self.cleared = [_Part(*columns)], kept.cleared


def _joined(parts: list[_Part]) -> _Part:
    return _Part(*(np.concatenate(columns) for columns in zip(_NOTHING, *parts, strict=True)))


def _samples(part: _Part, household: Ints) -> Samples:
    device = part.device.astype(np.int64)
    return Samples(household[device].astype(np.int64), device, part.value, part.at, part.offset, part.air)
