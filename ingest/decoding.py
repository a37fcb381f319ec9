"""What a consumer needs of a decoder, whether it is its own or shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from ingest.enrolment import Enrolment
from ingest.facts import Fact
from ingest.journal.port import Entry
from ingest.reading import Reading, Rejection

Item: TypeAlias = Reading | Rejection | Fact


class Decoding(Protocol):
    """Reads the journal in order, each entry once."""

    @property
    def enrolment(self) -> Enrolment:
        """The register as the journal has it; of a shared decoder, where the first of those who share it stands."""
        ...

    def read(self, entries: Sequence[Entry]) -> list[tuple[Entry, list[Item]]]:
        """The entries in order, each with what it says."""
        ...

    def snapshot(self) -> bytes:
        """Everything learnt from the journal so far; the same journal gives the same bytes."""
        ...

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        ...
