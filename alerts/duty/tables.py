"""The tables of duty."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, text

from ingest.store import metadata

Id = BigInteger().with_variant(Integer, "sqlite")

duty_shift = Table(
    "duty_shift",  # the roster; a row taken off stays, so that it can be said who had duty on any day
    metadata,
    Column("id", Id, primary_key=True),
    Column("desk", String(16), nullable=False),  # dong, night, supervisor
    Column("dong_code", String(32), index=True),  # null: for every dong
    Column("login", String(64), nullable=False),
    Column("position", Integer, nullable=False),
    Column("part", String(8)),  # day, night; null: both
    Column("weekdays", String(7), nullable=False),  # "1" Monday to "7" Sunday
    Column("from_day", String(10), nullable=False),  # ISO date in Asia/Seoul, like `until_day`
    Column("until_day", String(10)),
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),  # home time, like `removed_at`
    Column("removed_by", String(64)),
    Column("removed_at", BigInteger),
)

duty_absence = Table(
    "duty_absence",
    metadata,
    Column("id", Id, primary_key=True),
    Column("login", String(64), nullable=False),
    Column("from_at", BigInteger, nullable=False),  # home time, like `until_at`
    Column("until_at", BigInteger, nullable=False, index=True),
    Column("substitute", String(64)),
    Column("reason", String(16), nullable=False),  # leave, sick, training, other
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("removed_by", String(64)),
    Column("removed_at", BigInteger),
)

duty_day = Table(
    "duty_day",  # what the site says of a day itself: 임시공휴일, or a day off by law that is worked
    metadata,
    Column("day", String(10), primary_key=True),  # ISO date in Asia/Seoul
    Column("off", Boolean, nullable=False),
    Column("name", String(64), nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("added_at", BigInteger, nullable=False),
)

duty_cap = Table(
    "duty_cap",  # how many open checks a person may hold before the next is asked
    metadata,
    Column("login", String(64), primary_key=True),
    Column("open_checks", Integer, nullable=False),
)

duty_gap = Table(
    "duty_gap",  # a dong for which nobody has duty ("-": the roster is empty): an alert to the supervisors
    metadata,
    Column("id", Id, primary_key=True),
    Column("dong_code", String(32), nullable=False),
    Column("found_at", BigInteger, nullable=False),  # home time, like `closed_at`
    Column("closed_at", BigInteger),
    Index(
        "uq_duty_gap_open",
        "dong_code",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)
