"""Proves who may see and change limits over the API, and that a home's trends are shown in its own dong alone, and logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeAlias

import httpx
import pytest
from sqlalchemy import select

from alerts.duty.outlook import OutlookBook
from ingest.clock import DAY, HOUR, Millis, to_iso
from ingest.reading import DongCode, HouseholdId, Signal
from ingest.register.tables import view_log
from rules.seen import CannotSay, HomeSeen
from rules.table import DEFAULT
from rules.trend import Measure, TrendNote
from tests.dashboard_api.small_site import START, Site, log_in, served
from tests.rules.rule_parts import START as RULES_START
from tests.rules.rule_parts import Days, home_with, motion

TEXT = DEFAULT.read_text(encoding="utf-8")
SHORTER = TEXT.replace('caution = "8 h"', 'caution = "7 h"')
WHY = "폭염 특보"


Ask: TypeAlias = Callable[..., httpx.Response]


@pytest.fixture
def ask(site: Site) -> Iterator[Ask]:
    """Who asks (None: nobody logged in), how, where, and with which body; everybody of one served site."""
    with served(site.services) as address, ExitStack() as stack:
        clients: dict[str | None, httpx.Client] = {}

        def answer(login: str | None, method: str, path: str, body: object = None) -> httpx.Response:
            if login not in clients:
                clients[login] = stack.enter_context(httpx.Client(base_url=address, timeout=20))
                if login:
                    log_in(clients[login], login)
            return clients[login].request(method, path, json=body)

        yield answer


def note(number: int, home: str = "hh-1-1", at: int = START) -> TrendNote:
    return TrendNote(
        note_id=f"note-{number}",
        household_id=HouseholdId(home),
        dong_code=DongCode("dong-" + home[3]),
        at=at,
        measure=Measure.OUTINGS,
        recent=0.3,
        past=1.4,
        recent_days=7,
        past_days=28,
        p_value=1e-6,
        q=0.05,
        rule_version="default-1",
    )


def levels(answer: dict[str, object], rule: str) -> list[str]:
    limits = answer["limits"]
    assert isinstance(limits, list)
    return next(row["levels"] for row in limits if row["rule"] == rule)


def test_everybody_logged_in_sees_the_limits_in_force(ask: Ask) -> None:
    said = ask("officer1", "GET", "/api/v1/rules").json()
    assert levels(said, "motion") == ["8시간", "12시간", "24시간"] and said["text"] == TEXT
    assert ask(None, "GET", "/api/v1/rules").status_code == 401


def test_only_a_supervisor_puts_a_table_in_force_and_sees_first_what_it_changes(ask: Ask) -> None:
    wanted = {"text": SHORTER, "reason": WHY}
    assert ask("officer1", "POST", "/api/v1/rules", wanted).status_code == 403
    said = ask("gu", "POST", "/api/v1/rules", wanted).json()
    assert said["changes"] == ["활동 없음 주의: 8시간 → 7시간 (더 일찍)"] and not said["applied"]
    assert levels(ask("gu", "GET", "/api/v1/rules").json(), "motion")[0] == "8시간"
    assert ask("gu", "POST", "/api/v1/rules", wanted | {"apply": True}).json()["applied"]
    assert levels(ask("gu", "GET", "/api/v1/rules").json(), "motion")[0] == "7시간"
    again = ask("gu", "POST", "/api/v1/rules", wanted | {"apply": True})
    assert again.status_code == 422 and again.json()["error"] == "change_refused"


def test_a_wrong_table_is_refused_whole_with_its_lines(ask: Ask) -> None:
    wrong = {"text": SHORTER.replace('"7 h"', '"seven"'), "reason": WHY, "apply": True}
    said = ask("gu", "POST", "/api/v1/rules", wrong)
    assert said.status_code == 422 and "seven" in said.json()["detail"] and "행: " in said.json()["detail"]
    assert levels(ask("gu", "GET", "/api/v1/rules").json(), "motion")[0] == "8시간"


def test_a_supervisor_declares_a_season_and_ends_it(ask: Ask) -> None:
    until = to_iso(START + DAY)
    assert ask("officer1", "POST", "/api/v1/rules/season", {"season": "heatwave", "reason": WHY}).status_code == 403
    said = ask("gu", "POST", "/api/v1/rules/season", {"season": "heatwave", "until": until, "reason": WHY})
    assert list(said.json()["seasons"]) == ["heatwave"]
    assert ask("gu", "POST", "/api/v1/rules/season", {"season": "heatwave", "reason": WHY}).json()["seasons"] == {}
    assert ask("gu", "POST", "/api/v1/rules/season", {"season": "heatwave", "reason": WHY}).status_code == 422


def test_a_household_gets_a_limit_of_its_own_from_a_supervisor_and_only_a_shorter_one(ask: Ask) -> None:
    place = "/api/v1/households/hh-1-1/limits"
    wanted = {"rule": "motion", "level": "caution", "limit": 5 * 3600, "reason": WHY}
    assert ask("officer1", "POST", place, wanted).status_code == 403
    assert levels(ask("gu", "POST", place, wanted).json(), "motion")[0] == "5시간"
    assert levels(ask("officer1", "GET", place).json(), "motion")[0] == "5시간"
    assert ask("officer2", "GET", place).status_code == 404
    heat = {"rule": "heat", "level": "warning", "limit": 32.5, "reason": WHY}
    assert levels(ask("gu", "POST", place, heat).json(), "heat")[1].startswith("32.5°C")
    assert ask("gu", "POST", place, wanted | {"limit": 9 * 3600}).status_code == 422
    assert levels(ask("gu", "POST", place, wanted | {"limit": None}).json(), "motion")[0] == "8시간"


def test_trends_are_shown_in_their_own_dong_in_words_and_the_look_is_logged(site: Site, ask: Ask) -> None:
    book = OutlookBook(site.engine)
    book.take([note(1), note(2, at=START + HOUR), note(3, "hh-2-1")])
    book.take([note(1)])  # handed on again after a crash
    said = ask("officer1", "GET", "/api/v1/households/hh-1-1/trends").json()["trends"]
    assert [one["id"] for one in said] == ["note-2", "note-1"]
    assert said[0]["sentence"] == "지난 1주 외출이 하루 평균 0.3회로, 그 전 4주의 1.4회보다 줄었습니다."
    assert [one["id"] for one in ask("officer2", "GET", "/api/v1/trends").json()["trends"]] == ["note-3"]
    assert ask("officer2", "GET", "/api/v1/households/hh-1-1/trends").status_code == 404
    with site.engine.begin() as connection:
        looks = connection.execute(select(view_log.c.login).where(view_log.c.purpose == "api trends")).scalars().all()
    assert looks == ["officer1"]
    assert "1.4회보다 줄었습니다" in ask("officer1", "GET", "/households/hh-1-1").text


def test_why_is_told_in_words_to_those_of_the_dong_and_the_look_is_logged(site: Site) -> None:
    home = {"hh-1-1": Days([*home_with(Signal.MOTION, home="hh-1-1"), motion(0, home="hh-1-1")])}

    def look_back(household: str, at: Millis) -> HomeSeen:
        if household not in home:
            raise CannotSay("지워졌습니다", "pruned")
        home[household].until(at - RULES_START)
        return home[household].engine.explain(HouseholdId(household))

    with served(replace(site.services, looks_back=look_back)) as address, httpx.Client(base_url=address, timeout=20) as client:
        log_in(client, "officer1")
        at = to_iso(RULES_START + 9 * HOUR)
        said = client.get("/api/v1/households/hh-1-1/why", params={"at": at}).json()
        assert said["at"] == at and said["household"] == "hh-1-1"
        assert any(line.startswith("활동 없음: ") and "경보 12시간" in line for line in said["words"])
        [still] = [one for one in said["rules"] if one["rule"] == "motion"]
        assert still["standing"] == 1 and still["levels"][1]["due"] == to_iso(RULES_START + 12 * HOUR)
        pruned = client.get("/api/v1/households/hh-1-2/why")
        assert pruned.status_code == 409 and "지워졌습니다" in pruned.json()["detail"]
        assert client.get("/api/v1/households/hh-2-1/why").status_code == 404
    with site.engine.begin() as connection:
        looks = connection.execute(select(view_log.c.login).where(view_log.c.purpose == "api why")).scalars().all()
    assert looks == ["officer1", "officer1"]


def test_without_a_journal_to_run_again_there_is_no_why(ask: Ask) -> None:
    assert ask("officer1", "GET", "/api/v1/households/hh-1-1/why").status_code == 404
