"""The register's tables; every personal field is sealed, and every look at one leaves a row in `view_log`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, false

from ingest.store import metadata

dong = Table(
    "dong",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("name", String(64), nullable=False),
)

household = Table(
    "household",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("dong_code", ForeignKey("dong.code"), nullable=False, index=True),
    Column("grade", String(16), nullable=False),  # high, elevated, ordinary
    Column("enrolled_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("carrier", String(32), index=True),  # whose network its gateway speaks by; null: not known
    Column("building", String(64), index=True),  # a name of the office's own for it, never an address; null: alone, or not known
    Column("synthetic", Boolean, nullable=False, server_default=false()),  # proves the path, is nobody's home
)

resident = Table(
    "resident",
    metadata,
    Column("household_id", ForeignKey("household.id"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM of JSON: name, address, phone, birth_year, note
    Column("phone_hash", LargeBinary, index=True),  # HMAC-SHA256 of the number; null: none, or one we cannot read
    Column("address_hash", LargeBinary, index=True),  # HMAC-SHA256 of the address's letters and figures; null: none
)

guardian = Table(
    "guardian",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("household_id", ForeignKey("household.id"), nullable=False, index=True),
    Column("position", Integer, nullable=False),  # order in which they are called
    Column("sealed", LargeBinary, nullable=False),  # AES-GCM of JSON: name, relation, phone
)

device = Table(
    "device",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("household_id", ForeignKey("household.id"), index=True),  # null: removed
    Column("model", String(64), nullable=False),
    Column("signals", String(255), nullable=False),  # comma-separated `Signal` values
    Column("report_interval_s", Integer, nullable=False),  # 0: speaks only when something happens
    Column("enrolled_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column("address", String(255), unique=True),  # dialect/vendor id; null: speaks native, or removed
    Column("zone", String(64)),  # of its own clock; null: Asia/Seoul
)

unclaimed = Table(
    "unclaimed",
    metadata,
    Column("device_id", String(32), primary_key=True),  # of a vendor's device the id proposed for it
    Column("dialect", String(32), nullable=False),  # as its topic tells
    Column("address", String(255)),  # dialect/vendor id; null: speaks native
    Column("first_offset", BigInteger, nullable=False),
    Column("last_offset", BigInteger, nullable=False),
    Column("last_received_at", BigInteger, nullable=False),
    Column("topic", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),  # the last one, cut to 4 KiB
    Column("messages", Integer, nullable=False),
)

rejection = Table(
    "rejection",
    metadata,
    Column("offset", BigInteger, primary_key=True),  # of the journal, where the raw bytes are whole
    Column("index", Integer, primary_key=True),
    Column("received_at", BigInteger, nullable=False, index=True),
    Column("reason", String(32), nullable=False),
    Column("detail", String(255), nullable=False),
    Column("topic", String(255), nullable=False),
    Column("device_id", String(32), index=True),
    Column("payload", LargeBinary, nullable=False),  # cut to 4 KiB
    Column("retried_at", BigInteger),  # home time at which it was asked to be read again
)

reread = Table(
    "reread",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("device_id", String(32)),  # whose values are meant; null: all of the message
    Column("dong_code", String(32)),  # where the device stands since the claim
    Column("household_id", String(32)),
    Column("next_offset", BigInteger, nullable=False),  # of the journal: how far it has been looked through
    Column("last_offset", BigInteger),  # null: until the fact below
    Column("until_fact", String(64)),
    Column("indexes", String(64), nullable=False),  # comma-separated; empty: every value
    Column("numbered", Boolean, nullable=False),
    Column("requested_at", BigInteger, nullable=False),  # home time, like done_at
    Column("requested_by", String(64), nullable=False),
    Column("found", Integer, nullable=False),
    Column("done_at", BigInteger, index=True),
)

message_outbox = Table(
    "message_outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("topic", String(255), nullable=False),
    Column("payload", LargeBinary, nullable=False),
)

calls_file = Table(
    "calls_file",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the file
    Column("imported_at", BigInteger, nullable=False),  # home time
    Column("records", Integer, nullable=False),
)

credential = Table(
    "credential",
    metadata,
    Column("device_id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # password, certificate
    Column("serial", String(64)),  # of the certificate, in hex; a password's hash lies in the broker's folder alone
    Column("created_at", BigInteger, nullable=False),  # home time, like revoked_at
    Column("revoked_at", BigInteger),
)

view_log = Table(
    "view_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", BigInteger, nullable=False),  # machine time
    Column("login", String(64), nullable=False),
    Column("household_id", String(32), nullable=False),
    Column("fields", String(255), nullable=False),  # which personal fields were shown
    Column("purpose", String(64), nullable=False),  # the page or command
    Index("ix_view_log_household_id_at", "household_id", "at"),
)
