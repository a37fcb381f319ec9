"""The proof of the path: which synthetic alarm of a dong was heard, and when it last came out at each channel's receiver.

A synthetic home never has a check. Its alarm takes the way of every other one, broker, journal, rules, desk, tick, outbox,
channel, and is told to the canary alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import msgspec
import structlog
from sqlalchemy import Connection, Engine, bindparam, delete, insert, select, update

from alerts.delivery import DeliveryState, Message
from alerts.tables import delivery, path_proof
from ingest.clock import DAY, HOUR, Clock, Millis, to_iso
from ingest.register.tables import household
from ingest.store import reading
from rules.finding import Level

_log = structlog.get_logger(__name__)

CANARY = "canary"
"""The person who is told of proofs; their contact points say which channels are proven."""

EVERY: Millis = HOUR
LONGEST: Millis = 2 * HOUR
"""Machine time between two alarms, and how long a path may go unproven before that is an alarm of its own."""

STEP = "proof:"
_KEPT: Millis = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One dong by one channel; instants are machine time."""

    dong_code: str
    channel: str
    since: Millis  # from when on it has to be proven
    alarmed_at: Millis | None
    proven_at: Millis | None

    def proven(self, now: Millis) -> bool:
        """Whether it is known to work, or too new to be known not to."""
        return now - max(self.since, self.proven_at or 0) <= LONGEST


def canary_id(dong_code: str) -> str:
    """The id of a dong's synthetic household, and of the device in it."""
    return f"canary-{hashlib.sha256(dong_code.encode()).hexdigest()[:12]}"


def synthetic_among(connection: Connection, households: Collection[str]) -> set[str]:
    """Those of these households in which nobody lives."""
    if not households:
        return set()
    return set(connection.execute(_SYNTHETIC, {"these": list(households)}).scalars())


_SYNTHETIC = select(household.c.id).where(household.c.synthetic, household.c.id.in_(bindparam("these", expanding=True)))
_HEARD = select(path_proof).where(path_proof.c.heard_at.is_not(None))


def hear(connection: Connection, dong_code: str, now: Millis) -> None:
    """The rules have found a dong's synthetic alarm: the next tick tells it."""
    connection.execute(update(path_proof).where(path_proof.c.dong_code == dong_code).values(heard_at=now))


def tell_proofs(connection: Connection, base_url: str, *, home_now: Millis, machine_now: Millis) -> int:
    """Write what has been heard into the outbox, in the tick's transaction; how many. A new one replaces what still waits."""
    heard = connection.execute(_HEARD).all()
    for row in heard:
        step = STEP + hashlib.sha256(row.dong_code.encode()).hexdigest()[:16]
        number = hashlib.sha256(f"{step}|{row.channel}|{row.heard_at}".encode()).hexdigest()[:32]
        same = delivery.c.step == step, delivery.c.channel == row.channel, delivery.c.state == DeliveryState.WAITING
        connection.execute(update(delivery).where(*same).values(state=DeliveryState.WITHDRAWN, lease_until=None))
        body = Message(
            id=number,
            kind="proof",
            level=Level.DANGER.name.lower(),
            dong=row.dong_code,
            code="-",
            link=base_url.rstrip("/") + "/paths",
            at=to_iso(home_now),
        )
        values = {
            "id": number,
            "channel": row.channel,
            "recipient": CANARY,
            "step": step,
            "level": Level.DANGER,
            "body": msgspec.json.encode(body).decode(),
            "created_at": machine_now,
            "due_at": machine_now,
            "attempts": 0,
            "state": DeliveryState.WAITING,
        }
        connection.execute(insert(delivery).values(**values))
    if heard:
        connection.execute(update(path_proof).values(heard_at=None))
    return len(heard)


def prove(connection: Connection, step: str, channel: str, body: bytes | str, now: Millis) -> None:
    """The receiver has this delivery; where it is a proof, its path is proven."""
    if not step.startswith(STEP):
        return
    dong = msgspec.json.decode(body, type=Message).dong
    mine = path_proof.c.dong_code == dong, path_proof.c.channel == channel
    connection.execute(update(path_proof).where(*mine).values(proven_at=now))
    _log.info("path proven", dong=dong, channel=channel)


class Paths:
    """Which paths there are, and how each stands. Safe to use from several threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock

    def keep(self, dongs: Collection[str], channels: Collection[str]) -> None:
        """From now on these are the paths; new ones have their two hours, others are not asked for any more."""
        wanted = {(dong, channel) for dong in dongs for channel in channels}
        now = self._clock.machine_now()
        if {(path.dong_code, path.channel) for path in self.all()} == wanted:
            return
        with self._engine.begin() as connection:
            there = {(row.dong_code, row.channel) for row in connection.execute(select(path_proof))}
            for dong, channel in there - wanted:
                gone = path_proof.c.dong_code == dong, path_proof.c.channel == channel
                connection.execute(delete(path_proof).where(*gone))
            rows = [{"dong_code": dong, "channel": channel, "since": now} for dong, channel in sorted(wanted - there)]
            if rows:
                connection.execute(insert(path_proof), rows)

    def due(self) -> list[str]:
        """The dongs whose next alarm is due."""
        late = path_proof.c.alarmed_at.is_(None) | (path_proof.c.alarmed_at <= self._clock.machine_now() - EVERY)
        with self._reading.begin() as connection:
            found = select(path_proof.c.dong_code).where(late).distinct().order_by(path_proof.c.dong_code)
            return list(connection.execute(found).scalars())

    def alarmed(self, dongs: Collection[str]) -> None:
        """The alarms of these dongs have been handed to the broker. What was sent a day ago for proofs is forgotten."""
        now = self._clock.machine_now()
        with self._engine.begin() as connection:
            connection.execute(update(path_proof).where(path_proof.c.dong_code.in_(list(dongs))).values(alarmed_at=now))
            old = delivery.c.step.startswith(STEP), delivery.c.created_at < now - _KEPT
            connection.execute(delete(delivery).where(*old))

    def all(self) -> list[Path]:
        """Every path, by dong and channel."""
        columns = [path_proof.c[name] for name in Path.__slots__]
        with self._reading.begin() as connection:
            found = select(*columns).order_by(path_proof.c.dong_code, path_proof.c.channel)
            return [Path(**row) for row in connection.execute(found).mappings()]
