"""Samples of temperature and humidity between their coming and the next grid point, when they are put in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from rules.columns import Floats, Ints, Rows, raw


class Samples(NamedTuple):
    """Samples as columns."""

    home: Rows  # in Households
    device: Rows  # in Devices
    value: Floats
    at: Ints  # ms UTC
    offset: Ints
    air: npt.NDArray[np.bool_]  # a temperature, else a humidity

    def chosen(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Samples:
        """These alone."""
        home, device, value, at, offset, air = self
        return Samples(home[which], device[which], value[which], at[which], offset[which], air[which])

    def in_order(self) -> Samples:
        """By time, a humidity before a temperature; then by what they say, so that none of it hangs on which came first."""
        return self.chosen(self.order())

    def order(self) -> Rows:
        """The places of these samples, put in that order."""
        return np.lexsort((self.offset, self.value, self.device, self.air, self.at))

    @classmethod
    def join(cls, parts: Sequence[Samples]) -> Samples:
        """One after the other; at least one."""
        return cls(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


_TYPES = ("<i8", "<i8", "<f8", "<i8", "<i8", "|b1")
_NONE = Samples(*(np.zeros(0, dtype=kind) for kind in _TYPES))


class Waits(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot keeps them: the columns as bytes."""

    columns: list[memoryview]


class Waiting:
    """The samples that have come since the last grid point."""

    def __init__(self) -> None:
        self._chunks: list[Samples] = []
        self.count = 0

    def add(self, samples: Samples) -> None:
        """Some more."""
        if len(samples.home):
            self._chunks.append(samples)
            self.count += len(samples.home)

    def take(self, most: int | None = None) -> Samples | None:
        """The first so many that came (None: all) in their order; None: there are none."""
        if not self._chunks:
            return None
        whole, self._chunks, self.count = Samples.join(self._chunks), [], 0
        if most is not None:
            self.add(whole.chosen(slice(most, None)))
            whole = whole.chosen(slice(most))
        return whole.in_order()

    def dump(self) -> Waits:
        """What a snapshot keeps, as they came."""
        columns = zip(_NONE, *self._chunks, strict=True)
        return Waits([raw(np.concatenate(parts)) for parts in columns])

    def load(self, kept: Waits) -> None:
        """Hold what `dump` gave."""
        self._chunks, self.count = [], 0
        self.add(Samples(*(np.frombuffer(one, dtype=kind).copy() for one, kind in zip(kept.columns, _TYPES, strict=True))))
