"""An office with two dongs, homes and a roster, for the tests of duty; time stands still until a test moves it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, select

from alerts.desk import CheckView, Desk
from alerts.duty.away import Absences
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.handovers import Handovers
from alerts.duty.outages import Outages
from alerts.duty.outlook import OutlookBook
from alerts.duty.rota import Rota
from alerts.duty.silences import Silences
from alerts.duty.telling import DutyKind, DutyWord
from alerts.duty.tick import DutyTick
from alerts.duty.tonight import Tonight
from alerts.outbox import Sender
from alerts.policy import Policy, Route
from alerts.tick import Tick
from ingest.clock import DAY, SECOND, Millis
from ingest.fact_outbox import fact_outbox
from ingest.facts import Fact, decode_fact
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.register import tables
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Finding, Level
from rules.outlook import HearingTurn, QuietHome
from tests.alerts.alert_parts import MORNING, Book, HandClock

WEBHOOK = Route(channel="webhook", recipient="centre")
EVENING = MORNING + 9 * 3_600_000
"""The same Monday, 18:00 in Seoul: duty changes from the dongs to the night desk."""


@dataclass
class Words:
    """Stands in for the outbox: what was to be told, to whom."""

    said: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    codes: list[str] = field(default_factory=list)

    def __call__(self, connection: Connection, word: DutyWord, persons: Sequence[str]) -> None:
        assert isinstance(word.level, Level) and isinstance(word.kind, DutyKind) and word.path.startswith("/"), word
        assert word.dong and word.code and all(persons), word
        if word.key not in self.keys:
            self.keys.add(word.key)
            self.said.append((word.kind.value, word.dong, tuple(persons)))
            self.codes.append(word.code)

    def take(self) -> list[tuple[str, str, tuple[str, ...]]]:
        said, self.said = self.said, []
        return said


@dataclass
class Office:
    """All of duty on one store."""

    engine: Engine
    clock: HandClock = field(default_factory=HandClock)
    policy: Policy = field(default_factory=lambda: Policy(routes=(WEBHOOK,)))
    words: Words = field(default_factory=Words)
    book: Book = field(default_factory=Book)
    dongs: tuple[str, ...] = ("dong-1", "dong-2")  # those to be entered

    def __post_init__(self) -> None:
        sealer = Sealer(b"k" * 32)
        roster = DutyRoster(self.policy)
        self.register = Register(self.engine, sealer, self.clock)
        self.desk = Desk(self.engine, self.clock, sealer, self.policy, roster)
        self.tick = Tick(self.engine, self.clock, self.policy, "one", roster)
        self.duty = DutyTick(self.engine, self.clock, self.desk, self.words, "one")
        self.rota = Rota(self.engine, self.clock)
        self.handovers = Handovers(self.engine, self.clock)
        self.silences = Silences(self.engine, self.clock, sealer)
        self.absences = Absences(self.engine, self.clock)
        self.tonight = Tonight(self.engine, self.clock)
        self.outages = Outages(self.engine)
        self.outlook = OutlookBook(self.engine)
        self.sender = Sender(self.engine, self.clock, {"webhook": self.book}, chance=random.Random(1))
        for dong in self.dongs:
            self.register.add_dong(dong, dong)

    def staff(self) -> Office:
        """An officer for each dong, a night desk, a supervisor."""
        self.rota.add_shift(desk="dong", dong="dong-1", login="officer1", by="gu")
        self.rota.add_shift(desk="dong", dong="dong-2", login="officer2", by="gu")
        self.rota.add_shift(desk="night", login="night", by="gu")
        self.rota.add_shift(desk="supervisor", login="gu", by="gu")
        return self

    def homes(self, count: int, dong: str = "dong-1", **site: str) -> list[str]:
        """So many homes with a gateway each, `hh-<dong>-<n>` and `gw-<dong>-<n>`."""
        first = len(self.register.households(dong)) + 1
        names = [f"hh-{dong[5:]}-{number}" for number in range(first, first + count)]
        with self.engine.begin() as connection:
            _enrol(connection, names, dong, site)
        return names

    def pass_home(self, length: Millis) -> int:
        """Let home time pass, as much machine time too, and let both ticks turn."""
        self.clock.home += length
        self.clock.machine += max(length, 10 * SECOND)
        return self.tick.run() + self.duty.run()

    def take(self, *findings: Finding) -> None:
        self.desk.take_findings(findings)

    def check_of(self, household: str | None, subject: str | None = None) -> CheckView:
        """The open check of this home."""
        found = [one for one in self.desk.checks(dong=None, household=household, limit=500) if one.state != "resolved"]
        [only] = [one for one in found if subject is None or one.subject == subject]
        return only

    def turn(self, *households: str, heard: bool = False, since: Millis | None = None, quiet: Millis | None = None) -> None:
        """The gateways of these homes fall silent now, or are heard again; the homes were last alive a day ago unless told."""
        now = self.clock.home
        self.outlook.take([gateway_turn(name, now, heard=heard, since=since, quiet=quiet) for name in households])

    def rows(self, table: Table) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(table)))

    def facts(self) -> list[Fact]:
        return [decode_fact(row.body) for row in self.rows(fact_outbox)]

    def told(self) -> list[str]:
        """The kinds of messages the outbox sends now."""
        self.clock.machine += SECOND
        self.sender.turn()
        kinds, self.book.given = self.book.kinds, []
        return kinds


def gateway_turn(
    household: str, at: Millis, *, heard: bool = False, since: Millis | None = None, quiet: Millis | None = None
) -> HearingTurn:
    dong = "dong-" + household.split("-")[1]
    home = QuietHome(household_id=HouseholdId(household), dong_code=DongCode(dong), quiet_since=quiet or at - DAY)
    gateway = DeviceId(household.replace("hh", "gw"))
    return HearingTurn(device_id=gateway, heard=heard, since=at if since is None else since, at=at, homes=(home,))


def make_office(url: str) -> Office:
    """An office on an empty store."""
    engine = open_store(url)
    metadata.create_all(engine)
    return Office(engine=engine)


def _enrol(connection: Connection, names: Sequence[str], dong: str, site: dict[str, str]) -> None:
    homes = [{"id": name, "dong_code": dong, "grade": "ordinary", "enrolled_at": 0, **site} for name in names]
    gateways = [
        {
            "id": name.replace("hh", "gw"),
            "household_id": name,
            "model": "gateway",
            "signals": "heartbeat,status",
            "report_interval_s": 600,
            "enrolled_at": 0,
        }
        for name in names
    ]
    for start in range(0, len(names), 500):
        connection.execute(insert(tables.household), homes[start : start + 500])
        connection.execute(insert(tables.device), gateways[start : start + 500])
