"""Proves the REST API: every endpoint, one shape of refusal, one's own dong alone, and a log row for every look at people."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
from sqlalchemy import select

from dashboard_api.services import StageHealth
from ingest.clock import DAY, HOUR, MINUTE, to_iso
from ingest.fact_outbox import fact_outbox
from ingest.facts import AwayDeclared, decode_fact
from ingest.reading import Signal
from ingest.register.tables import view_log
from rules.finding import Level, RuleKey
from tests.dashboard_api.small_site import PASSWORD, START, Site, log_in


def test_log_in_gives_a_cookie_and_log_out_takes_it(site: Site) -> None:
    with site.client(None) as client:
        assert client.get("/api/v1/checks").status_code == 401
        answer = client.post("/api/v1/session", json={"login": "officer1", "password": PASSWORD})
        assert answer.json() == {"login": "officer1", "role": "officer", "dong": "dong-1"}
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("anbu_session=")
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert client.get("/api/v1/session").json()["login"] == "officer1"
        token = client.cookies["anbu_session"]
        assert client.delete("/api/v1/session").status_code == 204
        client.cookies.set("anbu_session", token)
        assert client.get("/api/v1/session").status_code == 401


def test_cookie_of_an_https_site_is_bound_to_the_host(site: Site) -> None:
    secure = replace(site, services=replace(site.services, https=True))
    with secure.client(None) as client:
        answer = client.post("/api/v1/session", json={"login": "officer1", "password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-anbu=")
        assert "Secure" in cookie
        assert "Path=/" in cookie
        assert "omain=" not in cookie
        assert "strict-transport-security" in answer.headers


def test_wrong_password_is_401_and_too_many_attempts_429_with_a_plain_message(site: Site) -> None:
    with site.client(None) as client:
        answers = [client.post("/api/v1/session", json={"login": "officer1", "password": "wrong"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].json()["error"] == "wrong_password"
    assert answers[-1].json()["error"] == "too_many_attempts"
    assert answers[-1].json()["next"]
    assert int(answers[-1].headers["retry-after"]) > 0


def test_everything_but_health_wants_a_log_in(site: Site) -> None:
    with site.client(None) as client:
        for path in (
            "/session",
            "/checks",
            "/checks/x",
            "/tickets",
            "/households",
            "/households/hh-1-1",
            "/households/hh-1-1/people",
            "/households/hh-1-1/readings?signal=motion",
            "/devices",
            "/lost",
            "/events",
        ):
            answer = client.get(f"/api/v1{path}")
            assert answer.status_code == 401, path
            assert set(answer.json()) == {"error", "detail", "next"}


def test_checks_come_worst_first_and_can_be_filtered_and_paged(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.CAUTION, at=START - HOUR)
    site.raise_check("hh-1-2", level=Level.DANGER, at=START - MINUTE)
    site.raise_check("hh-1-3", level=Level.CAUTION, at=START - 2 * HOUR)
    site.raise_check("hh-2-1", level=Level.DANGER)
    with site.client() as client:
        listed = client.get("/api/v1/checks").json()
        assert [check["household"] for check in listed["checks"]] == ["hh-1-2", "hh-1-3", "hh-1-1"]
        assert [check["level"] for check in listed["checks"]] == ["danger", "caution", "caution"]
        assert listed["before"] is None
        assert _homes(client, "level=caution") == ["hh-1-3", "hh-1-1"]
        assert _homes(client, "household=hh-1-1") == ["hh-1-1"]
        assert _homes(client, "state=acknowledged") == []
        page = client.get("/api/v1/checks?limit=2").json()
        assert _homes(client, f"limit=2&before={page['before']}") == ["hh-1-1"]
        log_in(client, "gu")
        assert len(_homes(client, "")) == 4


def test_check_tells_its_reason_in_one_sentence_with_figures(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.WARNING)
    with site.client() as client:
        alert = client.get("/api/v1/checks").json()["checks"][0]["alerts"][0]
        assert "12" in alert["reason"]
        assert alert["evidence"]["limit"] == 12 * HOUR
        assert alert["raised_at"] == to_iso(START)
        client.cookies.set("anbu_lang", "en")
        english = client.get("/api/v1/checks").json()["checks"][0]["alerts"][0]
    assert english["reason"] != alert["reason"]


def test_check_is_acknowledged_noted_and_resolved_with_every_step_kept(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    with site.client() as client:
        taken = client.post(f"/api/v1/checks/{check.id}/acknowledge", json={"version": check.version})
        assert (taken.json()["state"], taken.json()["owner"]) == ("acknowledged", "officer1")
        assert client.post(f"/api/v1/checks/{check.id}/note", json={"text": "문을 두드림"}).status_code == 200
        settled = client.post(f"/api/v1/checks/{check.id}/resolve", json={"outcome": "safe_by_visit", "text": "만남"})
        assert (settled.json()["state"], settled.json()["outcome"]) == ("resolved", "safe_by_visit")
        steps = client.get(f"/api/v1/checks/{check.id}").json()["transitions"]
        assert [step["action"] for step in steps] == ["opened", "acknowledged", "noted", "resolved"]
        assert [step["actor"] for step in steps] == ["rules", "officer1", "officer1", "officer1"]
        assert [step["note"] for step in steps] == [None, None, "문을 두드림", "만남"]
        assert client.get("/api/v1/checks").json()["checks"] == []
        assert [check["id"] for check in client.get("/api/v1/checks?state=resolved").json()["checks"]] == [check.id]


def test_stale_version_and_second_ending_are_conflicts(site: Site) -> None:
    check = site.raise_check("hh-1-1", level=Level.CAUTION)
    assert check is not None
    site.raise_check("hh-1-1", level=Level.DANGER, at=START + MINUTE)
    with site.client() as client:
        stale = client.post(f"/api/v1/checks/{check.id}/acknowledge", json={"version": check.version})
        assert (stale.status_code, stale.json()["error"]) == (409, "conflict")
        resolve = {"outcome": "safe_by_phone"}
        assert client.post(f"/api/v1/checks/{check.id}/resolve", json=resolve).status_code == 200
        assert client.post(f"/api/v1/checks/{check.id}/resolve", json=resolve).status_code == 409


def test_other_needs_text_and_away_needs_a_return_time(site: Site) -> None:
    check = site.raise_check("hh-1-1")
    assert check is not None
    address = f"/api/v1/checks/{check.id}/resolve"
    with site.client() as client:
        assert client.post(address, json={"outcome": "other"}).json()["error"] == "needs_text"
        assert client.post(address, json={"outcome": "away"}).json()["error"] == "bad_return"
        late = {"outcome": "away", "returns_at": to_iso(START + 15 * DAY)}
        assert client.post(address, json=late).status_code == 422
        back = {"outcome": "away", "returns_at": to_iso(START + 2 * DAY)}
        assert client.post(address, json=back).json()["outcome"] == "away"
    with site.engine.begin() as connection:
        facts = [decode_fact(body) for body in connection.execute(select(fact_outbox.c.body)).scalars()]
    absent = [fact for fact in facts if isinstance(fact, AwayDeclared)]
    assert [fact.returns_at for fact in absent] == [START + 2 * DAY]


def test_wrong_input_is_told_field_by_field_in_korean(site: Site) -> None:
    with site.client() as client:
        answer = client.get("/api/v1/checks?limit=0&level=9")
        assert answer.status_code == 422
        assert answer.json()["error"] == "invalid"
        assert "limit: 1 이상이어야 합니다" in answer.json()["detail"]
        assert "level:" in answer.json()["detail"]
        assert client.post("/api/v1/checks/x/note", json={"text": ""}).json()["error"] == "invalid"
        assert client.post("/api/v1/checks/x/note", content=b"{").json()["error"] == "invalid"
        unknown = client.post("/api/v1/checks/x/resolve", json={"outcome": "asleep"})
        assert "outcome:" in unknown.json()["detail"]


def test_another_dong_is_not_found_everywhere(site: Site) -> None:
    theirs = site.raise_check("hh-2-1")
    site.raise_check("hh-2-2", rule=RuleKey.DEVICE_BATTERY, device_id="hh-2-2-s")
    ticket = site.desk.tickets(dong=None)[0]
    assert theirs is not None
    with site.client("officer1") as client:
        tries = [
            client.get(f"/api/v1/checks/{theirs.id}"),
            client.post(f"/api/v1/checks/{theirs.id}/acknowledge"),
            client.post(f"/api/v1/checks/{theirs.id}/note", json={"text": "x"}),
            client.post(f"/api/v1/checks/{theirs.id}/resolve", json={"outcome": "safe_by_phone"}),
            client.get(f"/api/v1/checks?before={theirs.id}"),
            client.post(f"/api/v1/tickets/{ticket.id}/resolve"),
            client.get("/api/v1/households/hh-2-1"),
            client.get("/api/v1/households/hh-2-1/people"),
            client.get("/api/v1/households/hh-2-1/readings?signal=motion"),
            client.get("/households/hh-2-1"),
            client.get(f"/checks/{theirs.id}/resolve"),
            client.post(f"/checks/{theirs.id}/acknowledge", data={"version": "1"}),
            client.post(f"/tickets/{ticket.id}/resolve"),
        ]
        assert [answer.status_code for answer in tries] == [404] * len(tries)
        assert client.get("/api/v1/checks?household=hh-2-1").json()["checks"] == []
        assert client.get("/api/v1/tickets").json()["tickets"] == []
        assert client.get("/api/v1/devices?household=hh-2-1").json()["devices"] == []
        assert {home["dong"] for home in client.get("/api/v1/households").json()["households"]} == {"dong-1"}
        assert "hh-2-" not in client.get("/").text + client.get("/tickets").text + client.get("/households").text
    assert site.desk.check(theirs.id, dong=None).check.version == theirs.version  # type: ignore[union-attr]  # it exists
    with site.engine.begin() as connection:
        assert connection.execute(select(view_log)).all() == []


def test_people_are_masked_until_a_check_is_open_and_every_look_is_logged(site: Site) -> None:
    with site.client() as client:
        assert client.get("/api/v1/households/hh-1-1").json()["people_masked"] is True
        masked = client.get("/api/v1/households/hh-1-1/people").json()
        assert masked["masked"] is True
        assert "김하늘" not in json.dumps(masked, ensure_ascii=False)
        assert "1001" not in masked["resident"]["phone"]
        assert masked["address"] is None
        site.raise_check("hh-1-1")
        shown = client.get("/api/v1/households/hh-1-1/people").json()
        assert (shown["masked"], shown["resident"]["name"]) == (False, "김하늘")
        assert shown["guardians"][0]["phone"] == "010-0000-2001"
        page = client.get("/households/hh-1-1").text
        assert "tel:010-0000-1001" in page
    with site.engine.begin() as connection:
        looks = connection.execute(select(view_log).order_by(view_log.c.id)).all()
    assert [(look.login, look.household_id, look.purpose) for look in looks] == [
        ("officer1", "hh-1-1", "api people"),
        ("officer1", "hh-1-1", "api people"),
        ("officer1", "hh-1-1", "household page"),
    ]
    assert looks[0].fields.startswith("masked:")
    assert "resident.phone" in looks[1].fields


def test_readings_are_put_together_on_the_server(site: Site) -> None:
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - 36 * HOUR + i * MINUTE, 20 + i % 7) for i in range(36 * 60)])
    with site.client() as client:
        few = client.get("/api/v1/households/hh-1-1/readings?signal=temperature&points=12").json()
        assert len(few["buckets"]) == 12
        assert sum(bucket["count"] for bucket in few["buckets"]) == 36 * 60
        assert {(bucket["min"], bucket["max"]) for bucket in few["buckets"]} == {(20.0, 26.0)}
        assert few["width_ms"] == 3 * HOUR
        assert (few["start"], few["end"]) == (to_iso(START - 36 * HOUR), to_iso(START))
        hour = {"signal": "temperature", "start": "2026-01-05T08:00:00", "end": str(START), "points": "60"}
        assert len(client.get("/api/v1/households/hh-1-1/readings", params=hour).json()["buckets"]) == 60
        none = {"signal": "humidity"}
        assert client.get("/api/v1/households/hh-1-1/readings", params=none).json()["buckets"] == []
        for wrong in ({"start": str(START), "end": str(START)}, {"start": "0"}, {"start": "yesterday"}, {"points": "99999"}):
            asked = {"signal": "temperature", **wrong}
            assert client.get("/api/v1/households/hh-1-1/readings", params=asked).status_code == 422


def test_household_tells_devices_and_what_was_last_heard(site: Site) -> None:
    site.read("hh-1-1", Signal.TEMPERATURE, [(START - HOUR, 20.0), (START - MINUTE, 21.5)])
    check = site.raise_check("hh-1-1")
    assert check is not None
    with site.client() as client:
        home = client.get("/api/v1/households/hh-1-1").json()
    assert home["household"] == {
        "id": "hh-1-1",
        "dong": "dong-1",
        "grade": "high",
        "enrolled_at": to_iso(START - 48 * HOUR),
        "ended_at": None,
    }
    assert [device["id"] for device in home["devices"]] == ["hh-1-1-s"]
    assert home["heard"] == [{"signal": "temperature", "at": to_iso(START - MINUTE), "value": 21.5}]
    assert [open_check["id"] for open_check in home["open_checks"]] == [check.id]


def test_ticket_is_listed_and_resolved_and_is_never_a_check(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.CAUTION, rule=RuleKey.DEVICE_BATTERY, device_id="hh-1-1-s")
    with site.client() as client:
        assert client.get("/api/v1/checks").json()["checks"] == []
        ticket = client.get("/api/v1/tickets").json()["tickets"][0]
        assert (ticket["device"], ticket["rule"], ticket["household"]) == ("hh-1-1-s", "device_battery", "hh-1-1")
        done = client.post(f"/api/v1/tickets/{ticket['id']}/resolve", json={"text": "건전지 교체"}).json()
        assert (done["state"], done["resolved_by"]) == ("resolved", "officer1")
        assert client.post(f"/api/v1/tickets/{ticket['id']}/resolve").status_code == 409
        assert client.get("/api/v1/tickets").json()["tickets"] == []
        assert len(client.get("/api/v1/tickets?state=resolved").json()["tickets"]) == 1


def test_ready_names_the_stage_that_does_not_move_while_alive_says_nothing_of_it(site: Site) -> None:
    with site.client(None) as client:
        assert client.get("/readyz").status_code == 200
        site.stages[0] = StageHealth(name="broker", ok=False, detail="no connection", lag=None)
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["ready"] is False
        assert answer.json()["stages"][0] == {"name": "broker", "ok": False, "detail": "no connection", "lag": None}
        assert client.get("/healthz").json() == {"status": "ok"}


def test_metrics_are_for_this_machine_and_operators(site: Site) -> None:
    far = {"x-forwarded-for": "203.0.113.9"}
    with site.client(None) as client:
        assert "anbu_live_streams" in client.get("/metrics").text
        assert client.get("/metrics", headers=far).status_code == 404
        log_in(client, "officer1")
        assert client.get("/metrics", headers=far).status_code == 404
        log_in(client, "ops")
        assert client.get("/metrics", headers=far).status_code == 200


def test_schema_is_there_and_no_page_that_would_load_from_elsewhere(site: Site) -> None:
    with site.client(None) as client:
        schema = client.get("/openapi.json").json()
        assert client.get("/docs").status_code == 404
        assert client.get("/redoc").status_code == 404
    assert {"/api/v1/checks", "/api/v1/events", "/healthz", "/readyz", "/metrics"} <= set(schema["paths"])
    assert not any(path.startswith("/tickets") or path == "/" for path in schema["paths"])


def _homes(client: httpx.Client, query: str) -> list[str]:
    return [check["household"] for check in client.get(f"/api/v1/checks?{query}").json()["checks"]]
