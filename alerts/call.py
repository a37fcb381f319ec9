"""What came of an automatic call, taken once: a key that was pressed, an answer without one, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import msgspec
import structlog
from sqlalchemy import Connection, Engine, select, update

from alerts.delivery import Receipt
from alerts.outbox import next_channel_at_once
from alerts.tables import delivery
from ingest.clock import Clock

_log = structlog.get_logger(__name__)

WELL, HELP = "1", "2"


class CallResult(StrEnum):
    """How the call ended."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    FAILED = "failed"  # the call could not be made at all


class CallAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one call. `key` None: none was pressed."""

    delivery_id: str
    check_id: str | None
    person: str
    result: CallResult
    key: str | None = None


class CallAnswers:
    """Takes answers; `hand_on` is told each once, in the transaction that writes it down."""

    def __init__(self, engine: Engine, clock: Clock, hand_on: Callable[[Connection, CallAnswer], None]) -> None:
        self._engine = engine
        self._clock = clock
        self._hand_on = hand_on

    def take(self, delivery_id: str, result: CallResult, key: str | None) -> bool:
        """False for one that came before, and for one to no call of ours."""
        now = self._clock.machine_now()
        with self._engine.begin() as connection:
            mine = delivery.c.id == delivery_id, delivery.c.channel == "call", delivery.c.receipt.is_(None)
            row = connection.execute(select(delivery).where(*mine)).first()
            if row is None:
                return False
            answered = result is CallResult.ANSWERED
            receipt = Receipt.DELIVERED if answered else Receipt.LOST
            connection.execute(update(delivery).where(delivery.c.id == row.id).values(receipt=receipt, receipt_at=now))
            if not answered:
                next_channel_at_once(connection, row.telling, row.rank, now)
            pressed = key if answered else None
            answer = CallAnswer(
                delivery_id=row.id, check_id=row.check_id, person=row.person or row.recipient, result=result, key=pressed
            )
            _log.info("call answered", delivery_id=row.id, check_id=row.check_id, result=result, key=pressed)
            self._hand_on(connection, answer)
        return True
