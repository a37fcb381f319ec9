"""What machines ask of us: are we alive, are all stages moving, our figures."""

from __future__ import annotations

import ipaddress

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from dashboard_api.access import NotLoggedIn, ServicesDep, viewer
from dashboard_api.accounts import Role
from dashboard_api.api.models import ReadyOut, StageOut
from dashboard_api.problems import Problem

router = APIRouter(tags=["health"])

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """The process answers; nothing is said of its stages."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"model": ReadyOut}})
def readyz(response: Response, services: ServicesDep) -> ReadyOut:
    """200 when every stage moves, else 503; each stage says how it is. Upkeep that fails does not count."""
    found = services.stages()
    stages = [StageOut(name=s.name, ok=s.ok, detail=s.detail, lag=s.lag) for s in found]
    ready = all(stage.ok or stage.upkeep for stage in found)
    response.status_code = 200 if ready else 503
    return ReadyOut(ready=ready, stages=stages)


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Prometheus text, for callers on this machine and for operators who are logged in; 404 for everyone else."""
    if not _is_local(request) and not _is_operator(request):
        raise Problem(404, "not_found")
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _is_local(request: Request) -> bool:
    """A loopback peer that speaks for itself: behind a proxy every caller looks local, so a forwarding header counts as far."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _is_operator(request: Request) -> bool:
    try:
        return viewer(request).account.role is Role.OPERATOR
    except NotLoggedIn:
        return False
