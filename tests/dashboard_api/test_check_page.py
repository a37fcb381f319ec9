"""Proves the page of one check and its API: why, whom to call, what to ask, where the ladder stands, what is done in place."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs
from sqlalchemy import insert, select

from alerts.attempt import Answer
from alerts.check import Outcome
from alerts.contacts import ContactBook, Kind
from alerts.desk import Desk
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.tables import duty_shift, outage, outage_home, silence
from alerts.ladder import Who
from alerts.policy import Policy
from alerts.tables import attempt
from ingest.clock import DAY, HOUR, MINUTE, to_iso
from ingest.history.port import HistoryUnavailable
from ingest.reading import Signal
from ingest.register.tables import view_log
from ingest.seal import Sealer
from rules.finding import Level, RuleKey
from tests.dashboard_api.small_site import START, Site, finding


def with_gateway(site: Site) -> Site:
    """The same site with a gateway for automatic calls."""
    desk = Desk(site.engine, site.clock, Sealer(bytes(range(32))), Policy(channels=("call",)))
    return replace(site, services=replace(site.services, desk=desk))


def test_the_page_shows_why_whom_to_call_what_to_ask_and_where_the_ladder_stands(site: Site) -> None:
    check = site.raise_check("hh-1-1", level=Level.WARNING)
    assert check is not None
    site.read("hh-1-1", Signal.MOTION, [(START - 13 * HOUR, 1.0)])
    with site.client() as client:
        page = client.get(f"/checks/{check.id}").text
        assert client.get("/checks/nothing").status_code == 404
        assert client.get("/checks/nothing/now").status_code == 404
    for text in (
        check.code,
        "12시간 40분째 움직임이 없습니다",
        "관측 100%",
        'href="tel:010-0000-1001"',
        "김바다",
        'href="tel:010-0000-2001"',
        "고혈압",
        "어디 불편하거나 넘어지신 데는",
        "당직 담당자",
        "119·112 (사람이 전화)",
        "마지막 기척",
        "13시간",
        "지난 안부확인",
    ):
        assert text in page, text
    with site.engine.begin() as connection:
        (look,) = connection.execute(select(view_log)).all()
    assert (look.login, look.household_id, look.purpose) == ("officer1", "hh-1-1", "check page")


def test_people_are_masked_again_once_the_check_is_over(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    site.desk.resolve(check.id, actor="officer1", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    with site.client() as client:
        page = client.get(f"/checks/{check.id}").text
    assert "010-0000-1001" not in page
    assert "종결되어 더 진행하지 않음" in page
    assert "연락 기록" not in page


def test_an_urgent_signal_of_a_device_nobody_claimed_has_a_page_without_people(site: Site) -> None:
    raised = finding("dong-1", "hh-1-1", Level.DANGER, RuleKey.SMOKE, START, "dev-9")
    site.desk.take_findings([structs.replace(raised, household_id=None)])
    (check,) = site.desk.checks(dong="dong-1")
    with site.client() as client:
        page = client.get(f"/checks/{check.id}").text
    assert "device:dev-9" in page
    assert "tel:" not in page


def test_what_a_person_did_is_recorded_in_place(site: Site) -> None:
    check = site.raise_check("hh-1-1", level=Level.DANGER)
    assert check is not None
    with site.client() as client:
        client.headers["origin"] = str(client.base_url)
        wanted = {"who": "contact", "result": "no_answer", "text": "따님 부재중"}
        row = client.post(f"/checks/{check.id}/attempts", data=wanted, headers={"hx-request": "true"})
        assert check.code in row.text
        plain = client.post(f"/checks/{check.id}/visit")
        assert (plain.status_code, plain.headers["location"]) == (303, f"/checks/{check.id}")
        now = client.get(f"/checks/{check.id}/now").text
        assert "접수 · officer1" in now
        assert "방문 중" in now
        assert "방문 출발" in now
        assert "따님 부재중" in now
        assert "보호자·이웃 – 받지 않음" in now
        assert "officer1 접수 중" in now
        done = client.post(f"/checks/{check.id}/attempts/3", data={"result": "reached"}, headers={"hx-request": "true"})
        assert done.status_code == 200
        assert "통화·대면함" in client.get(f"/checks/{check.id}/now").text


def test_the_page_says_that_a_machine_is_asking_and_what_it_was_told(site: Site) -> None:
    asked = with_gateway(site)
    check = asked.raise_check("hh-1-1")
    assert check is not None
    with asked.client() as client:
        assert "자동 전화 중" in client.get("/").text
        assert "결과 기다리는 중" in client.get(f"/checks/{check.id}/now").text
        with site.engine.begin() as connection:
            call = connection.execute(select(attempt.c.delivery_id)).scalar_one()
        asked.desk.answer(call, Answer.NO_KEY)
        now = client.get(f"/checks/{check.id}/now").text
        ladder = client.get(f"/api/v1/checks/{check.id}/ladder").json()
    assert "받았으나 누르지 않음" in now
    assert (ladder["rung"], ladder["with_machine"], ladder["due"]) == ("officer", False, "rung")
    assert [(each["rung"], each["result"]) for each in ladder["attempts"]] == [("resident", "no_key"), ("officer", None)]


def test_nobody_on_duty_and_an_exhausted_ladder_are_said(site: Site) -> None:
    desk = Desk(site.engine, site.clock, Sealer(bytes(range(32))), Policy(routes=()))
    alone = replace(site, services=replace(site.services, desk=desk))
    check = alone.raise_check("hh-1-1")
    assert check is not None
    with alone.client() as client:
        assert "당직자 없음" in client.get(f"/checks/{check.id}/now").text
        with site.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM due")
        assert "확인 단계 종료" in client.get(f"/checks/{check.id}/now").text
        assert client.get(f"/api/v1/checks/{check.id}/ladder").json()["exhausted"] is True


def test_what_a_silence_or_an_outage_held_back_is_not_said_to_be_for_want_of_somebody_on_duty(site: Site) -> None:
    roster = DutyRoster(Policy(routes=()))
    desk = Desk(site.engine, site.clock, Sealer(bytes(range(32))), Policy(routes=()), roster)
    staffed = replace(site, services=replace(site.services, desk=desk))
    early = staffed.raise_check("hh-1-1", level=Level.WARNING)
    with site.engine.begin() as connection:
        shift = {"desk": "dong", "dong_code": "dong-2", "login": "officer2", "position": 1, "weekdays": "1234567"}
        connection.execute(insert(duty_shift).values(**shift, from_day="2020-01-01", added_by="gu", added_at=0))
        said = {"kind": "household", "target": "hh-1-2", "dong_code": "dong-1", "reason": "visit", "author": "officer1"}
        connection.execute(insert(silence).values(**said, begins_at=0, ends_at=START + DAY))
        lasts = {
            "id": "o1",
            "kind": "dong",
            "target": "dong-1",
            "dong_code": "dong-1",
            "began_at": 0,
            "found_at": 0,
            "gateways": 20,
            "lost": 20,
        }
        connection.execute(insert(outage).values(**lasts))
        connection.execute(insert(outage_home).values(outage_id="o1", household_id="hh-1-3", dong_code="dong-1", lost_at=0))
    ContactBook(site.engine, Sealer(bytes(range(32))), site.clock).add("officer2", Kind.EMAIL, "lee@example.invalid")
    silenced = staffed.raise_check("hh-1-2", level=Level.WARNING)
    dark = staffed.raise_check("hh-1-3", level=Level.WARNING)
    alone = staffed.raise_check("hh-2-1", level=Level.WARNING)
    said_of = [
        (early, "no_roster", "당직표를 만들기 전"),
        (silenced, "silence", "알림 중지 중"),
        (dark, "outage", "통신 두절 중"),
    ]
    with staffed.client() as client:
        for check, reason, words in said_of:
            assert check is not None
            now = client.get(f"/checks/{check.id}/now").text
            assert words in now and "당직자 없음" not in now
            (only,) = client.get(f"/api/v1/checks/{check.id}/ladder").json()["attempts"]
            assert (only["told"], only["untold"]) == (0, reason)
    assert alone is not None
    found = desk.check(alone.id, dong=None)
    assert found is not None and [(each.told, each.untold) for each in found.attempts] == [(1, None)]


def test_the_page_stands_when_the_history_does_not_answer(site: Site) -> None:
    class Away:
        def latest(self, household_id: str) -> object:
            raise HistoryUnavailable("down")

    check = site.raise_check("hh-1-1")
    assert check is not None
    broken = replace(site, services=replace(site.services, history=Away()))  # type: ignore[arg-type]
    with broken.client() as client:
        assert "마지막 기척" in client.get(f"/checks/{check.id}").text


def test_the_page_is_english_for_those_who_ask(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    with site.client() as client:
        client.cookies.set("anbu_lang", "en")
        page = client.get(f"/checks/{check.id}", headers={"accept-language": "en"}).text
    assert "What to ask and do" in page
    assert "No answer: once more after 10 minutes" in page


# ---------------------------------------------------------------- API


def test_the_ladder_of_a_check_is_told_whole(site: Site) -> None:
    check = site.raise_check("hh-1-1", level=Level.DANGER)
    assert check is not None
    with site.client() as client:
        told = client.get(f"/api/v1/checks/{check.id}/ladder").json()
        assert client.get("/api/v1/checks/nothing/ladder").status_code == 404
    assert [rung["name"] for rung in told["rungs"]] == ["resident", "officer", "contact", "visit", "emergency"]
    assert told["rungs"][0]["hours"] == "07:00-22:00"
    assert "danger" not in told["rungs"][0]["paces"]
    assert told["rungs"][1]["paces"]["danger"] == {"tries": 2, "wait_ms": 5 * MINUTE}
    assert (told["rung"], told["tries"], told["exhausted"]) == ("officer", 1, False)
    assert told["due_at"] == to_iso(START + 5 * MINUTE)
    (first,) = told["attempts"]
    assert (first["who"], first["told"], first["result"]) == (Who.OFFICER, 1, None)


def test_tries_by_hand_and_visits_over_the_api(site: Site) -> None:
    check = site.raise_check("hh-1-1", level=Level.DANGER)
    assert check is not None
    base = f"/api/v1/checks/{check.id}"
    with site.client() as client:
        assert client.post(f"{base}/attempts", json={"who": "resident"}).status_code == 200
        assert client.post(f"{base}/attempts/2", json={"result": "no_answer"}).status_code == 200
        assert client.post(f"{base}/attempts/2", json={"result": "reached"}).status_code == 409
        assert client.post(f"{base}/attempts/9", json={"result": "reached"}).status_code == 404
        assert client.post(f"{base}/attempts", json={"who": "contact", "result": "taken"}).status_code == 422
        begun = client.post(f"{base}/visit").json()
        assert (begun["state"], begun["owner"], begun["visit_at"]) == ("acknowledged", "officer1", to_iso(START))
        client.post(f"{base}/visit", json={"text": "간호사 동행"})
        detail = client.get(base).json()
    assert detail["transitions"][-1]["note"] == "간호사 동행"
    assert len(detail["script"]) > 1
    assert detail["earlier"] == []
    with site.client("officer2") as other:
        for path in ("visit", "attempts", "attempts/2"):
            body = {"who": "resident"} if path == "attempts" else {"result": "reached"} if path != "visit" else {}
            assert other.post(f"{base}/{path}", json=body).status_code == 404


def test_false_alarms_by_rule_over_the_api(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    site.desk.resolve(check.id, actor="officer1", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    until = to_iso(START + MINUTE)
    with site.client() as client:
        told = client.get("/api/v1/rules/outcomes", params={"until": until}).json()
        assert client.get("/api/v1/rules/outcomes", params={"since": until, "until": until}).status_code == 422
        assert client.get("/api/v1/rules/outcomes").json()["rules"] == []  # up to now, which is not yet over
    assert told["rules"] == [
        {"rule": "motion", "settled": 1, "well": 1, "explained": 0, "needed": 0, "unknown": 0, "false_share": 1.0}
    ]
    with site.client("officer2") as other:
        assert other.get("/api/v1/rules/outcomes", params={"until": until}).json()["rules"] == []
