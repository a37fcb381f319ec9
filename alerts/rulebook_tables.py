"""The table of everything that ever changed a limit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table, Text

from ingest.store import metadata

Id = BigInteger().with_variant(Integer, "sqlite")

rule_change = Table(
    "rule_change",  # one row for each change, never altered; what holds is what the newest of its kind says
    metadata,
    Column("id", Id, primary_key=True),
    Column("fact_id", String(64), nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),  # home time, as in its fact
    Column("actor", String(64), nullable=False),
    Column("kind", String(16), nullable=False, index=True),  # table, season, limit
    Column("version", String(64)),  # of a table
    Column("text", Text),  # of a table: TOML
    Column("season", String(16)),
    Column("until", BigInteger),  # of a season, home time; null: ended
    Column("household_id", String(32), index=True),
    Column("rule", String(32)),
    Column("level", Integer),
    Column("limit_value", Float),  # ms for absences, the signal's unit for thresholds; null: that of everybody again
    Column("sealed_reason", LargeBinary),
)
