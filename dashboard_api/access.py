"""Who asks, in which language, and which dong they may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request, Response

from dashboard_api.accounts import ABSOLUTE, Account
from dashboard_api.services import Services
from dashboard_api.words import Lang
from ingest.clock import SECOND

LANG_COOKIE = "anbu_lang"
BACKGROUND = "anbu-background"
"""Header of what a page fetches by itself; like the live stream it does not count as use of the session."""


class NotLoggedIn(Exception):
    """No session, or one that has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody logged in. `dong` None sees all."""

    account: Account
    token: str
    lang: Lang

    @property
    def login(self) -> str:
        """What is written into transitions and logs."""
        return self.account.login

    @property
    def dong(self) -> str | None:
        """The only dong this viewer may see."""
        return self.account.dong_code


def services_of(request: Request) -> Services:
    """What `create_app` was given."""
    return cast(Services, request.app.state.services)


def language(request: Request) -> Lang:
    """Korean, unless the switch was set to English."""
    return Lang.EN if request.cookies.get(LANG_COOKIE) == Lang.EN else Lang.KO


def cookie_name(services: Services) -> str:
    """`__Host-` binds the cookie to this host and to https; plain http on loopback cannot have it."""
    return "__Host-anbu" if services.https else "anbu_session"


def viewer(request: Request) -> Viewer:
    """The session's owner; NotLoggedIn when there is none."""
    services = services_of(request)
    token = request.cookies.get(cookie_name(services), "")
    by_itself = BACKGROUND in request.headers or request.headers.get("accept") == "text/event-stream"
    account = services.accounts.session(token, touch=not by_itself) if token else None
    if account is None:
        raise NotLoggedIn
    request.state.account = account  # for the log line of a refusal
    return Viewer(account=account, token=token, lang=language(request))


def give_cookie(response: Response, services: Services, token: str) -> None:
    """Hand the session's token to the browser, for this site alone."""
    response.set_cookie(
        cookie_name(services),
        token,
        max_age=ABSOLUTE // SECOND,
        path="/",
        secure=services.https,
        httponly=True,
        samesite="strict",
    )


def take_cookie(response: Response, services: Services) -> None:
    """Make the browser forget its token."""
    response.delete_cookie(cookie_name(services), path="/", secure=services.https, httponly=True, samesite="strict")


ViewerDep = Annotated[Viewer, Depends(viewer)]
ServicesDep = Annotated[Services, Depends(services_of)]
LangDep = Annotated[Lang, Depends(language)]
