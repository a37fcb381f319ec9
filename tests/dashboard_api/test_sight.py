"""Proves that the pages and the API say of a home that it cannot be observed, why, and that its resident is declared away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from alerts.duty.away import AwayReason
from ingest.clock import DAY, HOUR
from rules.observability import Blind, Sight, Sights
from tests.dashboard_api.small_site import START, Site


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """One engine is enough here: nothing of it is in the database."""
    return f"sqlite:///{tmp_path / 'anbu.sqlite3'}"


def seen(site: Site, sights: Sights | None) -> Site:
    return replace(site, services=replace(site.services, sights=lambda: sights))


BLIND = Sights(
    at=START,
    homes={
        "hh-1-1": Sight(cause=Blind.GATEWAY, since=START - HOUR),
        "hh-1-2": Sight(cause=Blind.SENSOR, since=START - HOUR, signals=("motion",)),
        "hh-1-3": Sight(cause=Blind.NOT_COMMISSIONED, since=START - HOUR),
    },
)


def test_a_blind_home_says_so_with_its_cause_on_its_page_and_in_the_list(site: Site) -> None:
    with seen(site, BLIND).client("officer1") as client:
        page, listed = client.get("/households/hh-1-2").text, client.get("/households").text
    assert "관측 불가" in page and "센서 응답 없음 또는 이상 (움직임)" in page
    assert listed.count("관측 불가") == 3 and "댁내 게이트웨이 연결 끊김" in listed and "미개통" in listed


def test_the_api_tells_observed_from_blind_and_from_nobody_knows(site: Site) -> None:
    with seen(site, BLIND).client("officer1") as client:
        blind = client.get("/api/v1/households/hh-1-1").json()["sight"]
    assert (blind["observed"], blind["cause"], blind["signals"]) == (False, "gateway", [])
    assert blind["text"] == "댁내 게이트웨이 연결 끊김"
    with seen(site, Sights(at=START, homes={})).client("officer1") as client:
        assert client.get("/api/v1/households/hh-1-1").json()["sight"]["observed"] is True
        assert "관측 불가" not in client.get("/households/hh-1-1").text
    with seen(site, None).client("officer1") as client:
        assert client.get("/api/v1/households/hh-1-1").json()["sight"]["observed"] is None


def test_when_we_ourselves_cannot_hear_every_home_is_blind(site: Site) -> None:
    ours = Sights(at=START, ours=Sight(cause=Blind.BROKER, since=START - HOUR), homes=BLIND.homes)
    with seen(site, ours).client("officer1") as client:
        assert client.get("/api/v1/households/hh-1-1").json()["sight"]["cause"] == "broker"
        assert client.get("/households").text.count("메시지 서버 연결 끊김") == 3


def test_a_declared_absence_is_shown_with_its_reason_and_return_time(site: Site) -> None:
    site.services.duty.absences.declare(
        "hh-1-1", returns_at=START + 2 * DAY, reason=AwayReason.HOSPITAL, by="officer1", dong="dong-1"
    )
    with site.client("officer1") as client:
        page = client.get("/households/hh-1-1").text
        away = client.get("/api/v1/households/hh-1-1").json()["away"]
        assert client.get("/api/v1/households/hh-1-2").json()["away"] is None
    assert "부재 중" in page and "입원" in page and "귀가 예정" in page
    assert away["reason"] == "hospital"
