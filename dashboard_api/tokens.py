"""The tokens by which programs reach the API: what each may do, for which dong, until when; of its secret a hash alone."""

from __future__ import annotations

import hmac
import re
import secrets
from enum import StrEnum
from hashlib import sha256

import msgspec
from sqlalchemy import Engine, Row, insert, select, update
from sqlalchemy.exc import IntegrityError

from dashboard_api.pace import Pace
from dashboard_api.tables import token
from ingest.clock import DAY, MINUTE, Clock, Millis

PREFIX = "anbu_"
LONGEST_LIFE: Millis = 3 * 366 * DAY
REQUESTS = 120  # a minute for one token

_TOKEN = re.compile(r"anbu_([a-z0-9]{8})_([A-Za-z0-9_-]{43})")
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


class Scope(StrEnum):
    """What a token is for."""

    READINGS_WRITE = "readings:write"


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A token as it is known; `dong_code` None: all dongs. Times are machine time."""

    id: str
    name: str
    scope: Scope
    dong_code: str | None
    created_by: str
    created_at: Millis
    expires_at: Millis
    revoked_at: Millis | None = None


class TokenRefused(ValueError):
    """It cannot be made so; the text says what would be right."""


class TokenUnknown(Exception):
    """No such token, or it has expired or was revoked, or it is not for this."""


class Tokens:
    """Makes and checks tokens. Safe to use from several threads; how often each asks is remembered in this process."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._pace = Pace(clock, REQUESTS, MINUTE)

    def add(
        self, name: str, *, created_by: str, scope: str = Scope.READINGS_WRITE, dong: str | None = None, days: int = 365
    ) -> tuple[Token, str]:
        """Make a token; the second is its text, which is kept nowhere. Raises TokenRefused."""
        if not 0 < len(name.strip()) <= 64:
            raise TokenRefused("name: must have 1 to 64 characters")
        if scope not in set(Scope):
            raise TokenRefused(f"scope: must be one of {', '.join(Scope)}")
        if not 0 < days * DAY <= LONGEST_LIFE:
            raise TokenRefused(f"days: must be from 1 to {LONGEST_LIFE // DAY}")
        now = self._clock.machine_now()
        made = Token(
            id="".join(secrets.choice(_LETTERS) for _ in range(8)),
            name=name.strip(),
            scope=Scope(scope),
            dong_code=dong,
            created_by=created_by,
            created_at=now,
            expires_at=now + days * DAY,
        )
        secret = secrets.token_urlsafe(32)
        try:
            with self._engine.begin() as connection:
                row = msgspec.structs.asdict(made)
                connection.execute(insert(token).values(**{**row, "scope": made.scope.value, "secret_hash": _hash(secret)}))
        except IntegrityError as error:
            raise TokenRefused(f"dong: there is no {dong}") from error
        return made, f"{PREFIX}{made.id}_{secret}"

    def check(self, text: str, scope: Scope) -> Token:
        """The token of this text. Raises TokenUnknown, and TooManyRequests past 120 a minute."""
        parts = _TOKEN.fullmatch(text)
        if parts is None:
            raise TokenUnknown
        with self._engine.connect() as connection:
            row = connection.execute(select(token).where(token.c.id == parts[1])).first()
        if row is None or not hmac.compare_digest(row.secret_hash, _hash(parts[2])):
            raise TokenUnknown
        known = _token(row)
        if known.revoked_at is not None or known.expires_at <= self._clock.machine_now() or known.scope is not scope:
            raise TokenUnknown
        self._pace.count(known.id)
        return known

    def all(self) -> list[Token]:
        """Every token ever made, the newest first."""
        with self._engine.connect() as connection:
            return [_token(row) for row in connection.execute(select(token).order_by(token.c.created_at.desc(), token.c.id))]

    def revoke(self, token_id: str) -> bool:
        """End it now; False where there is none of this id that holds."""
        holds = (token.c.id == token_id) & token.c.revoked_at.is_(None)
        with self._engine.begin() as connection:
            done = connection.execute(update(token).where(holds).values(revoked_at=self._clock.machine_now()))
            return done.rowcount > 0


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _token(row: Row[tuple[object, ...]]) -> Token:
    known = {str(name): value for name, value in row._mapping.items() if name != "secret_hash"}
    return msgspec.convert(known, Token)
