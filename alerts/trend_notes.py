"""Notes on a home's weeks, kept for the visiting nurse: neither a check nor a ticket, and nobody is called for one."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Engine, Float, Integer, String, Table, insert, select

from ingest.clock import Millis
from ingest.reading import DongCode, HouseholdId
from ingest.store import metadata, reading
from rules.trend import Measure, TrendNote

trend_note = Table(
    "trend_note",
    metadata,
    Column("note_id", String(24), primary_key=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("dong_code", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),  # home time
    Column("measure", String(16), nullable=False),
    Column("recent", Float, nullable=False),  # means, in the measure's unit
    Column("past", Float, nullable=False),
    Column("recent_days", Integer, nullable=False),
    Column("past_days", Integer, nullable=False),
    Column("p_value", Float, nullable=False),
    Column("q", Float, nullable=False),
    Column("rule_version", String(64), nullable=False),
)


def write_note(connection: Connection, note: TrendNote) -> None:
    """Keep it; one that is known already changes nothing."""
    if connection.execute(select(trend_note.c.note_id).where(trend_note.c.note_id == note.note_id)).first() is None:
        values = {name: getattr(note, name) for name in TrendNote.__struct_fields__}
        connection.execute(insert(trend_note).values(values | {"measure": str(note.measure)}))


class TrendNotes:
    """What has been noted. `dong` None sees every dong."""

    def __init__(self, engine: Engine) -> None:
        self._reading = reading(engine)

    def all(self, *, dong: str | None, household: str | None = None, since: Millis = 0, limit: int = 100) -> list[TrendNote]:
        """The newest first."""
        asked = select(trend_note).where(trend_note.c.at >= since).order_by(trend_note.c.at.desc(), trend_note.c.household_id)
        if dong is not None:
            asked = asked.where(trend_note.c.dong_code == dong)
        if household is not None:
            asked = asked.where(trend_note.c.household_id == household)
        with self._reading.begin() as connection:
            rows = connection.execute(asked.limit(limit)).all()
        return [
            TrendNote(
                note_id=row.note_id,
                household_id=HouseholdId(row.household_id),
                dong_code=DongCode(row.dong_code),
                at=row.at,
                measure=Measure(row.measure),
                recent=row.recent,
                past=row.past,
                recent_days=row.recent_days,
                past_days=row.past_days,
                p_value=row.p_value,
                q=row.q,
                rule_version=row.rule_version,
            )
            for row in rows
        ]
