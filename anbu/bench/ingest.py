"""How many messages a second a site takes in for good, beside a client that does nothing, and how soon an SOS is known."""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection as Pipe
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec
import numpy as np
import structlog
from prometheus_client import REGISTRY

from alerts.desk import Desk
from alerts.policy import Policy
from anbu.bench import town
from anbu.bench.mosquitto import Mosquitto
from anbu.bench.players import Counter, Sent, Trickle, blast, do_nothing, flood, trickle
from anbu.broker import EmbeddedBroker
from anbu.ending import Refusal
from anbu.language import say
from anbu.schema import migrate
from anbu.wiring import Site, Stores, open_stores
from ingest.clock import Clock, Millis, SystemClock
from ingest.journal.port import Body, Message
from ingest.journal.sqlite import SqliteJournal
from ingest.seal import Sealer, new_key
from ingest.source import BrokerAddress
from ingest.store import open_store
from ingest.wire import parse_topic
from rules.finding import Finding, RuleKey
from rules.table import load_table

log = structlog.get_logger(__name__)

AHEAD = 5_000
"""Messages the publisher may be before the one who takes them: enough to keep the broker busy, no flood of its queue."""

BACKGROUND = 2_000
SOS_EVERY_S = 0.05
WINDOWS = 4
"""Of latencies, without and with a flood each."""

PATIENCE_S = 120.0
_TURN_S = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, and for how long."""

    broker: str  # mosquitto or nats
    households: int
    messages: int  # in each round, for the client that does nothing and for the site
    rounds: int
    packs: int  # of 100 readings
    sos_seconds: float
    inflight: int
    folder: Path | None  # where the stores are made and thrown away; the disk that is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The figures, named as the command prints them."""

    messages_per_s: float
    noop_messages_per_s: float
    ratio: float
    pack_readings_per_s: float
    ack_ms_p50: float
    ack_ms_p99: float
    sos_ms_p50: float
    sos_ms_p99: float
    flooded_ack_ms_p50: float  # the same while one device sends as many again
    flooded_ack_ms_p99: float
    flooded_sos_ms_p50: float
    flooded_sos_ms_p99: float
    flood_ack_p99_ratio: float  # beside the windows without a flood, by turns in the same run; 1: nobody notices
    flood_sos_p99_ratio: float
    background_per_s: int  # messages while latencies are measured: 2,000, or half of what this broker carries
    flood_messages: int
    flood_left_out: int  # of these: not journalled
    cpu_us_per_message: float
    peak_rss_mb: float
    broker: str
    households: int
    messages: int
    refused: int  # of what the site took in: but for what the broker sent twice it was spared the work that is measured
    without: list[str]  # stages of the whole path that this version lacks
    soak_rss_mb: list[float]  # at ten moments of the pack run


class Broker(Protocol):
    """What a benchmark needs of one."""

    port: int

    def start(self) -> None:
        """Start it."""
        ...

    def stop(self) -> None:
        """End it."""
        ...


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


def run_ingest(plan: Plan, *, as_json: bool) -> int:
    """Measure, print, end; returns the exit code."""
    report = measure(plan)
    if as_json:
        print(json.dumps(asdict(report)))
    else:
        for name, value in asdict(report).items():
            print(f"{name:22}{value}")
    return 0


def measure(plan: Plan) -> Report:
    """The whole run. Raises Refusal where the broker is missing or something does not come to its end."""
    with tempfile.TemporaryDirectory(prefix="anbu-bench-", dir=plan.folder) as folder, ExitStack() as stack:
        clock = SystemClock()
        broker = _broker(plan, Path(folder), clock)
        stack.callback(broker.stop)
        broker.start()
        rig = stack.enter_context(_rig(Path(folder), clock, broker.port, plan))
        return _measure(rig, plan)


def _broker(plan: Plan, folder: Path, clock: Clock) -> Broker:
    if plan.broker == "nats":
        return EmbeddedBroker(folder / "broker")
    return Mosquitto(folder / "broker", clock, inflight=plan.inflight)


@contextmanager
def _rig(folder: Path, clock: SystemClock, port: int, plan: Plan) -> Iterator[Rig]:
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
        facts = iter([*town.enrolment(plan.households, at), town.heard(at)])
        while chunk := list(islice(facts, 2_000)):
            journal.append(chunk)
        for runner in site.runners:
            runner.catch_up()
        site.start()
        try:
            rig = Rig(site=site, journal=journal, alarms=alarms[0], clock=clock, port=port, taken=taken, at=at)
            _until(clock, lambda: site.source.status().caught_up)
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


def _measure(rig: Rig, plan: Plan) -> Report:
    rounds = len(town.MIX)
    begun = plan.households * rounds  # every device has spoken: what is new about each is not what is measured
    _pour(rig, town.Load(homes=plan.households, start=0, count=begun, at=rig.at))
    gc.collect()
    noop, ours, cpu = [], [], []
    refused = _taken("rejection")
    for _ in range(plan.rounds):
        load = town.Load(homes=plan.households, start=begun, count=plan.messages, at=rig.at)
        begun += plan.messages
        rig.site.source.stop()
        noop.append(plan.messages / _pour_at_nobody(rig, replace(load, nowhere=True)))
        rig.site.source.start()
        _until(rig.clock, lambda: rig.site.source.status().caught_up)
        _until(rig.clock, lambda: _settled(rig))
        before = _cpu_s()
        ours.append(plan.messages / _pour(rig, load))
        cpu.append((_cpu_s() - before) / plan.messages)
    packs = town.Load(homes=plan.households, start=0, count=plan.packs, at=rig.at, packs=True)
    memory: list[float] = []
    packed = plan.packs * town.PACK_RECORDS / _pour(rig, packs, memory)
    refused = _taken("rejection") - refused
    messages_per_s, noop_per_s = float(np.mean(ours)), float(np.mean(noop))
    rate = int(min(BACKGROUND, messages_per_s / 2))
    quiet, flooded = _in_turns(rig, plan, rate, begun)
    return Report(
        messages_per_s=round(messages_per_s),
        noop_messages_per_s=round(noop_per_s),
        ratio=round(messages_per_s / noop_per_s, 3),
        pack_readings_per_s=round(packed),
        ack_ms_p50=_percentile(quiet.acks, 50),
        ack_ms_p99=_percentile(quiet.acks, 99),
        sos_ms_p50=_percentile(quiet.alarms, 50),
        sos_ms_p99=_percentile(quiet.alarms, 99),
        flooded_ack_ms_p50=_percentile(flooded.acks, 50),
        flooded_ack_ms_p99=_percentile(flooded.acks, 99),
        flooded_sos_ms_p50=_percentile(flooded.alarms, 50),
        flooded_sos_ms_p99=_percentile(flooded.alarms, 99),
        flood_ack_p99_ratio=round(_percentile(flooded.acks, 99) / _percentile(quiet.acks, 99), 2),
        flood_sos_p99_ratio=round(_percentile(flooded.alarms, 99) / _percentile(quiet.alarms, 99), 2),
        background_per_s=rate,
        flood_messages=flooded.sent,
        flood_left_out=flooded.left_out,
        cpu_us_per_message=round(float(np.mean(cpu)) * 1e6, 1),
        peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        broker=plan.broker,
        households=plan.households,
        messages=plan.messages * plan.rounds,
        refused=refused,
        without=[] if any(runner.name == "acks" for runner in rig.site.runners) else ["device acknowledgements"],
        soak_rss_mb=memory,
    )


@contextmanager
def _player(target: Target, *arguments: object) -> Iterator[Pipe]:
    """Another process, ready to begin."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()  # so that its end is noticed
    try:
        if not ours.poll(PATIENCE_S) or ours.recv() != "ready":
            raise _stuck("a player of the benchmark")
        yield ours
        process.join(PATIENCE_S)
    except EOFError as error:
        raise _stuck("a player of the benchmark") from error
    finally:
        if process.is_alive():
            process.terminate()
        ours.close()


def _pour_at_nobody(rig: Rig, load: town.Load) -> float:
    """Seconds until a client that does nothing has heard the whole load."""
    taken: Counter = RawValue("q", 0)
    with _player(do_nothing, rig.port, taken) as idle:
        with _player(blast, rig.port, load, taken, AHEAD) as publisher:
            began = rig.clock.monotonic()
            publisher.send("go")
            _until(rig.clock, lambda: taken.value >= load.count)
            took = rig.clock.monotonic() - began
            publisher.recv()
        idle.send("enough")
    return took


def _pour(rig: Rig, load: town.Load, memory: list[float] | None = None) -> float:
    """Seconds until the whole load is journalled, acknowledged, read by every consumer, and committed by each."""
    rig.taken.value = 0
    with _player(blast, rig.port, load, rig.taken, AHEAD) as publisher:
        head = rig.journal.head
        wanted = _taken("reading") + load.count * (town.PACK_RECORDS if load.packs else 1)
        began = rig.clock.monotonic()
        publisher.send("go")
        for part in range(1, 11):
            goal = head + load.count * part // 10
            _until(rig.clock, partial(_has_come_to, rig, goal), moving=partial(_slowest, rig))
            if memory is not None:
                memory.append(_rss_mb())
        _until(rig.clock, lambda: _taken("reading") >= wanted)
        _until(rig.clock, lambda: _settled(rig))
        with ThreadPoolExecutor() as pool:  # each commits as it stops: nothing is left to be written
            list(pool.map(lambda runner: runner.stop(30.0), rig.site.runners))
        took = rig.clock.monotonic() - began
        publisher.recv()
        for runner in rig.site.runners:
            runner.start()
    return took


def _settled(rig: Rig) -> bool:
    return _slowest(rig) >= rig.journal.head


def _has_come_to(rig: Rig, offset: int) -> bool:
    return _slowest(rig) >= offset


def _slowest(rig: Rig) -> int:
    """How far the consumer has come that is farthest back."""
    return min(runner.offset for runner in rig.site.runners)


@dataclass(slots=True, kw_only=True)
class Latencies:
    """In ms: from publish to acknowledged, and of an SOS to its finding; and what became of the flood, where there was one."""

    acks: list[float] = field(default_factory=list)
    alarms: list[float] = field(default_factory=list)
    sent: int = 0
    left_out: int = 0


@dataclass(slots=True, kw_only=True)
class Next:
    """What the next window begins with, so that no number and no button is used twice."""

    message: int
    sos_home: int = 0


def _in_turns(rig: Rig, plan: Plan, rate: int, begun: int) -> tuple[Latencies, Latencies]:
    """Windows without and with a device that has gone wild, by turns: what else happens on the machine meets both alike."""
    quiet, flooded, following = Latencies(), Latencies(), Next(message=begun)
    seconds = min(plan.sos_seconds, plan.households * SOS_EVERY_S / 2) / WINDOWS  # each home presses once
    for turn in range(WINDOWS):
        for flood_now in (False, True) if turn % 2 == 0 else (True, False):
            if flood_now:
                _window_in_a_flood(rig, plan, rate, seconds, following, flooded)
            else:
                _window(rig, plan, rate, seconds, following, quiet)
    return quiet, flooded


def _window_in_a_flood(rig: Rig, plan: Plan, rate: int, seconds: float, following: Next, into: Latencies) -> None:
    """As `_window`, while the motion sensor of the last home has gone wild."""
    head, wild = rig.journal.head, plan.households - 1
    with _player(flood, rig.port, wild, rate, following.message) as publisher:
        publisher.send("go")
        _window(rig, plan, rate, seconds, following, into)
        publisher.send("enough")
        sent: int = publisher.recv()
    topic = town.motion_topic(wild)
    _until(rig.clock, lambda: rig.site.source.status().caught_up)
    journalled = 0
    while entries := rig.journal.read(head, 5_000):
        head = entries[-1].offset
        journalled += sum(isinstance(entry.body, Message) and entry.body.topic == topic for entry in entries)
    into.sent += sent
    into.left_out += max(0, sent - journalled)


def _window(rig: Rig, plan: Plan, rate: int, seconds: float, following: Next, into: Latencies) -> None:
    """So many seconds of an even background, with an SOS every now and then."""
    rig.journal.seen.clear()
    quiet = Trickle(
        homes=plan.households,
        start=-(-following.message // plan.households) * plan.households,
        a_second=rate,
        seconds=seconds,
        sos_every_s=SOS_EVERY_S,
        first_sos_home=following.sos_home,
    )
    with _player(trickle, rig.port, quiet) as publisher:
        rig.journal.watching = True
        publisher.send("go")
        sent: Sent = publisher.recv()
    _until(rig.clock, lambda: sent.alarms.keys() <= rig.alarms.found.keys())
    rig.journal.watching = False
    into.acks += [
        (when - sent.messages[key]) * 1_000
        for when, bodies in rig.journal.seen
        for key in map(_key, bodies)
        if key in sent.messages
    ]
    into.alarms += [(rig.alarms.found[home] - when) * 1_000 for home, when in sent.alarms.items()]
    following.message = quiet.start + len(sent.messages)
    following.sos_home += len(sent.alarms)


class _Numbered(msgspec.Struct):
    seq: int = -1


def _key(body: Body) -> tuple[str, int]:
    topic = parse_topic(body.topic) if isinstance(body, Message) else None
    if topic is None or not isinstance(body, Message):
        return "", -1
    return topic.device_id, msgspec.json.decode(body.payload, type=_Numbered).seq


def _percentile(values: Sequence[float], percent: float) -> float:
    return round(float(np.percentile(values, percent)), 2)


def _taken(kind: str) -> int:
    """How many readings or rejections the rules have taken, in this process."""
    return int(REGISTRY.get_sample_value("anbu_rules_items_total", {"kind": kind}) or 0)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * resource.getpagesize() / 2**20, 1)


def _until(clock: Clock, done: Callable[[], bool], moving: Callable[[], int] = lambda: 0) -> None:
    """Wait; Refusal when nothing has moved for too long."""
    began, before = clock.monotonic(), moving()
    while not done():
        if (now := moving()) != before:
            began, before = clock.monotonic(), now
        if clock.monotonic() - began > PATIENCE_S:
            raise _stuck("the benchmark")
        clock.sleep(_TURN_S)


def _stuck(what: str) -> Refusal:
    return Refusal(
        say(f"{what}: {PATIENCE_S:g}초 안에 끝나지 않습니다", f"{what} does not come to its end within {PATIENCE_S:g} s"),
        say("더 적은 메시지로 다시 해 보십시오", "try fewer messages"),
    )
