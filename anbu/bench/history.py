"""How long a chart waits: one busy home among ordinary ones, read from the embedded history and from InfluxDB."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from anbu.bench.influxd import InfluxNotStarted, InfluxServer, find_influxd
from anbu.ending import Refusal
from anbu.language import say
from ingest.clock import DAY, HOUR, MINUTE, SEOUL, Clock, Millis, SystemClock, to_datetime, to_millis
from ingest.history.hours import OpenHours
from ingest.history.influx import InfluxHistory, RefusedReading
from ingest.history.influx_wire import Address, InfluxWire
from ingest.history.port import History
from ingest.history.sqlite import SqliteHistory
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal
from ingest.readings import Readings

BUSY = HouseholdId("busy")
POINTS = 300
RANGES: dict[str, Millis] = {"1h": HOUR, "1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "90d": 90 * DAY}
SAMPLE_EVERY: Millis = 10 * MINUTE
ORDINARY_MOTIONS = 40  # a day
AIM_MS = 100.0
"""What p99 should stay under."""

WRITE_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of it; the defaults are the size that figures are told for."""

    homes: int = 1_000
    days: int = 90
    motions: int = 2_000  # of the busy home, a day
    questions: int = 200  # to each store
    seed: int = 1
    folder: Path | None = None  # None: where the system keeps temporary files
    influx: Address | None = None  # an InfluxDB with two empty buckets; None: one of our own, where influxd is found
    embedded: bool = True


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from a question to its last bucket."""

    p50_ms: float
    p99_ms: float
    questions: int


class StoreReport(msgspec.Struct, frozen=True, kw_only=True):
    """One store: all questions together, and by the length of the range asked for."""

    name: str
    readings: int
    write_s: float
    readings_per_s: float
    all: Waits
    by_range: dict[str, Waits]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Both stores side by side; one is missing with its reason in `left_out`."""

    homes: int
    days: int
    points: int
    aim_ms: float
    stores: list[StoreReport]
    left_out: dict[str, str]


def run_history(plan: Plan, tell: Callable[[str], None]) -> Report:
    """Fill each store with the same readings and ask it the same questions. Refusal where neither can be measured."""
    clock = SystemClock()
    end = _midnight(clock.home_now())
    stores: list[StoreReport] = []
    left_out: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=plan.folder)))
        if plan.embedded:
            with closing(SqliteHistory(folder / "history.sqlite3")) as history:
                stores.append(_measure("embedded", history, plan, end, clock, tell))
        try:
            address = plan.influx or _own_server(folder, clock, stack)
        except (InfluxNotStarted, Refusal) as error:
            left_out["influxdb"] = str(error)
        else:
            wire = InfluxWire(address, clock, write_timeout_s=WRITE_TIMEOUT_S, read_timeout_s=WRITE_TIMEOUT_S)
            influx = InfluxHistory(address, clock, _refuse, raw_kept=None, wire=wire)
            stack.callback(influx.close)
            stores.append(_measure("influxdb", influx, plan, end, clock, tell))
    if not stores:
        raise Refusal(str(left_out))
    return Report(homes=plan.homes, days=plan.days, points=POINTS, aim_ms=AIM_MS, stores=stores, left_out=left_out)


def readings_of(plan: Plan, end: Millis) -> Iterator[Reading]:
    """Day after day, home after home: temperature and motion, the busy home among the others."""
    chance, offset = random.Random(plan.seed), 0
    start = end - plan.days * DAY
    homes = [HouseholdId(f"home-{number}") for number in range(plan.homes)]
    homes.insert(len(homes) // 2, BUSY)
    for day in range(start, end, DAY):
        for home in homes:
            motions = plan.motions if home == BUSY else ORDINARY_MOTIONS
            said = [(day + step, Signal.TEMPERATURE, 20.0 + chance.random() * 5) for step in range(0, DAY, SAMPLE_EVERY)]
            said += [(day + chance.randrange(DAY), Signal.MOTION, 1.0) for _ in range(motions)]
            for at, signal, value in said:
                offset += 1
                device = DeviceId(f"{'th' if signal is Signal.TEMPERATURE else 'pir'}-{home}")
                yield Reading(
                    offset=offset,
                    dong_code=DongCode("dong-1"),
                    household_id=home,
                    device_id=device,
                    signal=signal,
                    value=value,
                    observed_at=at,
                    received_at=day,
                )


def _measure(name: str, history: History, plan: Plan, end: Millis, clock: Clock, tell: Callable[[str], None]) -> StoreReport:
    tell(say(f"{name}: 채우는 중", f"{name}: filling"))
    begun, readings = clock.monotonic(), 0
    hours = OpenHours()
    source = readings_of(plan, end)
    while batch := list(islice(source, 5_000)):
        columns = Readings.of(batch)
        history.write(columns)
        readings += len(batch)
        hours.add(columns)
        history.write_hours(hours.close(batch[-1].received_at), batch[-1].received_at)
    history.write_hours(hours.close(end), end)
    took = clock.monotonic() - begun
    tell(say(f"{name}: {readings:,}개, {took:.0f}초; 묻는 중", f"{name}: {readings:,} readings in {took:.0f} s; asking"))
    waits = _ask(history, plan, end, clock)
    return StoreReport(
        name=name,
        readings=readings,
        write_s=round(took, 1),
        readings_per_s=round(readings / took),
        all=_waits([one for many in waits.values() for one in many]),
        by_range={length: _waits(many) for length, many in waits.items()},
    )


def _ask(history: History, plan: Plan, end: Millis, clock: Clock) -> dict[str, list[float]]:
    """The same questions to every store: any range within what there is, at any time of day, both signals."""
    chance = random.Random(plan.seed + 1)
    lengths = {name: length for name, length in RANGES.items() if length <= plan.days * DAY}
    waits: dict[str, list[float]] = {name: [] for name in lengths}
    for number in range(plan.questions):
        name = list(lengths)[number % len(lengths)]
        signal = (Signal.MOTION, Signal.TEMPERATURE)[number // len(lengths) % 2]
        since = end - lengths[name] - chance.randrange(max(plan.days * DAY - lengths[name], 0) + 1)
        begun = clock.monotonic()
        found = history.series(BUSY, signal, since, since + lengths[name], POINTS)
        waits[name].append((clock.monotonic() - begun) * 1_000)
        if not found or len(found) > POINTS:
            raise Refusal(f"{name}: {len(found)} buckets")
    return waits


def _waits(many: Sequence[float]) -> Waits:
    ordered = sorted(many)
    return Waits(
        p50_ms=round(ordered[len(ordered) // 2], 2),
        p99_ms=round(ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)], 2),
        questions=len(ordered),
    )


def _own_server(folder: Path, clock: Clock, stack: ExitStack) -> Address:
    program = find_influxd()
    if program is None:
        raise Refusal(say("influxd 가 없습니다", "there is no influxd"), "--url, make test")
    (folder / "influx").mkdir()
    server = InfluxServer(folder / "influx", program, clock)
    stack.callback(server.stop)
    server.start()
    return server.address()


def _refuse(refused: Sequence[RefusedReading]) -> None:
    raise Refusal(f"InfluxDB: {refused[0].why}")


def _midnight(now: Millis) -> Millis:
    """The last one in Seoul: no reading of a whole day is ahead of now."""
    return to_millis(to_datetime(now).astimezone(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0))
