"""The switches of the header: language, and the demo's speed; and what keeps an open header true."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from dashboard_api.access import LANG_COOKIE, ServicesDep, ViewerDep
from dashboard_api.pages.login import local_address
from dashboard_api.pages.shell import shell
from dashboard_api.problems import Problem
from dashboard_api.render import RATES
from dashboard_api.words import Lang
from ingest.clock import DAY, SECOND

router = APIRouter()
_log = structlog.get_logger(__name__)


@router.post("/lang")
def switch_language(
    services: ServicesDep, lang: Annotated[Lang, Form()], back: Annotated[str, Form(max_length=512)] = "/"
) -> Response:
    """Show the pages in this language from now on, on this browser."""
    response = RedirectResponse(local_address(back), status_code=303)
    response.set_cookie(
        LANG_COOKIE, lang, max_age=365 * DAY // SECOND, path="/", secure=services.https, httponly=True, samesite="lax"
    )
    return response


@router.post("/speed")
def switch_speed(request: Request, viewer: ViewerDep, services: ServicesDep, rate: Annotated[int, Form()]) -> Response:
    """Run the demo's home time at another rate; 404 on a real site."""
    if services.speed is None or rate not in RATES:
        raise Problem(404, "not_found")
    services.speed.set_rate(rate)
    _log.info("home time runs at another rate", rate=rate, login=viewer.login)
    if "hx-request" not in request.headers:
        return RedirectResponse("/", status_code=303)
    return shell(request, services, viewer, "part/status.html")


@router.get("/status")
def status(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """What the header of an open page shows: home time, its rate, stages that are not well."""
    return shell(request, services, viewer, "part/status.html")
