"""A small site for the tests of the web side: real stores in a temporary folder, two dongs, some homes, three accounts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Engine

from alerts.aftercare.care import Aftercare
from alerts.desk import CheckView, Desk
from alerts.duty.office import DutyOffice
from alerts.figures.figures import FigureBook
from alerts.policy import Policy
from alerts.rulebook import Rulebook
from alerts.trend_notes import TrendNotes
from dashboard_api.accounts import Accounts
from dashboard_api.app import create_app
from dashboard_api.services import Services, StageHealth
from ingest.clock import HOUR, MINUTE, Millis, VirtualClock, parse_local
from ingest.history.sqlite import SqliteHistory
from ingest.losses import Losses
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.register.people import Guardian, Resident
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from rules.table import load_table
from tests.waiting import until

START = parse_local("2026-01-05T09:00:00")  # home time at which every test begins, a Monday morning
CHEAP = Argon2Hasher(time_cost=1, memory_cost=64, parallelism=1)  # the same kind of hash; the usual costs would take minutes here
PASSWORD = "long enough a password"


class FixedClock(VirtualClock):
    """Home time and machine time both stand still until a test moves them."""

    def __init__(self, home_start: Millis) -> None:
        super().__init__(home_start)
        self.machine: Millis = home_start

    def machine_now(self) -> Millis:
        """The instant a test set."""
        return self.machine

    def monotonic(self) -> float:
        """Seconds of the same machine time."""
        return self.machine / 1000


@dataclass(frozen=True, kw_only=True)
class Site:
    """What a test needs of a running site."""

    engine: Engine
    clock: FixedClock
    services: Services
    stages: list[StageHealth] = field(default_factory=list)

    @property
    def desk(self) -> Desk:
        """Where findings are taken."""
        return self.services.desk

    def raise_check(
        self,
        household_id: str,
        *,
        level: Level = Level.WARNING,
        rule: RuleKey = RuleKey.MOTION,
        at: Millis = START,
        device_id: str | None = None,
    ) -> CheckView | None:
        """Take one finding about a household, as the rules would; the household's open check, None for a ticket."""
        self.desk.take_findings([finding(self.dong_of(household_id), household_id, level, rule, at, device_id)])
        found = self.desk.checks(dong=None, household=household_id)
        return next((check for check in found if check.state != "resolved"), None)

    def dong_of(self, household_id: str) -> str:
        """Homes are named for their dong: hh-1-2 is the second of dong-1."""
        return f"dong-{household_id.split('-')[1]}"

    def read(self, household_id: str, signal: Signal, values: list[tuple[Millis, float]]) -> None:
        """Put readings into the history."""
        first = self._offset(len(values))
        readings = [
            Reading(
                offset=first + index,
                dong_code=DongCode(self.dong_of(household_id)),
                household_id=HouseholdId(household_id),
                device_id=DeviceId(f"{household_id}-s"),
                signal=signal,
                value=value,
                observed_at=at,
                received_at=at,
            )
            for index, (at, value) in enumerate(values)
        ]
        self.services.history.write(readings)

    _offsets: list[int] = field(default_factory=lambda: [1])

    def _offset(self, count: int) -> int:
        self._offsets[0] += count
        return self._offsets[0] - count

    @contextmanager
    def client(self, login: str | None = "officer1") -> Iterator[httpx.Client]:
        """A client of the application served for real on a free port, logged in as `login` (None: not at all)."""
        with served(self.services) as address, httpx.Client(base_url=address, timeout=20) as client:
            if login:
                log_in(client, login)
            yield client


class _Server(uvicorn.Server):
    """Ends open streams when it begins to stop, as `create_app` asks of every server."""

    def __init__(self, app: FastAPI, port: int) -> None:
        super().__init__(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2)
        )
        self._streams = app.state.live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """First the streams, then the rest."""
        self._streams.close()
        await super().shutdown(sockets)


@contextmanager
def served(services: Services, *, port: int = 0) -> Iterator[str]:
    """The application under uvicorn in a thread (port 0: a free one); its address."""
    server = _Server(create_app(services), port)
    thread = threading.Thread(target=server.run, name="web server of a test")
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive(), what="the web server answers")
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


def log_in(client: httpx.Client, login: str) -> None:
    """Open a session over the API."""
    client.post("/api/v1/session", json={"login": login, "password": PASSWORD}).raise_for_status()


def finding(dong: str, household_id: str, level: Level, rule: RuleKey, at: Millis, device_id: str | None = None) -> Finding:
    """A finding with plausible evidence."""
    absent = {Level.CAUTION: 8 * HOUR, Level.WARNING: 12 * HOUR, Level.DANGER: 24 * HOUR}[level]
    evidence = Evidence(
        since=at - absent - 40 * MINUTE,
        limit=float(absent),
        value=float(absent + 40 * MINUTE),
        device_id=DeviceId(device_id) if device_id else None,
    )
    if rule in (RuleKey.HEAT, RuleKey.COLD):
        evidence = Evidence(since=at - 30 * MINUTE, limit=33.0, value=34.2, dwell=30 * MINUTE)
    return Finding(
        finding_id=f"{household_id}:{device_id}:{rule}:{at}:{level}",
        episode=f"{household_id}:{rule}:{at}",
        dong_code=DongCode(dong),
        household_id=HouseholdId(household_id),
        rule=rule,
        level=level,
        verb=Verb.RAISED,
        at=at,
        evidence=evidence,
    )


def open_site(folder: Path, *, store_url: str | None = None, https: bool = False, demo: bool = False) -> Site:
    """Two dongs with three homes each, an officer for each dong, a supervisor and an operator."""
    engine = open_store(store_url or f"sqlite:///{folder / 'anbu.sqlite3'}")
    metadata.create_all(engine)
    clock = FixedClock(START)
    sealer = Sealer(bytes(range(32)))
    register = Register(engine, sealer, clock)
    accounts = Accounts(engine, clock, hasher=CHEAP)
    for dong in (1, 2):
        register.add_dong(f"dong-{dong}", {1: "햇살동", 2: "달빛동"}[dong])
        for home in (1, 2, 3):
            _enrol(register, f"hh-{dong}-{home}", f"dong-{dong}", home)
        accounts.add(f"officer{dong}", PASSWORD, "officer", f"dong-{dong}")
    accounts.add("gu", PASSWORD, "supervisor", None)
    accounts.add("ops", PASSWORD, "operator", None)
    stages = [StageHealth(name="broker", ok=True, detail="connected"), StageHealth(name="rules", ok=True, detail="moving", lag=0)]
    desk = Desk(engine, clock, sealer, Policy())
    rulebook = Rulebook(engine, sealer, clock)
    rulebook.begin(load_table(None))
    services = Services(
        desk=desk,
        register=register,
        history=SqliteHistory(folder / "history.sqlite3"),
        accounts=accounts,
        losses=Losses(engine),
        aftercare=Aftercare(engine, clock, sealer, desk),
        figures=FigureBook(engine, clock),
        clock=clock,
        stages=lambda: tuple(stages),
        duty=DutyOffice.over(engine, clock, sealer),
        rulebook=rulebook,
        trends=TrendNotes(engine),
        https=https,
    )
    if demo:
        services = replace(services, speed=Switch(), demo_login=("officer1", PASSWORD))
    return Site(engine=engine, clock=clock, services=services, stages=stages)


@dataclass
class Switch:
    """The demo's speed, as the page sees it."""

    rate: float = 60.0

    def set_rate(self, rate: float) -> None:
        """Remember it."""
        self.rate = rate


def _enrol(register: Register, household_id: str, dong: str, number: int) -> None:
    register.enrol_household(
        household_id,
        dong,
        grade=("high", "elevated", "ordinary")[number - 1],
        at=START - 48 * HOUR,
        resident=Resident(name="김하늘", phone=f"010-0000-10{number:02}", address="햇살로 1", note="고혈압"),
        guardians=(Guardian(name="김바다", phone=f"010-0000-20{number:02}", relation="딸"),),
    )
    register.enrol_device(
        f"{household_id}-s",
        household_id,
        model="sim-multi",
        signals=("motion", "temperature", "humidity"),
        report_interval_s=600,
        at=START - 48 * HOUR,
    )
