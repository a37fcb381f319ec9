"""What came of an automatic call: a key that was pressed, an answer without one, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import assert_never

import structlog
from sqlalchemy import Engine, select, update

from alerts.attempt import Answer
from alerts.check import NotFound
from alerts.delivery import Receipt
from alerts.outbox import next_channel_at_once
from alerts.tables import delivery
from ingest.clock import Clock

_log = structlog.get_logger(__name__)

WELL, HELP = "1", "2"
"""The keys a call asks for."""


class CallResult(StrEnum):
    """How the call ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"  # the call could not be made at all


class CallAnswers:
    """Takes the answers of calls; `hand_on` (`Desk.answer`) is told each of them, and must bear to be told twice."""

    def __init__(self, engine: Engine, clock: Clock, hand_on: Callable[[str, Answer], object]) -> None:
        self._engine = engine
        self._clock = clock
        self._hand_on = hand_on

    def take(self, delivery_id: str, result: CallResult, key: str | None) -> bool:
        """False where there is no call of ours of this id. One that comes again changes nothing, unless it asks for help."""
        now = self._clock.machine_now()
        mine = delivery.c.id == delivery_id, delivery.c.channel == "call"
        with self._engine.begin() as connection:
            row = connection.execute(select(delivery).where(*mine)).first()
        if row is None:
            return False
        try:
            # Before it is written down as known: a crash in between makes the bridge tell it again.
            self._hand_on(row.telling or row.id, answer_of(result, key))
        except NotFound:
            _log.info("a call that asked nobody's well-being was answered", delivery_id=row.id)
        answered = result is CallResult.ANSWERED
        receipt = Receipt.DELIVERED if answered else Receipt.LOST
        with self._engine.begin() as connection:
            unknown = delivery.c.id == row.id, delivery.c.receipt.is_(None)
            known = connection.execute(update(delivery).where(*unknown).values(receipt=receipt, receipt_at=now)).rowcount
            if known and not answered:
                next_channel_at_once(connection, row.telling, row.rank, now)
        _log.info("call answered", delivery_id=row.id, check_id=row.check_id, result=result, key=key)
        return True


def answer_of(result: CallResult, key: str | None) -> Answer:
    """What the ladder makes of it."""
    if result is CallResult.ANSWERED:
        return {WELL: Answer.WELL, HELP: Answer.HELP}.get(key or "", Answer.NO_KEY)
    if result is CallResult.FAILED:
        return Answer.UNREACHABLE
    if result is CallResult.NO_ANSWER or result is CallResult.BUSY:
        return Answer.NO_ANSWER
    assert_never(result)
