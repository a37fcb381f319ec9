"""What a dialect must know of itself: which topics are its own, how a payload of them reads, which values are life."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple, Protocol, runtime_checkable

from ingest.heard import EvenPack, Heard
from ingest.reading import Signal
from ingest.wire import Topic

NOBODY = ""
"""The address of what a dialect publishes that is no device's word: commands, logs, announcements. It means nothing."""


class Route(NamedTuple):
    """Where a topic leads. `hear` reads the payloads of that topic; no bytes make it raise."""

    dialect: str
    address: str  # who speaks, by the dialect's own name; NOBODY: let it pass
    hear: Callable[[bytes], Heard]
    claim: Topic | None = None  # where the topic itself names dong, household and a device id of ours
    hear_even: Callable[[bytes], EvenPack | None] | None = None  # asked first, where there is such a thing; may pass


class Dialect(Protocol):
    """One vendor's way of speaking MQTT. A value in `Heard` belongs to the speaker when its `device_id` is empty."""

    @property
    def name(self) -> str:
        """As settings and the register write it."""
        ...

    @property
    def filters(self) -> tuple[str, ...]:
        """The MQTT topic filters to subscribe to."""
        ...

    @property
    def lasting(self) -> AbstractSet[Signal]:
        """Liveness: signals whose value is a state that is said again and again. Only its change is an event."""
        ...

    def route(self, topic: str) -> Route | None:
        """Where the topic leads; None where it is not of this dialect."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A dialect that needs what was said before; its memory is part of the decoder's state."""

    def snapshot(self) -> bytes:
        """Everything remembered; the same content gives the same bytes."""
        ...

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        ...


def silent(_payload: bytes) -> Heard:
    """Hears nothing in anything."""
    return Heard([], [])


def pass_by(dialect: str) -> Route:
    """A route for what is no device's word."""
    return Route(dialect, NOBODY, silent)
