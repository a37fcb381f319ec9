"""The outbox: what the desk wrote to be told is claimed, sent outside any transaction, and settled."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, assert_never

import structlog
from sqlalchemy import Connection, Engine, Row, bindparam, or_, select, update

from alerts import metrics
from alerts.check import LADDER_STEP, CheckState
from alerts.delivery import Channel, Delivery, DeliveryState, Permanent, Receipt, Result, Sent, Temporary
from alerts.pacing import DIGEST, fill, hold, room_at
from alerts.policy import Policy
from alerts.proof import prove
from alerts.rows import hurry
from alerts.tables import check, delivery
from ingest.clock import HOUR, MINUTE, SECOND, Clock, Millis
from rules.finding import Level

_log = structlog.get_logger(__name__)

LEASE: Millis = 60 * SECOND
"""After this long without a settlement a delivery is taken up again: its sender is dead. Longer than any channel tries."""

ATTEMPTS = 40
"""Below danger; with the back-off about three hours. A danger is tried until its check is resolved."""

_FIRST_WAIT: Millis = 2 * SECOND
_LONGEST_WAIT: Millis = 5 * MINUTE
_LONGEST_WAIT_IN_DANGER: Millis = 30 * SECOND
_LONGEST_ASKED: Millis = HOUR

_NEXT = (
    select(delivery, check.c.state.label("check_state"))
    .outerjoin(check, check.c.id == delivery.c.check_id)  # some are about no check
    .where(
        delivery.c.state == DeliveryState.WAITING,
        delivery.c.channel.in_(bindparam("channels", expanding=True)),
        delivery.c.due_at <= bindparam("now"),
        or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= bindparam("now")),
    )
    .order_by(delivery.c.level.desc(), delivery.c.due_at, delivery.c.id)
    .limit(1)
)

_CHANGE = update(delivery).where(delivery.c.id == bindparam("this"), delivery.c.attempts == bindparam("was"))
_ARRIVED = select(delivery.c.id).where(
    delivery.c.telling == bindparam("telling"),
    delivery.c.id != bindparam("this"),
    delivery.c.state == DeliveryState.SENT,
    or_(delivery.c.receipt.is_(None), delivery.c.receipt != Receipt.LOST),
)


class Sender:
    """Sends for the channels it is given and leaves others' deliveries alone: one sender and thread for each channel
    keeps a hanging one from holding up the rest. Several on one database never send the same at once.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        channels: Mapping[str, Channel],
        *,
        chance: random.Random | None = None,
        lease: Millis = LEASE,
        base_url: str = Policy().base_url,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._channels = dict(channels)
        self._chance = chance or random.Random()
        self._lease = lease
        self._link = base_url.rstrip("/") + "/"

    def turn(self, limit: int = 100) -> int:
        """Send what is due in machine time, the gravest first, at most `limit`; returns how many were tried.

        A temporary failure ends the turn, so that one turn waits for a hanging receiver once.
        """
        tried = 0
        while tried < limit:
            claimed = self._claim()
            if claimed is None:
                break
            tried += 1
            result = self._send(claimed)
            self._settle(claimed, result)
            if isinstance(result, Temporary):
                break
        return tried

    def _claim(self) -> Delivery | None:
        """Take the next delivery, having read its check's state in the same transaction: nothing leaves after the end."""
        waiting = {"channels": list(self._channels), "now": self._clock.machine_now()}
        with self._engine.begin() as connection:
            while (row := connection.execute(_NEXT, waiting).first()) is not None:
                if not _wanted(row, self._clock.home_now()) or _reached_otherwise(connection, row):
                    _withdraw(connection, row)
                elif (room := room_at(connection, row, now := self._clock.machine_now())) is not None:
                    self._put_off(connection, row, now, room)
                elif (body := fill(connection, row) if row.step == DIGEST else row.body) is None:
                    _withdraw(connection, row)
                else:
                    return self._take(connection, row, body)
        return None

    def _put_off(self, connection: Connection, row: Row[Any], now: Millis, room: Millis) -> None:
        if row.step != DIGEST:
            hold(connection, row, now, room, self._link)
            return
        later = delivery.c.due_at + (room - row.due_at)
        same = delivery.c.telling == row.telling, delivery.c.state == DeliveryState.WAITING
        connection.execute(update(delivery).where(*same).values(due_at=later, lease_until=None))

    def _take(self, connection: Connection, row: Row[Any], body: str) -> Delivery:
        attempts = row.attempts + 1
        values = {"attempts": attempts, "lease_until": self._clock.machine_now() + self._lease}
        connection.execute(_CHANGE, {"this": row.id, "was": row.attempts, **values})
        return Delivery(
            id=row.id,
            check_id=row.check_id or "",
            channel=row.channel,
            recipient=row.recipient,
            step=row.step,
            level=Level(row.level),
            body=body.encode(),
            attempts=attempts,
            person=row.person,
            telling=row.telling,
            rank=row.rank,
        )

    def _send(self, claimed: Delivery) -> Result:
        try:
            return self._channels[claimed.channel].send(claimed)
        except Exception as error:
            _log.exception("a channel broke; it will be tried again", delivery_id=claimed.id, channel=claimed.channel)
            return Temporary(error=f"the channel broke: {type(error).__name__}")

    def _settle(self, claimed: Delivery, result: Result) -> None:
        values = self._outcome(claimed, result)
        mine = {"this": claimed.id, "was": claimed.attempts, "lease_until": None}
        with self._engine.begin() as connection:
            settled = connection.execute(_CHANGE, {**mine, **values}).rowcount
            if settled and isinstance(result, Sent) and result.reference is None:
                prove(connection, claimed.step, claimed.channel, claimed.body, self._clock.machine_now())
            if settled and values.get("state") is DeliveryState.FAILED:
                next_channel_at_once(connection, claimed.telling, claimed.rank, self._clock.machine_now())
                hurry(connection, claimed.id, self._clock.home_now())
        metrics.deliveries.labels(claimed.channel, str(values.get("state", "retried"))).inc()

    def _outcome(self, claimed: Delivery, result: Result) -> dict[str, Any]:
        now = self._clock.machine_now()
        ids = {"delivery_id": claimed.id, "check_id": claimed.check_id, "channel": claimed.channel, "attempts": claimed.attempts}
        if isinstance(result, Sent):
            _log.info("delivery sent", step=claimed.step, **ids)
            return {"state": DeliveryState.SENT, "sent_at": now, "error": None, "reference": result.reference}
        given_up = claimed.level < Level.DANGER and claimed.attempts >= ATTEMPTS
        if isinstance(result, Permanent) or given_up:
            _log.error("delivery failed for good; mend the channel's settings", error=result.error, **ids)
            return {"state": DeliveryState.FAILED, "error": result.error[:255]}
        if isinstance(result, Temporary):
            wait = self._wait(claimed, result)
            _log.warning("delivery failed; it will be tried again", error=result.error, wait_ms=wait, **ids)
            return {"due_at": now + wait, "error": result.error[:255]}
        assert_never(result)

    def _wait(self, claimed: Delivery, result: Temporary) -> Millis:
        """Doubling from 2 s, half of it by chance, so that what failed together does not come back together."""
        longest = _LONGEST_WAIT_IN_DANGER if claimed.level is Level.DANGER else _LONGEST_WAIT
        span = min(longest, _FIRST_WAIT << min(claimed.attempts - 1, 16))
        wait = span // 2 + int(self._chance.random() * (span // 2))
        return max(wait, min(result.retry_after or 0, _LONGEST_ASKED))


def next_channel_at_once(connection: Connection, telling: str | None, rank: int, now: Millis) -> None:
    """This channel has failed for good: its fallback need not wait any longer."""
    if telling is None:
        return
    after = delivery.c.telling == telling, delivery.c.rank == rank + 1, delivery.c.state == DeliveryState.WAITING
    connection.execute(update(delivery).where(*after, delivery.c.due_at > now).values(due_at=now))


def _withdraw(connection: Connection, row: Row[Any]) -> None:
    values = {"state": DeliveryState.WITHDRAWN, "lease_until": None}
    connection.execute(update(delivery).where(delivery.c.id == row.id).values(values))
    _log.info("delivery withdrawn", delivery_id=row.id, check_id=row.check_id, step=row.step)


def _reached_otherwise(connection: Connection, row: Row[Any]) -> bool:
    """Whether another channel has carried this telling to the person already, as far as is known."""
    if not row.rank:
        return False
    return connection.execute(_ARRIVED, {"telling": row.telling, "this": row.id}).first() is not None


def _wanted(row: Row[Any], home_now: Millis) -> bool:
    if row.check_id is None:
        return True
    if row.check_state == CheckState.RESOLVED or (row.not_after is not None and home_now >= row.not_after):
        return False
    return bool(row.check_state == CheckState.OPEN or not row.step.startswith(LADDER_STEP))
