"""The tables of those who log in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, String, Table

from ingest.store import metadata

account = Table(
    "account",
    metadata,
    Column("login", String(64), primary_key=True),
    Column("password_hash", String(255), nullable=False),  # argon2id
    Column("role", String(16), nullable=False),  # officer, supervisor, operator
    Column("dong_code", ForeignKey("dong.code")),  # an officer's; null sees all dongs (supervisor, operator)
    Column("active", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

session = Table(
    "session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),  # SHA-256 of the cookie's token
    Column("login", ForeignKey("account.login"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),  # machine time, like the two below
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", String(16), primary_key=True),  # public: it names the source of what came with it
    Column("secret_hash", LargeBinary, nullable=False),  # SHA-256 of 256 random bits
    Column("name", String(64), nullable=False),
    Column("scope", String(32), nullable=False),  # readings:write
    Column("dong_code", ForeignKey("dong.code")),  # null: all dongs
    Column("created_by", String(64), nullable=False),
    Column("created_at", BigInteger, nullable=False),  # machine time, like the two below
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)
