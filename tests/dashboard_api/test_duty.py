"""Duty over the API and on its pages: who may do what, what is shown where it matters, and that another dong's is not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.contacts import ContactBook, Kind
from alerts.duty.outlook import OutlookBook
from alerts.duty.tick import DutyTick
from alerts.proof import Paths
from dashboard_api.services import Reach
from ingest.clock import DAY, HOUR, MINUTE, to_iso
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.seal import Sealer
from rules.finding import Level, RuleKey
from rules.outlook import Ahead, Evening, HearingTurn, QuietHome
from rules.sentence import RULE_WORDS
from tests.alerts.alert_parts import Book
from tests.dashboard_api.small_site import START, Site

FIVE = START + 8 * HOUR


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """One engine is enough here: what is asked of the store is proven on both in tests/alerts."""
    return f"sqlite:///{tmp_path / 'anbu.sqlite3'}"


def tick(site: Site) -> None:
    """A turn of duty's own tick; what it tells is proven elsewhere."""
    site.clock.machine += MINUTE
    DutyTick(site.engine, site.clock, site.desk, lambda connection, word, persons: None, "test").run()


def fill_roster(site: Site) -> None:
    rota = site.services.duty.rota
    for desk, dong, login in (("dong", "dong-1", "officer1"), ("dong", "dong-2", "officer2"), ("night", None, "night")):
        rota.add_shift(desk=desk, dong=dong, login=login, by="gu")
    rota.add_shift(desk="supervisor", login="gu", by="gu")


def test_a_supervisor_keeps_the_roster_and_everybody_sees_who_has_duty(site: Site) -> None:
    with site.client("gu") as client:
        made = client.post("/api/v1/roster/shifts", json={"desk": "dong", "dong": "dong-1", "login": "officer1"})
        assert made.status_code == 201
        absent = {"login": "officer1", "from_at": to_iso(START + HOUR), "until_at": to_iso(START + DAY), "substitute": "sub"}
        assert client.post("/api/v1/roster/absences", json=absent).status_code == 201
        assert client.put("/api/v1/roster/days/2026-01-06", json={"off": True, "name": "임시공휴일"}).status_code == 200
        assert client.put("/api/v1/roster/caps/officer1", json={"open_checks": 5}).status_code == 204
        shown = client.get("/api/v1/roster").json()
        assert shown["dongs"][0] == {
            "dong": "dong-1",
            "on_duty": [{"login": "officer1", "desk": "dong", "full": False}],
            "gap": None,
        }
        assert (shown["part"], shown["ends_at"]) == ("day", "2026-01-05T18:00:00+09:00")
        assert [day["name"] for day in shown["days"]] == ["임시공휴일"]
        page = client.get("/roster").text
        assert "officer1" in page and "당직자 없음" in page and "임시공휴일" in page
        for path in (f"shifts/{made.json()['id']}", "absences/1", "days/2026-01-06"):
            assert client.delete(f"/api/v1/roster/{path}").status_code == 204
            assert client.delete(f"/api/v1/roster/{path}").status_code == 404


def test_the_roster_names_those_whom_no_message_reaches_and_what_to_do(site: Site) -> None:
    fill_roster(site)
    with site.client("gu") as client:
        assert client.get("/api/v1/roster").json()["unheard"] == {"night": "no_account"}
        assert "전산 담당에게 계정을 부탁하십시오" in client.get("/roster").text
    contacts = ContactBook(site.engine, Sealer(b"k" * 32), site.clock)
    contacts.add("officer1", Kind.EMAIL, "kim@example.invalid")
    paths = Paths(site.engine, site.clock)
    reach = Reach(contacts=contacts, channels={"email": Book()}, paths=paths, base_url="", proving=False)
    with replace(site, services=replace(site.services, reach=reach)).client("gu") as client:
        others = {"gu": "no_contact", "officer2": "no_contact"}
        assert client.get("/api/v1/roster").json()["unheard"] == {"night": "no_account", **others}
        shown = client.get("/roster").text
        assert shown.count("연락처 없음") == 2 and "본인이 ‘연락처’ 화면에서" in shown


def test_an_officer_changes_nothing_but_their_own_absence(site: Site) -> None:
    absent = {"login": "officer1", "from_at": to_iso(START), "until_at": to_iso(START + DAY)}
    with site.client("officer1") as client:
        assert client.post("/api/v1/roster/shifts", json={"desk": "night", "login": "me"}).status_code == 403
        assert client.post("/api/v1/roster/absences", json={**absent, "login": "officer2"}).status_code == 403
        assert client.post("/api/v1/roster/absences", json=absent).status_code == 201
        assert client.post("/roster/absences", data={**absent, "login": "officer2"}).status_code == 403
        assert client.post("/roster/days", data={"day": "2026-01-06", "name": "x"}).status_code == 403
        shown = client.get("/roster").text
        assert 'action="/roster/shifts"' not in shown and "officer1" in shown
        assert [dong["dong"] for dong in client.get("/api/v1/roster").json()["dongs"]] == ["dong-1"]


def test_a_wrong_entry_is_refused_by_its_field(site: Site) -> None:
    with site.client("gu") as client:
        answer = client.post("/api/v1/roster/shifts", json={"desk": "hall", "login": "kim"})
        assert answer.status_code == 422 and "desk" in answer.json()["detail"]
        assert client.put("/api/v1/roster/days/tomorrow", json={"off": True, "name": "x"}).status_code == 422
        assert "weekdays" in client.post("/roster/shifts", data={"desk": "night", "login": "k", "weekdays": "9"}).text


def test_the_roster_page_takes_entries_absences_and_days_and_takes_them_off(site: Site) -> None:
    with site.client("gu") as client:
        entry = {"desk": "dong", "dong": "dong-1", "login": "officer1", "weekdays": "12345", "part": "day"}
        assert client.post("/roster/shifts", data=entry).status_code == 303
        absent = {"login": "officer1", "from_at": "2026-01-06T09:00", "until_at": "2026-01-07T09:00", "substitute": "officer2"}
        assert client.post("/roster/absences", data=absent).status_code == 303
        assert client.post("/roster/absences", data={**absent, "from_at": "soon"}).status_code == 422
        assert client.post("/roster/days", data={"day": "2026-01-08", "name": "개교기념일"}).status_code == 303
        shown = client.get("/roster").text
        assert "요일 12345" in shown and "officer2" in shown and "개교기념일" in shown
        for path in ("shifts/1", "absences/1", "days/2026-01-08"):
            assert client.post(f"/roster/{path}/remove").status_code == 303
        assert "개교기념일" not in client.get("/roster").text


def test_nobody_on_duty_is_on_every_page(site: Site) -> None:
    tick(site)
    with site.client("officer1") as client:
        assert "당직표가 비어 있습니다" in client.get("/tickets").text
    site.services.duty.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
    tick(site)
    with site.client("gu") as client:
        assert "당직 공백: 달빛동" in client.get("/").text
        gap = client.get("/api/v1/roster").json()["dongs"][1]["gap"]
        assert gap is not None
    with site.client("officer1") as client:
        assert "당직 공백" not in client.get("/").text


def test_a_handover_is_read_and_signed_by_who_takes_over(site: Site) -> None:
    fill_roster(site)
    tick(site)
    check = site.raise_check("hh-1-1")
    assert check is not None
    site.clock.advance_to(START + 9 * HOUR)
    tick(site)
    with site.client("officer1") as client:
        [sheet] = client.get("/api/v1/handovers").json()["handovers"]
        assert (sheet["gives"], sheet["takes"], sheet["checks"][0]["code"]) == ("officer1", "night", check.code)
        assert client.post(f"/api/v1/handovers/{sheet['id']}/sign").status_code == 403
        assert client.post(f"/handover/{sheet['id']}/sign").status_code == 403
        shown = client.get("/handover").text
        assert check.code in shown and "18:15까지 서명" in shown
    with site.client("gu") as client:
        assert client.post(f"/handover/{sheet['id']}/sign").status_code == 303
        assert "서명 · gu" in client.get("/handover").text
        assert client.post(f"/api/v1/handovers/{sheet['id']}/sign").status_code == 409


def evening(site: Site) -> None:
    home = {"household_id": HouseholdId("hh-1-1"), "dong_code": DongCode("dong-1"), "rule": RuleKey.MOTION}
    ahead = Ahead(**home, level=Level.WARNING, due_at=FIVE + 5 * HOUR, since=FIVE - 7 * HOUR)  # type: ignore[arg-type]
    first = Ahead(**home, level=Level.CAUTION, due_at=FIVE + 2 * HOUR, since=FIVE - 7 * HOUR)  # type: ignore[arg-type]
    OutlookBook(site.engine).take([Evening(at=FIVE, ahead=(ahead, first))])
    site.clock.advance_to(FIVE + MINUTE)


def test_tonights_list_is_cleared_by_day(site: Site) -> None:
    with site.client("officer1") as client:
        assert client.get("/api/v1/tonight").json() == {"evening": None, "homes": []}
        assert "첫 목록" in client.get("/tonight").text
        evening(site)
        [home] = client.get("/api/v1/tonight").json()["homes"]
        assert (home["household"], home["level"], home["rule"]) == ("hh-1-1", "warning", "motion")
        shown = client.get("/tonight").text
        assert "hh-1-1" in shown and "22:00" in shown and "19:00" in shown
        assert client.post("/tonight/hh-1-1/clear", data={"how": "safe_by_phone"}).status_code == 303
        assert "전화로 안전 확인" in client.get("/tonight").text
        assert client.post("/api/v1/tonight/hh-1-1/clear", json={"how": "watch"}).status_code == 409
    with site.client("officer2") as client:
        assert client.get("/api/v1/tonight").json()["homes"] == []
        assert client.post("/api/v1/tonight/hh-1-1/clear", json={"how": "watch"}).status_code == 404


def test_a_home_of_tonight_that_is_away_needs_its_return_time(site: Site) -> None:
    evening(site)
    with site.client("officer1") as client:
        assert client.post("/api/v1/tonight/hh-1-1/clear", json={"how": "away"}).status_code == 422
        assert client.post("/tonight/hh-1-1/clear", data={"how": "away", "returns_at": "2026-01-07T09:00"}).status_code == 303
        assert [one["household"] for one in client.get("/api/v1/away").json()["away"]] == ["hh-1-1"]


def test_a_silence_is_shown_on_every_page_it_affects_and_lifted(site: Site) -> None:
    with site.client("officer1") as client:
        wanted = {
            "kind": "household",
            "target": "hh-1-1",
            "ends_at": to_iso(START + DAY),
            "reason": "repair",
            "text": "센서 교체",
        }
        made = client.post("/api/v1/silences", json=wanted)
        assert made.status_code == 201 and made.json()["author"] == "officer1"
        for path in ("/", "/tickets", "/households", "/households/hh-1-1"):
            assert "알림 중지: 가구 hh-1-1" in client.get(path).text
        assert "알림 중지: 가구" not in client.get("/households/hh-1-2").text
        assert "센서 교체" in client.get("/silences").text
        assert [one["target"] for one in client.get("/api/v1/silences").json()["silences"]] == ["hh-1-1"]
    with site.client("officer2") as client:
        assert "알림 중지: 가구" not in client.get("/").text
        assert client.delete(f"/api/v1/silences/{made.json()['id']}").status_code == 404
    with site.client("officer1") as client:
        assert client.post(f"/silences/{made.json()['id']}/lift").status_code == 303
        assert client.delete(f"/api/v1/silences/{made.json()['id']}").status_code == 404
        assert client.get("/api/v1/silences").json() == {"silences": []}


def test_the_page_lays_silences_of_each_kind_and_says_when_there_are_many(site: Site) -> None:
    wanted = {"ends_at": "2026-01-05T11:00", "reason": "works"}
    with site.client("officer1") as client:
        assert client.post("/silences", data={**wanted, "kind": "rule", "rule": "heat"}).status_code == 303
        assert client.post("/silences", data={**wanted, "kind": "dong"}).status_code == 303
        for home in ("hh-1-1", "hh-1-2"):
            assert client.post("/silences", data={**wanted, "kind": "household", "target": home}).status_code == 303
        shown = client.get("/").text
        assert "그 밖의 알림 중지 1건" in shown and f"규칙 {RULE_WORDS['ko'][RuleKey.HEAT]}" in shown and "동 햇살동" in shown
    with site.client("gu") as client:
        assert client.post("/silences", data={**wanted, "kind": "dong"}).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"kind": "rule", "target": "sos"}, "cannot_silence"),
        ({"kind": "dong", "target": "dong-1", "ends_at": to_iso(START + 5 * HOUR)}, "bad_end"),
        ({"reason": "other"}, "needs_text"),
        ({"target": "hh-2-1"}, "not_found"),
        ({"kind": "everything"}, "invalid"),
    ],
)
def test_what_may_not_be_silenced_is_refused_with_the_reason(site: Site, wrong: dict[str, str], error: str) -> None:
    wanted = {"kind": "household", "target": "hh-1-1", "ends_at": to_iso(START + DAY), "reason": "repair", **wrong}
    with site.client("officer1") as client:
        answer = client.post("/api/v1/silences", json=wanted)
    assert answer.status_code in (404, 422) and answer.json()["error"] == error


def test_an_absence_is_declared_and_ended_over_page_and_api(site: Site) -> None:
    with site.client("officer1") as client:
        away = {"household": "hh-1-1", "returns_at": "2026-01-07T09:00", "reason": "family"}
        assert client.post("/away", data=away).status_code == 303
        assert "가족 집" in client.get("/silences").text
        assert client.post("/away/hh-1-1/end").status_code == 303
        made = client.put("/api/v1/households/hh-1-1/away", json={"returns_at": to_iso(START + DAY), "reason": "hospital"})
        assert made.json()["declared_by"] == "officer1"
        assert client.delete("/api/v1/households/hh-1-1/away").status_code == 204
        assert client.delete("/api/v1/households/hh-1-1/away").status_code == 404
        assert client.put("/api/v1/households/hh-2-1/away", json={"returns_at": to_iso(START + DAY)}).status_code == 404


def test_an_outage_is_on_the_pages_of_its_dong_with_its_homes(site: Site) -> None:
    fill_roster(site)
    for number in range(10, 22):
        home = f"hh-1-{number}"
        site.services.register.enrol_household(home, "dong-1", at=START)
        site.services.register.enrol_device(
            f"gw-{number}", home, model="gateway", signals=("status",), report_interval_s=600, at=START
        )
        quiet = QuietHome(household_id=HouseholdId(home), dong_code=DongCode("dong-1"), quiet_since=START - number * MINUTE)
        turn = HearingTurn(device_id=DeviceId(f"gw-{number}"), heard=False, since=START, at=START, homes=(quiet,))
        OutlookBook(site.engine).take([turn])
    tick(site)
    with site.client("officer1") as client:
        assert client.get("/api/v1/outages").json() == {"outages": []}
        assert "통신 두절이 없었습니다" in client.get("/outages").text
        site.clock.advance_to(START + 3 * MINUTE)
        tick(site)
        [one] = client.get("/api/v1/outages").json()["outages"]
        assert (one["kind"], one["target"], one["lost"], one["gateways"]) == ("dong", "dong-1", 12, 12)
        detail = client.get(f"/api/v1/outages/{one['id']}").json()
        assert detail["homes"][0]["household"] == "hh-1-21"
        for path in ("/", f"/outages/{one['id']}", "/households/hh-1-10"):
            assert "통신 두절: 동 햇살동 · 12곳 중 12곳" in client.get(path).text
        assert "통신 두절: 동" not in client.get("/households/hh-1-1").text
        assert "계속 중" in client.get("/outages").text
        assert client.get("/outages/none").status_code == client.get("/api/v1/outages/none").status_code == 404
    with site.client("officer2") as client:
        assert client.get("/api/v1/outages").json() == {"outages": []}
        assert client.get(f"/api/v1/outages/{one['id']}").status_code == 404


def test_a_flood_is_shown_with_the_second_person(site: Site) -> None:
    fill_roster(site)
    for number in range(10, 22):
        site.services.register.enrol_household(f"hh-1-{number}", "dong-1", at=START)
        site.raise_check(f"hh-1-{number}")
    tick(site)
    with site.client("officer1") as client:
        assert "안부확인 폭주: officer1 → gu" in client.get("/").text
