"""How many messages a second a site takes in for good, beside a client that does nothing, and how soon an SOS is known."""

from __future__ import annotations

import gc
import json
import resource
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Protocol

import numpy as np
from prometheus_client import REGISTRY

from anbu.bench import town
from anbu.bench.latencies import in_turns
from anbu.bench.mosquitto import Mosquitto
from anbu.bench.players import Counter, blast, do_nothing
from anbu.bench.rig import Rig, make_rig, player, until
from anbu.broker import EmbeddedBroker
from ingest.clock import Clock, SystemClock

AHEAD = 5_000
"""Messages the publisher may be before the one who takes them: enough to keep the broker busy, no flood of its queue."""

BACKGROUND = 2_000


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
    unheard_ack_ms_p99: float  # the same while it sends them where nobody hears them: the machine has as much to do
    unheard_sos_ms_p99: float
    flood_ack_p99_ratio: float  # of a flood that is heard beside one that is not, by turns in the same run; 1: nobody notices
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
        rig = stack.enter_context(make_rig(Path(folder), clock, broker.port, plan.households))
        return _measure(rig, plan)


def _broker(plan: Plan, folder: Path, clock: Clock) -> Broker:
    if plan.broker == "nats":
        return EmbeddedBroker(folder / "broker")
    return Mosquitto(folder / "broker", clock, inflight=plan.inflight)


def _measure(rig: Rig, plan: Plan) -> Report:
    begun = plan.households * len(town.MIX)  # every device has spoken: what is new about each is not what is measured
    _pour(rig, town.Load(homes=plan.households, start=0, count=begun, at=rig.at))
    gc.collect()
    refused = _taken("rejection")
    rounds = [_round(rig, plan, begun + number * plan.messages) for number in range(plan.rounds)]
    begun += plan.rounds * plan.messages
    ours, noop, cpu = (float(np.mean(figures)) for figures in zip(*rounds, strict=True))
    packs = town.Load(homes=plan.households, start=0, count=plan.packs, at=rig.at, packs=True)
    memory: list[float] = []
    packed = plan.packs * town.PACK_RECORDS / _pour(rig, packs, memory)
    refused = _taken("rejection") - refused
    rate = int(min(BACKGROUND, ours / 2))
    quiet, unheard, flooded = in_turns(rig, plan.households, rate, plan.sos_seconds, begun)
    return Report(
        messages_per_s=round(ours),
        noop_messages_per_s=round(noop),
        ratio=round(ours / noop, 3),
        pack_readings_per_s=round(packed),
        ack_ms_p50=_percentile(quiet.acks, 50),
        ack_ms_p99=_percentile(quiet.acks, 99),
        sos_ms_p50=_percentile(quiet.alarms, 50),
        sos_ms_p99=_percentile(quiet.alarms, 99),
        flooded_ack_ms_p50=_percentile(flooded.acks, 50),
        flooded_ack_ms_p99=_percentile(flooded.acks, 99),
        flooded_sos_ms_p50=_percentile(flooded.alarms, 50),
        flooded_sos_ms_p99=_percentile(flooded.alarms, 99),
        unheard_ack_ms_p99=_percentile(unheard.acks, 99),
        unheard_sos_ms_p99=_percentile(unheard.alarms, 99),
        flood_ack_p99_ratio=round(_percentile(flooded.acks, 99) / _percentile(unheard.acks, 99), 2),
        flood_sos_p99_ratio=round(_percentile(flooded.alarms, 99) / _percentile(unheard.alarms, 99), 2),
        background_per_s=rate,
        flood_messages=flooded.sent,
        flood_left_out=flooded.left_out,
        cpu_us_per_message=round(cpu * 1e6, 1),
        peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        broker=plan.broker,
        households=plan.households,
        messages=plan.messages * plan.rounds,
        refused=refused,
        soak_rss_mb=memory,
    )


def _round(rig: Rig, plan: Plan, begun: int) -> tuple[float, float, float]:
    """Messages a second of the site and of the client that does nothing, and the processor seconds of one message.

    `begun`: messages before these.
    """
    load = town.Load(homes=plan.households, start=begun, count=plan.messages, at=rig.at)
    rig.site.source.stop()
    noop = plan.messages / _pour_at_nobody(rig, replace(load, nowhere=True))
    rig.site.source.start()
    until(rig.clock, lambda: rig.site.source.status().caught_up)
    until(rig.clock, lambda: _settled(rig))
    before = _cpu_s()
    ours = plan.messages / _pour(rig, load)
    return ours, noop, (_cpu_s() - before) / plan.messages


def _pour_at_nobody(rig: Rig, load: town.Load) -> float:
    """Seconds until a client that does nothing has heard the whole load."""
    taken: Counter = RawValue("q", 0)
    with player(do_nothing, rig.port, taken) as idle:
        with player(blast, rig.port, load, taken, AHEAD) as publisher:
            began = rig.clock.monotonic()
            publisher.send("go")
            until(rig.clock, lambda: taken.value >= load.count)
            took = rig.clock.monotonic() - began
            publisher.recv()
        idle.send("enough")
    return took


def _pour(rig: Rig, load: town.Load, memory: list[float] | None = None) -> float:
    """Seconds until the whole load is journalled, acknowledged, read by every consumer, and committed by each."""
    rig.taken.value = 0
    with player(blast, rig.port, load, rig.taken, AHEAD) as publisher:
        head = rig.journal.head
        wanted = _taken("reading") + load.count * (town.PACK_RECORDS if load.packs else 1)
        began = rig.clock.monotonic()
        publisher.send("go")
        for part in range(1, 11):
            goal = head + load.count * part // 10
            until(rig.clock, partial(_has_come_to, rig, goal), moving=partial(_slowest, rig))
            if memory is not None:
                memory.append(_rss_mb())
        until(rig.clock, lambda: _taken("reading") >= wanted)
        until(rig.clock, lambda: _settled(rig))
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
