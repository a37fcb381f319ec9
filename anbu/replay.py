"""Recorded homes played through the real broker and the whole path, and the alerts that came of them."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import Engine as Store
from sqlalchemy import select

from alerts.policy import Policy
from alerts.tables import finding
from anbu.broker import EmbeddedBroker
from anbu.schema import migrate
from anbu.stores import open_stores
from anbu.wiring import Site
from ingest.clock import DAY, MINUTE, SECOND, Clock, Millis, SystemClock, VirtualClock, to_iso
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.seal import Sealer, new_key
from ingest.source import BrokerAddress
from ingest.store import open_store
from rules.finding import DEVICE, Level, RuleKey, Verb
from rules.table import RuleTable, load_table
from simulators.message import SimMessage
from simulators.recorded import LogUnreadable, RecordedLog, read_log

HOST = "127.0.0.1"
GRID = 10 * SECOND
"""Messages that no evaluation of the rules lies between go together; home time never passes one that has not arrived."""

ARRIVAL_S = 30.0
"""How long one step may wait for its messages to come back from the broker before the replay gives up."""


LOOK_S = 0.1
"""How often the stages look at home time while nothing arrives, where home time passes by itself."""


class ReplayStuck(Exception):
    """The broker or a stage stopped; the text says which and at what recorded time."""


class RaisedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One level of one alert, in recorded time (ISO 8601, Asia/Seoul); `cleared_at` is None where it stood at the end."""

    household: str
    rule: str
    level: str
    raised_at: str
    cleared_at: str | None


class StepPublisher:
    """Publishes at QoS 1; that a step has arrived is seen at the journal's end, not here."""

    def __init__(self, port: int) -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="anbu-replay", protocol=mqtt.MQTTv311)
        self._connected = threading.Event()
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.max_inflight_messages_set(500)
        self._client.connect(HOST, port)
        self._client.loop_start()
        if not self._connected.wait(ARRIVAL_S):
            raise ReplayStuck("브로커가 연결을 받지 않습니다")

    def publish(self, messages: Sequence[SimMessage]) -> None:
        """Hand all of them to the connection."""
        for message in messages:
            self._client.publish(message.topic, message.payload, qos=1)

    def close(self) -> None:
        """Hang up."""
        self._client.disconnect()
        self._client.loop_stop()


def steps(messages: Sequence[SimMessage]) -> Iterator[tuple[Millis, list[SimMessage]]]:
    """The messages of each stretch between two grid points, with the time of the last of them, oldest first."""
    batch: list[SimMessage] = []
    for message in messages:
        if batch and -(-message.at // GRID) != -(-batch[-1].at // GRID):
            yield batch[-1].at, batch
            batch = []
        batch.append(message)
    if batch:
        yield batch[-1].at, batch


def run_replay(files: Sequence[Path], *, speed: str, rules: Path | None, as_json: bool, off: str) -> int:
    """Play the files one after another, each as a home of its own; prints the alerts and returns the exit code."""
    console = Console(stderr=True)
    table = load_table(rules)
    try:
        logs = [read_log(path, off=off) for path in files]
    except LogUnreadable as error:
        print(error, file=sys.stderr)  # as it is: a console would break the file's name in two
        return 2
    raised: list[RaisedAlert] = []
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="anbu-replay-")))
        broker = EmbeddedBroker(place / "broker")
        stack.callback(broker.stop)  # first: Ctrl-C may come while it starts
        broker.start()
        progress = stack.enter_context(_progress(console))
        for number, log in enumerate(logs):
            alerts = Replay(log, place / f"site-{number}", broker.port, table, speed).play(progress)
            raised.extend(alerts)
            if as_json:
                for alert in alerts:
                    print(msgspec.json.encode(alert).decode(), flush=True)
    if not as_json:
        _print_table(raised)
    return 0


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeRemainingColumn(), console=console
    )


def _print_table(raised: Sequence[RaisedAlert]) -> None:
    """To be read: times without their offset, which the caption names. `--json` has it."""
    table = Table("household", "rule", "level", "raised_at", "cleared_at", caption="Asia/Seoul")
    for alert in raised:
        cleared_at = _plain(alert.cleared_at) if alert.cleared_at else "-"
        table.add_row(alert.household, alert.rule, alert.level, _plain(alert.raised_at), cleared_at)
    Console().print(table)


def _plain(iso: str) -> str:
    return iso[:19].replace("T", " ")


class Replay:
    """One recorded home on a site of its own, in fresh stores."""

    def __init__(self, log: RecordedLog, folder: Path, broker_port: int, table: RuleTable, speed: str) -> None:
        self.log = log
        self.folder = folder
        self.broker_port = broker_port
        self.table = table
        self._ticked_at: Millis = 0
        self.rate = None if speed == "max" else float(speed)

    def play(self, progress: Progress) -> list[RaisedAlert]:
        """Run the log to its end and return what was raised. Raises ReplayStuck."""
        start = self.log.start
        virtual = VirtualClock(start)
        clock: Clock = virtual if self.rate is None else SystemClock(rate=self.rate, home_start=start)
        with ExitStack() as stack:
            self.folder.mkdir(parents=True)
            engine = open_store(f"sqlite:///{self.folder / 'anbu.sqlite3'}")
            migrate(engine)
            stores = open_stores(self.folder, engine, Sealer(new_key()))
            stack.callback(stores.close)
            site = Site(
                stores,
                clock,
                table=self.table,
                policy=Policy(routes=()),
                channels={},
                broker=BrokerAddress(host=HOST, port=self.broker_port, client_id=f"anbu-ingest-{self.log.household_id}"),
                rate_per_s=0,  # the past comes as fast as it can be read
            )
            self._enrol(site)
            site.source.start()
            stack.callback(site.source.stop)
            self._await(lambda: site.source.status().caught_up, site, "the broker's queue to be read to its end")
            publisher = StepPublisher(self.broker_port)
            stack.callback(publisher.close)
            task = progress.add_task(self.log.household_id, total=self.log.end - start, day="")
            for at, batch in steps(self.log.messages):
                self._advance(clock, at, site)
                self._step(site, publisher, batch)
                progress.update(task, completed=at - start, day=f"{(at - start) / DAY:.1f}일째")
            self._advance(clock, self.log.end + GRID, site)  # the evaluation that sees the last event
            self._turn(site)
            return raised_alerts(engine)

    def _enrol(self, site: Site) -> None:
        """The household and its sensors are enrolled at the log's first event."""
        log, register = self.log, site.register
        register.add_dong(DongCode(log.dong_code), log.dong_code)
        register.enrol_household(HouseholdId(log.household_id), DongCode(log.dong_code), grade="ordinary", at=log.start)
        for device in log.devices:
            register.enrol_device(
                DeviceId(device.device_id),
                HouseholdId(log.household_id),
                model="recorded",
                signals=device.signals,
                report_interval_s=device.report_interval_s,
                at=log.start,
            )
        while site.carry_facts():
            pass

    def _advance(self, clock: Clock, at: Millis, site: Site) -> None:
        """Let home time come to `at`: at once under the virtual clock, else as it passes, the stages at work meanwhile."""
        if isinstance(clock, VirtualClock):
            clock.advance_to(at)
            return
        while (wait := at - clock.home_now()) > 0:
            self._turn(site)
            clock.sleep(min(LOOK_S, wait / SECOND / (self.rate or 1.0)))

    def _step(self, site: Site, publisher: StepPublisher, batch: Sequence[SimMessage]) -> None:
        """One step of home time: through the broker into the journal, then every cursor to its end, then what is due."""
        expected = site.source.status().received + len(batch)
        publisher.publish(batch)
        self._await(lambda: site.source.status().received >= expected, site, f"{len(batch)} messages to arrive")
        self._turn(site)

    def _turn(self, site: Site) -> None:
        """Every cursor to its end; the tick at most once a minute of home time, because each costs a commit."""
        for runner in site.runners:
            if runner.name != "acks":  # what was recorded has no device that waits to be told
                runner.step()
        now = site.clock.home_now()
        if now - self._ticked_at >= MINUTE:
            self._ticked_at = now
            site.tick.run()

    def _await(self, arrived: Callable[[], bool], site: Site, what: str) -> None:
        """Wait on the machine's time, never the home's; ReplayStuck when it takes too long."""
        deadline = site.clock.monotonic() + ARRIVAL_S
        while not arrived():
            if site.clock.monotonic() > deadline:
                raise ReplayStuck(
                    f"{self.log.household_id}, {to_iso(site.clock.home_now())}: waited {ARRIVAL_S:.0f} s for {what}"
                )
            site.clock.sleep(0.0002)


def raised_alerts(engine: Store) -> list[RaisedAlert]:
    """Every level that was raised for a person, with the time its episode cleared; device findings are tickets, not alerts."""
    with engine.begin() as connection:
        rows = connection.execute(select(finding).order_by(finding.c.at, finding.c.level)).all()
    cleared = {row.episode: row.at for row in rows if row.verb == Verb.CLEARED}
    return [
        RaisedAlert(
            household=row.subject,
            rule=row.rule,
            level=Level(row.level).name.lower(),
            raised_at=to_iso(row.at),
            cleared_at=to_iso(cleared[row.episode]) if row.episode in cleared else None,
        )
        for row in rows
        if row.verb == Verb.RAISED and RuleKey(row.rule) not in DEVICE
    ]
