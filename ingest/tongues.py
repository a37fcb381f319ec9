"""Which dialects a site listens to, so that every consumer of its journal reads it alike."""

from __future__ import annotations

from dataclasses import dataclass

from ingest.decode import NOWHERE, Decoder
from ingest.dialects.registry import make_dialects, subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongues:
    """Names of dialects, and the dong that is told of an alarm of a vendor's device nobody has enrolled."""

    dialects: tuple[str, ...] = ("native",)
    dong: str = NOWHERE

    def decoder(self) -> Decoder:
        """A new decoder of all of them; every consumer has its own."""
        return Decoder(make_dialects(self.dialects), dong=self.dong)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The topic filters to subscribe to."""
        return subscriptions(self.dialects)
