"""How a page is put together: templates, words of the viewer's language, and what the header of every page shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dashboard_api.access import language
from dashboard_api.accounts import Account
from dashboard_api.services import Services
from dashboard_api.words import Lang, length, say
from ingest.clock import SEOUL, Millis, to_datetime

_HERE = Path(__file__).parent
MENU = (("/", "page.queue"), ("/tickets", "page.tickets"), ("/households", "page.households"))
MORE = (("/cases", "care.title"), ("/plans", "plans.title"), ("/reports", "reports.title"), ("/figures", "figures.title"))
"""Addresses and words of the main menu, and of what opens under its last entry."""

RATES = (1, 10, 60, 600)
"""What the demo's speed switch offers."""

_WEEKDAYS = {Lang.KO: tuple("월화수목금토일"), Lang.EN: ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clock_text(at: Millis, lang: Lang, *, seconds: bool = False) -> str:
    """Date, weekday and time of day in Seoul."""
    moment = to_datetime(at).astimezone(SEOUL)
    weekday = _WEEKDAYS[lang][moment.weekday()]
    day = f"{moment.month}/{moment.day}({weekday})" if lang is Lang.KO else f"{weekday} {moment.day} {_MONTHS[moment.month - 1]}"
    return f"{day} {moment:%H:%M:%S}" if seconds else f"{day} {moment:%H:%M}"


def local_text(at: Millis) -> str:
    """The instant in Seoul as a date and time field takes it."""
    return to_datetime(at).astimezone(SEOUL).strftime("%Y-%m-%dT%H:%M")


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _static
    made.globals["rates"] = RATES
    made.globals["menu"] = MENU
    made.globals["more"] = MORE
    return made


def _static(path: str) -> str:
    """The address of a static file, with its time of change so that a browser never keeps an old one."""
    file = _HERE / "static" / path
    return f"/static/{path}?{int(file.stat().st_mtime):x}" if file.exists() else f"/static/{path}"


_templates = _environment()


def page(
    request: Request,
    services: Services,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **shown: object,
) -> Response:
    """The template with the viewer's words; what is `shown` to it is named by the caller."""
    lang = language(request)
    account: Account | None = getattr(request.state, "account", None)
    html = _templates.get_template(template).render(
        lang=lang.value,
        t=lambda key, **figures: Markup(Markup.escape(say(lang, key, **figures))),
        ago=partial(length, lang),
        clock_text=partial(clock_text, lang=lang),
        account=account,
        home_now=services.clock.home_now(),
        speed=services.speed,
        path=request.url.path,
        **{"last_event": None, "broken": (), "notes": (), **shown},
    )
    return Response(html, status_code=status, headers=dict(headers or {}), media_type="text/html; charset=utf-8")
