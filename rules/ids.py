"""The ids of rows in one piece, found by a sorted column of hashes: no objects, of which there would be millions."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from rules.columns import Ints, Rows, raw

NO_ROW = -1
"""What no row has for a number."""

_Words: TypeAlias = npt.NDArray[np.uint64]
_WORD = 8  # bytes
_LOW = 2**32 - 1
_FACTOR = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio (Knuth, TAOCP 6.4): neighbours fall far apart
_PARTS = np.array([2 ** (8 * size) - 1 for size in range(_WORD + 1)], dtype=np.uint64)
_AT_ONCE = 2**16  # rows hashed in one go: what is in between stays in the processor's cache
_FEW = 64


class Text(NamedTuple):
    """Ids one after another."""

    content: bytes  # UTF-8, and a word of nothing at its end
    starts: npt.NDArray[np.uint32]  # where each begins, and where the last one ends

    @classmethod
    def of(cls, ids: Sequence[str]) -> Text:
        """These ids."""
        joined = "".join(ids)
        parts: Sequence[str | bytes] = ids if joined.isascii() else [_written(one) for one in ids]
        starts = np.fromiter(accumulate(map(len, parts), initial=0), dtype=np.uint32, count=len(ids) + 1)
        return cls(_written(joined) + bytes(_WORD), starts)

    def spans(self, rows: Rows) -> tuple[Ints, Ints]:
        """Where these begin, and how many bytes they take."""
        starts = self.starts[rows].astype(np.int64)
        return starts, self.starts[rows + 1] - starts

    def words(self, starts: Ints, lengths: Ints, place: int) -> _Words:
        """Of each of these spans the eight bytes at so many words from its start, with zeros after its end."""
        left = np.clip(lengths - place * _WORD, 0, _WORD)
        anywhere: npt.NDArray[Any] = np.ndarray((len(self.content) - _WORD + 1,), "<u8", self.content, strides=(1,))
        return np.asarray(anywhere[np.where(left > 0, starts + place * _WORD, 0)] & _PARTS[left])

    def hashes(self) -> _Words:
        """A hash of each, the same as `_hash` makes, in the upper half of the number."""
        found = np.empty(len(self.starts) - 1, dtype=np.uint64)
        for first in range(0, len(found), _AT_ONCE):
            rows = np.arange(first, min(first + _AT_ONCE, len(found)))
            starts, lengths = self.spans(rows)
            part = lengths.astype(np.uint64)
            for place in range(_words_in(int(lengths.max()))):
                part = np.where(lengths > place * _WORD, _stirred(part, self.words(starts, lengths, place)), part)
            found[rows] = part & ~np.uint64(_LOW)
        return found


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """As a snapshot has them, seen in place: see `rules.columns.Dumped`."""

    text: memoryview
    starts: memoryview


class Ids:
    """By row its id, and by id the newest row that has it.

    What was added since the last `load` or `add_all` is found by a dictionary.
    """

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        self._later: list[str] = []  # those after the text
        self._hold(Text.of([]))
        self._sort()

    def __len__(self) -> int:
        return len(self._starts) - 1 + len(self._later)

    def __getitem__(self, row: int) -> str:
        if row >= len(self._starts) - 1:
            return self._later[row - len(self._starts) + 1]
        return self._text.content[self._starts[row] : self._starts[row + 1]].decode("utf-8", "surrogatepass")

    def add(self, row_id: str) -> int:
        """The id of one more row; the number of the row."""
        row = self._newest[row_id] = len(self)
        self._later.append(row_id)
        return row

    def add_all(self, row_ids: Sequence[str]) -> None:
        """The ids of many more rows."""
        self._later += row_ids
        self._write()
        self._sort()

    def find(self, row_id: str) -> int | None:
        """The newest row of this id; None: there is none."""
        row = self._newest.get(row_id)
        if row is not None or not len(self._keys):
            return row
        written = _written(row_id)
        low = _hash(written) << 32
        place = bisect_right(self._keys, low | _LOW)
        while place and self._keys[place - 1] >= low:
            place -= 1
            row = self._keys[place] & _LOW
            if self._text.content[self._starts[row] : self._starts[row + 1]] == written:
                return row
        return None

    def find_all(self, row_ids: Sequence[str]) -> Rows:
        """The newest row of each of these ids; NO_ROW where there is none."""
        found = np.full(len(row_ids), NO_ROW, dtype=np.int64)
        if self._newest:
            found[:] = [self._newest.get(one, NO_ROW) for one in row_ids]
        missing = np.flatnonzero(found == NO_ROW)
        if len(missing) > _FEW and len(self._keys):
            found[missing] = self._found([row_ids[place] for place in missing.tolist()])
            missing = np.flatnonzero(found == NO_ROW)
        for place in missing.tolist():  # few, nobody we know, or one whose hash is another's too
            row = self.find(row_ids[place])
            found[place] = NO_ROW if row is None else row
        return found

    def _found(self, row_ids: Sequence[str]) -> Rows:
        """As `find_all`, but only the newest row of each hash is looked at."""
        keys, asked = np.asarray(self._keys), Text.of(row_ids)
        wanted = asked.hashes()
        places = np.searchsorted(keys, wanted | np.uint64(_LOW), side="right") - 1
        rows = (keys[places] & np.uint64(_LOW)).astype(np.int64)
        starts, lengths = asked.spans(np.arange(len(rows)))
        there, as_long = self._text.spans(rows)
        same = (places >= 0) & (lengths == as_long)
        for place in range(_words_in(int(lengths.max()))):
            same &= asked.words(starts, lengths, place) == self._text.words(there, as_long, place)
        return np.where(same, rows, NO_ROW)

    def dump(self) -> Kept:
        """The same ids give the same bytes."""
        self._write()
        return Kept(memoryview(self._text.content)[: self._starts[-1]], raw(self._text.starts))

    def load(self, kept: Kept) -> None:
        """Hold what `dump` gave."""
        self._newest, self._later = {}, []
        self._hold(Text(bytes(kept.text) + bytes(_WORD), np.frombuffer(kept.starts, dtype="<u4").astype(np.uint32)))
        self._sort()

    def _write(self) -> None:
        """Put all ids into the text."""
        if self._later:
            before, more = self._text, Text.of(self._later)
            starts = np.concatenate((before.starts[:-1], more.starts + before.starts[-1]))
            self._later = []
            self._hold(Text(before.content[:-_WORD] + more.content, starts))

    def _hold(self, text: Text) -> None:
        self._text, self._starts = text, text.starts.data

    def _sort(self) -> None:
        """Have every id of the text found by its hash: in order of hashes, and the rows of one hash in their own."""
        self._newest = {}
        keys = self._text.hashes()
        keys |= np.arange(len(keys), dtype=np.uint64)
        keys.sort()
        self._keys = keys.data


def _written(row_id: str) -> bytes:
    """An id of a topic that was no UTF-8 has lone surrogates: nobody's, but it may be asked for."""
    return row_id.encode("utf-8", "surrogatepass")


def _words_in(length: int) -> int:
    return -(-length // _WORD)


def _hash(written: bytes) -> int:
    """32 bits of an id."""
    value = len(written)
    for at in range(0, len(written), _WORD):
        value = (value ^ int.from_bytes(written[at : at + _WORD], "little")) * _FACTOR % 2**64
        value ^= value >> 32
    return value >> 32


def _stirred(values: _Words, words: _Words) -> _Words:
    mixed = (values ^ words) * np.uint64(_FACTOR)
    return np.asarray(mixed ^ mixed >> np.uint64(32))
