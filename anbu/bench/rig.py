"""The site a benchmark measures, with its town enrolled and heard, and the processes beside it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing.connection import Connection as Pipe
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import TypeAlias

from alerts.desk import Desk
from alerts.policy import Policy
from anbu.bench import town
from anbu.bench.players import Counter
from anbu.ending import Refusal
from anbu.language import say
from anbu.schema import migrate
from anbu.stores import Stores, open_stores
from anbu.wiring import Site
from ingest.clock import Clock, Millis, SystemClock
from ingest.journal.port import Body
from ingest.journal.sqlite import SqliteJournal
from ingest.seal import Sealer, new_key
from ingest.source import BrokerAddress
from ingest.store import open_store
from rules.finding import Finding, RuleKey
from rules.table import load_table

PATIENCE_S = 120.0
_TURN_S = 0.005


class WatchedJournal(SqliteJournal):
    """Tells how far it is, and keeps what it made durable, and when, while somebody wants to know."""

    def __init__(self, folder: Path, clock: Clock, taken: Counter) -> None:
        super().__init__(folder)
        self.watching = False
        self.seen: list[tuple[float, Sequence[Body]]] = []
        self._clock, self._taken = clock, taken

    def append(self, bodies: Sequence[Body]) -> int:
        """See `Journal.append`; what follows in the source is the acknowledgement."""
        head = super().append(bodies)
        self._taken.value += len(bodies)
        if self.watching:
            self.seen.append((self._clock.monotonic(), bodies))
        return head


class Alarms:
    """The sink of the rules: notes when the finding of an SOS came out, then hands everything on to the desk."""

    def __init__(self, desk: Desk, clock: Clock) -> None:
        self._desk, self._clock = desk, clock
        self.found: dict[str, float] = {}

    def __call__(self, findings: Sequence[Finding]) -> None:
        """Take the findings of one turn."""
        now = self._clock.monotonic()
        for finding in findings:
            if finding.rule is RuleKey.SOS and finding.household_id is not None:
                self.found.setdefault(finding.household_id, now)
        self._desk.take_findings(findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """A site of the bench, its broker, and what the processes share."""

    site: Site
    journal: WatchedJournal
    alarms: Alarms
    clock: Clock
    port: int
    taken: Counter
    at: Millis


Target: TypeAlias = Callable[..., None]


@contextmanager
def make_rig(folder: Path, clock: SystemClock, port: int, households: int) -> Iterator[Rig]:
    """A site with the whole town enrolled and read, every device heard once, and the source connected."""
    engine = open_store(f"sqlite:///{folder / 'anbu.sqlite3'}")
    migrate(engine)
    stores = open_stores(folder, engine, Sealer(new_key()))
    stores.journal.close()
    taken: Counter = RawValue("q", 0)
    journal = WatchedJournal(folder / "journal", clock, taken)
    stores = replace(stores, journal=journal)
    at = clock.home_now()
    alarms: list[Alarms] = []
    try:
        site = _site(stores, clock, port, alarms)
        facts = iter([*town.enrolment(households, at), town.heard(at)])
        while chunk := list(islice(facts, 2_000)):
            journal.append(chunk)
        for runner in site.runners:
            runner.catch_up()
        site.start()
        try:
            rig = Rig(site=site, journal=journal, alarms=alarms[0], clock=clock, port=port, taken=taken, at=at)
            until(clock, lambda: site.source.status().caught_up)
            yield rig
        finally:
            site.stop()
    finally:
        stores.close()


def _site(stores: Stores, clock: SystemClock, port: int, alarms: list[Alarms]) -> Site:
    def sink(desk: Desk) -> Alarms:
        alarms.append(Alarms(desk, clock))
        return alarms[0]

    address = BrokerAddress(host="127.0.0.1", port=port, client_id="anbu-bench")
    return Site(stores, clock, table=load_table(None), policy=Policy(routes=()), channels={}, broker=address, sink=sink)


@contextmanager
def player(target: Target, *arguments: object) -> Iterator[Pipe]:
    """Another process, ready to begin."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed
    try:
        if not ours.poll(PATIENCE_S) or ours.recv() != "ready":
            raise stuck("a player of the benchmark")
        yield ours
        process.join(PATIENCE_S)
    except EOFError as error:
        raise stuck("a player of the benchmark") from error
    finally:
        if process.is_alive():
            process.terminate()
        ours.close()


def until(clock: Clock, done: Callable[[], bool], moving: Callable[[], int] = lambda: 0) -> None:
    """Wait; Refusal when nothing has moved for too long."""
    began, before = clock.monotonic(), moving()
    while not done():
        if (now := moving()) != before:
            began, before = clock.monotonic(), now
        if clock.monotonic() - began > PATIENCE_S:
            raise stuck("the benchmark")
        clock.sleep(_TURN_S)


def stuck(what: str) -> Refusal:
    return Refusal(
        say(f"{what}: {PATIENCE_S:g}초 안에 끝나지 않습니다", f"{what} does not come to its end within {PATIENCE_S:g} s"),
        say("더 적은 메시지로 다시 해 보십시오", "try fewer messages"),
    )
