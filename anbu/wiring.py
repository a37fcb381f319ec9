"""The composition root: which stages a site has, in which order they start and stop, and how each says it is well."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence

import structlog

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
from anbu.stage_health import of_beat, of_clock, of_journal, of_runner, of_sender, of_source
from anbu.stores import Stores
from anbu.watch import SystemWatch
from anbu.watchdog import Watchdog
from anbu.why import look_back
from dashboard_api.accounts import Accounts
from dashboard_api.services import Reach, Services, Speed, StageHealth
from dashboard_api.tokens import Tokens
from ingest.acks import AcksConsumer
from ingest.acks_sender import AckSender, acks_address
from ingest.acks_tray import AckTray
from ingest.clock import DAY, Clock, Millis
from ingest.decoding import Decoding
from ingest.dialects.registry import make_dialects
from ingest.fact_outbox import carry_facts
from ingest.facts import RunStarted, RunStopped
from ingest.history.consumer import HistoryConsumer
from ingest.history.hours import HoursConsumer
from ingest.history.port import HOURS_KEPT, RAW_KEPT
from ingest.intake import IntakeConsumer, forget_rejections
from ingest.journal.port import Consumer
from ingest.journal.retention import prune
from ingest.journal.runner import Pace, Runner
from ingest.losses import Losses, forget_losses
from ingest.message_outbox import carry_messages
from ingest.posted import Postbox
from ingest.rate import BURST, PER_S, RateLimit
from ingest.rebirth import RebirthConsumer
from ingest.register.register import Register
from ingest.register.strangers import Strangers
from ingest.rereading import carry_rereads
from ingest.sharing import SharedDecoder
from ingest.source import BrokerAddress, MqttSource
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
        rules, view = Engine(self.first_table), decoder.view()
        self.rules = RulesConsumer(rules, view, take, OutlookBook(stores.engine).take)
        lane = LaneConsumer(
            lane_view := decoder.view(), lambda found: take(self.desk.of_real_homes(found)), lambda: rules.table.version
        )
        self.runners = (
            Runner(stores.journal, stores.cursors, lane, clock, commit_every_s=COMMIT_EVERY_S, pace=lane_view),
            self._runner(self.rules, view),
            *self._other_runners(decoder, tray),
        )
        self.beats = tuple(self._beats(policy, asking or {}, ping_url))
        self.chores = Chores([*self._chores(), *upkeep])

    def _runner(self, consumer: Consumer, pace: Pace | None) -> Runner:
        return Runner(self.stores.journal, self.stores.cursors, consumer, self.clock, pace=pace, gather_s=GATHER_S)

    def _other_runners(self, decoder: SharedDecoder, tray: AckTray) -> Iterator[Runner]:
        stores = self.stores
        view = decoder.view()
        yield self._runner(IntakeConsumer(stores.engine, view), view)
        view = decoder.view()
        yield self._runner(HistoryConsumer(stores.history, view, stores.history_cursor), view)
        view = decoder.view()
        yield self._runner(AcksConsumer(stores.engine, view, tray, self.clock), view)
        if "sparkplug" in stores.tongues.dialects:
            yield self._runner(RebirthConsumer(self.source.publish), None)
        view = decoder.view()
        yield hours_runner(stores, self.clock, view, view)

    def _beats(self, policy: Policy, asking: Mapping[str, Asking], ping_url: str | None) -> Iterator[Beat]:
        store, clock = self.stores.engine, self.clock
        yield Beat("facts", 0.2, self.carry_facts, clock)
        yield Beat("journal again", 1.0, self.stores.journal.try_again, clock)
        yield Beat("watch", 1.0, SystemWatch(self.stages, self.channels, policy, clock, self.contacts).turn, clock)
        yield Beat("tick", 1.0, self.tick.run, clock)
        yield Beat("duty", 1.0, self.duty.run, clock)
        for name, channel in self.channels.items():
            # One for each channel: a receiver that hangs holds up nobody else's messages.
            sender = Sender(store, clock, {name: channel}, base_url=policy.base_url)
            yield Beat(f"outbox {name}", 0.5, sender.turn, clock)
        for name, provider in asking.items():
            yield Beat(f"receipts {name}", 1.0, Receipts(store, clock, name, provider).turn, clock)
        yield from self._guards(ping_url)

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
            of_source(self.source),
            of_journal(self.stores.journal),
            *(of_runner(runner, self.stores.journal.head, self.clock) for runner in self.runners),
            of_sender(self.acks),
            *(of_beat(beat, self.clock) for beat in self.beats),
            *([self.canary.health()] if self.canary is not None else []),
            of_clock(self.clock),
            *self.chores.health(),
        ]
