"""The tables of what follows a check, and of what neighbours report. All instants are home time."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, text

from ingest.store import metadata

Id = BigInteger().with_variant(Integer, "sqlite")

care_case = Table(
    "care_case",  # 사례: what is done for one household, in one officer's hands; one open at a time
    metadata,
    Column("id", Id, primary_key=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("responsible", String(64), nullable=False),  # login
    Column("begins_at", BigInteger, nullable=False),  # checks opened from then on belong to it
    Column("opened_at", BigInteger, nullable=False),
    Column("opened_by", String(64), nullable=False),
    Column("closed_at", BigInteger),
    Column("closed_by", String(64)),
    Column("sealed_note", LargeBinary),  # why it was closed
    Index(
        "uq_care_case_open",
        "household_id",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

visit = Table(
    "visit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("care_case.id"), nullable=False, index=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("check_id", String(16)),  # that it came from
    Column("visitor", String(64), nullable=False),  # login of the officer who goes
    Column("companion", String(16), nullable=False),  # alerts.aftercare.visit.Companion
    Column("planned_at", BigInteger, nullable=False),
    Column("remind_at", BigInteger, index=True),  # the next telling; null: none any more
    Column("state", String(16), nullable=False),  # planned, done, cancelled
    Column("result", String(16)),  # alerts.aftercare.visit.VisitResult
    Column("ended_at", BigInteger),
    Column("ended_by", String(64)),
    Column("added_at", BigInteger, nullable=False),
    Column("added_by", String(64), nullable=False),
    Column("sealed_note", LargeBinary),
)

care_provider = Table(
    "care_provider",  # who gives a service; a business, no personal field
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("kinds", String(255), nullable=False),  # comma-separated alerts.aftercare.referral.CareKind
    Column("dong_code", String(32)),  # null: for every dong
    Column("phone", String(32), nullable=False),
    Column("active", Boolean, nullable=False),
)

care_programme = Table(
    "care_programme",  # who pays: a person's sum for a year in Asia/Seoul
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("yearly_cap_won", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
)

referral = Table(
    "referral",  # 연계
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", ForeignKey("care_case.id"), nullable=False, index=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("check_id", String(16)),
    Column("kind", String(24), nullable=False),
    Column("provider_id", ForeignKey("care_provider.id"), nullable=False),
    Column("programme_id", ForeignKey("care_programme.id")),
    Column("cost_won", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("responsible", String(64), nullable=False),
    Column("offered_at", BigInteger, nullable=False, index=True),
    Column("accepted_at", BigInteger),
    Column("due_at", BigInteger),  # when the next step is due; null: it has ended
    Column("remind_at", BigInteger, index=True),
)

referral_step = Table(
    "referral_step",  # every change of a referral: who, when
    metadata,
    Column("id", Id, primary_key=True),
    Column("referral_id", ForeignKey("referral.id"), nullable=False, index=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("old", String(16)),
    Column("new", String(16), nullable=False),
    Column("sealed_note", LargeBinary),
)

contact_plan = Table(
    "contact_plan",  # how often somebody speaks with the resident, whatever the sensors say
    metadata,
    Column("household_id", String(32), primary_key=True),
    Column("kind", String(16), primary_key=True),  # alerts.aftercare.plan.ContactKind
    Column("dong_code", String(32), nullable=False, index=True),
    Column("every_days", Integer, nullable=False),
    Column("responsible", String(64), nullable=False),
    Column("last_at", BigInteger),  # the last contact of this kind; null: none yet
    Column("due_at", BigInteger, nullable=False, index=True),
    Column("remind_at", BigInteger, nullable=False, index=True),
)

contact = Table(
    "contact",  # that somebody spoke with the resident or was there
    metadata,
    Column("id", Id, primary_key=True),
    Column("household_id", String(32), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(64), nullable=False),
    Column("source", String(32), nullable=False),  # check:<id>, visit:<id>, plan
)

neighbour_report = Table(
    "neighbour_report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("dong_code", String(32), nullable=False, index=True),
    Column("came_at", BigInteger, nullable=False),
    Column("channel", String(32), nullable=False),  # form, or the name of the bot
    Column("number", String(64), nullable=False, unique=True),  # the sender's own: the same one again is no second report
    Column("sealed", LargeBinary, nullable=False),  # JSON of alerts.aftercare.report.Words
    Column("household_id", String(32)),  # null: at an address we do not know
    Column("matched_by", String(64)),  # login, or `address`
    Column("check_id", String(16)),
)
