"""Proves that rules can be tried over the API on a dong's recorded past, in a process of its own, and on no other's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from anbu.backtest.whatif import WhatIfProcess, read_past
from dashboard_api.whatif import WhatIfBusy, WhatIfFailed
from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.journal.port import Body, Message
from ingest.journal.sqlite import SqliteJournal
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading
from rules.table import DEFAULT
from tests.dashboard_api.small_site import START, Site, open_site
from tests.waiting import until

TEXT = DEFAULT.read_text(encoding="utf-8")
FIRST = START - 4 * DAY


def said(home: str, at: Millis, seq: int) -> Message:
    payload = json.dumps({"t": at / 1000, "boot": 1, "seq": seq, "v": 1}).encode()
    return Message(received_at=at, source="mqtt", topic=f"anbu/v1/dong-{home[3]}/{home}/pir-{home}/motion", payload=payload)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four days of a home in each of two dongs, with a quiet half of each day."""
    bodies: list[Body] = []
    for home in ("hh-1-1", "hh-2-1"):
        dong, household, device = DongCode(f"dong-{home[3]}"), HouseholdId(home), DeviceId(f"pir-{home}")
        bodies.append(HouseholdEnrolled(fact_id=home, at=FIRST, household_id=household, dong_code=dong))
        bodies.append(DeviceEnrolled(fact_id=device, at=FIRST, device_id=device, household_id=household, signals=("motion",)))
    moments = [FIRST + day * DAY + half * 30 * MINUTE + half * 7 % 11 * MINUTE for day in range(4) for half in range(1, 24)]
    bodies += [said(home, at, place) for place, at in enumerate(moments) for home in ("hh-1-1", "hh-2-1")]
    folder = tmp_path_factory.mktemp("past") / "journal"
    written = SqliteJournal(folder)
    written.append(bodies)
    written.close()
    return folder


@contextmanager
def asked(folder: Path, past: Path, login: str) -> Iterator[httpx.Client]:
    site: Site = open_site(folder)
    site = replace(site, services=replace(site.services, tries_rules=WhatIfProcess(past)))
    with site.client(login) as client:
        yield client


def test_an_officer_tries_rules_on_the_past_of_the_own_dong(tmp_path: Path, journal: Path) -> None:
    slower = TEXT.replace('caution = "8 h"', 'caution = "11 h 30 min"'.replace("11 h 30 min", "690 min"))
    with asked(tmp_path, journal, "officer1") as client:
        told = client.post("/api/v1/rules/what-if", json={"table": slower, "days": 3}, timeout=100)
        assert told.status_code == 200, told.text
        found = told.json()
        assert found["dong"] == "dong-1" and found["households"] == 1 and found["until"] == "2026-01-05T09:00:00+09:00"
        assert found["in_force"]["rule_version"] != found["proposed"]["rule_version"]
        assert found["in_force"]["alerts_a_day"] > 0 and found["in_force"]["minutes_a_day"] > 0
        assert found["delay_h_added_median"] is not None and found["emergencies"] == 0
        assert client.post("/api/v1/rules/what-if", json={"table": slower, "dong": "dong-2"}).status_code == 404


def test_a_supervisor_names_the_dong_and_a_wrong_table_is_refused_with_its_lines(tmp_path: Path, journal: Path) -> None:
    with asked(tmp_path, journal, "gu") as client:
        assert client.post("/api/v1/rules/what-if", json={"table": TEXT}).json()["error"] == "name_a_dong"
        assert client.post("/api/v1/rules/what-if", json={"table": TEXT, "dong": "dong-9"}).status_code == 404
        refused = client.post("/api/v1/rules/what-if", json={"table": "version = 3", "dong": "dong-1"})
        assert refused.status_code == 422 and "1행" in refused.json()["detail"]
        assert client.post("/api/v1/rules/what-if", json={"table": TEXT, "dong": "dong-1", "days": 90}).status_code == 422


def test_a_site_without_a_past_says_so_and_one_that_cannot_try_rules_knows_no_such_thing(tmp_path: Path) -> None:
    with asked(_made(tmp_path / "a"), tmp_path / "nothing", "officer1") as client:
        told = client.post("/api/v1/rules/what-if", json={"table": TEXT}, timeout=60)
        assert (told.status_code, told.json()["error"]) == (503, "what_if_no_journal")
    with open_site(_made(tmp_path / "b")).client("officer1") as client:
        assert client.post("/api/v1/rules/what-if", json={"table": TEXT}).status_code == 404


def process(folder: Path, **more: float) -> WhatIfProcess:
    return WhatIfProcess(folder, **more)


def run(tries: WhatIfProcess) -> object:
    return tries(dong="dong-1", in_force=TEXT, proposed=TEXT, since=START - DAY, until=START, minutes_a_check=10.0)


def test_what_does_not_end_in_its_time_is_ended_and_the_next_may_ask(journal: Path) -> None:
    tries = process(journal, longest_s=0.01)
    for _ in range(2):
        with pytest.raises(WhatIfFailed, match="too_much"):
            run(tries)


def test_a_second_asker_is_refused_while_one_is_tried(journal: Path) -> None:
    tries = process(journal)
    first = threading.Thread(target=run, args=(tries,))
    first.start()
    try:
        until(lambda: not tries.idle)
        with pytest.raises(WhatIfBusy):
            run(tries)
    finally:
        first.join()
    assert tries.idle


def test_messages_of_other_dongs_and_from_long_before_are_not_read(journal: Path) -> None:
    items = read_past(journal, "dong-1", FIRST + 2 * DAY, START)
    readings = [item for item in items if isinstance(item, Reading)]
    assert {item.household_id for item in readings} == {"hh-1-1"} and min(
        item.received_at for item in readings
    ) >= FIRST + 2 * DAY
    assert sum(isinstance(item, HouseholdEnrolled) for item in items) == 2
    assert not read_past(journal, "dong-1", FIRST, FIRST - HOUR)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
