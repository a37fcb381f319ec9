"""One check: why, whom to call and what to ask, where its ladder stands, and what is done about it in place."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from alerts.attempt import BY_HAND, HAND, ByHand
from alerts.check import DueKind
from alerts.desk import CheckDetail, CheckState, CheckView
from alerts.history import AttemptView
from alerts.ladder import Who
from alerts.script import script_of
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.households import people_of
from dashboard_api.api.ladder import hours_text
from dashboard_api.pages.home import Step, step
from dashboard_api.pages.queue import Choice, row_answer
from dashboard_api.pages.shell import dong_names, shell
from dashboard_api.problems import Problem
from dashboard_api.rows import CheckRow, check_row
from dashboard_api.services import Services
from dashboard_api.words import Lang, say
from ingest.clock import Millis
from ingest.history.port import HistoryUnavailable
from ingest.reading import HouseholdId, Signal
from rules.finding import Signs

router = APIRouter()

SHOWN_SIGNS = (Signal.MOTION, Signal.DOOR, Signal.CALL, Signal.STEPS, Signal.PHONE)
WHO_BY_HAND = (Who.RESIDENT, Who.CONTACT, Who.EMERGENCY)


class TryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One try in words."""

    number: int
    at: Millis
    who: str
    channel: str
    by: str | None  # None: the ladder itself
    told: int | None  # None: nobody was to be told
    untold: str | None  # why nobody was, in words
    result: str
    open: bool  # by hand, and how it went is still to be told


class RungRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rung as a step of the list; `place`: passed, here, ahead, skipped."""

    name: str
    who: str
    channel: str
    pace: str
    place: str
    tries: tuple[TryRow, ...]


class SignRow(msgspec.Struct, frozen=True, kw_only=True):
    """When a sign of life was last seen; None: never."""

    signal: str
    at: Millis | None


@router.get("/checks/{check_id}")
def one_check(request: Request, check_id: str, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The page a message's link leads to; a look at the people is logged."""
    last_event = services.desk.last_event_id()
    detail = _found(services, viewer, check_id)
    home = detail.check.household_id
    people, masked = people_of(services, viewer, home, "check page") if home else (None, True)
    return shell(
        request,
        services,
        viewer,
        "check.html",
        home,
        last_event=last_event,
        people=people,
        masked=masked,
        script=script_of(detail.check, viewer.lang),
        who_by_hand=[(who, say(viewer.lang, f"who.{who}")) for who in WHO_BY_HAND],
        results=[(result, say(viewer.lang, f"result.{result}")) for result in BY_HAND],
        signs=_signs(services, viewer, detail.check),
        earlier=[check_row(each, dong_names(services), viewer.lang) for each in detail.earlier],
        **_moving(services, viewer, detail),
    )


@router.get("/checks/{check_id}/now")
def check_now(request: Request, check_id: str, viewer: ViewerDep, services: ServicesDep) -> Response:
    """What of the page changes by itself, for one that is open."""
    return shell(
        request, services, viewer, "part/check_now.html", **_moving(services, viewer, _found(services, viewer, check_id))
    )


@router.post("/checks/{check_id}/visit")
def begin_visit(request: Request, check_id: str, viewer: ViewerDep, services: ServicesDep) -> Response:
    """Somebody is on the way."""
    done = services.desk.begin_visit(check_id, actor=viewer.login, dong=viewer.dong)
    return _answer(request, services, viewer, done)


@router.post("/checks/{check_id}/attempts")
def try_by_hand(
    request: Request,
    check_id: str,
    viewer: ViewerDep,
    services: ServicesDep,
    who: Annotated[Who, Form()],
    result: Annotated[ByHand, Form()],
    text: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Record a call and how it went."""
    done = services.desk.try_by_hand(check_id, actor=viewer.login, dong=viewer.dong, who=who, result=result, text=text.strip())
    return _answer(request, services, viewer, done)


@router.post("/checks/{check_id}/attempts/{number}")
def end_try(
    request: Request,
    check_id: str,
    number: int,
    viewer: ViewerDep,
    services: ServicesDep,
    result: Annotated[ByHand, Form()],
) -> Response:
    """Record how a visit went."""
    done = services.desk.end_try(check_id, number, actor=viewer.login, dong=viewer.dong, result=result)
    return _answer(request, services, viewer, done)


def _answer(request: Request, services: Services, viewer: Viewer, done: CheckView) -> Response:
    if "hx-request" not in request.headers:
        return RedirectResponse(f"/checks/{done.id}", status_code=303)
    return row_answer(request, services, viewer, done)


def _found(services: Services, viewer: Viewer, check_id: str) -> CheckDetail:
    found = services.desk.check(check_id, dong=viewer.dong)
    if found is None:
        raise Problem(404, "not_found")
    return found


def _moving(services: Services, viewer: Viewer, detail: CheckDetail) -> dict[str, object]:
    check, lang = detail.check, viewer.lang
    row = check_row(check, dong_names(services), lang)
    return {
        "row": row,
        "rows": [row],
        "counts": None,
        "hearing": None,
        "truncated": False,
        "chosen": Choice(household=check.household_id or ""),
        "url": f"/checks/{check.id}/now",
        "coverage": _coverage(check),
        "rungs": _rungs(detail, lang),
        "by_hand": tuple(_try_row(each, lang) for each in detail.attempts if each.attempt.rung == HAND),
        "next_word": _next_word(check, row, lang),
        "next_at": None if check.due is None else check.due.due_at,
        "steps": _steps(detail, lang),
    }


def _coverage(check: CheckView) -> int:
    """Percent of the window of the gravest alert in which the home was observed."""
    return round(100 * check.alerts[0].evidence.coverage)


def _next_word(check: CheckView, row: CheckRow, lang: Lang) -> str:
    if check.due is None:
        return say(lang, "check.ended") if check.state is CheckState.RESOLVED else say(lang, "queue.exhausted")
    if check.due.kind is DueKind.ACKNOWLEDGEMENT_EXPIRES:
        return say(lang, "check.back_to_queue", owner=row.owner or "")
    return say(lang, "check.next_try")


def _rungs(detail: CheckDetail, lang: Lang) -> tuple[RungRow, ...]:
    check = detail.check
    here = check.ladder.place(check.rung)
    rows = []
    for place, rung in enumerate(check.ladder.rungs):
        tries = tuple(_try_row(each, lang) for each in detail.attempts if each.attempt.rung == rung.name)
        pace = rung.pace(check.level)
        standing = "here" if place == here and check.state is CheckState.OPEN else "passed"
        if place > here:
            standing = "ahead"
        if not tries and (place < here or not pace.tries):
            standing = "skipped"
        rows.append(
            RungRow(
                name=rung.name,
                who=say(lang, f"who.{rung.who}"),
                channel=say(lang, f"way.{rung.channel}"),
                pace=_pace(pace.tries, pace.wait, hours_text(rung), lang),
                place=standing,
                tries=tries,
            )
        )
    return tuple(rows)


def _pace(tries: int, wait: Millis, hours: str, lang: Lang) -> str:
    if not tries:
        return say(lang, "check.not_at_level")
    times = say(lang, "check.pace", n=tries, minutes=wait // 60_000)
    return times if hours == "00:00-24:00" else f"{times} · {hours}"


def _try_row(view: AttemptView, lang: Lang) -> TryRow:
    each = view.attempt
    by_hand = each.rung == HAND
    return TryRow(
        number=each.number,
        at=each.at,
        who=say(lang, f"who.{each.who}"),
        channel=say(lang, f"way.{each.channel}"),
        by=each.actor if by_hand else None,
        told=None if by_hand or each.delivery_id or view.untold else view.told,
        untold=None if view.untold is None else say(lang, f"untold.{view.untold}"),
        result=say(lang, f"result.{each.result}") if each.result else say(lang, "check.waiting"),
        open=by_hand and each.result is None,
    )


def _steps(detail: CheckDetail, lang: Lang) -> tuple[Step, ...]:
    return tuple(step(row, lang) for row in reversed(detail.transitions))


def _signs(services: Services, viewer: Viewer, check: CheckView) -> list[SignRow]:
    """By signal the newest sign of life: what the alert itself knew, or what came since, where the history answers."""
    if check.household_id is None:
        return []
    signs = next((alert.evidence.signs for alert in check.alerts if alert.evidence.signs is not None), Signs())
    known = {Signal.MOTION: signs.motion, Signal.DOOR: signs.door, Signal.CALL: signs.call, Signal.PHONE: signs.phone}
    try:
        latest = services.history.latest(HouseholdId(check.household_id))
    except HistoryUnavailable:
        latest = {}  # what the alert knew is still there
    for signal, (at, value) in latest.items():
        if signal is Signal.DOOR or value > 0:
            known[signal] = max(at, known.get(signal) or 0)
    devices = services.register.devices(dong=viewer.dong, household=check.household_id)
    have = {signal for device in devices for signal in device.signals}
    return [SignRow(signal=str(signal), at=known.get(signal)) for signal in SHOWN_SIGNS if signal in have]
