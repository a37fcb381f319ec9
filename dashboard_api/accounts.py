"""Who may log in, and the sessions of those who have; passwords as argon2id, session tokens as SHA-256 only."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from dashboard_api.tables import account, session
from ingest.clock import HOUR, MINUTE, SECOND, Clock, Millis
from ingest.store import reading

IDLE: Millis = 30 * MINUTE
ABSOLUTE: Millis = 12 * HOUR
SEEN_STEP: Millis = 30 * SECOND  # a session's last use is written at most this often
ATTEMPTS = 5  # log-ins tried per login and minute
WATCHED_LOGINS = 10_000  # logins whose attempts are remembered at once
HASHES_AT_ONCE = 4  # argon2id takes 64 MiB each
HASHES_WAITING = 12  # more than these would hold the threads that serve the pages
CROWDED_S = 5  # when to come again where too many log in at once
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 256

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Role(StrEnum):
    """What somebody is here for."""

    OFFICER = "officer"  # of one dong
    SUPERVISOR = "supervisor"  # all dongs
    OPERATOR = "operator"  # all dongs, and the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may log in; `dong_code` None sees every dong."""

    login: str
    role: Role
    dong_code: str | None


class AccountRefused(Exception):
    """The account cannot be made so; the text says why."""


class TooManyAttempts(Exception):
    """This login was tried too often within a minute; wait `retry_after_s` seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many log-in attempts, again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class _Attempts:
    """How often each login was tried in the last minute; the least lately tried is forgotten first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tried: OrderedDict[str, deque[float]] = OrderedDict()

    def count(self, login: str) -> None:
        """Count one; TooManyAttempts when there were `ATTEMPTS` within the last minute."""
        now = self._clock.monotonic()
        with self._lock:
            tried = self._tried.setdefault(login, deque())
            self._tried.move_to_end(login)
            while tried and tried[0] <= now - 60:
                tried.popleft()
            if len(tried) >= ATTEMPTS:
                raise TooManyAttempts(max(1, round(tried[0] + 60 - now)))
            tried.append(now)
            while len(self._tried) > WATCHED_LOGINS:
                self._tried.popitem(last=False)

    def forget(self, login: str) -> None:
        """A successful log-in starts the count anew."""
        with self._lock:
            self._tried.pop(login, None)


class Accounts:
    """Accounts and sessions in the relational store; all instants are machine time. Safe to use from several threads."""

    def __init__(self, engine: Engine, clock: Clock, *, hasher: Argon2Hasher | None = None) -> None:
        """`hasher`: argon2id at other costs than the usual 64 MiB and 3 rounds."""
        self._engine = engine
        self._clock = clock
        self._hasher = PasswordHash((hasher or Argon2Hasher(),))
        self._slots = threading.BoundedSemaphore(HASHES_AT_ONCE)
        self._places = threading.BoundedSemaphore(HASHES_AT_ONCE + HASHES_WAITING)
        self._attempts = _Attempts(clock)

    @cached_property
    def _nobody(self) -> str:
        """What an unknown login's password is held against: the same work, so that an answer's time tells nobody who exists."""
        return self._hasher.hash(secrets.token_urlsafe(24))

    def add(self, login: str, password: str, role: str, dong_code: str | None) -> Account:
        """Make an account; AccountRefused for a bad login, a short password, a role without its dong, or a taken login."""
        made = Account(login=login, role=_role(role), dong_code=dong_code)
        if not _LOGIN.fullmatch(login):
            raise AccountRefused(f"a login is up to 64 of a-z 0-9 . _ @ -, beginning with a letter or figure, not {login!r}")
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AccountRefused(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        if (made.role is Role.OFFICER) != (dong_code is not None):
            raise AccountRefused("an officer belongs to one dong; supervisors and operators belong to none")
        with self._slots:
            hashed = self._hasher.hash(password)
        row = {"login": login, "password_hash": hashed, "role": made.role.value, "dong_code": dong_code, "active": True}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(account).values(**row, created_at=self._clock.machine_now()))
        except IntegrityError as error:
            raise AccountRefused(f"the login {login} is taken, or there is no dong {dong_code}") from error
        return made

    def verify(self, login: str, password: str) -> Account | None:
        """The account when the password is right; None otherwise, after the same work.

        TooManyAttempts when this login was tried too often, or when too many people are logging in at this moment.
        """
        self._attempts.count(login)
        if not self._places.acquire(blocking=False):
            raise TooManyAttempts(CROWDED_S)
        try:
            return self._verify(login, password)
        finally:
            self._places.release()

    def _verify(self, login: str, password: str) -> Account | None:
        with reading(self._engine).begin() as connection:
            row = connection.execute(select(account).where(account.c.login == login)).one_or_none()
        known = row is not None and row.active
        hashed = row.password_hash if row is not None and known else self._nobody
        with self._slots:
            right, renewed = self._hasher.verify_and_update(password[:LONGEST_PASSWORD], hashed)
        if row is None or not known or not right:
            return None
        if renewed is not None:
            with self._engine.begin() as connection:
                connection.execute(update(account).where(account.c.login == login).values(password_hash=renewed))
        self._attempts.forget(login)
        return Account(login=row.login, role=Role(row.role), dong_code=row.dong_code)

    def works_for(self, login: str, dong: str) -> bool:
        """Whether somebody active of this login may see the dong: what is put into their hands they can open."""
        mine = account.c.login == login, account.c.active, or_(account.c.dong_code.is_(None), account.c.dong_code == dong)
        with reading(self._engine).begin() as connection:
            return connection.execute(select(account.c.login).where(*mine)).first() is not None

    def known(self, logins: Collection[str]) -> set[str]:
        """Those of these logins that somebody active has."""
        mine = select(account.c.login).where(account.c.login.in_(list(logins)), account.c.active)
        with reading(self._engine).begin() as connection:
            return set(connection.execute(mine).scalars())

    def open_session(self, login: str) -> str:
        """A new session's token, for the cookie; the store keeps its SHA-256."""
        token = secrets.token_urlsafe(32)
        now = self._clock.machine_now()
        row = {"token_hash": _digest(token), "login": login, "created_at": now, "seen_at": now, "ends_at": now + ABSOLUTE}
        with self._engine.begin() as connection:
            connection.execute(insert(session).values(**row))
        return token

    def session(self, token: str, *, touch: bool = True) -> Account | None:
        """Whose session this is; None when unknown, idle for 30 min, older than 12 h, or of a closed account.

        `touch` False looks without counting as use: what a page fetches by itself keeps nobody logged in.
        """
        now = self._clock.machine_now()
        digest = _digest(token)
        wanted = select(session.c.seen_at, account).join(account, account.c.login == session.c.login)
        wanted = wanted.where(session.c.token_hash == digest, session.c.ends_at > now, session.c.seen_at > now - IDLE)
        with reading(self._engine).begin() as connection:
            row = connection.execute(wanted.where(account.c.active)).one_or_none()
        if row is None:
            return None
        if touch and row.seen_at <= now - SEEN_STEP:
            with self._engine.begin() as connection:
                connection.execute(update(session).where(session.c.token_hash == digest).values(seen_at=now))
        return Account(login=row.login, role=Role(row.role), dong_code=row.dong_code)

    def close_session(self, token: str) -> None:
        """End this session; nothing happens when there is none."""
        with self._engine.begin() as connection:
            connection.execute(delete(session).where(session.c.token_hash == _digest(token)))

    def prune_sessions(self) -> int:
        """Forget sessions that have ended by age or idleness; returns how many."""
        now = self._clock.machine_now()
        ended = (session.c.ends_at <= now) | (session.c.seen_at <= now - IDLE)
        with self._engine.begin() as connection:
            return connection.execute(delete(session).where(ended)).rowcount


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError as error:
        raise AccountRefused(f"a role is one of {', '.join(Role)}, not {role!r}") from error
