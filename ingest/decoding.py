"""What a decoder makes of a stretch of the journal, and what a consumer needs of one, whether it is its own or shared."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Protocol, TypeAlias

import numpy as np

from ingest.enrolment import Enrolment
from ingest.facts import Fact
from ingest.journal.port import Entry
from ingest.reading import Reading, Rejection
from ingest.readings import Readings

Item: TypeAlias = Reading | Rejection | Fact
Other: TypeAlias = Rejection | Fact | Reading
"""What is not among the columns; a reading only where it is an alarm that is of no household."""

_offset_of = itemgetter(0)


class Decoded:
    """A stretch of the journal and what it says: readings of households as columns, all else one by one with its offset.

    Of one entry the others come before its readings.
    """

    __slots__ = ("entries", "others", "readings")

    def __init__(self, entries: Sequence[Entry], readings: Readings, others: Sequence[tuple[int, Other]]) -> None:
        self.entries, self.readings, self.others = entries, readings, others

    @classmethod
    def join(cls, parts: Sequence[Decoded]) -> Decoded:
        """One after the other."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            [entry for part in parts for entry in part.entries],
            Readings.join([part.readings for part in parts]),
            [other for part in parts for other in part.others],
        )

    @property
    def weight(self) -> int:
        """What it takes to keep it in memory, in messages of one reading: some 500 bytes, of which its columns are 80."""
        return len(self.entries) + len(self.readings) // 5 + len(self.others)

    def between(self, after: int, last: int) -> Decoded:
        """The entries with `after < offset <= last`."""
        start, end = (bisect_right(self.entries, at, key=offset_of_entry) for at in (after, last))
        if start == 0 and end == len(self.entries):
            return self
        first, stop = np.searchsorted(self.readings.offset, (after, last), side="right").tolist()
        others = self.others[bisect_right(self.others, after, key=_offset_of) : bisect_right(self.others, last, key=_offset_of)]
        return Decoded(self.entries[start:end], self.readings[first:stop], others)

    def __iter__(self) -> Iterator[tuple[Entry, list[Item]]]:
        """Entry by entry, each with what it says; for those who look at few."""
        others, place = self.others, 0
        ends = np.searchsorted(self.readings.offset, [entry.offset for entry in self.entries], side="right").tolist()
        first = 0
        for entry, end in zip(self.entries, ends, strict=True):
            items: list[Item] = []
            while place < len(others) and others[place][0] == entry.offset:
                items.append(others[place][1])
                place += 1
            items += self.readings[first:end]
            first = end
            yield entry, items

    def items(self) -> Iterator[Item]:
        """What is said, in order."""
        return (item for _, items in self for item in items)

    def runs(self) -> Iterator[Readings | Other]:
        """What is said, the readings between two facts together. What else stands between those comes before them."""
        start, readings = 0, self.readings
        for offset, item in self.others:
            if not isinstance(item, Reading | Rejection) and start < len(readings):
                end = int(np.searchsorted(readings.offset, offset))
                if end > start:
                    yield readings[start:end]
                    start = end
            yield item
        if start < len(readings):
            yield readings[start:]


class Decoding(Protocol):
    """Reads the journal in order, each entry once."""

    @property
    def enrolment(self) -> Enrolment:
        """The register as the journal has it; of a shared decoder, where the first of those who share it stands."""
        ...

    def read(self, entries: Sequence[Entry]) -> Decoded:
        """What these entries mean."""
        ...

    def snapshot(self) -> bytes:
        """Everything learnt from the journal so far; the same journal gives the same bytes."""
        ...

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        ...


def offset_of_entry(entry: Entry) -> int:
    """By what entries are in order."""
    return entry.offset
