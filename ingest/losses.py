"""Which numbers of a device were lost, and who is shown them: written down for good, changed only when some come after all."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import BigInteger, Column, Connection, Engine, String, Table, and_, delete, func, insert, select

from ingest.clock import Millis
from ingest.register.tables import device, household
from ingest.store import metadata, reading

lost_reading = Table(
    "lost_reading",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("boot", BigInteger, primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("noticed_at", BigInteger, primary_key=True),  # home time, as all of them
    Column("last_seq", BigInteger, nullable=False),  # below first_seq where the numbers wrapped between
    Column("messages", BigInteger, nullable=False),
    Column("household_id", String(32), index=True),  # where the device stood; null: nowhere any more
    Column("lost_at", BigInteger, nullable=False, index=True),
    Column("came_late", BigInteger, nullable=False),  # how many of them arrived after all
)


class LostRange(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one boot of a device, `first_seq` to `last_seq`, that never came; instants are home time."""

    device_id: str
    boot: int
    first_seq: int
    last_seq: int
    messages: int
    household_id: str | None
    noticed_at: Millis  # when a later number showed that they were missing
    lost_at: Millis
    came_late: int = 0


def write_losses(connection: Connection, losses: Iterable[LostRange]) -> None:
    """Put these rows in, each in place of what was written of it before: written twice they are the same."""
    rows = {(loss.device_id, loss.boot, loss.first_seq, loss.noticed_at): loss for loss in losses}
    table = lost_reading.c
    for device_id, boot, first_seq, noticed_at in rows:
        same = (table.device_id == device_id, table.boot == boot, table.first_seq == first_seq, table.noticed_at == noticed_at)
        connection.execute(delete(lost_reading).where(*same))
    if rows:
        connection.execute(insert(lost_reading), [msgspec.structs.asdict(loss) for loss in rows.values()])


def forget_losses(engine: Engine, before: Millis) -> int:
    """Delete what was lost before this home time; how many rows."""
    with engine.begin() as connection:
        return connection.execute(delete(lost_reading).where(lost_reading.c.lost_at < before)).rowcount


class Losses:
    """What was lost, as staff and installers are shown it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, *, dong: str | None, household_id: str | None = None, limit: int = 500) -> list[LostRange]:
        """The newest lost ranges of a dong's homes (None: of all), without those that came after all."""
        table = lost_reading.c
        wanted = select(lost_reading).where(table.came_late < table.messages)
        if household_id is not None:
            wanted = wanted.where(table.household_id == household_id)
        if dong is not None:
            homes = select(household.c.id).where(household.c.dong_code == dong)
            wanted = wanted.where(table.household_id.in_(homes))
        with reading(self._engine).begin() as connection:
            rows = connection.execute(wanted.order_by(table.lost_at.desc(), table.device_id, table.first_seq).limit(limit)).all()
        return [LostRange(**row._mapping) for row in rows]

    def by_device(self, *, dong: str | None) -> dict[str, int]:
        """How many messages each device that stands in a home of the dong has lost; devices that lost none are left out."""
        table = lost_reading.c
        lost = func.sum(table.messages - table.came_late)
        wanted = (
            select(table.device_id, lost.label("lost"))
            .join(device, and_(device.c.id == table.device_id, device.c.household_id == table.household_id))
            .join(household, household.c.id == device.c.household_id)
            .group_by(table.device_id)
            .having(lost > 0)
        )
        if dong is not None:
            wanted = wanted.where(household.c.dong_code == dong)
        with reading(self._engine).begin() as connection:
            return {row.device_id: int(row.lost) for row in connection.execute(wanted)}
