"""Stand-in: what is known of homes in general."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rules.baseline.gaps import Gaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    name: str


def shipped() -> Prior:
    return Prior(name="shipped")


def pool(homes: Sequence[Gaps]) -> Prior:
    return Prior(name="pooled")
