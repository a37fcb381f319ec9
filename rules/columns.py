"""Arrays of one length that grow together: the rows of something, one array for each thing known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

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


class Field(NamedTuple):
    """One array: its little-endian dtype, what a new row holds, and how many values a row has (0: one, not a row of one)."""

    name: str
    dtype: str
    fill: float
    per_row: int = 0
    kept: bool = True  # False: derived from the others, left out of snapshots


class Dumped(msgspec.Struct, frozen=True, array_like=True):
    """The rows as bytes: ids in row order, and the raw content of each kept array, seen in place and not copied.

    It holds only until the rows change, or the bytes go that it was read from.
    """

    ids: list[str]
    arrays: list[memoryview]


class Columns:
    """Rows with an id each; `index` finds the newest row of an id. Arrays are `[row]` or `[value, row]`."""

    FIELDS: ClassVar[tuple[Field, ...]] = ()

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.index: dict[str, int] = {}
        self._room = 64
        for field in self.FIELDS:
            setattr(self, field.name, self._fresh(field, self._room))

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, row_id: str) -> int:
        """A new row holding the fills; the number of the row."""
        row = len(self.ids)
        if row == self._room:
            self._grow(_room_for(row + 1))
        self.ids.append(row_id)
        self.index[row_id] = row
        return row

    def add_all(self, row_ids: Sequence[str]) -> None:
        """A new row for each of these, holding the fills."""
        first = len(self.ids)
        if first + len(row_ids) > self._room:
            self._grow(_room_for(first + len(row_ids)))
        self.ids.extend(row_ids)
        self.index.update(zip(row_ids, range(first, len(self.ids)), strict=True))

    def rows(self) -> Rows:
        """All row numbers."""
        return np.arange(len(self.ids), dtype=np.int64)

    def reset(self, row: int) -> None:
        """Let the row hold the fills again."""
        for field in self.FIELDS:
            getattr(self, field.name)[..., row] = field.fill

    def dump(self) -> Dumped:
        """The same rows always give the same bytes."""
        return Dumped(self.ids, [raw(array) for _, array in self._kept()])

    def load(self, dumped: Dumped) -> None:
        """Hold what `dump` gave; ids that occur twice are found by their newest row."""
        count = len(dumped.ids)
        self.ids = list(dumped.ids)
        self.index = dict(zip(self.ids, range(count), strict=True))
        self._room = _room_for(count + 1)
        contents = iter(dumped.arrays)
        for field in self.FIELDS:
            if not field.kept:
                setattr(self, field.name, self._fresh(field, self._room))
                continue
            array = np.empty((field.per_row, self._room) if field.per_row else (self._room,), dtype=field.dtype)
            array[..., count:] = field.fill
            array[..., :count] = np.frombuffer(next(contents), dtype=field.dtype).reshape(*array.shape[:-1], count)
            setattr(self, field.name, array)

    def bytes_per_row(self) -> int:
        """What one row takes in the arrays."""
        return sum(np.dtype(field.dtype).itemsize * max(field.per_row, 1) for field in self.FIELDS)

    def _kept(self) -> Iterator[tuple[Field, npt.NDArray[Any]]]:
        for field in self.FIELDS:
            if field.kept:
                yield field, np.ascontiguousarray(getattr(self, field.name)[..., : len(self.ids)])

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


def _room_for(rows: int) -> int:
    """Room for so many rows: a power of two of a few, an eighth more than are needed of many, whose rows are memory."""
    return max(64, 1 << (rows - 1).bit_length()) if rows <= _MANY else rows + rows // 8


def distinct(values: Ints) -> list[int]:
    """Each value once, ascending; numpy's own way is the dearer one where there are few."""
    return sorted(set(values.tolist())) if len(values) < _FEW else np.unique(values).tolist()
