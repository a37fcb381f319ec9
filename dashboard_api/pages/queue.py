"""The queue of checks, and what is done about one in place."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from alerts.desk import CheckState, CheckView, Outcome
from alerts.work import BY_PEOPLE
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.checks import UNRESOLVED
from dashboard_api.pages.shell import HouseholdQuery, dong_names, place_of, shell
from dashboard_api.problems import Problem
from dashboard_api.render import local_text, page
from dashboard_api.rows import CheckRow, check_row, level_word
from dashboard_api.services import Services
from dashboard_api.words import Lang, say
from ingest.clock import DAY, HOUR, Millis, parse_local
from rules.finding import Level

router = APIRouter()

SHOWN = 300  # rows on one page; more than anybody can work through is cut, and said so

LevelChoice = Literal["", "1", "2", "3"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What of the queue somebody wants to see."""

    state: str = "open"  # open (with acknowledged), or resolved
    level: str = ""
    household: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether an empty list says nothing about the rest."""
        return bool(self.level or self.household or self.state != "open")

    def address(self, *, level: object, state: str, path: str = "/") -> str:
        """The queue's address with another level and state, and the same household."""
        asked = {"state": "" if state == "open" else state, "level": str(level), "household": self.household}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{path}?{query}" if query else path


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many unresolved checks there are, in all and by level."""

    total: int
    levels: tuple[tuple[int, str, int], ...]  # level, its word, how many; the gravest first


@router.get("/")
def queue(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    state: Literal["open", "resolved"] = "open",
    level: LevelChoice = "",
    household: HouseholdQuery = "",
) -> Response:
    """The whole page."""
    choice = Choice(state=state, level=level, household=household)
    return _queue(request, services, viewer, choice, "queue.html")


@router.get("/queue")
def queue_part(
    request: Request,
    viewer: ViewerDep,
    services: ServicesDep,
    state: Literal["open", "resolved"] = "open",
    level: LevelChoice = "",
    household: HouseholdQuery = "",
    of: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """The list alone, for a page that is open; `of` a household: what its own page shows of it."""
    if of:
        return shell(request, services, viewer, "part/queue.html", **queue_of_home(services, viewer, of))
    return _queue(request, services, viewer, Choice(state=state, level=level, household=household), "part/queue.html")


def _queue(request: Request, services: Services, viewer: Viewer, choice: Choice, template: str) -> Response:
    last_event = services.desk.last_event_id()  # before the list: what happens between the two is told twice, not never
    unresolved = services.desk.checks(dong=viewer.dong, states=UNRESOLVED, limit=SHOWN * 2)
    if choice.state == "resolved":
        found = services.desk.checks(dong=viewer.dong, states=(CheckState.RESOLVED,), limit=SHOWN * 2)
        found.sort(key=lambda check: -(check.resolved_at or 0))
    else:
        found = unresolved
    found = [check for check in found if _wanted(check, choice)]
    return shell(
        request,
        services,
        viewer,
        template,
        last_event=last_event,
        rows=_rows(services, viewer, found[:SHOWN]),
        truncated=len(found) > SHOWN,
        counts=_counts(unresolved, viewer.lang),
        chosen=choice,
        url=choice.address(level=choice.level, state=choice.state, path="/queue"),
        place=place_of(services, viewer),
        hearing=request.app.state.hearing.of(viewer.dong),
    )


def queue_of_home(services: Services, viewer: Viewer, household_id: str) -> dict[str, object]:
    """What `part/queue.html` shows on a household's own page: its open check alone."""
    found = services.desk.checks(dong=viewer.dong, states=UNRESOLVED, household=household_id, limit=10)
    return {
        "rows": _rows(services, viewer, found),
        "counts": None,
        "hearing": None,
        "chosen": Choice(household=household_id),
        "url": f"/queue?of={household_id}",
        "truncated": False,
    }


def _wanted(check: CheckView, choice: Choice) -> bool:
    if choice.level and check.level != int(choice.level):
        return False
    asked = choice.household.lower()
    return not asked or asked in check.subject or asked == check.code.lower()


def _counts(checks: list[CheckView], lang: Lang) -> Counts:
    numbers = [(level, sum(check.level is level for check in checks)) for level in sorted(Level, reverse=True)]
    return Counts(total=len(checks), levels=tuple((int(level), level_word(level, lang), number) for level, number in numbers))


def _rows(services: Services, viewer: Viewer, checks: list[CheckView]) -> list[CheckRow]:
    dongs = dong_names(services)
    return [check_row(check, dongs, viewer.lang) for check in checks]


@router.post("/checks/{check_id}/acknowledge")
def acknowledge(
    request: Request, check_id: str, viewer: ViewerDep, services: ServicesDep, version: Annotated[int, Form()]
) -> Response:
    """Take the check on; the row comes back as it is now."""
    done = services.desk.acknowledge(check_id, actor=viewer.login, dong=viewer.dong, version=version)
    return row_answer(request, services, viewer, done)


@router.get("/checks/{check_id}/{form}")
def open_form(
    request: Request, check_id: str, form: Literal["resolve", "note"], viewer: ViewerDep, services: ServicesDep
) -> Response:
    """The form to settle a check, or to write a remark, inside its row."""
    found = services.desk.check(check_id, dong=viewer.dong)
    if found is None:
        raise Problem(404, "not_found")
    if found.check.state is CheckState.RESOLVED:
        raise Problem(409, "conflict")
    now = services.clock.home_now()
    return page(
        request,
        services,
        f"part/{form}.html",
        row=check_row(found.check, dong_names(services), viewer.lang),
        outcomes=[(str(outcome), say(viewer.lang, f"outcome.{outcome}")) for outcome in BY_PEOPLE],
        returns_min=local_text(now),
        returns_max=local_text(now + 14 * DAY),
        returns_default=local_text(now + 24 * HOUR),
    )


@router.post("/checks/{check_id}/resolve")
def resolve(
    request: Request,
    check_id: str,
    viewer: ViewerDep,
    services: ServicesDep,
    outcome: Annotated[Outcome, Form()],
    version: Annotated[int, Form()],
    text: Annotated[str, Form(max_length=2000)] = "",
    returns_at: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    """Settle the check; the row comes back as it is now."""
    done = services.desk.resolve(
        check_id,
        actor=viewer.login,
        dong=viewer.dong,
        outcome=outcome,
        text=text.strip(),
        returns_at=_returns(returns_at) if outcome in (Outcome.AWAY, Outcome.HOSPITAL) else None,
        version=version,
    )
    return row_answer(request, services, viewer, done)


@router.post("/checks/{check_id}/note")
def note(
    request: Request,
    check_id: str,
    viewer: ViewerDep,
    services: ServicesDep,
    text: Annotated[str, Form(min_length=1, max_length=2000)],
) -> Response:
    """Write a remark; the row comes back as it is now."""
    done = services.desk.note(check_id, actor=viewer.login, dong=viewer.dong, text=text.strip())
    return row_answer(request, services, viewer, done)


def row_answer(request: Request, services: Services, viewer: Viewer, check: CheckView) -> Response:
    """The row of this check as it is now; the queue, where a browser without scripts asked."""
    if "hx-request" not in request.headers:
        return RedirectResponse("/", status_code=303)
    row = check_row(check, dong_names(services), viewer.lang)
    return page(request, services, "part/check.html", row=row)


def _returns(text: str) -> Millis | None:
    try:
        return parse_local(text) if text else None
    except ValueError as error:
        raise Problem(422, "bad_return") from error
