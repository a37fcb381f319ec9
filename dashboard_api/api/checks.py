"""Checks over the API: list, look, acknowledge, note, resolve."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alerts.check import CheckState
from dashboard_api.access import ServicesDep, ViewerDep
from dashboard_api.api.models import (
    AcknowledgeIn,
    CheckDetailOut,
    CheckOut,
    ChecksOut,
    LevelWord,
    NoteIn,
    ResolveIn,
)
from dashboard_api.api.views import check_out, detail_out
from dashboard_api.problems import Problem

router = APIRouter(prefix="/checks", tags=["checks"])

UNRESOLVED = (CheckState.OPEN, CheckState.ACKNOWLEDGED)


@router.get("")
def list_checks(
    viewer: ViewerDep,
    services: ServicesDep,
    state: Annotated[list[CheckState] | None, Query(description="open and acknowledged unless told")] = None,
    level: LevelWord | None = None,
    household: Annotated[str | None, Query(max_length=32)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(max_length=32, description="the id of the last check of the page before")] = None,
) -> ChecksOut:
    """Checks of the viewer's dong, worst first, those of one level by age."""
    found = services.desk.checks(
        dong=viewer.dong,
        states=state or UNRESOLVED,
        level=level.level if level else None,
        household=household,
        limit=limit,
        before=before,
    )
    return ChecksOut(
        checks=[check_out(check, viewer.lang) for check in found],
        before=found[-1].id if len(found) == limit else None,
    )


@router.get("/{check_id}")
def one_check(check_id: str, viewer: ViewerDep, services: ServicesDep) -> CheckDetailOut:
    """A check with every transition; another dong's is 404."""
    found = services.desk.check(check_id, dong=viewer.dong)
    if found is None:
        raise Problem(404, "not_found")
    return detail_out(found, viewer.lang)


@router.post("/{check_id}/acknowledge")
def acknowledge(check_id: str, viewer: ViewerDep, services: ServicesDep, wanted: AcknowledgeIn | None = None) -> CheckOut:
    """Take the check on (접수)."""
    version = wanted.version if wanted else None
    done = services.desk.acknowledge(check_id, actor=viewer.login, dong=viewer.dong, version=version)
    return check_out(done, viewer.lang)


@router.post("/{check_id}/note")
def note(check_id: str, wanted: NoteIn, viewer: ViewerDep, services: ServicesDep) -> CheckOut:
    """Write a remark into the check's history; it is kept sealed."""
    return check_out(services.desk.note(check_id, actor=viewer.login, dong=viewer.dong, text=wanted.text), viewer.lang)


@router.post("/{check_id}/resolve")
def resolve(check_id: str, wanted: ResolveIn, viewer: ViewerDep, services: ServicesDep) -> CheckOut:
    """Settle the check (종결) with an outcome; `other` needs text, `away` a return time."""
    done = services.desk.resolve(
        check_id,
        actor=viewer.login,
        dong=viewer.dong,
        outcome=wanted.outcome,
        text=wanted.text,
        returns_at=wanted.returns_at,
        version=wanted.version,
    )
    return check_out(done, viewer.lang)
