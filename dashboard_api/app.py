"""The web application: which routes there are, and what all of them share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from dashboard_api import problems
from dashboard_api.api import care as care_api
from dashboard_api.api import (
    checks,
    devices,
    duty,
    events,
    health,
    households,
    ladder,
    lost,
    reach,
    readings,
    rules,
    session,
    tickets,
    trends,
    whatif,
    why,
)
from dashboard_api.api import figures as figures_api
from dashboard_api.api import reports as reports_api
from dashboard_api.api.models import ProblemOut
from dashboard_api.guard import Guard
from dashboard_api.hearing import HearingBoard
from dashboard_api.live import LiveStream
from dashboard_api.pace import Pace
from dashboard_api.pages import care, check, figures, home, login, neighbour, queue, strangers, switches
from dashboard_api.pages import duty as duty_pages
from dashboard_api.pages import reach as reach_pages
from dashboard_api.pages import tickets as ticket_pages
from dashboard_api.services import Services

STATIC = Path(__file__).parent / "static"


def create_app(services: Services) -> FastAPI:
    """The application over these services. A server about to stop calls `app.state.live.close()` inside its event loop,
    so that open streams end at once instead of at the server's limit."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        live: LiveStream = app.state.live
        live.start()
        yield
        live.close()

    # No documentation page: it would load its scripts from another host. The schema itself stays.
    app = FastAPI(title="anbu", version=_version(), docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.services = services
    app.state.live = LiveStream(services.desk)
    app.state.hearing = HearingBoard(services)
    app.state.bot_pace = Pace(services.clock, reports_api.BOT_REPORTS, reports_api.WINDOW)
    app.state.trial_pace = Pace(services.clock, reach.TRIALS, reach.TRIALS_WITHIN)
    app.state.form_pace = Pace(services.clock, reports_api.FORM_REPORTS, reports_api.WINDOW)
    app.add_middleware(Guard, https=services.https)
    problems.install(app)
    refusals: dict[int | str, dict[str, Any]] = {status: {"model": ProblemOut} for status in (401, 404, 409, 422)}
    api = APIRouter(prefix="/api/v1", responses=refusals)
    for part in (session, checks, ladder, tickets, duty, households, lost, events, readings, devices, whatif, rules, trends, why):
        api.include_router(part.router)
    for part in (care_api, reports_api, figures_api):
        api.include_router(part.router)
    api.include_router(reach.router)
    app.include_router(api)
    app.include_router(health.router)
    for pages in (login, check, queue, ticket_pages, duty_pages, home, strangers, switches, reach_pages):
        app.include_router(pages.router, include_in_schema=False)
    for pages in (care, neighbour, figures):
        app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


def _version() -> str:
    try:
        return version("anbu")
    except PackageNotFoundError:
        return "0"
