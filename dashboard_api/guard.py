"""What is refused before any route is asked, and the headers every answer carries."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard_api.words import Lang, say

LARGEST_BODY = 64 * 1024
LARGER_BODIES = {"/api/v1/readings": 512 * 1024}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

# No inline script or style anywhere: htmx's own style is switched off, uPlot sets styles through the object model,
# which a policy does not forbid.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_log = structlog.get_logger(__name__)


class Guard:
    """ASGI middleware: refuses writes from other sites and bodies above 64 KiB (readings 512), and sets the security headers."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if https:
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                # A shared desk's Back button shows nobody's name; static files carry their time of change in the address.
                kept = scope["path"].startswith("/static/")
                headers.setdefault("cache-control", "max-age=86400" if kept else "no-store")
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in SAFE_METHODS:
            if is_cross_site(headers):
                _log.warning("cross-site request refused", path=scope["path"], origin=headers.get("origin"))
                await _refuse(send_guarded, 403, "cross_site")
                return
            length = headers.get("content-length")
            if (length is None and "transfer-encoding" in headers) or (length is not None and _too_long(length, scope["path"])):
                await _refuse(send_guarded, 413, "too_large")
                return
        await self._app(scope, receive, send_guarded)


def is_cross_site(headers: Headers) -> bool:
    """Whether a browser says that another site made it send this; clients that say nothing are no browsers."""
    fetched = headers.get("sec-fetch-site")
    if fetched is not None and fetched not in ("same-origin", "none"):
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")


def _too_long(length: str, path: str) -> bool:
    return not length.isascii() or not length.isdigit() or int(length) > LARGER_BODIES.get(path, LARGEST_BODY)


async def _refuse(send: Send, status: int, error: str) -> None:
    told = {"error": error, "detail": say(Lang.KO, f"problem.{error}"), "next": say(Lang.KO, f"problem.{error}_next")}
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
