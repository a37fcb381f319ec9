"""What the providers of 알림톡 and SMS have in common: who sends, which template says what, how long a text may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from alerts.channels.wire import Answer, Asked
from alerts.delivery import Permanent, Temporary
from alerts.letter import Audience

SHORT = 90
"""Bytes (EUC-KR) an SMS holds; a longer text goes as LMS."""

_Shape = TypeVar("_Shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Who sends: a registered number, and for 알림톡 the channel's profile with a template's code for each audience."""

    number: str  # digits; registered with the provider beforehand
    profile: str | None = None  # None: SMS alone
    templates: Mapping[Audience, str] = field(default_factory=dict)

    def template(self, audience: Audience) -> str | None:
        """The code by which this goes as 알림톡; None where it goes as SMS."""
        return self.templates.get(audience) if self.profile else None


def is_short(text: str) -> bool:
    """Whether the text fits into an SMS."""
    return len(text.encode("euc-kr", errors="replace")) <= SHORT


def json_bytes(body: Mapping[str, Any]) -> bytes:
    """The body of a request."""
    return msgspec.json.encode(body)


def read_answer(answer: Asked, shape: type[_Shape]) -> _Shape | Temporary | Permanent:
    """The answer's JSON; half of one is temporary, for nobody knows what became of the message."""
    if not isinstance(answer, Answer):
        return answer
    if not answer.ok:
        return Permanent(error=f"status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Temporary(error="the answer cannot be read")
