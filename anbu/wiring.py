"""The composition root: which stages a site has, in which order they start and stop, and how each says it is well."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import Engine as Store

from alerts.aftercare.care import Aftercare
from alerts.call import CallAnswers
from alerts.channels.wire import Wire
from alerts.contacts import ContactBook
from alerts.delivery import Channel
from alerts.desk import Desk
from alerts.duty.duty_roster import DutyRoster
from alerts.duty.office import DutyOffice
from alerts.duty.outlook import OutlookBook
from alerts.duty.teller import Teller
from alerts.duty.tick import DutyTick
from alerts.figures.figures import FigureBook
from alerts.live import prune_live_events
from alerts.outbox import Sender
from alerts.policy import Policy
from alerts.proof import Paths
from alerts.receipts import Asking, Receipts
from alerts.rulebook import Rulebook
from alerts.tick import Tick
from alerts.trend_notes import TrendNotes
from anbu.backtest.whatif import WhatIfProcess
from anbu.beat import Beat
from anbu.canary import Canary, Pressing
from anbu.chores import Chore, Chores
from anbu.memory import give_back_large_blocks, settle_memory
from anbu.watch import SystemWatch
from anbu.watchdog import Watchdog
from anbu.why import look_back
from dashboard_api.accounts import Accounts
from dashboard_api.services import Reach, Services, Speed, StageHealth
from dashboard_api.tokens import Tokens
from ingest.acks import AcksConsumer
from ingest.acks_sender import AckSender, acks_address
from ingest.acks_tray import AckTray
from ingest.clock import DAY, SECOND, Clock, Millis, SystemClock
from ingest.decoding import Decoding
from ingest.dialects.registry import make_dialects
from ingest.fact_outbox import ONLY_JOURNAL, carry_facts
from ingest.facts import RunStarted, RunStopped
from ingest.history.consumer import HistoryConsumer
from ingest.history.hours import HoursConsumer
from ingest.history.port import HOURS_KEPT, RAW_KEPT, History
from ingest.history.sqlite import SqliteHistory
from ingest.intake import IntakeConsumer, forget_rejections
from ingest.journal.cursors import SqliteCursors
from ingest.journal.port import Consumer
from ingest.journal.retention import prune
from ingest.journal.runner import Pace, Runner
from ingest.journal.sqlite import SqliteJournal
from ingest.losses import Losses, forget_losses
from ingest.message_outbox import carry_messages
from ingest.posted import Postbox
from ingest.rate import BURST, PER_S, RateLimit
from ingest.rebirth import RebirthConsumer
from ingest.register.register import Register
from ingest.register.strangers import Strangers
from ingest.rereading import carry_rereads
from ingest.seal import Sealer
from ingest.sharing import SharedDecoder
from ingest.source import BrokerAddress, MqttSource
from ingest.tongues import Tongues
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import Finding
from rules.lane import COMMIT_EVERY_S, LaneConsumer
from rules.seen import HomeSeen
from rules.table import RuleTable

log = structlog.get_logger(__name__)

REJECTIONS_KEPT = 90 * DAY
LOSSES_KEPT = 365 * DAY

GATHER_S = 0.05
"""How long stages let a batch grow, all but the lane of what is urgent: what a batch costs is shared by more messages then."""

LEAST_ROOM = 512 * 1024 * 1024
"""Bytes free where the journal lies, or a twentieth of a small disk: below this the page warns, while there is still time."""

STALLED_AFTER = 30 * SECOND
"""A stage that has not moved for so long (machine time) is not well, whatever it says of itself."""

DRIFT_LIMIT = 5 * SECOND
"""Wall clock against monotonic clock: beyond this somebody set the clock and due times are in doubt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """Everything durable of one site."""

    engine: Store
    journal: SqliteJournal
    cursors: SqliteCursors
    history: History
    sealer: Sealer
    history_cursor: str = "history"  # each kind of history has read the journal to a place of its own
    journal_name: str = ONLY_JOURNAL  # among those fed from the same engine
    tongues: Tongues = field(default_factory=Tongues)  # how the journal is read

    def close(self) -> None:
        """Give up every file; what was committed stays."""
        self.history.close()
        self.cursors.close()
        self.journal.close()
        self.engine.dispose()


def journal_name(folder: Path) -> str:
    """The name of the journal in this folder, given to it at the first call: no other journal anywhere has it."""
    file = folder / "name"
    try:
        return file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        name = uuid.uuid4().hex
        file.write_text(name + "\n", encoding="ascii")
        return name


def open_stores(folder: Path, engine: Store, sealer: Sealer, *, journal_folder: Path | None = None) -> Stores:
    """Open the embedded stores of a site in `folder`; creates what is missing, except the tables of `engine`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Stores(
        engine=engine,
        journal=SqliteJournal(journal_folder or folder / "journal"),
        cursors=SqliteCursors(folder / "cursors.sqlite3"),
        history=SqliteHistory(folder / "history.sqlite3"),
        sealer=sealer,
    )


def hours_runner(stores: Stores, clock: Clock, decoder: Decoding, pace: Pace | None = None) -> Runner:
    """The roll-up. Its state holds every series of the hour that runs, so it is committed seldom."""
    hours = HoursConsumer(stores.history, decoder, f"{stores.history_cursor}-hours")
    return Runner(stores.journal, stores.cursors, hours, clock, commit_every_s=30.0, pace=pace, gather_s=GATHER_S)


class Site:
    """All stages of one site. `start` sets them going downstream first, so that nothing arrives at a stage not there."""

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        *,
        table: RuleTable,
        policy: Policy,
        channels: Mapping[str, Channel],
        broker: BrokerAddress,
        asking: Mapping[str, Asking] | None = None,
        acks_broker: BrokerAddress | None = None,
        raw_kept: Millis = RAW_KEPT,
        hours_kept: Millis = HOURS_KEPT,
        sink: Callable[[Desk], Callable[[Sequence[Finding]], None]] | None = None,
        keep_days: int = 0,
        rate_per_s: int = PER_S,
        burst: int = BURST,
        push_key: str | None = None,
        button: Pressing | None = None,
        ping_url: str | None = None,
        call_secret: bytes | None = None,
        upkeep: Sequence[Chore] = (),
    ) -> None:
        """`button` presses the canary's buttons (None: no path is proven), `ping_url` is the outside watchdog's.

        `upkeep`: chores besides our own.
        """
        give_back_large_blocks()
        self.stores = stores
        self.clock = clock
        self.rulebook = Rulebook(stores.engine, stores.sealer, clock)
        self.first_table = self.rulebook.begin(table)
        self.raw_kept, self.hours_kept = raw_kept, hours_kept
        self.keep_days = keep_days  # of the journal; 0: everything
        self.run_id = uuid.uuid4().hex[:16]
        roster = DutyRoster(policy)
        self.desk = Desk(stores.engine, clock, stores.sealer, policy, roster)
        self.register = Register(stores.engine, stores.sealer, clock)
        self.accounts = Accounts(stores.engine, clock)
        self.postbox = Postbox(stores.engine, stores.journal, clock)
        self.contacts = ContactBook(stores.engine, stores.sealer, clock)
        self.channels, self.push_key, self.call_secret, self.base_url = channels, push_key, call_secret, policy.base_url
        self.paths = Paths(stores.engine, clock)
        self.canary = None if button is None else self._canary(policy, button)
        self.tick = Tick(stores.engine, clock, policy, self.run_id, roster)
        self.duty = DutyTick(stores.engine, clock, self.desk, Teller(clock, policy), self.run_id)
        dialects = make_dialects(stores.tongues.dialects)
        limit = RateLimit(dialects, per_s=rate_per_s, burst=burst) if rate_per_s else None
        self.source = MqttSource(stores.journal, clock, broker, subscriptions=stores.tongues.subscriptions, rate=limit)
        tray = AckTray()
        self.acks = AckSender(tray, clock, acks_broker or acks_address(broker))
        take = sink(self.desk) if sink else self.desk.take_findings
        decoder = SharedDecoder(stores.journal, clock, stores.tongues.decoder)
        rules = Engine(self.first_table)
        self.rules = RulesConsumer(rules, view := decoder.view(), take, OutlookBook(stores.engine).take)
        readers: list[tuple[Consumer, Pace | None]] = [
            (self.rules, view),
            (IntakeConsumer(stores.engine, view := decoder.view()), view),
            (HistoryConsumer(stores.history, view := decoder.view(), stores.history_cursor), view),
            (AcksConsumer(stores.engine, view := decoder.view(), tray, clock), view),
        ]
        if "sparkplug" in stores.tongues.dialects:
            readers.append((RebirthConsumer(self.source.publish), None))
        lane = LaneConsumer(
            view := decoder.view(), lambda found: take(self.desk.of_real_homes(found)), lambda: rules.table.version
        )
        first = Runner(stores.journal, stores.cursors, lane, clock, commit_every_s=COMMIT_EVERY_S, pace=view)
        view = decoder.view()
        self.runners = (
            first,
            *(
                Runner(stores.journal, stores.cursors, consumer, clock, pace=pace, gather_s=GATHER_S)
                for consumer, pace in readers
            ),
            hours_runner(stores, clock, view, view),
        )
        self.beats = (
            Beat("facts", 0.2, self.carry_facts, clock),
            Beat("journal again", 1.0, stores.journal.try_again, clock),
            Beat("watch", 1.0, SystemWatch(self.stages, channels, policy, clock, self.contacts).turn, clock),
            Beat("tick", 1.0, self.tick.run, clock),
            Beat("duty", 1.0, self.duty.run, clock),
            *(
                # One for each channel: a receiver that hangs holds up nobody else's messages.
                Beat(f"outbox {name}", 0.5, Sender(stores.engine, clock, {name: channel}, base_url=policy.base_url).turn, clock)
                for name, channel in channels.items()
            ),
            *(
                Beat(f"receipts {name}", 1.0, Receipts(stores.engine, clock, name, provider).turn, clock)
                for name, provider in (asking or {}).items()
            ),
            *self._guards(ping_url),
        )
        self.chores = Chores([*self._chores(), *upkeep])

    def _chores(self) -> Iterator[Chore]:
        store, clock = self.stores.engine, self.clock
        asked = "look at the store and its disk: anbu check"
        yield Chore("live events", lambda: prune_live_events(store, clock), asked, clock)
        yield Chore("history", self.prune_history, "look at the history's file or server and its disk: anbu check", clock)
        yield Chore("rejections, losses", self.forget_what_went_wrong, asked, clock)
        if self.keep_days:
            yield Chore("journal", self.prune_journal, "anbu journal stats, anbu journal prune --dry-run", clock)
        yield Chore("sessions", self.accounts.prune_sessions, asked, clock)
        yield Chore("idempotency keys", self.postbox.forget_keys, asked, clock)

    def _canary(self, policy: Policy, button: Pressing) -> Canary:
        return Canary(
            register=self.register,
            contacts=self.contacts,
            channels=policy.channels or (),
            paths=self.paths,
            button=button,
            clock=self.clock,
            listening=lambda: self.source.status().caught_up,
        )

    def _guards(self, ping_url: str | None) -> Iterator[Beat]:
        """Who watches the watcher: the canary, and the switch that somebody else holds."""
        if self.canary is not None:
            yield Beat("canary", 2.0, self.canary.turn, self.clock)
        if ping_url is not None:
            yield Beat("watchdog", 5.0, Watchdog(ping_url, self.stages, Wire(self.clock), self.clock).turn, self.clock)

    def carry_facts(self) -> int:
        """Append what staff did and the register learned to the journal, then messages of files, then what is read again."""
        stores, now = self.stores, self.clock.home_now()
        facts = carry_facts(stores.engine, stores.journal, now, name=stores.journal_name)
        messages = carry_messages(stores.engine, stores.journal, now)
        return facts + messages + carry_rereads(stores.engine, stores.journal, now)

    def forget_what_went_wrong(self) -> None:
        """Rejections and losses past their time (home time) are no longer shown; raw bytes stay in the journal."""
        now = self.clock.home_now()
        forget_rejections(self.stores.engine, now - REJECTIONS_KEPT)
        forget_losses(self.stores.engine, now - LOSSES_KEPT)

    def prune_history(self) -> None:
        """Readings and hours past their time (home time) go, where the store does not see to that itself."""
        now = self.clock.home_now()
        self.stores.history.prune(now - self.raw_kept, now - self.hours_kept)

    def prune_journal(self) -> None:
        """Delete what of the journal is older than `keep_days`, as far as every cursor has passed it.

        RuntimeError where one of them stays behind: the disk fills until it moves. Snapshots of long ago lie a week apart,
        so a week more is nobody's fault.
        """
        journal, limit = self.stores.journal, self.clock.home_now() - self.keep_days * DAY
        pruned = prune(journal, self.stores.cursors, limit)
        if pruned.held_by and journal.ending_by(journal.offset_before(limit - 8 * DAY)):
            raise RuntimeError(f"the journal keeps more than {self.keep_days} days, held by {', '.join(pruned.held_by)}")

    def start(self) -> None:
        """Write down that we run, then start every stage; the source last."""
        for runner in self.runners:
            runner.prepare()
        settle_memory()
        self.stores.journal.append([RunStarted(fact_id=f"run:{self.run_id}", at=self.clock.home_now(), run_id=self.run_id)])
        self.rules.give_way()
        for runner in self.runners:
            runner.start()
        for beat in self.beats:
            beat.start()
        self.chores.start()
        self.acks.start()
        self.source.start()

    def stop(self) -> None:
        """End every stage, the source first; what was acknowledged is journalled, what was journalled is kept."""
        self.source.stop(2.0)
        for beat in self.beats:
            beat.stop(2.0)
        self.chores.stop()
        for runner in self.runners:
            runner.stop(2.0)
        self.acks.stop(2.0)  # after the runners: what they committed last is told last
        self.stores.journal.append([RunStopped(fact_id=f"stop:{self.run_id}", at=self.clock.home_now(), run_id=self.run_id)])

    def services(
        self,
        *,
        https: bool,
        speed: Speed | None = None,
        demo_login: tuple[str, str] | None = None,
        report_secret: bytes | None = None,
    ) -> Services:
        """What the pages and the API are handed."""
        return Services(
            desk=self.desk,
            register=self.register,
            history=self.stores.history,
            accounts=self.accounts,
            losses=Losses(self.stores.engine),
            aftercare=Aftercare(self.stores.engine, self.clock, self.stores.sealer, self.desk),
            figures=FigureBook(self.stores.engine, self.clock),
            clock=self.clock,
            stages=self.stages,
            duty=DutyOffice.over(self.stores.engine, self.clock, self.stores.sealer),
            rulebook=self.rulebook,
            trends=TrendNotes(self.stores.engine),
            looks_back=self.look_back,
            sights=lambda: self.rules.sights,
            tries_rules=WhatIfProcess(self.stores.journal.folder),
            speed=speed,
            tokens=Tokens(self.stores.engine, self.clock),
            postbox=self.postbox,
            strangers=Strangers(self.stores.engine),
            reach=self._reach(),
            https=https,
            demo_login=demo_login,
            report_secret=report_secret,
        )

    def _reach(self) -> Reach:
        return Reach(
            contacts=self.contacts,
            channels=self.channels,
            paths=self.paths,
            base_url=self.base_url,
            proving=self.canary is not None,
            push_key=self.push_key,
            calls=CallAnswers(self.stores.engine, self.clock, self.desk.answer),
            call_secret=self.call_secret,
        )

    def look_back(self, household: str, at: Millis) -> HomeSeen:
        """What the rules saw of a home then: the journal is run again beside the stages, which wait for nothing."""
        journal, decoder = self.stores.journal.folder, self.stores.tongues.decoder()
        return look_back(journal, self.stores.cursors.path, decoder, self.first_table, household, at, now=self.clock.home_now())

    def stages(self) -> list[StageHealth]:
        """How every stage is, in the order data flows."""
        return [
            self._source_health(),
            self._journal_health(),
            *map(self._runner_health, self.runners),
            self._sender_health(),
            *map(self._beat_health, self.beats),
            *([self.canary.health()] if self.canary is not None else []),
            self._clock_health(),
            *self.chores.health(),
        ]

    def _source_health(self) -> StageHealth:
        status = self.source.status()
        detail = status.error or (
            "connected" if status.caught_up else "reading the backlog" if status.connected else "no connection"
        )
        return StageHealth(name="broker", ok=status.connected and status.caught_up, detail=detail, lag=None)

    def _sender_health(self) -> StageHealth:
        status = self.acks.status()
        return StageHealth(name="ack sender", ok=status.connected, detail=status.error or "connected", lag=None)

    def _journal_health(self) -> StageHealth:
        journal = self.stores.journal
        disk = shutil.disk_usage(journal.folder)
        room = disk.free >= min(LEAST_ROOM, disk.total // 20)
        detail = journal.trouble or f"{disk.free // 1024**2} MiB free"
        return StageHealth(name="journal", ok=journal.trouble is None and room, detail=detail, lag=None)

    def _runner_health(self, runner: Runner) -> StageHealth:
        lag = self.stores.journal.head - runner.offset
        moved = self.clock.machine_now() - runner.progressed_at < STALLED_AFTER
        detail = runner.error or ("moving" if moved else "stalled")
        return StageHealth(name=runner.name, ok=runner.error is None and moved, detail=detail, lag=lag)

    def _beat_health(self, beat: Beat) -> StageHealth:
        moved = self.clock.machine_now() - beat.progressed_at < STALLED_AFTER
        return StageHealth(
            name=beat.name, ok=beat.error is None and moved, detail=beat.error or ("moving" if moved else "stalled"), lag=None
        )

    def _clock_health(self) -> StageHealth:
        drift = self.clock.wall_drift() if isinstance(self.clock, SystemClock) else 0
        return StageHealth(name="clock", ok=abs(drift) <= DRIFT_LIMIT, detail=f"wall clock {drift} ms from monotonic", lag=None)
