"""Logging in and out with a browser."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from dashboard_api.access import NotLoggedIn, ServicesDep, cookie_name, give_cookie, language, take_cookie, viewer
from dashboard_api.accounts import TooManyAttempts
from dashboard_api.api.session import enter
from dashboard_api.problems import Problem, put_into_words
from dashboard_api.render import page
from dashboard_api.services import Services

router = APIRouter()


@router.get("/login")
def login_page(request: Request, services: ServicesDep, next: str = "/") -> Response:  # noqa: A002 - the address's own word
    """The log-in form; somebody logged in already goes where they wanted."""
    try:
        viewer(request)
    except NotLoggedIn:
        return _form(request, services, wanted=local_address(next))
    return RedirectResponse(local_address(next), status_code=303)


@router.post("/login")
def log_in(
    request: Request,
    services: ServicesDep,
    login: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
    next: Annotated[str, Form(max_length=512)] = "/",  # noqa: A002 - the form's own word
) -> Response:
    """Open a session and go on, or say why not."""
    try:
        _, token = enter(services, login.strip().lower(), password)
    except (Problem, TooManyAttempts) as refused:
        return _form(request, services, wanted=local_address(next), login=login, refused=refused)
    response = RedirectResponse(local_address(next), status_code=303)
    give_cookie(response, services, token)
    return response


@router.post("/logout")
def log_out(request: Request, services: ServicesDep) -> Response:
    """End the session."""
    services.accounts.close_session(request.cookies.get(cookie_name(services), ""))
    response = RedirectResponse("/login", status_code=303)
    take_cookie(response, services)
    return response


def _form(request: Request, services: Services, *, wanted: str, login: str = "", refused: Exception | None = None) -> Response:
    problem = put_into_words(refused, language(request)) if refused else None
    return page(
        request,
        services,
        "login.html",
        status=problem.status if problem else 200,
        headers=problem.headers if problem else None,
        problem=problem,
        wanted=wanted,
        login=login,
        demo=services.demo_login,
    )


def local_address(address: str) -> str:
    """The address when it is one of this site's paths; the queue otherwise, so that no link can lead away through us."""
    local = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if local else "/"
