"""Proves that what never reached us is shown plainly: to the dong whose home it was, on the page and over the API."""

from __future__ import annotations

from ingest.clock import DAY, to_iso
from ingest.losses import LostRange, forget_losses, write_losses
from tests.dashboard_api.small_site import START, Site


def loss(home: str, *, first: int = 5, messages: int = 3, came_late: int = 0) -> LostRange:
    return LostRange(
        device_id=f"{home}-s",
        boot=2,
        first_seq=first,
        last_seq=first + messages - 1,
        messages=messages,
        household_id=home,
        noticed_at=START - DAY,
        lost_at=START,
        came_late=came_late,
    )


def put(site: Site, *losses: LostRange) -> None:
    with site.engine.begin() as connection:
        write_losses(connection, losses)


def test_a_lost_range_is_told_over_the_api_and_counted_at_its_device(site: Site) -> None:
    put(site, loss("hh-1-1"), loss("hh-1-1", first=20, messages=1), loss("hh-2-1"))
    with site.client() as client:
        told = client.get("/api/v1/lost?household=hh-1-1").json()["lost"]
        devices = {device["id"]: device["lost"] for device in client.get("/api/v1/devices").json()["devices"]}
    assert told[0] == {
        "device": "hh-1-1-s",
        "household": "hh-1-1",
        "boot": 2,
        "from_seq": 5,
        "to_seq": 7,
        "messages": 3,
        "came_late": 0,
        "noticed_at": to_iso(START - DAY),
        "lost_at": to_iso(START),
    }
    assert devices == {"hh-1-1-s": 4, "hh-1-2-s": 0, "hh-1-3-s": 0}


def test_the_household_page_says_it_and_what_came_after_all_is_not_lost(site: Site) -> None:
    put(site, loss("hh-1-1"), loss("hh-1-2", came_late=3))
    with site.client() as client:
        assert "기록 3건을 끝내 받지 못했습니다" in client.get("/households/hh-1-1").text
        assert "받지 못했습니다" not in client.get("/households/hh-1-2").text
        assert client.get("/api/v1/households/hh-1-1").json()["devices"][0]["lost"] == 3


def test_another_dongs_losses_are_not_shown(site: Site) -> None:
    put(site, loss("hh-2-1"))
    with site.client("officer1") as client:
        assert client.get("/api/v1/lost").json()["lost"] == []
        assert client.get("/api/v1/lost?household=hh-2-1").json()["lost"] == []
    with site.client("gu") as client:
        assert len(client.get("/api/v1/lost").json()["lost"]) == 1


def test_what_is_written_twice_stands_once_and_goes_after_its_time(site: Site) -> None:
    put(site, loss("hh-1-1"))
    put(site, loss("hh-1-1", came_late=1), loss("hh-1-1", came_late=2))
    (row,) = site.services.losses.of(dong="dong-1")
    assert row.came_late == 2
    assert forget_losses(site.engine, START) == 0
    assert forget_losses(site.engine, START + 1) == 1
