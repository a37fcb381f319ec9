"""How readings that came by HTTPS get into the journal: as native messages, once for each idempotency key.

The journal decides: a message is made of each reading, under the device's topic, and decoded like any other. Its boot
and seq come from the key, so that even a crash between the append and our note of it counts nothing twice.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Engine, Integer, LargeBinary, String, Table, delete, insert, select, update

from ingest.clock import DAY, Clock, Millis
from ingest.journal.port import Journal, Message
from ingest.register import tables
from ingest.rereading import UNASSIGNED
from ingest.store import metadata
from ingest.wire import Payload, Topic, encode

KEPT: Millis = 7 * DAY
"""Machine time for which a key is remembered."""

posted = Table(
    "posted",
    metadata,
    Column("token_id", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of what was posted
    Column("at", BigInteger, nullable=False, index=True),  # machine time
    Column("accepted", Integer, nullable=False),
    Column("offset", BigInteger),  # of the journal; null: begun and not known to have been appended
)


class PostedReading(msgspec.Struct, frozen=True, kw_only=True):
    """One reading as posted; dong and household are a claim, None where the sender leaves them to the register."""

    device_id: str
    signal: str
    payload: Payload
    dong_code: str | None = None
    household_id: str | None = None


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was journalled: how many readings, and the offset of the last."""

    accepted: int
    offset: int


class KeyReused(Exception):
    """The idempotency key was used before, for something else."""


class Postbox:
    """Takes posted readings. Safe to use from several threads of the one process that has the journal open."""

    def __init__(self, engine: Engine, journal: Journal, clock: Clock) -> None:
        self._engine = engine
        self._journal = journal
        self._clock = clock
        self._lock = threading.Lock()  # two posts of one key at once are one after the other

    def take(self, token_id: str, key: str, readings: Sequence[PostedReading], *, dong: str | None) -> Receipt:
        """Journal the readings and return once they are durable; the same key again gets the same answer.

        A reading that names no dong is taken to be of the device's own, or of `dong`. Raises KeyReused, JournalFull.
        """
        digest = sha256(msgspec.msgpack.encode(readings)).digest()
        with self._lock:
            with self._engine.begin() as connection:
                known = self._begin(connection, token_id, key, digest, len(readings))
                if known is not None:
                    return known
                places = _places(connection, {reading.device_id for reading in readings})
            messages = self._messages(token_id, key, readings, places, dong)
            offset = self._journal.append(messages)
            with self._engine.begin() as connection:
                row = (posted.c.token_id == token_id) & (posted.c.key == key)
                connection.execute(update(posted).where(row).values(offset=offset))
        return Receipt(accepted=len(readings), offset=offset)

    def forget_keys(self) -> int:
        """Drop the keys that are older than `KEPT`; how many."""
        with self._engine.begin() as connection:
            return connection.execute(delete(posted).where(posted.c.at < self._clock.machine_now() - KEPT)).rowcount

    def _begin(self, connection: Connection, token_id: str, key: str, digest: bytes, count: int) -> Receipt | None:
        row = connection.execute(select(posted).where(posted.c.token_id == token_id, posted.c.key == key)).first()
        if row is None:
            now = self._clock.machine_now()
            connection.execute(insert(posted).values(token_id=token_id, key=key, digest=digest, at=now, accepted=count))
            return None
        if row.digest != digest:
            raise KeyReused
        return None if row.offset is None else Receipt(accepted=row.accepted, offset=row.offset)

    def _messages(
        self,
        token_id: str,
        key: str,
        readings: Sequence[PostedReading],
        places: dict[str, tuple[str, str]],
        dong: str | None,
    ) -> list[Message]:
        now, source = self._clock.home_now(), f"http:{token_id}"
        boot = int.from_bytes(sha256(f"{token_id} {key}".encode()).digest()[:6], "big")
        count: Counter[str] = Counter()
        made: list[Message] = []
        for reading in readings:
            payload = reading.payload
            if payload.boot is None or payload.seq is None:
                payload = msgspec.structs.replace(payload, boot=boot, seq=count[reading.device_id])
                count[reading.device_id] += 1
            known_dong, known_home = places.get(reading.device_id, (dong or UNASSIGNED, UNASSIGNED))
            dong_code, household = reading.dong_code or known_dong, reading.household_id or known_home
            topic = str(Topic(dong_code, household, reading.device_id, reading.signal))
            made.append(Message(received_at=now, source=source, topic=topic, payload=encode(payload)))
        return made


def _places(connection: Connection, device_ids: set[str]) -> dict[str, tuple[str, str]]:
    device, household = tables.device.c, tables.household.c
    wanted = select(device.id, household.dong_code, device.household_id).join(tables.household)
    rows = connection.execute(wanted.where(device.id.in_(device_ids))).all()
    return {row.id: (row.dong_code, row.household_id) for row in rows}
