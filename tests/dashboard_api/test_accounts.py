"""Proves who gets in, for how long, and how little the store and the answers give away."""

from __future__ import annotations

import hashlib
import threading

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, update

from dashboard_api import tables
from dashboard_api.accounts import ATTEMPTS, HASHES_AT_ONCE, AccountRefused, Accounts, Role, TooManyAttempts
from ingest.clock import HOUR, MINUTE, SECOND
from tests.dashboard_api.small_site import PASSWORD, Site
from tests.waiting import until


def test_right_password_gives_the_account_and_wrong_or_unknown_gives_nothing(site: Site) -> None:
    accounts = site.services.accounts
    account = accounts.verify("officer1", PASSWORD)
    assert account is not None
    assert (account.login, account.role, account.dong_code) == ("officer1", Role.OFFICER, "dong-1")
    assert accounts.verify("officer1", PASSWORD + "x") is None
    assert accounts.verify("nobody", PASSWORD) is None


def test_passwords_are_kept_as_argon2id_and_tokens_as_sha256(site: Site) -> None:
    usual = Accounts(site.engine, site.clock)
    usual.add("usual", PASSWORD, "operator", None)
    token = usual.open_session("usual")
    with site.engine.begin() as connection:
        hashes = connection.execute(select(tables.account.c.password_hash)).scalars().all()
        kept = connection.execute(select(tables.session.c.token_hash)).scalar_one()
    assert all(hashed.startswith("$argon2id$") for hashed in hashes)
    assert any("m=65536,t=3" in hashed for hashed in hashes)
    assert kept == hashlib.sha256(token.encode()).digest()
    assert token.encode() not in kept


def test_session_ends_after_thirty_idle_minutes_and_use_keeps_it(site: Site) -> None:
    accounts = site.services.accounts
    token = accounts.open_session("officer1")
    for _ in range(3):
        site.clock.machine += 29 * MINUTE
        assert accounts.session(token) is not None
    site.clock.machine += 30 * MINUTE
    assert accounts.session(token) is None


def test_looking_without_touching_keeps_nobody_logged_in(site: Site) -> None:
    accounts = site.services.accounts
    token = accounts.open_session("officer1")
    site.clock.machine += 29 * MINUTE
    assert accounts.session(token, touch=False) is not None
    site.clock.machine += 1 * MINUTE
    assert accounts.session(token, touch=False) is None


def test_session_ends_after_twelve_hours_however_busy(site: Site) -> None:
    accounts = site.services.accounts
    token = accounts.open_session("officer1")
    for _ in range(12 * 3 - 1):
        site.clock.machine += 20 * MINUTE
        assert accounts.session(token) is not None
    site.clock.machine += 20 * MINUTE
    assert accounts.session(token) is None


def test_ended_sessions_are_swept_and_living_ones_stay(site: Site) -> None:
    accounts = site.services.accounts
    accounts.open_session("officer1")
    site.clock.machine += 13 * HOUR
    living = accounts.open_session("officer1")
    assert accounts.prune_sessions() == 1
    assert accounts.session(living) is not None


def test_closed_session_and_closed_account_are_out_at_once(site: Site) -> None:
    accounts = site.services.accounts
    first, second = accounts.open_session("officer1"), accounts.open_session("officer1")
    accounts.close_session(first)
    assert accounts.session(first) is None
    assert accounts.session(second) is not None
    with site.engine.begin() as connection:
        connection.execute(update(tables.account).where(tables.account.c.login == "officer1").values(active=False))
    assert accounts.session(second) is None
    assert accounts.verify("officer1", PASSWORD) is None


def test_sixth_attempt_within_a_minute_is_refused_for_that_login_alone(site: Site) -> None:
    accounts = site.services.accounts
    for _ in range(ATTEMPTS):
        assert accounts.verify("nobody", "wrong") is None
    with pytest.raises(TooManyAttempts) as refused:
        accounts.verify("nobody", "wrong")
    assert 0 < refused.value.retry_after_s <= 60
    assert accounts.verify("officer1", PASSWORD) is not None
    site.clock.machine += 61 * SECOND
    assert accounts.verify("nobody", "wrong") is None


def test_success_starts_the_count_of_attempts_anew(site: Site) -> None:
    accounts = site.services.accounts
    for _ in range(2):
        for _ in range(ATTEMPTS - 1):
            accounts.verify("officer1", "wrong")
        assert accounts.verify("officer1", PASSWORD) is not None


class WatchedHasher(Argon2Hasher):
    """Cheap argon2id that counts, and holds whoever verifies until it is let go."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.begun = 0
        self.go = threading.Event()
        self._lock = threading.Lock()

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:  # noqa: A002 - the library's own word
        """Counted before the work."""
        with self._lock:
            self.begun += 1
        assert self.go.wait(20)
        return super().verify(password, hash)


def test_unknown_login_costs_a_hash_as_a_known_one_does(site: Site) -> None:
    hasher = WatchedHasher()
    hasher.go.set()
    accounts = Accounts(site.engine, site.clock, hasher=hasher)
    for number, login in enumerate(("officer1", "nobody"), start=1):
        assert accounts.verify(login, "wrong") is None
        assert hasher.begun == number


def test_no_more_than_four_passwords_are_hashed_at_once(site: Site) -> None:
    hasher = WatchedHasher()
    accounts = Accounts(site.engine, site.clock, hasher=hasher)
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda name=name: answers.append(accounts.verify(name, "wrong")))
        for name in ("a", "b", "c", "d", "e", "f", "g")
    ]
    for thread in threads:
        thread.start()
    until(lambda: hasher.begun == HASHES_AT_ONCE, what="as many as may are hashing")
    assert hasher.begun == HASHES_AT_ONCE
    hasher.go.set()
    for thread in threads:
        thread.join(20)
    assert answers == [None] * len(threads)


@pytest.mark.parametrize(
    ("login", "password", "role", "dong"),
    [
        ("Officer 9", PASSWORD, "officer", "dong-1"),
        ("officer9", "short", "officer", "dong-1"),
        ("officer9", PASSWORD, "officer", None),
        ("officer9", PASSWORD, "supervisor", "dong-1"),
        ("officer9", PASSWORD, "king", None),
        ("officer9", PASSWORD, "officer", "dong-9"),
        ("officer1", PASSWORD, "officer", "dong-1"),
    ],
    ids=["bad login", "short password", "officer without dong", "supervisor with dong", "unknown role", "unknown dong", "taken"],
)
def test_account_that_cannot_be_is_refused_with_a_reason(
    site: Site, login: str, password: str, role: str, dong: str | None
) -> None:
    with pytest.raises(AccountRefused) as refused:
        site.services.accounts.add(login, password, role, dong)
    assert str(refused.value)
    assert password not in str(refused.value)
