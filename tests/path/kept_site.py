"""A whole site without broker and pages, moved step by step by a test: what a backup is taken of and compared with."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from alerts import tables
from alerts.outbox import Sender
from alerts.policy import Policy
from anbu.schema import migrate
from anbu.settings import Settings, load_settings
from anbu.stores import open_stores
from anbu.wiring import Site
from dashboard_api.accounts import Accounts
from ingest.clock import HOUR, MINUTE, Millis, VirtualClock, parse_local
from ingest.journal.port import Message
from ingest.reading import HouseholdId, Signal
from ingest.register.people import Guardian, Resident
from ingest.seal import Sealer, write_key
from ingest.source import BrokerAddress
from ingest.store import open_store, reading
from rules.table import load_table
from tests.alerts.alert_parts import WEBHOOK, Book
from tests.dashboard_api.small_site import CHEAP
from tests.path.site_process import PASSWORD

START = parse_local("2026-01-12T09:00:00")
KEY = bytes(range(32))
HOMES = [f"hh-{number}" for number in range(6)]


def write_settings(folder: Path, store_url: str | None = None, *, broker_port: int = 1883) -> Path:
    """The settings file of a site in this folder; None: its own SQLite file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "anbu.toml"
    store = f'[store]\nurl = "{store_url}"\n' if store_url else ""
    file.write_text(f'[site]\nname = "바람"\n{store}[broker]\nport = {broker_port}\n', encoding="utf-8")
    return file


class KeptSite:
    """Six homes of one dong. `step` is half an hour of home time: half the homes move, one presses its button now and then."""

    def __init__(self, settings: Settings, *, at: Millis = START) -> None:
        self.settings = settings
        self.clock = VirtualClock(at)
        self.book = Book()
        self.stores = open_stores(settings.data, open_store(settings.store_url), Sealer(KEY))
        migrate(self.stores.engine)
        self.site = Site(
            self.stores,
            self.clock,
            table=load_table(None),
            policy=Policy(routes=(WEBHOOK,)),
            channels={},
            broker=BrokerAddress(host="127.0.0.1", port=1, client_id="none"),
        )
        self.sender = Sender(self.stores.engine, self.clock, {"webhook": self.book}, chance=random.Random(1))
        self._seq = 0

    def found(self) -> None:
        """Make the homes and an account."""
        register, at = self.site.register, self.clock.home_now()
        register.add_dong("dong-1", "바람동")
        for home in HOMES:
            resident = Resident(name="김하늘", phone="010-0000-1234", address="바람길 1", note="당뇨")
            people = (Guardian(name="김바다", phone="010-0000-5678", relation="딸"),)
            register.enrol_household(home, "dong-1", grade="high", at=at, resident=resident, guardians=people)
            for signal in ("motion", "sos"):
                device = f"{signal}-{home}"
                register.enrol_device(device, home, model="m", signals=[signal], report_interval_s=0, at=at)
        accounts = Accounts(self.stores.engine, self.clock, hasher=CHEAP)
        accounts.add("kim", PASSWORD, "officer", "dong-1")
        accounts.open_session("kim")

    def step(self) -> None:
        """Half an hour: messages arrive, everything downstream takes them; nothing is sent."""
        self.clock.advance_to(self.clock.home_now() + 30 * MINUTE)
        self._seq += 1
        moving = [("motion", home) for home in HOMES[: len(HOMES) // 2] * 20]
        pressed = [("sos", HOMES[self._seq // 10 % len(HOMES)])] if self._seq % 10 == 1 else []
        self.take([self._message(number, *said) for number, said in enumerate(moving + pressed)])

    def _message(self, number: int, signal: str, home: str) -> Message:
        payload = msgspec.json.encode({"boot": 1, "seq": self._seq * 1_000 + number, "v": 1})
        topic = f"anbu/v1/dong-1/{home}/{signal}-{home}/{signal}"
        return Message(received_at=self.clock.home_now(), source="mqtt", topic=topic, payload=payload)

    def take(self, messages: list[Message]) -> None:
        """Journal these, and let every consumer read to the end."""
        self.site.carry_facts()
        self.stores.journal.append(messages)
        for runner in self.site.runners:
            runner.catch_up()

    def rules_state(self) -> tuple[int, bytes | None]:
        """Where the rules stand, and what they know."""
        position = self.stores.cursors.load("rules")
        return position.offset, position.state

    def work(self) -> dict[str, list[tuple[Any, ...]]]:
        """All that was found, opened and told, without when the next reminder comes and without what machines number."""
        wanted = {
            tables.finding: None,
            tables.alert: None,
            tables.check: None,
            tables.ticket: None,
            tables.transition: ("check_id", "ticket_id", "at", "actor", "action", "old", "new", "level", "reason"),
            tables.delivery: ("id", "check_id", "channel", "recipient", "step", "level"),
        }
        found = {}
        with reading(self.stores.engine).begin() as connection:
            for table, names in wanted.items():
                columns = list(table.columns) if names is None else [table.c[name] for name in names]
                found[table.name] = sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
        return found

    def readings(self) -> list[tuple[int, int]]:
        """The history of the first home's motion."""
        end = self.clock.home_now() + HOUR
        series = self.stores.history.series(HouseholdId(HOMES[0]), Signal.MOTION, START, end, 500)
        return [(bucket.start, bucket.count) for bucket in series]

    def close(self) -> None:
        """Give up every file."""
        self.stores.close()


def new_site(folder: Path, store_url: str | None) -> KeptSite:
    """A founded site in this folder, at its beginning."""
    file = write_settings(folder, store_url)
    write_key(folder / "anbu.key", KEY)
    made = KeptSite(load_settings(file))
    made.found()
    return made
