"""One try to reach somebody about a check: by a rung of the ladder, or by hand; and what a machine's call was answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from alerts.ladder import Who
from ingest.clock import Millis

HAND = "hand"
"""The rung of a try that a person made beside the ladder."""


class Result(StrEnum):
    """What became of a try; those a machine can be given come with growing weight."""

    UNREACHABLE = "unreachable"  # it could not be delivered at all
    NO_ANSWER = "no_answer"
    NO_KEY = "no_key"  # somebody answered and pressed nothing that means anything
    WELL = "well"  # 1: I am well
    HELP = "help"  # 2: I need help
    TAKEN = "taken"  # of telling staff: somebody took the check
    UNTAKEN = "untaken"  # nobody did while the try lasted
    STOPPED = "stopped"  # something else made it needless
    REACHED = "reached"  # by hand: spoken with, or seen


class Untold(StrEnum):
    """Why a try told nobody although somebody may well have had duty."""

    SILENCE = "silence"  # notices of this home, device, rule or dong are silenced; they come when that ends
    OUTAGE = "outage"  # its home is in an outage: those on duty are told in a digest
    NO_CONTACT = "no_contact"  # those on duty have no contact point this site can use
    NO_ROSTER = "no_roster"  # nobody had been put on any roster yet


class Answer(StrEnum):
    """What a call or message to the resident brought, as a gateway reports it."""

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    NO_KEY = "no_key"
    WELL = "well"
    HELP = "help"


_WEIGHT = {Result(answer): weight for weight, answer in enumerate(Answer, 1)}

ByHand = Literal[Result.REACHED, Result.NO_ANSWER, Result.UNREACHABLE]
"""What a person may say of a try of their own."""
BY_HAND: tuple[ByHand, ...] = (Result.REACHED, Result.NO_ANSWER, Result.UNREACHABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try; instants are home time. `number` counts all tries of its check from 1."""

    check_id: str
    number: int
    rung: str  # its name in the check's ladder, or HAND
    who: Who
    channel: str  # call, message, duty; of a try by hand phone, visit
    actor: str  # `tick`, `rules`, or a login
    at: Millis
    ends_at: Millis | None  # when the ladder goes on; None: by hand
    result: Result | None  # None: not known yet
    result_at: Millis | None
    result_by: str | None  # a login, `resident`, or who noticed
    delivery_id: str | None  # of a call or message to the resident: what its answer names

    @property
    def automatic(self) -> bool:
        """Whether a machine asked the resident."""
        return self.delivery_id is not None


def outweighs(answer: Answer, known: Result | None) -> bool:
    """Whether an answer says more than what is known: reports come twice and in any order, and help is never lost."""
    return known not in _WEIGHT or _WEIGHT[Result(answer)] > _WEIGHT[known]
