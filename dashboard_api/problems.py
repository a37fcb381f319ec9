"""The one shape in which a request is refused: what, why, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException

from alerts.aftercare.referral import CapReached
from alerts.check import BadReturn, Conflict, NeedsText, NotFound, WrongValue
from alerts.duty.entry import RosterWrong
from alerts.duty.handovers import NotYours
from alerts.duty.silences import BadEnd, CannotSilence
from dashboard_api.access import NotLoggedIn, language, services_of
from dashboard_api.accounts import TooManyAttempts
from dashboard_api.metrics import OUT_OF_DONG
from dashboard_api.pace import TooManyRequests
from dashboard_api.render import page
from dashboard_api.tokens import TokenUnknown
from dashboard_api.words import WORDS, Lang, say
from ingest.history.port import HistoryUnavailable
from ingest.journal.port import JournalFull
from ingest.register.homes import EntryWrong, NotRegistered
from ingest.seal import SealBroken

_log = structlog.get_logger(__name__)


class Problem(Exception):
    """A refusal with its HTTP status; `error` is a code, `detail` and `next` are the texts `problem.<error>[_next]`."""

    def __init__(self, status: int, error: str, **figures: Any) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.figures: dict[str, Any] = figures


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A problem put into words."""

    status: int
    error: str
    detail: str
    next: str
    headers: Mapping[str, str] = {}


def put_into_words(problem: Exception, lang: Lang) -> Refusal:
    """Whatever was raised, as a refusal; a surprise becomes a 500 that tells nothing of its inside."""
    match problem:
        case NotFound():
            return _refusal(404, "not_found", lang)
        case Conflict():
            return _refusal(409, "conflict", lang)
        case NeedsText():
            return _refusal(422, "needs_text", lang)
        case BadReturn():
            return _refusal(422, "bad_return", lang)
        case WrongValue(code=code):
            return _refusal(422, code, lang)
        case CapReached(left_won=left):
            return _refusal(409, "cap_reached", lang, left=f"{left:,}")
        case BadEnd():
            return _refusal(422, "bad_end", lang)
        case CannotSilence():
            return _refusal(422, "cannot_silence", lang)
        case NotYours():
            return _refusal(403, "not_yours", lang)
        case RosterWrong(field=field):
            return _refusal(422, "roster_wrong", lang, field=field)
        case TooManyAttempts(retry_after_s=seconds):
            return _refusal(429, "too_many_attempts", lang, headers={"retry-after": str(seconds)}, seconds=seconds)
        case TooManyRequests(retry_after_s=seconds):
            return _refusal(429, "too_many_requests", lang, headers={"retry-after": str(seconds)}, seconds=seconds)
        case TokenUnknown():
            return _refusal(401, "token_unknown", lang, headers={"www-authenticate": "Bearer"})
        case JournalFull():
            return _refusal(503, "journal_full", lang, headers={"retry-after": "30"})
        case NotRegistered():
            return _refusal(404, "not_registered", lang)
        case EntryWrong():
            return _refusal(422, "entry_wrong", lang)
        case NotLoggedIn():
            return _refusal(401, "not_logged_in", lang)
        case HistoryUnavailable():
            return _refusal(503, "history_unavailable", lang)
        case SealBroken():
            return _refusal(500, "seal_broken", lang)
        case RequestValidationError():
            return _refusal(422, "invalid", lang, fields="; ".join(_wrong(error, lang) for error in problem.errors()))
        case Problem():
            return _refusal(problem.status, problem.error, lang, **problem.figures)
        case HTTPException(status_code=404):
            return _refusal(404, "not_found", lang)
        case HTTPException(status_code=405):
            return _refusal(405, "wrong_method", lang)
        case HTTPException(status_code=status) if status < 500:
            return _refusal(status, "bad_request", lang)
        case _:
            return _refusal(500, "internal", lang)


def _refusal(status: int, error: str, lang: Lang, *, headers: Mapping[str, str] | None = None, **figures: Any) -> Refusal:
    return Refusal(
        status=status,
        error=error,
        detail=say(lang, f"problem.{error}", **figures),
        next=say(lang, f"problem.{error}_next", **figures),
        headers=headers or {},
    )


def _wrong(error: Mapping[str, object], lang: Lang) -> str:
    """One wrong field in words: its name, and what would be right."""
    place = error["loc"]
    names = [str(part) for part in place if part not in ("query", "body", "path")] if isinstance(place, Sequence) else []
    context = error.get("ctx")
    # Pydantic joins what it expects by an English word.
    told = context.items() if isinstance(context, dict) else ()
    figures = {key: value.replace("' or '", "', '") if isinstance(value, str) else value for key, value in told if key != "error"}
    key = f"invalid.{error['type']}"
    text = say(lang, key, **figures) if key in WORDS else say(lang, "invalid.other")
    return f"{'.'.join(names) or 'body'}: {text}"


def install(app: FastAPI) -> None:
    """Answer every exception of these kinds in the one shape: JSON under /api/, a page elsewhere."""
    ours: tuple[type[Exception], ...] = (
        Problem,
        NotFound,
        Conflict,
        NeedsText,
        BadReturn,
        WrongValue,
        CapReached,
        TooManyAttempts,
        NotLoggedIn,
        HistoryUnavailable,
        SealBroken,
    )
    ours += (BadEnd, CannotSilence, NotYours, RosterWrong)
    ours += (TokenUnknown, TooManyRequests, JournalFull, NotRegistered, EntryWrong)
    for kind in (*ours, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


async def _answer(request: Request, problem: Exception) -> Response:
    refusal = put_into_words(problem, language(request))
    if refusal.status == 404:
        OUT_OF_DONG.inc()
        account = getattr(request.state, "account", None)
        _log.info("not found, or out of the viewer's dong", path=request.url.path, login=account.login if account else None)
    if refusal.status >= 500:
        _log.error("request failed", path=request.url.path, error=type(problem).__name__, next="see the traceback in this log")
    headers = dict(refusal.headers)
    if request.url.path.startswith("/api/"):
        body = {"error": refusal.error, "detail": refusal.detail, "next": refusal.next}
        return JSONResponse(body, status_code=refusal.status, headers=headers)
    if refusal.status == 401:
        return _to_login(request)
    template = "part/problem.html" if "hx-request" in request.headers else "problem.html"
    return page(request, services_of(request), template, status=refusal.status, headers=headers, problem=refusal)


def _to_login(request: Request) -> Response:
    if request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site":
        # A link in a message: the strict cookie did not come along. Asked again from here, it does.
        return page(request, services_of(request), "bounce.html")
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": "/login"})
    if "anbu-background" in request.headers:
        return Response(status_code=401)
    wanted = quote(request.url.path) if request.method == "GET" else "/"
    return RedirectResponse(f"/login?next={wanted}", status_code=303)
