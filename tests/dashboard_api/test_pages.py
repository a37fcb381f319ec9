"""Proves the pages: what they show and hide, what they refuse, and that they load nothing from another host."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from alerts.desk import Outcome
from dashboard_api.services import StageHealth
from ingest.clock import HOUR, MINUTE
from ingest.reading import DeviceId, DongCode, Signal
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from tests.dashboard_api.small_site import PASSWORD, START, Site, Switch

WEB = Path(__file__).parents[2] / "dashboard_api"
HTMX = {"hx-request": "true"}


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """One engine is enough here: pages read by the same calls as the API, which is proven on both."""
    return f"sqlite:///{tmp_path / 'anbu.sqlite3'}"


def test_page_asks_for_a_log_in_and_leads_back_to_where_one_wanted(site: Site) -> None:
    with site.client(None) as client:
        sent = client.get("/households/hh-1-1")
        assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=/households/hh-1-1")
        form = {"login": "officer1", "password": PASSWORD, "next": "/households/hh-1-1"}
        entered = client.post("/login", data=form)
        assert (entered.status_code, entered.headers["location"]) == (303, "/households/hh-1-1")
        assert client.get("/").status_code == 200
        client.post("/logout")
        assert client.get("/").status_code == 303


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_log_in_leads_nobody_to_another_site(site: Site, elsewhere: str) -> None:
    with site.client(None) as client:
        entered = client.post("/login", data={"login": "officer1", "password": PASSWORD, "next": elsewhere})
    assert entered.headers["location"] == "/"


def test_wrong_password_is_said_plainly_and_the_sixth_try_is_told_to_wait(site: Site) -> None:
    with site.client(None) as client:
        answers = [client.post("/login", data={"login": "officer1", "password": "x"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert "아이디나 비밀번호가 맞지 않습니다" in answers[0].text
    assert "1분 뒤에" in answers[-1].text


def test_link_from_a_message_finds_the_session_although_its_cookie_is_strict(site: Site) -> None:
    with site.client(None) as client:
        answer = client.get("/", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text


def test_link_of_a_message_leads_to_its_check(site: Site) -> None:
    mine, theirs = site.raise_check("hh-1-1"), site.raise_check("hh-2-1")
    assert mine is not None
    assert theirs is not None
    with site.client() as client:
        assert mine.code in client.get(f"/checks/{mine.id}").text
        assert client.get(f"/checks/{theirs.id}").status_code == 404


def test_writes_from_another_site_are_refused(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    with site.client() as client:
        address = f"/api/v1/checks/{check.id}/acknowledge"
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
        ):
            refused = client.post(address, headers=headers)
            assert (refused.status_code, refused.json()["error"]) == (403, "cross_site")
        own = {"origin": str(client.base_url), "sec-fetch-site": "same-origin"}
        assert client.post(address, headers=own).status_code == 200


def test_body_above_64_kib_is_refused(site: Site) -> None:
    with site.client() as client:
        answer = client.post("/api/v1/checks/x/note", content=b"x" * (64 * 1024 + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_every_answer_carries_a_strict_policy_and_is_not_kept(site: Site) -> None:
    with site.client() as client:
        for path in ("/", "/login", "/api/v1/checks", "/nowhere"):
            headers = client.get(path).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"


def test_queue_shows_level_by_word_and_shape_with_age_reason_and_condition(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.DANGER, at=START - 3 * HOUR - 12 * MINUTE)
    site.raise_check("hh-1-2", level=Level.CAUTION, at=START - MINUTE)
    with site.client() as client:
        page = client.get("/").text
    rows = re.findall(r'<li id="check-.*?</li>', page, flags=re.S)
    assert len(rows) == 2
    assert "위험" in rows[0]
    assert "<svg" in rows[0]
    assert "3시간 12분" in rows[0]
    assert "24시간" in rows[0]
    assert "상태 지속 중" in rows[0]
    assert "접수 대기" in rows[0]
    assert "주의" in rows[1]


def test_queue_is_filtered_by_level_state_and_household(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.DANGER)
    site.raise_check("hh-1-2", level=Level.CAUTION)
    settled = site.raise_check("hh-1-3", level=Level.CAUTION)
    assert settled is not None
    site.desk.resolve(settled.id, actor="officer1", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    with site.client() as client:
        assert _homes(client, "/") == ["hh-1-1", "hh-1-2"]
        assert _homes(client, "/?level=1") == ["hh-1-2"]
        assert _homes(client, "/?household=hh-1-1") == ["hh-1-1"]
        assert _homes(client, "/?state=resolved") == ["hh-1-3"]
        assert _homes(client, "/queue?level=3") == ["hh-1-1"]
        assert _homes(client, "/queue?of=hh-1-2") == ["hh-1-2"]


def test_urgent_signal_of_an_unclaimed_device_is_shown_to_the_dong_of_its_topic(site: Site) -> None:
    pressed = Finding(
        finding_id="unclaimed",
        episode="unclaimed",
        dong_code=DongCode("dong-1"),
        household_id=None,
        rule=RuleKey.SOS,
        level=Level.DANGER,
        verb=Verb.RAISED,
        at=START,
        evidence=Evidence(since=START, value=1.0, device_id=DeviceId("stray-1")),
    )
    site.desk.take_findings([pressed])
    check = site.desk.checks(dong="dong-1")[0]
    with site.client() as client:
        page = client.get("/").text
        assert "device:stray-1" in page
        assert "등록되지 않은 기기" in page
        assert client.get("/api/v1/checks").json()["checks"][0]["household"] is None
        assert "device:stray-1" in client.get(f"/checks/{check.id}").text
        settled = client.post(
            f"/checks/{check.id}/resolve", data={"outcome": "device_fault", "version": str(check.version)}, headers=HTMX
        )
        assert "종결" in settled.text


def test_empty_queue_says_how_many_homes_are_heard(site: Site) -> None:
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - 10 * MINUTE, 20.0)])
    site.read("hh-1-2", Signal.TEMPERATURE, [(START - 2 * HOUR, 20.0)])
    with site.client() as client:
        page = client.get("/").text
    assert "지금 확인할 가구가 없습니다" in page
    assert "3가구 중 1가구" in page
    assert "10분" in page


def test_empty_queue_is_no_comfort_when_nothing_is_heard_or_a_stage_stands_still(site: Site) -> None:
    with site.client() as client:
        assert "안심할 수 없습니다" in client.get("/").text
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - MINUTE, 20.0)])
    site.stages[0] = StageHealth(name="broker", ok=False, detail="no connection")
    with site.client() as client:
        page = client.get("/").text
    assert "안심할 수 없습니다" in page
    assert "지금 이상신호를 놓칠 수 있습니다" in page
    assert "신호 수신" in page


def test_upkeep_that_fails_warns_nobody_at_a_desk_of_missed_alarms(site: Site) -> None:
    site.stages.append(StageHealth(name="chore history", ok=False, detail="no room", upkeep=True))
    with site.client() as client:
        assert "지금 이상신호를 놓칠 수 있습니다" not in client.get("/").text
        ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["stages"][-1] == {"name": "chore history", "ok": False, "detail": "no room", "lag": None}


def test_check_is_taken_and_settled_in_place(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    with site.client() as client:
        row = client.post(f"/checks/{check.id}/acknowledge", data={"version": check.version}, headers=HTMX).text
        assert row.lstrip().startswith(f'<li id="check-{check.id}"')
        assert "접수 · officer1" in row
        form = client.get(f"/checks/{check.id}/resolve", headers=HTMX).text
        assert [outcome for outcome in Outcome if f'value="{outcome}"' not in form] == [Outcome.SAFE_BY_AUTOMATIC_CALL]
        machines = {"outcome": "safe_by_automatic_call", "version": str(check.version + 1)}
        refused = client.post(f"/checks/{check.id}/resolve", data=machines, headers=HTMX)
        assert (refused.status_code, "사람이 고를 수 없습니다" in refused.text) == (422, True)
        asked = {"outcome": "other", "version": str(check.version + 1)}
        refused = client.post(f"/checks/{check.id}/resolve", data=asked, headers=HTMX)
        assert refused.status_code == 422
        assert "내용을 적어야 합니다" in refused.text
        settled = client.post(f"/checks/{check.id}/resolve", data={**asked, "text": "이웃집에 있음"}, headers=HTMX).text
        assert "종결" in settled
        assert "hx-post" not in settled
        stale = client.post(f"/checks/{check.id}/resolve", data={**asked, "text": "다시"}, headers=HTMX)
        assert stale.status_code == 409
        assert "그 사이에 바뀌었습니다" in stale.text


def test_return_time_typed_as_local_time_is_seoul_time(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    form = {"outcome": "away", "version": str(check.version), "returns_at": "2026-01-06T09:00"}
    with site.client() as client:
        assert client.post(f"/checks/{check.id}/resolve", data={**form, "returns_at": "soon"}, headers=HTMX).status_code == 422
        assert client.post(f"/checks/{check.id}/resolve", data=form, headers=HTMX).status_code == 200


def test_tickets_page_lists_devices_and_takes_what_was_done(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.CAUTION, rule=RuleKey.DEVICE_BATTERY, device_id="hh-1-1-s")
    ticket = site.desk.tickets(dong=None)[0]
    with site.client() as client:
        assert "hh-1-1-s" in client.get("/tickets").text
        row = client.post(f"/tickets/{ticket.id}/resolve", data={"text": "건전지 교체"}, headers=HTMX).text
        assert "종결 · officer1" in row
        assert "점검할 기기가 없습니다" in client.get("/tickets").text
        assert "hh-1-1-s" in client.get("/tickets?state=resolved").text


def test_household_page_shows_devices_history_and_limits(site: Site) -> None:
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - 10 * MINUTE, 21.5)])
    check = site.raise_check("hh-1-1")
    assert check is not None
    site.desk.note(check.id, actor="officer1", dong=None, text="문을 두드림")
    site.raise_check("hh-1-1", level=Level.CAUTION, rule=RuleKey.DEVICE_SILENT, device_id="hh-1-1-s")
    with site.client() as client:
        page = client.get("/households/hh-1-1").text
        assert "21.5 °C" in page
        assert "문을 두드림" in page
        assert "고위험군" in page
        assert "기기 응답 없음" in page
        assert "&#34;value&#34;:35.0" in page
        listed = client.get("/households").text
    assert listed.count('href="/households/hh-1-') == 3


def test_history_that_does_not_answer_delays_charts_and_nothing_else(site: Site) -> None:
    site.raise_check("hh-1-1")
    site.services.history.close()
    with site.client() as client:
        for path in ("/", "/households", "/households/hh-1-1", "/tickets"):
            assert client.get(path).status_code == 200
        assert "hh-1-1" in client.get("/").text
        readings = client.get("/api/v1/households/hh-1-1/readings?signal=motion")
    assert (readings.status_code, readings.json()["error"]) == (503, "history_unavailable")


def test_english_is_a_switch_that_stays(site: Site) -> None:
    site.raise_check("hh-1-1")
    with site.client() as client:
        assert '<html lang="ko">' in client.get("/").text
        switched = client.post("/lang", data={"lang": "en", "back": "/tickets"})
        assert switched.headers["location"] == "/tickets"
        page = client.get("/").text
        assert '<html lang="en">' in page
        assert "still standing" in page
        assert client.post("/lang", data={"lang": "xx"}).status_code == 422


def test_speed_switch_is_the_demos_alone(site: Site) -> None:
    with site.client() as client:
        assert "600×" not in client.get("/").text
        assert client.post("/speed", data={"rate": "600"}).status_code == 404
    switch = Switch()
    demo = replace(site, services=replace(site.services, speed=switch, demo_login=("officer1", PASSWORD)))
    with demo.client() as client:
        assert 'value="60" aria-pressed="true"' in client.get("/").text
        assert client.post("/speed", data={"rate": "600"}, headers=HTMX).status_code == 200
        assert switch.rate == 600
        assert client.post("/speed", data={"rate": "7"}).status_code == 404
        client.cookies.clear()
        assert PASSWORD in client.get("/login").text


def test_background_fetches_keep_nobody_logged_in(site: Site) -> None:
    with site.client() as client:
        for _ in range(3):
            site.clock.machine += 14 * MINUTE
            answer = client.get("/queue", headers={"anbu-background": "1"})
        assert answer.status_code == 401


def test_fragment_for_somebody_logged_out_leads_to_the_log_in(site: Site) -> None:
    with site.client(None) as client:
        answer = client.get("/queue", headers=HTMX)
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/login")


def test_nothing_names_another_host() -> None:
    sources = [*WEB.rglob("templates/**/*.html"), *WEB.glob("static/*.*"), *WEB.rglob("static/vendor/*.css")]
    assert len(sources) > 15
    wrong = []
    for source in sources:
        text = source.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        wrong += [f"{source.name}: {found}" for found in re.findall(r"(?:https?:|[\"'(=\s])//[\w.-]+\.\w+[^\s\"')]*", text)]
    assert wrong == []


def test_vendored_style_sheets_name_only_files_that_are_there() -> None:
    for sheet in WEB.rglob("static/vendor/*.css"):
        for name in re.findall(r"url\(\s*[\"']?([^\"')]+)", sheet.read_text(encoding="utf-8")):
            assert name.startswith("data:") or (sheet.parent / name).is_file(), f"{sheet.name} names {name}"


def test_templates_carry_no_script_or_style_of_their_own() -> None:
    for template in WEB.rglob("templates/**/*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|hx-on", text), template.name
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text)), template.name


def _homes(client: httpx.Client, path: str) -> list[str]:
    return re.findall(r'<li id="check-[^>]*?data-say="[^"]*?(hh-\d-\d)"', client.get(path).text)
