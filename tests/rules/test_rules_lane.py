"""Proves that an SOS is told while the rules stand still, just as they would tell it, and that a proof goes the long way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from alerts import tables
from ingest.decode import Decoder
from ingest.journal.port import Message
from ingest.reading import Signal
from ingest.store import reading
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import Finding
from rules.lane import LaneConsumer
from rules.table import load_table
from rules.urgent import URGENT
from tests.path.kept_site import HOMES, KeptSite, new_site


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[KeptSite]:
    site = new_site(tmp_path, None)
    site.step()  # what the register learned is journalled and read
    yield site
    site.close()


def press(site: KeptSite, home: str, seq: int, *, signal: Signal = Signal.SOS, value: float = 1, retain: bool = False) -> None:
    """Somebody presses the button of this home, and it is journalled."""
    payload = msgspec.json.encode({"boot": 1, "seq": seq, "v": value})
    topic = f"anbu/v1/dong-1/{home}/sos-{home}/{signal}"
    now = site.clock.home_now()
    site.stores.journal.append([Message(received_at=now, source="mqtt", topic=topic, payload=payload, retain=retain)])


def findings(site: KeptSite) -> list[str]:
    """The homes of which an SOS was found."""
    with reading(site.stores.engine).begin() as connection:
        return list(connection.execute(select(tables.finding.c.subject).where(tables.finding.c.rule == "sos")).scalars())


def test_an_sos_opens_its_check_while_the_rules_stand_still_and_they_add_nothing_to_it(kept: KeptSite) -> None:
    lane, *others = kept.site.runners
    press(kept, HOMES[4], 900_000)
    assert lane.name == "urgent"
    lane.catch_up()
    assert kept.site.desk.checks(dong=None, household=HOMES[4])[0].level == 3
    before = kept.work()
    for runner in others:
        runner.catch_up()
    assert kept.work() == before


def test_the_rules_alone_tell_an_sos_all_the_same(kept: KeptSite) -> None:
    press(kept, HOMES[4], 900_000)
    for runner in kept.site.runners[1:]:
        runner.catch_up()
    assert len(kept.site.desk.checks(dong=None, household=HOMES[4])) == 1
    before = kept.work()
    kept.site.runners[0].catch_up()
    assert kept.work() == before


def test_what_proves_the_path_goes_the_whole_way(kept: KeptSite) -> None:
    register, at = kept.site.register, kept.clock.home_now()
    register.enrol_household("canary-1", "dong-1", at=at, synthetic=True)
    register.enrol_device("sos-canary-1", "canary-1", model="m", signals=["sos"], report_interval_s=0, at=at)
    kept.site.carry_facts()
    press(kept, "canary-1", 1)
    press(kept, HOMES[4], 900_000)
    lane, *others = kept.site.runners
    before = set(findings(kept))
    lane.catch_up()
    assert set(findings(kept)) - before == {HOMES[4]}
    for runner in others:
        runner.catch_up()
    assert set(findings(kept)) - before == {HOMES[4], "canary-1"}


def test_where_nothing_is_urgent_nobody_is_called(kept: KeptSite) -> None:
    def called(found: Sequence[Finding]) -> None:
        raise AssertionError(found)

    press(kept, HOMES[4], 900_000, signal=Signal.MOTION)
    [entry] = kept.stores.journal.read(kept.stores.journal.head - 1, 10)
    LaneConsumer(Decoder(), called, lambda: "").take([entry])


def test_the_lane_finds_what_the_rules_find_of_everything_urgent_and_nothing_else(kept: KeptSite) -> None:
    """Whose button it is, whether anybody knows it, an echo, a test, smoke, and a home that has moved away."""
    for number, home in enumerate([*HOMES[:3], "hh-9"]):
        press(kept, home, 900_000 + number)
    press(kept, HOMES[0], 900_000, retain=True)
    press(kept, HOMES[1], 900_010, value=0)
    press(kept, HOMES[2], 900_011, signal=Signal.SMOKE)
    kept.site.register.end_household(HOMES[3], at=kept.clock.home_now())
    kept.site.carry_facts()
    press(kept, HOMES[3], 900_012)
    press(kept, HOMES[4], 900_013, signal=Signal.MOTION)

    early: list[Finding] = []
    told: list[Finding] = []
    table = load_table(None)

    def keep(found: Sequence[Finding]) -> None:
        told.extend(one for one in found if one.rule in URGENT)

    entries = kept.stores.journal.read(0, 10_000)
    LaneConsumer(Decoder(), early.extend, lambda: table.version).take(entries)
    RulesConsumer(Engine(table), Decoder(), keep).take(entries)
    assert early == told
    assert len(early) >= 6
