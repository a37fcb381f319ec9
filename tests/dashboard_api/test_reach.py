"""Staff set how they are reached, see what was proven, and a call's answer counts only with its signature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from alerts.attempt import Answer
from alerts.call import CallAnswers
from alerts.channels.webhook import sign
from alerts.check import NotFound
from alerts.contacts import ContactBook
from alerts.delivery import Permanent, Receipt
from alerts.policy import Policy
from alerts.proof import LONGEST, Paths
from alerts.tables import delivery
from alerts.telling import Telling, tell_people
from dashboard_api.services import Reach
from ingest.clock import MINUTE, SECOND
from ingest.seal import Sealer
from rules.finding import Level
from tests.alerts.alert_parts import Book
from tests.dashboard_api.small_site import Site, open_site

SECRET = b"a secret of sixteen letters"
PUSH = json.dumps({"endpoint": "https://push.example/abc", "p256dh": "k", "auth": "a"})


class Reached:
    """A small site that reaches people."""

    def __init__(self, folder: Path) -> None:
        site = open_site(folder)
        self.books = {"email": Book(), "message": Book(Permanent(error="status 401")), "push": Book()}
        self.answers: list[tuple[str, Answer]] = []
        self.unknown: set[str] = set()
        self.paths = Paths(site.engine, site.clock)
        reach = Reach(
            contacts=ContactBook(site.engine, Sealer(bytes(range(32))), site.clock),
            channels=self.books,
            paths=self.paths,
            base_url="https://anbu.example",
            proving=True,
            push_key="BPush",
            calls=CallAnswers(site.engine, site.clock, self.hand_on),
            call_secret=SECRET,
        )
        self.site: Site = replace(site, services=replace(site.services, reach=reach))

    def hand_on(self, number: str, answer: Answer) -> None:
        if number in self.unknown:
            raise NotFound("no such call")
        self.answers.append((number, answer))

    def call(self, *channels: str) -> list[str]:
        telling = Telling(
            key="k", kind="ask", level=Level.WARNING, dong="dong-1", code="A", path="/", channels=channels or ("call",)
        )
        clock = self.site.clock
        with self.site.engine.begin() as connection:
            return tell_people(
                connection, telling, ["resident:hh-1-1"], Policy(), home_now=clock.home_now(), machine_now=clock.machine_now()
            )

    def receipts(self) -> dict[str, tuple[str | None, int]]:
        with self.site.engine.begin() as connection:
            rows = connection.execute(select(delivery)).all()
        return {row.channel: (row.receipt, row.due_at) for row in rows}


@pytest.fixture
def reached(tmp_path: Path) -> Iterator[Reached]:
    made = Reached(tmp_path)
    yield made
    made.site.engine.dispose()


def test_staff_set_their_own_contact_points_and_see_them_masked(reached: Reached) -> None:
    with reached.site.client() as client:
        for kind, address in (("email", "kim@example.kr"), ("phone", "010-0000-1234"), ("push", PUSH)):
            client.post("/api/v1/contacts", json={"kind": kind, "address": address}).raise_for_status()
        found = client.get("/api/v1/contacts").json()
        assert [one["shown"] for one in found["contacts"]] == ["k***@example.kr", "0100000****", "push.example"]
        assert found["push_key"] == "BPush"
        assert client.delete(f"/api/v1/contacts/{found['contacts'][0]['id']}").status_code == 204
        assert client.delete(f"/api/v1/contacts/{found['contacts'][0]['id']}").status_code == 404
    with reached.site.client("officer2") as other:
        assert other.get("/api/v1/contacts").json()["contacts"] == []
        assert other.delete(f"/api/v1/contacts/{found['contacts'][1]['id']}").status_code == 404


@pytest.mark.parametrize(
    ("kind", "address", "error"),
    [
        ("email", "no address", "contact_refused"),
        ("webhook", '{"url": "http://127.0.0.1:1", "secret": "sixteen letters."}', "contact_kind"),
        ("apprise", "json://127.0.0.1", "contact_kind"),
    ],
)
def test_what_would_make_us_ask_other_machines_is_not_set_from_the_page(
    reached: Reached, kind: str, address: str, error: str
) -> None:
    with reached.site.client() as client:
        refused = client.post("/api/v1/contacts", json={"kind": kind, "address": address})
        assert (refused.status_code, refused.json()["error"]) == (422, error)
        assert address not in refused.text


def test_a_test_says_of_each_channel_how_it_went(reached: Reached) -> None:
    with reached.site.client() as client:
        assert client.post("/api/v1/contacts/test").json() == {"trials": []}
        for kind, address in (("email", "kim@example.kr"), ("phone", "010-0000-1234")):
            client.post("/api/v1/contacts", json={"kind": kind, "address": address}).raise_for_status()
        found = client.post("/api/v1/contacts/test").json()["trials"]
    assert found == [{"channel": "email", "error": ""}, {"channel": "message", "error": "status 401"}]
    (message,) = reached.books["email"].messages
    assert (message.kind, message.link) == ("test", "https://anbu.example/contacts")


def test_nobody_sends_themselves_more_than_five_tests_in_ten_minutes(reached: Reached) -> None:
    with reached.site.client() as client:
        for _ in range(4):
            assert client.post("/api/v1/contacts/test").status_code == 200
        assert client.post("/contacts/test").status_code == 200
        refused = client.post("/api/v1/contacts/test")
        assert (refused.status_code, refused.json()["error"], refused.headers["retry-after"]) == (429, "too_many_requests", "120")
        assert client.post("/contacts/test").status_code == 429
        reached.site.clock.machine += 2 * MINUTE
        assert client.post("/contacts/test").status_code == 200


def test_the_pages_add_remove_and_test(reached: Reached) -> None:
    with reached.site.client() as client:
        assert "연락처가 없습니다" in client.get("/contacts").text
        client.post("/contacts", data={"kind": "email", "address": "kim@example.kr"}, follow_redirects=True).raise_for_status()
        client.post("/contacts", data={"kind": "phone", "address": "01000001234"}, follow_redirects=True).raise_for_status()
        page = client.get("/contacts").text
        assert "k***@example.kr" in page
        assert 'data-key="BPush"' in page
        tested = client.post("/contacts/test").text
        assert "이메일: 보냈습니다" in tested
        assert "알림톡·문자: 보내지 못했습니다 <small>status 401</small>" in tested
        for point in client.get("/api/v1/contacts").json()["contacts"]:
            assert client.post(f"/contacts/{point['id']}/remove").status_code == 303
            assert client.post(f"/contacts/{point['id']}/remove").status_code == 404
        assert "연락처가 없습니다" in client.get("/contacts").text
        assert "이 사이트에 켜진 채널이 없습니다" in client.post("/contacts/test").text


def test_each_dong_sees_when_its_paths_were_proven(reached: Reached) -> None:
    reached.paths.keep(["dong-1", "dong-2"], ["email"])
    with reached.site.client() as client:
        (path,) = client.get("/api/v1/paths").json()["paths"]
        assert path == {"dong": "dong-1", "channel": "email", "proven": True, "proven_at": None, "alarmed_at": None}
        assert "첫 확인을 기다리는 중" in client.get("/paths").text
    reached.site.clock.machine += LONGEST + SECOND
    with reached.site.client() as client:
        assert "두 시간 넘게 확인되지 않음" in client.get("/paths").text
    with reached.site.client("gu") as client:
        found = client.get("/api/v1/paths").json()
        assert [path["proven"] for path in found["paths"]] == [False, False]
        assert found["proving"]


def answered(client: httpx.Client, clock_ms: int, body: dict[str, object], *, secret: bytes = SECRET, late: int = 0) -> int:
    text = json.dumps(body).encode()
    stamp = str(clock_ms // SECOND - late)
    headers = {"Anbu-Timestamp": stamp, "Anbu-Signature": sign(secret, stamp, text), "Content-Type": "application/json"}
    return client.post("/api/v1/calls/answers", content=text, headers=headers).status_code


@pytest.mark.parametrize(
    ("result", "key", "answer", "receipt"),
    [
        ("answered", "1", Answer.WELL, Receipt.DELIVERED),
        ("answered", "2", Answer.HELP, Receipt.DELIVERED),
        ("answered", None, Answer.NO_KEY, Receipt.DELIVERED),
        ("answered", "9", Answer.NO_KEY, Receipt.DELIVERED),
        ("no_answer", None, Answer.NO_ANSWER, Receipt.LOST),
        ("busy", "1", Answer.NO_ANSWER, Receipt.LOST),
        ("failed", None, Answer.UNREACHABLE, Receipt.LOST),
    ],
)
def test_a_calls_answer_is_handed_on_and_written_down_once(
    reached: Reached, result: str, key: str | None, answer: Answer, receipt: Receipt
) -> None:
    number, _ = reached.call("call", "message")
    clock = reached.site.clock
    with reached.site.client(None) as client:
        for _ in range(2):
            assert answered(client, clock.machine, {"id": number, "result": result, "key": key}) == 204
    assert set(reached.answers) == {(number, answer)}
    kept = reached.receipts()
    assert kept["call"][0] == receipt
    # What nobody heard goes out by the next channel at once.
    assert (kept["message"][1] == clock.machine) is (receipt is Receipt.LOST)


def test_an_answer_without_our_signature_late_or_to_no_call_of_ours_is_refused(reached: Reached) -> None:
    (number,) = reached.call()
    now = reached.site.clock.machine
    body: dict[str, object] = {"id": number, "result": "answered", "key": "1"}
    with reached.site.client(None) as client:
        assert answered(client, now, body, secret=b"another secret of letters") == 401
        assert answered(client, now, body, late=301) == 401
        assert client.post("/api/v1/calls/answers", json=body).status_code == 401
        assert answered(client, now, {"id": "nobody", "result": "answered"}) == 404
        assert answered(client, now, {"id": number, "result": "sang"}) == 422
    assert reached.answers == []


def test_an_answer_to_a_call_that_asked_nobody_is_written_down_all_the_same(reached: Reached) -> None:
    (number,) = reached.call()
    reached.unknown.add(number)
    with reached.site.client(None) as client:
        assert answered(client, reached.site.clock.machine, {"id": number, "result": "answered", "key": "1"}) == 204
    assert reached.receipts()["call"][0] == Receipt.DELIVERED


def test_where_people_are_told_by_the_page_alone_there_is_nothing_to_set(reached: Reached) -> None:
    bare = replace(reached.site, services=replace(reached.site.services, reach=None))
    with bare.client() as client:
        for path in ("/contacts", "/paths", "/api/v1/contacts", "/api/v1/paths"):
            assert client.get(path).status_code == 404
    reach = reached.site.services.reach
    assert reach is not None
    mute = replace(reached.site, services=replace(reached.site.services, reach=replace(reach, call_secret=None, proving=False)))
    with mute.client() as client:
        assert answered(client, reached.site.clock.machine, {"id": "x", "result": "busy"}) == 404
        assert "경로 점검이 꺼져 있습니다" in client.get("/paths").text
