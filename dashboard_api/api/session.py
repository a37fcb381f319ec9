"""Logging in and out for programs; people use the log-in page."""

from __future__ import annotations

from fastapi import APIRouter, Response

from dashboard_api.access import ServicesDep, ViewerDep, give_cookie, take_cookie
from dashboard_api.accounts import Account, TooManyAttempts
from dashboard_api.api.models import AccountOut, LoginIn
from dashboard_api.metrics import LOGINS
from dashboard_api.problems import Problem
from dashboard_api.services import Services

router = APIRouter(prefix="/session", tags=["session"])


@router.post("")
def log_in(wanted: LoginIn, response: Response, services: ServicesDep) -> AccountOut:
    """Open a session: the answer sets its cookie, to be sent with every request; it ends when idle for 30 min, or after 12 h."""
    account, token = enter(services, wanted.login, wanted.password)
    give_cookie(response, services, token)
    return _out(account)


@router.get("")
def who(viewer: ViewerDep) -> AccountOut:
    """Whose session this is."""
    return _out(viewer.account)


@router.delete("", status_code=204)
def log_out(response: Response, viewer: ViewerDep, services: ServicesDep) -> None:
    """End the session."""
    services.accounts.close_session(viewer.token)
    take_cookie(response, services)


def enter(services: Services, login: str, password: str) -> tuple[Account, str]:
    """The account and a new session's token; Problem 401 when login or password are wrong, TooManyAttempts."""
    try:
        account = services.accounts.verify(login, password)
    except TooManyAttempts:
        LOGINS.labels("too_many").inc()
        raise
    LOGINS.labels("refused" if account is None else "opened").inc()
    if account is None:
        raise Problem(401, "wrong_password")
    return account, services.accounts.open_session(account.login)


def _out(account: Account) -> AccountOut:
    return AccountOut(login=account.login, role=account.role, dong=account.dong_code)
