"""A few homes over some days on the real stores, consumers and desk, without a broker: what the journal makes of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Store
from sqlalchemy import select

from alerts import tables as alerts_tables
from alerts.desk import Desk
from alerts.policy import Policy
from ingest.clock import HOUR, Millis, VirtualClock, parse_local
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, HouseholdEnrolled, LinkUp, RunStarted
from ingest.history.consumer import HistoryConsumer
from ingest.history.hours import HoursConsumer
from ingest.history.sqlite import SqliteHistory
from ingest.intake import IntakeConsumer
from ingest.journal.cursors import SqliteCursors
from ingest.journal.port import Body, Message
from ingest.journal.runner import Runner
from ingest.journal.sqlite import SqliteJournal
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.register.tables import rejection, unclaimed
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.table import load_table
from simulators.fleet import Fleet
from simulators.scenario import Scenario

START: Millis = parse_local("2026-01-12T18:00")
DAY_3: Millis = parse_local("2026-01-15T00:00")
END: Millis = parse_local("2026-01-16T12:00")
HOMES = 3
STEP = 3 * HOUR

_TABLES = [
    alerts_tables.finding,
    alerts_tables.check,
    alerts_tables.alert,
    alerts_tables.ticket,
    alerts_tables.transition,
    alerts_tables.due,
    alerts_tables.delivery,
    alerts_tables.live_event,
    rejection,
    unclaimed,
]


def happenings() -> list[tuple[Millis, list[Body]]]:
    """What is appended, three hours at a time: facts, then messages; a fall, a dark gateway, rubbish, a stranger."""
    fleet = Fleet(3, households=HOMES, start=START)
    ids = [home.household_id for home in fleet.homes]
    fleet.inject(Scenario.COLLAPSE, ids[0], START + 30 * HOUR)
    fleet.inject(Scenario.GATEWAY_OFF, ids[1], START + 50 * HOUR)
    fleet.inject(Scenario.SOS, ids[2], START + 70 * HOUR)
    hours: list[tuple[Millis, list[Body]]] = [(START, list(_beginning(fleet)))]
    for at in range(START, END, STEP):
        bodies: list[Body] = [
            Message(received_at=one.at, source="mqtt", topic=one.topic, payload=one.payload, retain=one.retain)
            for one in fleet.messages(at, at + STEP)
        ]
        late = at + STEP - 1
        rubbish = bodies[0].topic if bodies and isinstance(bodies[0], Message) else f"anbu/v1/dong-1/{ids[0]}/x/motion"
        bodies.append(Message(received_at=late, source="mqtt", topic=rubbish, payload=b'{"v": %d' % at))
        bodies.append(Message(received_at=late, source="mqtt", topic=f"anbu/v1/dong-1/{ids[0]}/stray/motion", payload=b'{"v":1}'))
        hours.append((at + STEP, bodies))
    return hours


def _beginning(fleet: Fleet) -> Iterator[Body]:
    yield RunStarted(fact_id="run", at=START, run_id="run")
    yield LinkUp(fact_id="up", at=START, source="mqtt")
    for home in fleet.homes:
        household = HouseholdId(home.household_id)
        yield HouseholdEnrolled(
            fact_id=household, at=START, household_id=household, dong_code=DongCode(home.dong_code), grade=home.grade
        )
        for one in home.devices:
            yield DeviceEnrolled(
                fact_id=one.device_id,
                at=START,
                device_id=DeviceId(one.device_id),
                household_id=household,
                signals=tuple(one.signals),
                report_interval_s=one.report_interval_s,
            )


class Days:
    """The stores of a site in a folder, and its consumers turn by turn."""

    def __init__(self, folder: Path, now: Millis) -> None:
        self.folder = folder
        self.clock = VirtualClock(now)
        self.journal = SqliteJournal(folder / "journal")
        self.cursors = SqliteCursors(folder / "cursors.sqlite3")
        self.history = SqliteHistory(folder / "history.sqlite3")
        self.store: Store = open_store(f"sqlite:///{folder / 'anbu.sqlite3'}")
        metadata.create_all(self.store)
        desk = Desk(self.store, self.clock, Sealer(b"k" * 32), Policy())
        consumers = (
            RulesConsumer(Engine(load_table(None)), Decoder(), desk.take_findings),
            IntakeConsumer(self.store, Decoder()),
            HistoryConsumer(self.history, Decoder()),
            HoursConsumer(self.history, Decoder()),
        )
        self.runners = {one.name: Runner(self.journal, self.cursors, one, self.clock) for one in consumers}

    def live(self, hours: list[tuple[Millis, list[Body]]]) -> None:
        """Let it happen, everybody listening."""
        for at, bodies in hours:
            self.journal.append(bodies)
            self.clock.advance_to(at)
            self.catch_up()

    def catch_up(self) -> None:
        for runner in self.runners.values():
            runner.catch_up()

    def outcome(self) -> dict[str, list[Any]]:
        """Everything downstream: findings, checks, what was sent, rejections, and the readings of the history."""
        found: dict[str, list[Any]] = {}
        with self.store.connect() as connection:
            for table in _TABLES:
                found[table.name] = sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        with closing(sqlite3.connect(self.folder / "history.sqlite3")) as history:
            found["reading"] = history.execute('SELECT * FROM reading ORDER BY "offset", "index"').fetchall()
            found["hour"] = sorted(history.execute("SELECT * FROM hour").fetchall())
        return found

    def states(self) -> dict[str, bytes | None]:
        """The committed state of each consumer."""
        return {name: self.cursors.load(name).state for name in self.runners}

    def close(self) -> None:
        self.history.close()
        self.cursors.close()
        self.journal.close()
        self.store.dispose()


@contextmanager
def days(folder: Path, now: Millis = START) -> Iterator[Days]:
    """Opened, and closed at the end."""
    folder.mkdir(exist_ok=True)
    site = Days(folder, now)
    try:
        yield site
    finally:
        site.close()
