"""Which language an operator is spoken to in: Korean, or English with ANBU_LANG=en."""

from __future__ import annotations

import os

VARIABLE = "ANBU_LANG"


def say(korean: str, english: str) -> str:
    """The text in the operator's language; both stand side by side where they are used, so that neither is forgotten."""
    return english if os.environ.get(VARIABLE, "ko").lower().startswith("en") else korean
