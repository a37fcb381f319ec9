"""Proves that devices nobody has claimed are listed for those who may see them, and claimed in one step, over API and page."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from sqlalchemy import insert, select

from ingest.clock import DAY, to_iso
from ingest.fact_outbox import fact_outbox
from ingest.facts import DeviceEnrolled, decode_fact
from ingest.register.strangers import Strangers
from ingest.register.tables import reread, unclaimed
from tests.dashboard_api.small_site import START, Site

TOPIC = "anbu/v1/dong-1/hh-1-1/pir-9/motion"


@pytest.fixture
def open_site(site: Site) -> Site:
    """The small site, with two strangers: one whose topics name dong-1, one that names no dong."""
    with site.engine.begin() as connection:
        for device, address, topic, payload in (
            ("pir-9", None, TOPIC, b'{"v":1}<script>'),
            ("0x00158d0001", "zigbee2mqtt/0x00158d0001", "zigbee2mqtt/0x00158d0001", b'{"occupancy":true}'),
        ):
            row = {"device_id": device, "first_offset": 3, "last_offset": 9, "last_received_at": START, "messages": 7}
            dialect = "native" if address is None else "zigbee2mqtt"
            connection.execute(insert(unclaimed).values(**row, dialect=dialect, address=address, topic=topic, payload=payload))
    return replace(site, services=replace(site.services, strangers=Strangers(site.engine)))


def ids(client: httpx.Client) -> list[str]:
    return [one["id"] for one in client.get("/api/v1/devices/unclaimed").raise_for_status().json()["unclaimed"]]


def test_list_shows_last_payload_guessed_dialect_and_what_was_heard(open_site: Site) -> None:
    with open_site.client("ops") as client:
        found = {one["id"]: one for one in client.get("/api/v1/devices/unclaimed").json()["unclaimed"]}
    assert found["pir-9"] == {
        "id": "pir-9",
        "dialect": "native",
        "dong": "dong-1",
        "household": "hh-1-1",
        "signals": ["motion"],
        "topic": TOPIC,
        "payload": '{"v":1}<script>',
        "messages": 7,
        "last_received_at": to_iso(START),
    }
    assert found["0x00158d0001"]["dialect"] == "zigbee2mqtt"


def test_officer_sees_the_strangers_of_the_own_dong_alone(open_site: Site) -> None:
    with open_site.client("officer1") as client:
        assert ids(client) == ["pir-9"]
    with open_site.client("officer2") as client:
        assert ids(client) == []
        assert client.post("/api/v1/devices/pir-9/claim", json={"household": "hh-2-1"}).status_code == 404
        assert client.post("/api/v1/devices/pir-9/claim", json={"household": "hh-1-1"}).status_code == 404


def test_claim_enrols_the_device_and_asks_for_its_past(open_site: Site) -> None:
    with open_site.client("officer1") as client:
        assert client.post("/api/v1/devices/pir-9/claim", json={"household": "hh-2-1"}).status_code == 404
        late = {"household": "hh-1-1", "since": to_iso(START + DAY)}
        assert client.post("/api/v1/devices/pir-9/claim", json=late).status_code == 422
        since = {"household": "hh-1-1", "model": "acme", "since": to_iso(START - DAY)}
        made = client.post("/api/v1/devices/pir-9/claim", json=since)
        assert made.status_code == 201 and made.json()["household"] == "hh-1-1"
        assert ids(client) == []
        assert client.post("/api/v1/devices/pir-9/claim", json=since).status_code == 404
    with open_site.engine.connect() as connection:
        facts = [decode_fact(row.body) for row in connection.execute(select(fact_outbox).order_by(fact_outbox.c.id))]
        asked = connection.execute(select(reread)).one()
    assert isinstance(facts[-1], DeviceEnrolled)
    assert (facts[-1].device_id, facts[-1].at, facts[-1].signals) == ("pir-9", START - DAY, ("motion",))
    assert (asked.device_id, asked.next_offset, asked.requested_by) == ("pir-9", 3, "officer1")


def test_page_lists_and_claims(open_site: Site) -> None:
    with open_site.client("gu") as client:
        page = client.get("/devices/unclaimed")
        assert page.status_code == 200 and "등록되지 않은 기기" in page.text
        assert "pir-9" in page.text and "&lt;script&gt;" in page.text and "<script>" not in page.text.split("</head>")[1]
        assert 'value="hh-1-1"' in page.text
        done = client.post("/devices/pir-9/claim", data={"household": "hh-1-1"}, follow_redirects=True)
        assert done.status_code == 200 and "pir-9" not in done.text
        assert client.post("/devices/0x00158d0001/claim", data={"household": "Nobody"}).status_code == 422
        assert "/devices/unclaimed" in client.get("/tickets").text


def test_nobody_sees_strangers_without_a_log_in_or_where_there_is_no_list(site: Site, open_site: Site) -> None:
    with open_site.client(None) as client:
        assert client.get("/api/v1/devices/unclaimed").status_code == 401
        assert client.post("/api/v1/devices/pir-9/claim", json={"household": "hh-1-1"}).status_code == 401
    with site.client("ops") as client:
        assert client.get("/api/v1/devices/unclaimed").status_code == 404
