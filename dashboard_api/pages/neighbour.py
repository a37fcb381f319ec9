"""The public form by which a neighbour tells the dong's centre of somebody they worry about; no log-in."""

from __future__ import annotations

import secrets
from typing import Annotated, cast

from fastapi import APIRouter, Form, Request, Response

from alerts.aftercare.report import LONGEST_ADDRESS, LONGEST_TEXT, Words
from dashboard_api.access import ServicesDep, language
from dashboard_api.pace import Pace, TooManyRequests
from dashboard_api.problems import Problem, Refusal, put_into_words
from dashboard_api.render import page
from dashboard_api.services import Services

router = APIRouter()
FORM = "form"


@router.get("/report/{dong}")
def form(request: Request, dong: str, services: ServicesDep) -> Response:
    """The empty form, or 404 for a dong that is not there."""
    return _shown(request, services, dong)


@router.post("/report/{dong}")
def take(
    request: Request,
    dong: str,
    services: ServicesDep,
    address: Annotated[str, Form(max_length=LONGEST_ADDRESS)] = "",
    text: Annotated[str, Form(max_length=LONGEST_TEXT)] = "",
    reporter: Annotated[str, Form(max_length=64)] = "",
    phone: Annotated[str, Form(max_length=32)] = "",
    number: Annotated[str, Form(max_length=40, pattern=r"^[A-Za-z0-9_-]*$")] = "",
) -> Response:
    """Take the report; sent twice by an impatient hand it is one, because the form carries its number."""
    words = Words(address=address, text=text, reporter=reporter, phone=phone)
    if not address.strip() or not text.strip():
        return _shown(request, services, dong, words, Problem(422, "report_words"))
    try:
        cast(Pace, request.app.state.form_pace).count(request.client.host if request.client else "")
    except TooManyRequests as refused:
        return _shown(request, services, dong, words, refused)
    services.aftercare.reports.take(dong, words, channel=FORM, number=number or secrets.token_urlsafe(12))
    return page(request, services, "reported.html", dong=_name(services, dong))


def _shown(
    request: Request, services: Services, dong: str, words: Words | None = None, problem: Exception | None = None
) -> Response:
    refusal: Refusal | None = put_into_words(problem, language(request)) if problem else None
    return page(
        request,
        services,
        "report.html",
        status=refusal.status if refusal else 200,
        headers=refusal.headers if refusal else None,
        code=dong,
        dong=_name(services, dong),
        words=words,
        number=secrets.token_urlsafe(12),
        problem=refusal,
    )


def _name(services: Services, dong: str) -> str:
    for known in services.register.dongs():
        if known.code == dong:
            return known.name
    raise Problem(404, "not_found")
