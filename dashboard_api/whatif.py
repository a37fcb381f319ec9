"""The port through which other rules are tried on a dong's past."""

from __future__ import annotations

from typing import Protocol

from ingest.clock import Millis
from rules.backtest.whatif import WhatIf


class WhatIfBusy(Exception):
    """Somebody else's is being tried."""


class WhatIfFailed(Exception):
    """It did not come to an end: `too_much` (not within its time), `no_journal`, `ended` (the process died)."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class TriesRules(Protocol):
    """Tries rule texts; may take minutes, in a process of its own."""

    def __call__(
        self, *, dong: str, in_force: str, proposed: str, since: Millis, until: Millis, minutes_a_check: float
    ) -> WhatIf:
        """Both over [since, until). Raises WhatIfBusy, WhatIfFailed."""
        ...
