"""The homes of a dong, and one home: who lives there, what was heard, what happened."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Request, Response

from alerts.desk import CheckState, TicketState, TransitionView
from dashboard_api.access import ServicesDep, Viewer, ViewerDep
from dashboard_api.api.checks import UNRESOLVED
from dashboard_api.api.households import away_of, household_of, people_of
from dashboard_api.limits import chart_limits
from dashboard_api.pages.queue import queue_of_home
from dashboard_api.pages.shell import dong_names, place_of, shell
from dashboard_api.render import page
from dashboard_api.rows import CheckRow, TicketRow, check_row, level_word, ticket_row
from dashboard_api.services import Services
from dashboard_api.words import WORDS, Lang, say
from ingest.clock import Millis
from ingest.history.port import HistoryUnavailable
from ingest.reading import HouseholdId, Signal
from rules.finding import LATE_DATA
from rules.observability import Sights
from rules.sentence import RULE_WORDS, say_cause
from rules.trend_words import trend_sentence

router = APIRouter()


class HomeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the list of homes."""

    id: str
    dong: str
    grade: str
    devices: int
    heard_at: Millis | None
    heard_lately: bool
    blind: str  # why it is not observed; empty where it is, or where nobody knows
    level: int | None
    level_word: str


class SignalRow(msgspec.Struct, frozen=True, kw_only=True):
    """One signal of a home: its newest reading (`at` None where nothing was heard yet), and the devices that give it."""

    signal: str
    at: Millis | None
    value: str
    devices: tuple[str, ...]


class TrendRow(msgspec.Struct, frozen=True, kw_only=True):
    """How a week of the home differed, in words."""

    at: Millis
    text: str


class BlindRow(msgspec.Struct, frozen=True, kw_only=True):
    """Why a home cannot be observed now."""

    cause: str
    since: Millis
    signals: str  # what alone cannot be heard; empty: nothing can


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One transition in words."""

    at: Millis
    text: str
    who: str | None
    note: str | None


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """One check with its steps."""

    row: CheckRow
    steps: tuple[Step, ...]


@router.get("/households")
def households(request: Request, viewer: ViewerDep, services: ServicesDep) -> Response:
    """All homes of the viewer's dong."""
    last_event = services.desk.last_event_id()
    hearing = request.app.state.hearing.of(viewer.dong)
    levels = {check.household_id: check.level for check in services.desk.checks(dong=viewer.dong, states=UNRESOLVED, limit=1000)}
    counts: dict[str, int] = {}
    for device in services.register.devices(dong=viewer.dong):
        counts[device.household_id] = counts.get(device.household_id, 0) + 1
    dongs = dong_names(services)
    sights = services.sights()
    homes = []
    for home in services.register.households(viewer.dong):
        level = levels.get(home.id)
        homes.append(
            HomeRow(
                id=home.id,
                dong=dongs.get(home.dong_code, home.dong_code),
                grade=str(home.grade),
                devices=counts.get(home.id, 0),
                heard_at=hearing.newest.get(home.id),
                blind=_cause(sights, home.id, viewer.lang),
                heard_lately=home.id in hearing.newest and hearing.newest[home.id] >= hearing.since,
                level=None if level is None else int(level),
                level_word="" if level is None else level_word(level, viewer.lang),
            )
        )
    place = place_of(services, viewer)
    return shell(request, services, viewer, "households.html", last_event=last_event, homes=homes, hearing=hearing, place=place)


@router.get("/households/{household_id}")
def household(request: Request, household_id: str, viewer: ViewerDep, services: ServicesDep) -> Response:
    """One home. Its people are masked until it has an open check; the look is logged either way."""
    last_event = services.desk.last_event_id()
    home = household_of(services, viewer, household_id)
    people, masked = people_of(services, viewer, household_id, "household page")
    dongs = dong_names(services)
    return shell(
        request,
        services,
        viewer,
        "household.html",
        household_id,
        last_event=last_event,
        home=home,
        dong=dongs.get(home.dong_code, home.dong_code),
        people=people,
        masked=masked,
        blind=_blind(services, viewer, home.id),
        away=away_of(services, viewer, home.id),
        signals=_signals(services, viewer, home.id),
        tickets=_tickets(services, viewer, home.id),
        losses=services.losses.of(dong=viewer.dong, household_id=home.id, limit=5),
        trends=_trends(services, viewer, home.id),
        history=_past(services, viewer, home.id),
        limits=msgspec.json.encode(chart_limits(services.rulebook, home.id, viewer.lang)).decode(),
        **queue_of_home(services, viewer, home.id),
    )


@router.get("/households/{household_id}/people")
def people_part(request: Request, household_id: str, viewer: ViewerDep, services: ServicesDep) -> Response:
    """The people alone, for a page that is open when a check opens or ends; this look is logged too."""
    home = household_of(services, viewer, household_id)
    people, masked = people_of(services, viewer, household_id, "household page")
    return page(request, services, "part/people.html", home=home, people=people, masked=masked)


def _cause(sights: Sights | None, household_id: str, lang: Lang) -> str:
    sight = sights.of(household_id) if sights else None
    return say_cause(sight.cause, lang.value) if sight else ""


def _blind(services: Services, viewer: Viewer, household_id: str) -> BlindRow | None:
    sights = services.sights()
    sight = sights.of(household_id) if sights else None
    if sight is None:
        return None
    signals = ", ".join(say(viewer.lang, f"signal.{signal}") for signal in sight.signals)
    return BlindRow(cause=say_cause(sight.cause, viewer.lang.value), since=sight.since, signals=signals)


def _signals(services: Services, viewer: Viewer, household_id: HouseholdId) -> list[SignalRow]:
    try:
        latest = services.history.latest(household_id)
    except HistoryUnavailable:
        latest = {}  # the page is needed most when something is down: it says "never" under a banner that says why
    givers: dict[Signal, list[str]] = {}
    for device in services.register.devices(dong=viewer.dong, household=household_id):
        for signal in device.signals:
            givers.setdefault(Signal(signal), []).append(device.id)
    rows = []
    for kind in Signal:
        if kind in givers:
            at, value = latest.get(kind, (None, 0.0))
            text = "" if at is None else value_text(kind, value, viewer.lang)
            rows.append(SignalRow(signal=str(kind), at=at, value=text, devices=tuple(givers[kind])))
    return rows


def _trends(services: Services, viewer: Viewer, household_id: str) -> list[TrendRow]:
    """The last notes on this home's weeks in words."""
    if services.trends is None:
        return []
    found = services.trends.all(dong=viewer.dong, household=household_id, limit=4)
    return [TrendRow(at=note.at, text=trend_sentence(note, viewer.lang.value)) for note in found]


def _tickets(services: Services, viewer: Viewer, household_id: str) -> list[TicketRow]:
    found = services.desk.tickets(dong=viewer.dong, states=(TicketState.OPEN,), household=household_id, limit=20)
    dongs = dong_names(services)
    return [ticket_row(ticket, dongs, viewer.lang) for ticket in found]


def value_text(signal: Signal, value: float, lang: Lang) -> str:
    """A reading as people read it: with its unit, or as a word; empty where only the time tells something."""
    match signal:
        case Signal.TEMPERATURE:
            return f"{value:.1f} °C"
        case Signal.HUMIDITY | Signal.BATTERY | Signal.LINK:
            return f"{value:.0f}%"
        case Signal.POWER:
            return f"{value:.0f} W"
        case Signal.LIGHT:
            return f"{value:.0f} lx"
        case _:
            key = f"value.{signal}_{value:.0f}"
            return say(lang, key) if key in WORDS else ""


def _past(services: Services, viewer: Viewer, household_id: str) -> list[Past]:
    found = services.desk.checks(dong=viewer.dong, states=tuple(CheckState), household=household_id, limit=50)
    found.sort(key=lambda check: -check.opened_at)
    dongs = dong_names(services)
    past = []
    for check in found[:20]:
        detail = services.desk.check(check.id, dong=viewer.dong)
        steps = tuple(step(row, viewer.lang) for row in detail.transitions) if detail else ()
        past.append(Past(row=check_row(check, dongs, viewer.lang), steps=steps))
    return past


def step(row: TransitionView, lang: Lang) -> Step:
    """One transition in words."""
    level = f" ({level_word(row.level, lang)})" if row.actor == "rules" else ""
    why = _why(row.reason, lang)
    text = say(lang, f"action.{row.action}") + (f": {why}{level}" if why else "")
    note = say(lang, "home.broken_note") if row.broken else row.note
    return Step(at=row.at, text=text, who=None if row.actor in ("rules", "tick", "resident") else row.actor, note=note)


def _why(reason: str, lang: Lang) -> str:
    """The rule and why, the outcome, or whom somebody tried to reach and how it went; nothing where the action says it."""
    words = {str(rule): word for rule, word in RULE_WORDS[lang.value].items()}
    code, _, more = reason.partition(":")
    if f"who.{code}" in WORDS and more:
        return f"{say(lang, f'who.{code}')} – {say(lang, f'result.{more}')}"
    why = words.get(code) or (say(lang, f"outcome.{code}") if f"outcome.{code}" in WORDS else "")
    return f"{why} · {say(lang, 'home.late_data')}" if more == LATE_DATA else why
