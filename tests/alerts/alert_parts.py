"""What the tests of alerts are built from: a clock set by hand, findings, a desk on a fresh store, a receiver."""

from __future__ import annotations

import itertools
import random
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
from sqlalchemy import Engine, Table, select

import ingest.fact_outbox
import ingest.register.tables
from alerts.delivery import Delivery, Message, Result, Sent
from alerts.desk import CheckView, Desk
from alerts.outbox import Sender
from alerts.policy import Policy, Route
from alerts.tick import Tick
from ingest.clock import Millis, parse_local
from ingest.facts import Fact, decode_fact
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Evidence, Finding, Level, RuleKey, Verb

MORNING = parse_local("2026-01-12T09:00:00")
"""A Monday, 09:00 in Seoul."""

WEBHOOK = Route(channel="webhook", recipient="centre")
SECRET = b"a secret of the site"


class HandClock:
    """Both times stand still until a test moves them."""

    def __init__(self, home: Millis = MORNING, machine: Millis = 1_000_000_000_000) -> None:
        self.home = home
        self.machine = machine

    def home_now(self) -> Millis:
        return self.home

    def machine_now(self) -> Millis:
        return self.machine

    def monotonic(self) -> float:
        return self.machine / 1_000

    def sleep(self, seconds: float) -> None:
        self.machine += int(seconds * 1_000)


_numbers = itertools.count(1)


def finding(
    rule: RuleKey = RuleKey.MOTION,
    level: Level = Level.CAUTION,
    verb: Verb = Verb.RAISED,
    *,
    at: Millis = MORNING,
    episode: str = "e1",
    household: str | None = "hh-1",
    device: str | None = None,
    dong: str = "dong-1",
    number: str | None = None,
    withdrawn: str = "",
) -> Finding:
    """A finding with an id of its own unless `number` names one."""
    return Finding(
        finding_id=number or f"f{next(_numbers)}",
        episode=episode,
        dong_code=DongCode(dong),
        household_id=None if household is None else HouseholdId(household),
        rule=rule,
        level=level,
        verb=verb,
        at=at,
        evidence=Evidence(
            since=at - 3_600_000, limit=28_800_000, value=float(level), device_id=_device(device), withdrawn=withdrawn
        ),
    )


def _device(device: str | None) -> DeviceId | None:
    return None if device is None else DeviceId(device)


class Book:
    """A channel that writes down what it is given and answers as told, `Sent` when nothing is left to say."""

    def __init__(self, *answers: Result | Exception) -> None:
        self.given: list[Delivery] = []
        self.answers = list(answers)

    def send(self, delivery: Delivery) -> Result:
        self.given.append(delivery)
        answer = self.answers.pop(0) if self.answers else Sent()
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def messages(self) -> list[Message]:
        return [msgspec.json.decode(each.body, type=Message) for each in self.given]

    @property
    def kinds(self) -> list[str]:
        return [each.kind for each in self.messages]


@dataclass
class Site:
    """A desk, its tick and its sender on one store."""

    engine: Engine
    clock: HandClock
    policy: Policy
    sealer: Sealer = field(default_factory=lambda: Sealer(b"k" * 32))
    book: Book = field(default_factory=Book)

    def __post_init__(self) -> None:
        self.desk = Desk(self.engine, self.clock, self.sealer, self.policy)
        self.tick = Tick(self.engine, self.clock, self.policy, "one")
        self.sender = Sender(self.engine, self.clock, {"webhook": self.book}, chance=random.Random(1))

    def take(self, *findings: Finding) -> None:
        self.desk.take_findings(findings)

    def only(self) -> CheckView:
        """The one check there is."""
        (found,) = self.desk.checks(dong=None)
        return found

    def actions(self) -> list[str]:
        """What happened to that check."""
        detail = self.desk.check(self.only().id, dong=None)
        assert detail is not None
        return [each.action.value for each in detail.transitions]

    def pass_home(self, length: Millis) -> int:
        """Let home time pass, tick once."""
        self.clock.home += length
        return self.tick.run()

    def rows(self, table: Table) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)))  # two writers fill pages side by side

    def facts(self) -> list[Fact]:
        return [decode_fact(row.body) for row in self.rows(ingest.fact_outbox.fact_outbox)]


def make_site(url: str, policy: Policy | None = None) -> Site:
    """A site on an empty store."""
    engine = open_store(url)
    metadata.create_all(engine)
    return Site(engine=engine, clock=HandClock(), policy=policy or Policy(routes=(WEBHOOK,)))


@dataclass(frozen=True)
class Posted:
    """One request as the receiver saw it."""

    headers: dict[str, str]
    body: bytes


class Receiver:
    """A web server that answers each request with the next of its manners, and 200 when none is left.

    Manners: `(status, headers)`, "hang" (no answer until closed), "half" (part of a status line, then the end).
    """

    def __init__(self, *manners: Any) -> None:
        self.manners = list(manners)
        self.posted: list[Posted] = []
        self.closing = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                receiver.posted.append(Posted(dict(self.headers), self.rfile.read(length)))
                receiver.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        manner = self.manners.pop(0) if self.manners else (200, {})
        if manner == "hang":
            self.closing.wait(20)
        elif manner == "half":
            request.wfile.write(b"HTTP/1.1 20")
            request.wfile.flush()
        else:
            status, headers = manner
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.end_headers()
        request.close_connection = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook"

    @property
    def keys(self) -> list[str]:
        return [each.headers["Idempotency-Key"] for each in self.posted]

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()
