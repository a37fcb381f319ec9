"""Arrays of one length that grow together: the rows of something, one array for each thing known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Small: TypeAlias = npt.NDArray[np.uint8]
Rows: TypeAlias = npt.NDArray[np.int64]
"""Row numbers; a row may stand in it twice."""

NEVER = -(2**62)
"""An instant before all others: it has not happened."""
UNSET = 2**62
"""An instant after all others: it is not due."""


_MANY = 2**16
_FEW = 100
_PART = 2**16


class Field(NamedTuple):
    """One array: its little-endian dtype, what a new row holds, and how many values a row has (0: one, not a row of one)."""

    name: str
    dtype: str
    fill: float
    per_row: int = 0
    kept: bool = True  # False: derived from the others, left out of snapshots


class Dumped(msgspec.Struct, frozen=True, array_like=True):
    """The rows as bytes: of each kept array each of a row's values over all rows, seen in place and not copied.

    It holds only until the rows change, or the bytes go that it was read from.
    """

    rows: int
    values: list[memoryview]


class Columns:
    """Rows that are numbered as they come. Arrays are `[row]` or `[value, row]`."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()

    def __init__(self) -> None:
        self._count = 0
        self._room = 64
        for field in self.FIELDS:
            setattr(self, field.name, self._fresh(field, self._room))

    def __len__(self) -> int:
        return self._count

    def add(self, count: int = 1) -> int:
        """So many new rows holding the fills; the number of the first."""
        first = self._count
        self._count += count
        if self._count > self._room:
            self._grow(_room_for(self._count))
        return first

    def rows(self) -> Rows:
        """All row numbers."""
        return np.arange(self._count, dtype=np.int64)

    def reset(self, row: int) -> None:
        """Let the row hold the fills again."""
        for field in self.FIELDS:
            getattr(self, field.name)[..., row] = field.fill

    def take(self, rows: Rows, other: Self) -> None:
        """Let these rows be as they are in the other."""
        for field in self.FIELDS:
            getattr(self, field.name)[..., rows] = getattr(other, field.name)[..., rows]

    def dump(self) -> Dumped:
        """The same rows always give the same bytes."""
        return Dumped(self._count, [raw(values) for array in self._kept() for values in np.atleast_2d(array)])

    def load(self, dumped: Dumped) -> None:
        """Hold what `dump` gave."""
        self._count = count = dumped.rows
        self._room = _room_for(count + 1)
        contents = iter(dumped.values)
        for field in self.FIELDS:
            array = np.empty((field.per_row, self._room) if field.per_row else (self._room,), dtype=field.dtype)
            array[..., count if field.kept else 0 :] = field.fill
            if field.kept:
                for values in np.atleast_2d(array):
                    values[:count] = np.frombuffer(next(contents), dtype=field.dtype)
            setattr(self, field.name, array)

    def bytes_per_row(self) -> int:
        """What one row takes in the arrays."""
        return sum(np.dtype(field.dtype).itemsize * max(field.per_row, 1) for field in self.FIELDS)

    def _kept(self) -> Iterator[npt.NDArray[Any]]:
        for field in self.FIELDS:
            if field.kept:
                yield getattr(self, field.name)[..., : self._count]

    def _grow(self, room: int) -> None:
        for field in self.FIELDS:
            grown = self._fresh(field, room)
            grown[..., : self._room] = getattr(self, field.name)
            setattr(self, field.name, grown)
        self._room = room

    @staticmethod
    def _fresh(field: Field, room: int) -> npt.NDArray[Any]:
        shape = (field.per_row, room) if field.per_row else (room,)
        return np.full(shape, field.fill, dtype=field.dtype)


def raw(array: npt.NDArray[Any]) -> memoryview:
    """The content of an array, in place where it lies in one piece."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def by_parts(of: Callable[[Rows], Ints], rows: Rows) -> Ints:
    """`of` these rows, so many at a time: what it puts together on the way then stays in the processor's cache."""
    if len(rows) <= _PART:
        return of(rows)
    return np.concatenate([of(rows[first : first + _PART]) for first in range(0, len(rows), _PART)])


def _room_for(rows: int) -> int:
    """Room for so many rows: a power of two of a few, an eighth more than are needed of many, whose rows are memory."""
    return max(64, 1 << (rows - 1).bit_length()) if rows <= _MANY else rows + rows // 8


def distinct(values: Ints) -> list[int]:
    """Each value once, ascending; numpy's own way is the dearer one where there are few."""
    return sorted(set(values.tolist())) if len(values) < _FEW else np.unique(values).tolist()
