"""Samples of temperature and humidity between their coming and the next grid point, when they are put in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from rules.columns import Floats, Ints, Rows


class Samples(NamedTuple):
    """Samples as columns."""

    home: Rows  # in Households
    device: Rows  # in Devices
    value: Floats
    at: Ints  # ms UTC
    offset: Ints
    air: npt.NDArray[np.bool_]  # a temperature, else a humidity

    def chosen(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Samples:
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


class Waits(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot keeps them."""

    home: list[int]
    device: list[int]
    value: list[float]
    at: list[int]
    offset: list[int]
    air: list[bool]


class Waiting:
    """The samples that have come since the last grid point."""

    def __init__(self) -> None:
        self._chunks: list[Samples] = []

    def add(self, samples: Samples) -> None:
        """Some more."""
        if len(samples.home):
            self._chunks.append(samples)

    def take(self) -> Samples | None:
        """All of them in their order; None: there are none."""
        if not self._chunks:
            return None
        samples, self._chunks = Samples.join(self._chunks).in_order(), []
        return samples

    def dump(self) -> Waits:
        """What a snapshot keeps, as they came."""
        return Waits(*([value for chunk in self._chunks for value in chunk[place].tolist()] for place in range(6)))

    def load(self, kept: Waits) -> None:
        """Hold what `dump` gave."""
        ints, floats = np.int64, np.float64
        types = (ints, ints, floats, ints, ints, np.bool_)
        columns = (kept.home, kept.device, kept.value, kept.at, kept.offset, kept.air)
        self._chunks = []
        self.add(Samples(*(np.array(one, dtype=kind) for one, kind in zip(columns, types, strict=True))))
