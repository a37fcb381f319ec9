"""What became of messages after a provider took them: asked for until it is known, written down once, acted upon."""

from __future__ import annotations

from typing import Protocol

import structlog
from sqlalchemy import Connection, Engine, select, update

from alerts.delivery import DeliveryState, Receipt
from alerts.outbox import next_channel_at_once
from alerts.proof import prove
from alerts.tables import delivery
from ingest.clock import HOUR, SECOND, Clock, Millis
from ingest.store import reading

_log = structlog.get_logger(__name__)

ASKED_FOR: Millis = 3 * HOUR
"""After this long a receipt is not asked for any more; the message counts as sent."""

_BATCH = 50


class Asking(Protocol):
    """A provider that knows what became of a message."""

    def receipt(self, reference: str) -> Receipt | None:
        """None while it is not known."""
        ...


class Receipts:
    """Asks one channel's provider. A message lost sends the telling's next channel on its way at once."""

    def __init__(self, engine: Engine, clock: Clock, channel: str, provider: Asking) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._channel = channel
        self._provider = provider
        self._asked: dict[str, Millis] = {}  # when each was asked for last

    def turn(self) -> int:
        """Ask for those sent longest ago first; how many became known."""
        now = self._clock.machine_now()
        open_ones = (
            select(delivery.c.reference, delivery.c.sent_at)
            .where(
                delivery.c.state == DeliveryState.SENT,
                delivery.c.channel == self._channel,
                delivery.c.reference.is_not(None),
                delivery.c.receipt.is_(None),
                delivery.c.sent_at > now - ASKED_FOR,
            )
            .order_by(delivery.c.sent_at)
        )
        with self._reading.begin() as connection:
            found = connection.execute(open_ones).all()
        self._asked = {row.reference: self._asked.get(row.reference, row.sent_at) for row in found}
        due = [row for row in found if now - self._asked[row.reference] >= _pause(now - row.sent_at)]
        known = 0
        for row in due[:_BATCH]:
            self._asked[row.reference] = now
            receipt = self._provider.receipt(row.reference)
            if receipt is not None:
                with self._engine.begin() as connection:
                    known += take_receipt(connection, self._channel, row.reference, receipt, now)
        return known


def _pause(age: Millis) -> Millis:
    """Every two seconds at first, then ever more seldom."""
    return max(2 * SECOND, age // 8)


def take_receipt(connection: Connection, channel: str, reference: str, receipt: Receipt, now: Millis) -> bool:
    """Write it down in the caller's transaction; False for one that came before, or of nothing we sent."""
    mine = delivery.c.channel == channel, delivery.c.reference == reference, delivery.c.receipt.is_(None)
    row = connection.execute(select(delivery).where(*mine)).first()
    if row is None:
        return False
    connection.execute(update(delivery).where(delivery.c.id == row.id).values(receipt=receipt, receipt_at=now))
    _log.info("receipt", delivery_id=row.id, check_id=row.check_id, channel=channel, receipt=receipt)
    if receipt is Receipt.DELIVERED:
        prove(connection, row.step, channel, row.body, now)
    else:
        next_channel_at_once(connection, row.telling, row.rank, now)
    return True
