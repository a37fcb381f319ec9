"""Proves the live stream: events as they happen, replay by Last-Event-ID, one's own dong alone, an end without waiting."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from ingest.clock import MINUTE
from rules.finding import Level
from tests.dashboard_api.small_site import START, Site, log_in, served
from tests.waiting import until


@dataclass(frozen=True)
class Heard:
    """One event as a browser gets it."""

    id: str
    kind: str
    data: str


def _events(response: httpx.Response) -> Iterator[Heard]:
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields:
            if "event" in fields:
                yield Heard(fields.get("id", ""), fields["event"], fields.get("data", ""))
            fields = {}


def _checks(client: httpx.Client, count: int, **asked: str) -> list[Heard]:
    """The first `count` events that are no beats."""
    heard: list[Heard] = []
    with client.stream("GET", "/api/v1/events", **({"headers": asked} if asked else {})) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for event in _events(response):
            if event.kind != "beat":
                heard.append(event)
            if len(heard) == count:
                return heard
    return heard


def test_event_of_a_check_reaches_an_open_stream(site: Site) -> None:
    with site.client() as client, client.stream("GET", "/api/v1/events") as response:
        events = _events(response)
        assert next(events).kind == "beat"  # told at once, so that a page knows that it hears
        check = site.raise_check("hh-1-1")
        assert check is not None
        event = next(event for event in events if event.kind == "check")
    told = json.loads(event.data)
    assert (told["ref"], told["dong"], told["action"]) == (check.id, "dong-1", "opened")
    assert int(event.id) == site.desk.last_event_id()


def test_events_missed_are_replayed_after_the_last_one_seen(site: Site) -> None:
    for number in (1, 2, 3):
        site.raise_check(f"hh-1-{number}")
    with site.client() as client:
        everything = _checks(client, 3, **{"last-event-id": "0"})
        assert [event.id for event in everything] == ["1", "2", "3"]
        assert [event.id for event in _checks(client, 1, **{"last-event-id": "2"})] == ["3"]


def test_after_stands_in_for_last_event_id_and_the_later_one_counts(site: Site) -> None:
    for number in (1, 2, 3):
        site.raise_check(f"hh-1-{number}")
    with (
        site.client() as client,
        client.stream("GET", "/api/v1/events?after=0", headers={"last-event-id": "2"}) as response,
    ):
        first = next(event for event in _events(response) if event.kind == "check")
    assert first.id == "3"


def test_events_between_replay_and_live_come_once_and_in_order(site: Site) -> None:
    site.raise_check("hh-1-1", level=Level.CAUTION)

    def rise() -> None:
        site.raise_check("hh-1-2")
        site.raise_check("hh-1-1", level=Level.DANGER, at=START + MINUTE)

    with site.client() as client:
        thread = threading.Thread(target=rise)
        thread.start()
        heard = _checks(client, 3, **{"last-event-id": "0"})
        thread.join(10)
    assert [event.id for event in heard] == ["1", "2", "3"]


def test_stream_tells_of_its_own_dong_alone(site: Site) -> None:
    site.raise_check("hh-2-1")
    mine = site.raise_check("hh-1-1")
    assert mine is not None
    with site.client() as client:
        replayed = _checks(client, 1, **{"last-event-id": "0"})
        assert json.loads(replayed[0].data)["ref"] == mine.id
        with client.stream("GET", "/api/v1/events") as response:
            events = _events(response)
            next(events)
            site.raise_check("hh-2-2")
            later = site.raise_check("hh-1-2")
            assert later is not None
            assert json.loads(next(event for event in events if event.kind == "check").data)["ref"] == later.id
        log_in(client, "gu")
        assert len(_checks(client, 4, **{"last-event-id": "0"})) == 4


def test_id_of_another_store_is_taken_as_now(site: Site) -> None:
    with (
        site.client() as client,
        client.stream("GET", "/api/v1/events", headers={"last-event-id": "999999"}) as response,
    ):
        events = _events(response)
        next(events)
        site.raise_check("hh-1-1")
        assert next(event for event in events if event.kind == "check").id == "1"


def test_stream_says_so_when_its_session_has_ended(site: Site) -> None:
    with site.client() as client, client.stream("GET", "/api/v1/events") as response:
        events = _events(response)
        next(events)
        site.clock.machine += 31 * MINUTE
        site.raise_check("hh-1-1")
        assert [event.kind for event in events] == ["ended"]


def test_open_streams_do_not_hold_up_a_server_that_stops(site: Site) -> None:
    ended = threading.Event()

    def listen(address: str, ready: threading.Event) -> None:
        with httpx.Client(base_url=address, timeout=20) as client:
            log_in(client, "officer1")
            with client.stream("GET", "/api/v1/events") as response:
                for event in _events(response):
                    assert event.kind == "beat"
                    ready.set()
            ended.set()  # in good order: not cut off in the middle

    ready = threading.Event()
    with served(site.services) as address:
        thread = threading.Thread(target=listen, args=(address, ready))
        thread.start()
        assert ready.wait(10)
    thread.join(10)
    assert ended.is_set()


def test_gauge_counts_open_streams(site: Site) -> None:
    with site.client() as client:
        before = _open_streams(client)
        with client.stream("GET", "/api/v1/events") as response:
            events = _events(response)  # held: dropped, it would close the stream
            next(events)
            assert _open_streams(client) == before + 1
        until(lambda: _open_streams(client) == before, what="the stream is given up")


def _open_streams(client: httpx.Client) -> float:
    lines = client.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("anbu_live_streams "))
