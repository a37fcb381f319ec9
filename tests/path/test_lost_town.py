"""A whole town of gateways is lost for an hour and back: one outage, few words, nobody called still, and an SOS gets through."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import msgspec
import pytest
from sqlalchemy import insert

from alerts.contacts import ContactBook, Kind
from alerts.delivery import Delivery, Message, Result, Sent
from alerts.duty.held import STAGE
from alerts.duty.outages import Outage, OutageHome
from alerts.duty.teller import Teller
from alerts.duty.tick import DutyTick
from alerts.outbox import Sender
from alerts.policy import Policy
from ingest.clock import HOUR, MINUTE, SECOND, Millis
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, HouseholdEnrolled, LinkUp, RunStarted
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body
from ingest.journal.port import Message as Heard
from ingest.journal.runner import Runner
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.register import tables
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from ingest.wire import Payload, Topic, encode
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import ABSENCE, Finding, Level, RuleKey
from rules.table import load_table
from tests.alerts.alert_parts import MORNING, HandClock
from tests.alerts.duty_parts import Office

DONGS = 5
LOST = MORNING + 2 * HOUR
BACK = LOST + HOUR
PRESSED = LOST + 30 * MINUTE
BEFORE = MORNING - 23 * HOUR
EVERY = 17  # so that they are spread over all dongs
"""Of so many homes one is watched since the day before, and its resident left it some 24 h before the middle of the outage."""


@dataclass
class Town:
    """Real rules, desk, duty and outbox over one journal, in virtual time."""

    url: str
    homes: int
    clock: HandClock = field(default_factory=lambda: HandClock(home=BEFORE))
    findings: list[Finding] = field(default_factory=list)
    sent: list[tuple[Millis, str, Message]] = field(default_factory=list)  # home time, to whom

    def __post_init__(self) -> None:
        engine = open_store(self.url)
        metadata.create_all(engine)
        self.office = Office(engine=engine, clock=self.clock, policy=Policy(routes=()))
        self.office.duty = DutyTick(engine, self.clock, self.office.desk, Teller(self.clock, self.office.policy), "one")
        self.sender = Sender(engine, self.clock, {"email": self})
        contacts = ContactBook(engine, Sealer(b"k" * 32), self.clock)
        for number in range(3, DONGS + 1):
            self.office.register.add_dong(f"dong-{number}", f"dong-{number}")
        for number in range(1, DONGS + 1):
            self.office.rota.add_shift(desk="dong", dong=f"dong-{number}", login=f"officer{number}", by="gu")
        self.office.rota.add_shift(desk="supervisor", login="gu", by="gu")
        for person in ("gu", *(f"officer{number}" for number in range(1, DONGS + 1))):
            contacts.add(person, Kind.EMAIL, f"{person}@example.invalid")
        self.journal = MemoryJournal()
        consumer = RulesConsumer(Engine(load_table(None)), Decoder(), self._take, self.office.outlook.take)
        self.runner = Runner(self.journal, MemoryCursors(), consumer, self.clock)
        self._enrol()

    def send(self, delivery: Delivery) -> Result:
        """The channel that reaches everybody."""
        said = msgspec.json.decode(delivery.body, type=Message)
        self.sent.append((self.clock.home, delivery.recipient, said))
        return Sent()

    def _take(self, findings: list[Finding]) -> None:
        self.findings += findings
        self.office.take(*findings)

    def _enrol(self) -> None:
        self.journal.append([RunStarted(fact_id="run", at=BEFORE, run_id="run"), LinkUp(fact_id="up", at=BEFORE, source="mqtt")])
        self.enrol(range(0, self.homes, EVERY))
        rows = [self.place(number) for number in range(self.homes)]
        with self.office.engine.begin() as connection:
            for start in range(0, len(rows), 500):
                part = rows[start : start + 500]
                plain = {"grade": "ordinary", "enrolled_at": MORNING}
                connection.execute(insert(tables.household), [{"id": home, "dong_code": dong, **plain} for home, dong in part])
                device = {"model": "gateway", "signals": "heartbeat,status", "report_interval_s": 0, "enrolled_at": MORNING}
                gateways = [{"id": f"{home}-gw", "household_id": home, **device} for home, _ in part]
                connection.execute(insert(tables.device), gateways)

    def enrol(self, numbers: Iterable[int]) -> None:
        """The rules know these homes from now on."""
        facts: list[Body] = []
        for home, dong in map(self.place, numbers):
            at, household = self.clock.home, HouseholdId(home)
            facts.append(HouseholdEnrolled(fact_id=home, at=at, household_id=household, dong_code=DongCode(dong)))
            for name, signals in ((f"{home}-gw", ("heartbeat", "status")), (f"{home}-s", ("motion", "door", "sos"))):
                device = DeviceId(name)
                facts.append(DeviceEnrolled(fact_id=name, at=at, device_id=device, household_id=household, signals=signals))
        self.journal.append(facts)

    def place(self, number: int) -> tuple[str, str]:
        return f"hh-{number}", f"dong-{number % DONGS + 1}"

    def hear(self, number: int, at: Millis, signal: str, payload: Payload) -> Heard:
        home, dong = self.place(number)
        device = f"{home}-gw" if signal == "status" else f"{home}-s"
        topic = str(Topic(dong, home, device, signal))
        return Heard(received_at=at, source="mqtt", topic=topic, payload=encode(payload))

    def listed(self, outage: Outage) -> list[OutageHome]:
        return self.office.outages.homes(outage.id, dong=None)

    def codes(self, homes: Collection[str | None]) -> set[str]:
        """The short codes of the checks of these homes."""
        return {one.code for one in self.office.desk.checks(dong=None, limit=2 * len(homes)) if one.household_id in homes}

    def run(self, until: Millis, step: Millis, happenings: list[Heard]) -> None:
        """Let home time pass; what happens is appended when it is received."""
        waiting = sorted(happenings, key=lambda each: each.received_at)
        while self.clock.home < until:
            self.clock.home += step
            self.clock.machine += step
            due = [each for each in waiting if each.received_at <= self.clock.home]
            waiting = waiting[len(due) :]
            if due:
                self.journal.append(due)
            self.runner.catch_up()
            self.office.tick.run()
            self.office.duty.run()
            self.sender.turn()


def most_within(times: list[Millis], window: Millis) -> int:
    return max((index - bisect_right(times, at - window) + 1 for index, at in enumerate(times)), default=0)


@pytest.mark.parametrize("homes", [120, pytest.param(5_000, marks=pytest.mark.long)])
def test_gateways_lost_for_an_hour_and_back(tmp_path_factory: pytest.TempPathFactory, homes: int) -> None:
    town = Town(f"sqlite:///{tmp_path_factory.mktemp('town') / 'anbu.sqlite3'}", homes)
    chance = random.Random(7)
    alive, lost, back = [], [], []
    gone_out: dict[str, Millis] = {}  # the last sign of life of those who left
    left = []
    for number in range(0, homes, EVERY):
        at = LOST - 24 * HOUR + chance.randrange(5 * MINUTE, 50 * MINUTE)
        gone_out[town.place(number)[0]] = at
        for signal, seq in (("motion", 1), ("door", 2)):
            left.append(town.hear(number, at, signal, Payload(t=at / 1000, boot=1, seq=seq, v=1)))
    for number in range(homes):
        for start in (MORNING, MORNING + HOUR) if number % EVERY else ():
            at = start + chance.randrange(HOUR)
            alive.append(town.hear(number, at, "motion", Payload(t=at / 1000, boot=1, seq=start // HOUR % 100, v=1)))
        gone, again = LOST + chance.randrange(90 * SECOND), BACK + chance.randrange(5 * MINUTE)
        lost.append(town.hear(number, gone, "status", Payload(online=False)))
        back.append(town.hear(number, again, "status", Payload(online=True)))
        if not number % EVERY:
            continue  # nobody has come home
        seen = again + chance.randrange(30 * MINUTE)
        back.append(town.hear(number, seen, "motion", Payload(t=seen / 1000, boot=1, seq=200, v=1)))
    town.run(MORNING, 10 * MINUTE, left)
    town.enrol(number for number in range(homes) if number % EVERY)
    town.run(LOST, MINUTE, alive)
    town.run(LOST + 4 * MINUTE, 10 * SECOND, lost)
    town.run(PRESSED, MINUTE, [])
    sos = town.hear(3, PRESSED + SECOND, "sos", Payload(t=PRESSED / 1000, boot=1, seq=150, v=1))
    town.run(PRESSED + 10 * SECOND, SECOND, [sos])
    pressed = [(at, person) for at, person, said in town.sent if said.level == "danger"]
    town.run(BACK, MINUTE, [])
    town.run(BACK + 6 * MINUTE, 10 * SECOND, back)
    town.run(BACK + HOUR, MINUTE, back[len(back) :] + [each for each in back if each.received_at > town.clock.home])

    [outage] = town.office.outages.recent(town.clock.home, dong=None)
    assert (outage.kind, outage.lost, outage.gateways) == ("site", homes, homes)
    assert outage.ended_at is not None and outage.closed_at is not None
    opened = town.office.desk.checks(dong=None, limit=500)
    assert {alert.rule for check in opened for alert in check.alerts} == {RuleKey.OUTAGE, RuleKey.SOS, RuleKey.CANNOT_VERIFY}
    absent = {one.household_id: (one.rule, one.level, one.at) for one in town.findings if one.rule in ABSENCE}
    assert absent.keys() == gone_out.keys(), "nobody else is called still"
    for home, (rule, level, due) in absent.items():
        assert (rule, level) == (RuleKey.CANNOT_VERIFY, Level.WARNING)
        assert 0 <= due - (gone_out[home] + 24 * HOUR) < 10 * SECOND, "their own limits still run"
    in_digests = sum(int(said.code) for at, _, said in town.sent if said.kind == "outage_digest" and at < BACK)
    assert sum(due < BACK - STAGE for _, _, due in absent.values()) <= in_digests <= len(absent)
    assert all(one.told_at is not None for one in town.listed(outage) if one.household_id in absent)
    assert not [said for _, _, said in town.sent if said.kind == "opened" and said.code in town.codes(absent)]
    assert pressed == [(PRESSED + SECOND, "officer4")]
    by_person = defaultdict(list)
    for at, person, _ in town.sent:
        by_person[person].append(at)
    assert max(most_within(times, 10 * MINUTE) for times in by_person.values()) <= 10
    assert len(town.listed(outage)) == homes
    town.office.engine.dispose()
