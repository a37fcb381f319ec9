"""The port by which duty tells people of what is no check: nobody on duty, an unsigned handover, a silence that is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from sqlalchemy import Connection

from rules.finding import Level


class DutyKind(StrEnum):
    """Why people are told."""

    DUTY_GAP = "duty_gap"  # 당직 공백: nobody has duty for a dong
    HANDOVER = "handover"  # 인수인계서: to be signed
    HANDOVER_UNSIGNED = "handover_unsigned"
    TONIGHT = "tonight"  # the list of 17:00 is there
    SILENCE_OVER = "silence_over"
    OUTAGE_OVER = "outage_over"  # what is still unheard is listed
    OUTAGE_DIGEST = "outage_digest"  # homes of an outage whose own limits have passed
    FLOOD = "flood"  # more than one person can take: a second is called in


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyWord:
    """One thing to be told; `key` is the same whenever the same thing is told again, which then tells nobody twice."""

    key: str
    kind: DutyKind
    level: Level
    dong: str  # "-": the whole site
    code: str  # short, without personal data: a count, an id
    path: str  # the page it is about
    codes: tuple[str, ...] = ()  # of the checks it is about, the gravest first


class Tell(Protocol):
    """Write what is to be told into the caller's transaction; it leaves afterwards."""

    def __call__(self, connection: Connection, word: DutyWord, persons: Sequence[str]) -> None:
        """Tell these logins; none: whoever is told of everything."""
        ...
