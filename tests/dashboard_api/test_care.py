"""Proves that cases, visits, referrals, contact plans and figures are reached over the API and on pages, each by its own dong."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from alerts.channels.webhook import sign
from dashboard_api.api.reports import FORM_REPORTS
from ingest.clock import DAY, HOUR, SECOND, to_iso
from rules.finding import Level, RuleKey
from tests.dashboard_api.small_site import START, Site, finding

SECRET = b"a secret of the bot's"
PAGES = ("/cases", "/cases?state=closed", "/plans", "/reports", "/figures", "/figures?month=2026-01")


def check_of(site: Site, home: str = "hh-1-1") -> str:
    site.services.desk.take_findings([finding(f"dong-{home[3]}", home, Level.WARNING, RuleKey.MOTION, START)])
    return site.services.desk.checks(dong=None)[0].id


def plan_visit(client: httpx.Client, **more: object) -> dict[str, object]:
    wanted = {"household": "hh-1-1", "planned_at": to_iso(START + HOUR), **more}
    made = client.post("/api/v1/visits", json=wanted)
    assert made.status_code == 201, made.text
    return dict(made.json())


def give(site: Site) -> tuple[int, int]:
    """A provider and a programme, entered by a supervisor over the API."""
    with site.client("gu") as client:
        provider = client.post("/api/v1/care/providers", json={"name": "햇살돌봄", "kinds": ["meals"], "phone": "02-000-0000"})
        programme = client.post("/api/v1/care/programmes", json={"name": "돌봄SOS", "yearly_cap_won": 1_560_000})
    assert (provider.status_code, programme.status_code) == (201, 201)
    return provider.json()["id"], programme.json()["id"]


def test_a_visit_a_referral_and_a_check_make_one_case(site: Site) -> None:
    check, (provider, programme) = check_of(site), give(site)
    with site.client("officer1") as client:
        visit = plan_visit(client, check=check, companion="nurse")
        offered = client.post(
            "/api/v1/referrals",
            json={"household": "hh-1-1", "kind": "meals", "provider": provider, "programme": programme, "cost_won": 300_000},
        ).raise_for_status()
        done = client.post(f"/api/v1/visits/{visit['id']}/record", json={"result": "well", "text": "건강하심"})
        assert (done.json()["state"], done.json()["note"]) == ("done", "건강하심")
        (case,) = client.get("/api/v1/cases").json()["cases"]
        detail = client.get(f"/api/v1/cases/{case['id']}").json()
        assert [one["id"] for one in detail["checks"]] == [check]
        assert ([one["id"] for one in detail["visits"]], detail["referrals"][0]["kind"]) == ([visit["id"]], "meals")
        number = offered.json()["id"]
        assert client.post(f"/api/v1/cases/{case['id']}/close", json={"text": "안정"}).status_code == 409
        refused = client.post(f"/api/v1/referrals/{number}/advance", json={"state": "delivered"})
        assert refused.status_code == 409
        step = client.post(f"/api/v1/referrals/{number}/advance", json={"state": "declined", "text": "원하지 않음"})
        assert step.json()["steps"][-1]["note"] == "원하지 않음"
        assert client.post(f"/api/v1/cases/{case['id']}/close", json={"text": "안정"}).json()["note"] == "안정"
        assert client.get("/api/v1/cases", params={"closed": True}).json()["cases"][0]["id"] == case["id"]
        assert client.get("/api/v1/visits").json()["visits"] == client.get("/api/v1/referrals").json()["referrals"] == []


def test_another_dongs_aftercare_is_404_and_the_register_of_care_is_for_supervisors(site: Site) -> None:
    with site.client("officer1") as client:
        visit = plan_visit(client)
        case = client.get("/api/v1/cases").json()["cases"][0]["id"]
        assert client.post("/api/v1/care/programmes", json={"name": "x", "yearly_cap_won": 1}).status_code == 403
        assert client.post("/api/v1/care/providers", json={"name": "x", "kinds": ["meals"]}).status_code == 403
        assert client.get("/api/v1/figures", params={"dong": "dong-2"}).status_code == 404
    with site.client("officer2") as client:
        assert client.get("/api/v1/visits").json()["visits"] == []
        for path, body in (
            (f"/api/v1/visits/{visit['id']}/cancel", {}),
            (f"/api/v1/cases/{case}/assign", {"responsible": "officer2"}),
            (f"/api/v1/cases/{case}/close", {"text": "x"}),
            ("/api/v1/cases", {"household": "hh-1-1"}),
            ("/api/v1/visits", {"household": "hh-1-1", "planned_at": to_iso(START), "visitor": "gu"}),
            ("/api/v1/households/hh-1-1/contacts/call", {}),
        ):
            assert client.post(path, json=body).status_code == 404, path
        assert client.get(f"/cases/{case}").status_code == 404
        assert client.put("/api/v1/households/hh-1-1/contact-plans/call", json={"every_days": 7}).status_code == 404


def test_work_goes_only_into_hands_that_can_open_it(site: Site) -> None:
    with site.client("officer1") as client:
        plan_visit(client, visitor="gu")
        wrong = {"household": "hh-1-1", "planned_at": to_iso(START), "visitor": "officer2"}
        assert client.post("/api/v1/visits", json=wrong).json()["error"] == "no_such_login"
        case = client.get("/api/v1/cases").json()["cases"][0]["id"]
        assert client.post(f"/api/v1/cases/{case}/assign", json={"responsible": "nobody"}).status_code == 422
        assert client.post(f"/api/v1/cases/{case}/assign", json={"responsible": "gu"}).json()["responsible"] == "gu"


def test_a_contact_plan_is_set_met_and_dropped(site: Site) -> None:
    with site.client("officer1") as client:
        made = client.put("/api/v1/households/hh-1-1/contact-plans/call", json={"every_days": 7}).raise_for_status().json()
        assert (made["due_at"], made["responsible"]) == (to_iso(START + 7 * DAY), "officer1")
        assert client.get("/api/v1/contact-plans", params={"due": True}).json()["plans"] == []
        site.clock.advance_to(START + 7 * DAY)
        assert len(client.get("/api/v1/contact-plans", params={"due": True}).json()["plans"]) == 1
        assert client.post("/api/v1/households/hh-1-1/contacts/call").status_code == 204
        assert client.get("/api/v1/contact-plans", params={"due": True}).json()["plans"] == []
        assert client.get("/api/v1/households/hh-1-1/contacts").json()["contacts"][0]["actor"] == "officer1"
        assert client.delete("/api/v1/households/hh-1-1/contact-plans/call").status_code == 204
        assert client.delete("/api/v1/households/hh-1-1/contact-plans/call").status_code == 404


def test_refusals_name_what_would_be_right(site: Site) -> None:
    provider, programme = give(site)
    with site.client("officer1") as client:
        late = client.post("/api/v1/visits", json={"household": "hh-1-1", "planned_at": to_iso(START + 100 * DAY)})
        assert (late.status_code, "92일" in late.json()["next"]) == (422, True)
        dear = {"household": "hh-1-1", "kind": "meals", "provider": provider, "programme": programme, "cost_won": 1_560_001}
        capped = client.post("/api/v1/referrals", json=dear)
        assert (capped.status_code, "1,560,000" in capped.json()["detail"]) == (409, True)
        assert client.get("/api/v1/figures", params={"month": "2026-13"}).json()["error"] == "month_wrong"


def test_figures_say_what_happened_this_month(site: Site) -> None:
    check = check_of(site)
    with site.client("officer1") as client:
        client.post(f"/api/v1/checks/{check}/resolve", json={"outcome": "safe_by_phone"}).raise_for_status()
        found = client.get("/api/v1/figures").raise_for_status().json()
        assert (found["dong"], found["outcomes"], found["rules"][0]["false"]) == ("dong-1", {"safe_by_phone": 1}, 1)
    with site.client("gu") as client:
        assert client.get("/api/v1/figures").json()["dong"] is None
        assert client.get("/api/v1/figures", params={"dong": "dong-2"}).json()["outcomes"] == {}
        page = client.get("/figures").text
        assert "햇살동" in page and "달빛동" in page


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_in_both_languages_with_and_without_content(site: Site, path: str) -> None:
    for filled in (False, True):
        if filled:
            check = check_of(site)
            provider, programme = give(site)
            with site.client("officer1") as client:
                for at in (START - 60 * SECOND, START + HOUR):
                    plan_visit(client, planned_at=to_iso(at))
                offer = {"household": "hh-1-1", "kind": "meals", "provider": provider, "programme": programme, "check": check}
                client.post("/api/v1/referrals", json=offer).raise_for_status()
                client.put("/api/v1/households/hh-1-1/contact-plans/call", json={"every_days": 7}).raise_for_status()
                client.post(
                    "/report/dong-1", data={"address": "모르는 길 9", "text": "불이 꺼져 있음", "number": "n1"}
                ).raise_for_status()
        for login in ("officer1", "gu"):
            with site.client(login) as client:
                assert 'lang="ko"' in client.get(path).raise_for_status().text
                client.cookies.set("anbu_lang", "en")
                assert 'lang="en"' in client.get(path).raise_for_status().text


def test_pages_plan_record_offer_and_close(site: Site) -> None:
    provider, _ = give(site)
    with site.client("officer1") as client:
        local = to_iso(START + HOUR)[:16]
        visit = {"household": "hh-1-1", "planned_at": local, "companion": "nurse"}
        assert client.post("/visits", data=visit).headers["location"] == "/cases"
        assert client.post("/visits", data={**visit, "planned_at": "soon"}).status_code == 422
        assert client.post("/visits/1/record", data={"result": "sung"}).status_code == 422
        assert client.post("/visits/1/record", data={"result": "well", "text": "건강하심"}).status_code == 303
        client.post("/visits", data=visit)
        assert client.post("/visits/2/record", data={"result": "cancel"}).status_code == 303
        offer = {"household": "hh-1-1", "kind": "meals", "provider": provider, "programme": "", "text": "도시락"}
        assert client.post("/referrals", data=offer).status_code == 303
        assert client.post("/referrals/1/advance", data={"state": "declined", "text": ""}).status_code == 303
        whole = client.get("/cases/1").text
        assert "건강하심" in whole and "도시락" in whole and "방문간호사" in whole
        assert client.post("/cases/1/close", data={"text": "안정"}).headers["location"] == "/cases?state=closed"
        assert "안정" in client.get("/cases/1").text


def test_the_page_of_contacts_sets_meets_and_drops_a_plan(site: Site) -> None:
    with site.client("officer1") as client:
        plan = {"household": "hh-1-1", "kind": "call", "every_days": 7, "responsible": "gu"}
        assert client.post("/plans", data=plan).status_code == 303
        site.clock.advance_to(START + 8 * DAY)
        assert "1일" in client.get("/plans").text
        assert client.post("/plans/hh-1-1/call/done").status_code == 303
        assert client.post("/plans", data={**plan, "every_days": 0}).status_code == 303
        assert client.post("/plans", data={**plan, "every_days": 99}).status_code == 422
        assert client.get("/api/v1/contact-plans").json()["plans"] == []


def test_a_neighbour_reports_without_a_log_in_and_staff_match_it(site: Site) -> None:
    with site.client(None) as client:
        form = client.get("/report/dong-1")
        assert form.status_code == 200 and "119" in form.text and "햇살동" in form.text
        told = {"address": "모르는 길 9", "text": "<b>며칠째</b> 조용합니다", "number": "n-1"}
        thanks = client.post("/report/dong-1", data=told)
        assert thanks.status_code == 200 and "고맙습니다" in thanks.text and "모르는" not in thanks.text
        client.post("/report/dong-1", data=told)
        assert client.get("/report/dong-9").status_code == 404
        empty = client.post("/report/dong-1", data={"address": "어딘가", "text": " "})
        assert empty.status_code == 422 and 'value="어딘가"' in empty.text
    with site.client("officer1") as client:
        (report,) = client.get("/api/v1/reports", params={"unmatched": True}).json()["reports"]
        assert report["text"] == "<b>며칠째</b> 조용합니다"
        page = client.get("/reports").text
        assert "&lt;b&gt;며칠째" in page
        assert client.get("/").text.count("이웃 신고") >= 1
        assert (
            client.post(f"/reports/{report['id']}/match", data={"household": "hh-1-2"}).headers["location"]
            == "/households/hh-1-2"
        )
        assert client.post(f"/api/v1/reports/{report['id']}/match", json={"household": "hh-1-2"}).status_code == 409
        assert client.get("/api/v1/checks", params={"household": "hh-1-2"}).json()["checks"][0]["level"] == "warning"
    with site.client("officer2") as client:
        assert client.get("/api/v1/reports").json()["reports"] == []


def test_the_form_takes_no_flood_and_says_whom_to_call(site: Site) -> None:
    with site.client(None) as client:
        told = [
            client.post("/report/dong-1", data={"address": "x", "text": "y", "number": f"n{n}"}) for n in range(FORM_REPORTS + 1)
        ]
        assert [one.status_code for one in told] == [200] * FORM_REPORTS + [429]
        assert "retry-after" in told[-1].headers and "119" in told[-1].text


def test_a_bot_reports_with_a_signature_and_nobody_without(site: Site) -> None:
    body = b'{"dong":"dong-1","number":"m-1","address":"x 1","text":"y"}'
    now = str(site.clock.machine_now() // SECOND)
    good = {"Anbu-Timestamp": now, "Anbu-Signature": sign(SECRET, now, body), "content-type": "application/json"}
    with site.client(None) as client:
        assert client.post("/api/v1/reports", content=body, headers=good).status_code == 404
    signed = replace(site, services=replace(site.services, report_secret=SECRET))
    with signed.client(None) as client:
        assert client.post("/api/v1/reports", content=body, headers=good).status_code == 202
        assert client.post("/api/v1/reports", content=body, headers=good).json() == {"number": 1}
        old = str(site.clock.machine_now() // SECOND - 3600)
        for headers in (
            {},
            {**good, "Anbu-Signature": "v1=0"},
            {"Anbu-Timestamp": old, "Anbu-Signature": sign(SECRET, old, body)},
        ):
            assert client.post("/api/v1/reports", content=b"{}", headers=headers).status_code == 401
        wrong = b'{"dong":"dong-1"}'
        signature = {**good, "Anbu-Signature": sign(SECRET, now, wrong)}
        assert client.post("/api/v1/reports", content=wrong, headers=signature).status_code == 422
    assert len(site.services.desk.checks(dong="dong-1")) == 1
