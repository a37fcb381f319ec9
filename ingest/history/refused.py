"""What the history would not keep, put beside all other rejections for the installer to see."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Engine, delete, insert

from ingest.history.influx import RefusedReading
from ingest.intake import storable
from ingest.reading import Reason
from ingest.register.tables import rejection

log = structlog.get_logger(__name__)


def keep_refused(engine: Engine) -> Callable[[Sequence[RefusedReading]], None]:
    """What InfluxHistory hands its refused readings to: rows in one transaction, the same when it is done again."""

    def keep(refused: Sequence[RefusedReading]) -> None:
        with engine.begin() as connection:
            for one in refused:
                row, reading = rejection.c, one.reading
                here = (row.offset == reading.offset) & (row.index == reading.index)
                connection.execute(delete(rejection).where(here))
                connection.execute(insert(rejection).values(_row(one)))
        log.warning("history refused readings, they are kept as rejections", readings=len(refused), why=refused[0].why)

    return keep


def _row(one: RefusedReading) -> dict[str, object]:
    reading = one.reading
    place = (reading.dong_code, reading.household_id, reading.device_id, reading.signal)
    return {
        "offset": reading.offset,
        "index": reading.index,
        "received_at": reading.received_at,
        "reason": Reason.HISTORY_REFUSED.value,
        "detail": storable(one.why),
        "topic": storable("/".join(("anbu/v1", *map(str, place)))),
        "device_id": reading.device_id,
        "payload": b"",
    }
