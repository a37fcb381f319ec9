"""A real site run from its settings until it is told to stop."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

import structlog
from pydantic import SecretStr

from alerts.contacts import ContactBook
from alerts.ladder import load_ladder
from alerts.policy import Policy
from alerts.rulebook import Rulebook
from anbu.backup_look import backup_looked_for
from anbu.broker import BrokerFailed, EmbeddedBroker
from anbu.canary import MqttButton
from anbu.certificate_look import certificate_looked_at
from anbu.channels import open_channels, routes_of
from anbu.ending import Refusal
from anbu.histories import HISTORY_CURSORS, open_history
from anbu.language import say
from anbu.settings import Settings
from anbu.stores import Stores, journal_name
from anbu.web import WebServer, port_is_free
from anbu.wiring import Site
from dashboard_api.app import create_app
from ingest.acks_sender import acks_address
from ingest.clock import DAY, Clock, SystemClock
from ingest.decode import NOWHERE
from ingest.journal.cursors import SqliteCursors
from ingest.journal.port import JournalDamaged, JournalFull
from ingest.journal.sqlite import JournalInUse, SqliteJournal
from ingest.seal import Sealer, load_key
from ingest.source import BrokerAddress
from ingest.store import open_store
from ingest.tongues import Tongues
from rules.reader import RulesWrong
from rules.table import RuleTable, load_table

log = structlog.get_logger(__name__)


def serve(settings: Settings) -> None:
    """Run all stages and the page until SIGINT or SIGTERM. Refusal where another process or program is in the way."""
    if not port_is_free(settings.web.host, settings.web.port):
        place = f"{settings.web.host}:{settings.web.port}"
        raise Refusal(
            say(
                f"{place} 를 다른 프로그램이나 이미 실행 중인 anbu serve 가 쓰고 있습니다",
                f"{place} is in use by another program, or an anbu serve that runs already",
            ),
            say("그것을 멈추거나 web.port 를 바꾸십시오", "stop that, or change web.port"),
        )
    try:
        table = load_table(settings.rules.file)
        ladder = load_ladder(settings.alerts.ladder)
    except RulesWrong as error:
        raise Refusal(error.said(say("ko", "en"))) from error
    clock = SystemClock()
    with ExitStack() as stack:
        stores = open_site_stores(settings, clock)
        stack.callback(stores.close)
        _start_broker(settings, stack)
        contacts = ContactBook(stores.engine, stores.sealer, clock)
        channels = open_channels(settings, contacts, stores.sealer, clock, stack)
        site = Site(
            stores,
            clock,
            table=table,
            policy=Policy(base_url=settings.base_url, routes=routes_of(settings), channels=channels.people, ladder=ladder),
            channels=channels.by_name,
            asking=channels.asking,
            push_key=channels.push_key,
            button=_button(settings, clock),
            ping_url=_text(settings.watchdog.ping_url),
            call_secret=settings.calls.secret.get_secret_value().encode() if settings.calls.secret else None,
            broker=listening_broker(settings),
            acks_broker=acks_broker(settings),
            raw_kept=settings.history.raw_days * DAY,
            hours_kept=settings.history.hours_days * DAY,
            keep_days=settings.journal.keep_days,
            rate_per_s=settings.ingest.rate_per_s,
            burst=settings.ingest.burst,
            upkeep=[*backup_looked_for(settings.backup, clock), *certificate_looked_at(settings.broker_folder, clock)],
        )
        _tell_unused(site.rulebook, table)
        try:
            site.start()
        except JournalFull as error:  # nothing has been started yet
            raise Refusal(str(error), say("공간을 늘리십시오", "make room")) from error
        stack.callback(site.stop)
        server = WebServer(
            create_app(site.services(https=settings.web.https, report_secret=_report_secret(settings))),
            host=settings.web.host,
            port=settings.web.port,
            on_started=lambda: log.info("the page is open", url=settings.base_url),
        )
        server.run()
    log.info("stopped in good order")


def _tell_unused(rulebook: Rulebook, table: RuleTable) -> None:
    """A changed file changes nothing by itself: what holds is what the journal says."""
    now = rulebook.in_force()
    if now is not None and now.text != table.text:
        step = "anbu rules diff shows what differs, anbu rules apply puts it in force"
        log.warning("the table of rules.file is not the one in force", in_force=now.version, file=table.version, next=step)


def open_site_stores(settings: Settings, clock: Clock) -> Stores:
    """Everything durable of a real site; Refusal where another process has it."""
    settings.data.mkdir(parents=True, exist_ok=True)
    try:
        journal = SqliteJournal(settings.journal_folder, segment_bytes=settings.journal.segment_bytes)
    except (JournalInUse, JournalFull) as error:
        raise Refusal(str(error)) from error
    except JournalDamaged as error:
        raise Refusal(str(error), "anbu journal verify") from error
    engine = open_store(settings.store_url)
    return Stores(
        engine=engine,
        journal=journal,
        cursors=SqliteCursors(settings.cursors_file),
        history=open_history(settings, clock, engine),
        history_cursor=HISTORY_CURSORS[settings.history.kind],
        sealer=Sealer(load_key(settings.key_source)),
        journal_name=journal_name(settings.journal_folder),
        tongues=Tongues(dialects=settings.ingest.dialects, dong=settings.ingest.dong or NOWHERE),
    )


def _report_secret(settings: Settings) -> bytes | None:
    secret = settings.alerts.report_secret
    return None if secret is None else secret.get_secret_value().encode()


def _start_broker(settings: Settings, stack: ExitStack) -> None:
    if not settings.broker.embedded:
        return
    broker = EmbeddedBroker(settings.data / "broker", port=settings.broker.port)
    stack.callback(broker.stop)  # first: a signal may come while it starts
    try:
        broker.start()
    except BrokerFailed as error:
        raise Refusal(str(error), say("broker.port 를 확인하십시오", "check broker.port")) from error


def listening_broker(settings: Settings) -> BrokerAddress:
    """Where the broker is, and as whom we listen."""
    broker = settings.broker
    return BrokerAddress(
        host=broker.host,
        port=broker.port,
        client_id=broker.client_id,
        username=broker.username,
        password=broker.password.get_secret_value() if broker.password else None,
        tls=broker.tls,
        ca_file=broker.ca_file,
    )


def acks_broker(settings: Settings) -> BrokerAddress:
    """Who acknowledges to devices: never the account that listens, whose session it could take."""
    password = settings.broker.acks_password
    return acks_address(
        listening_broker(settings),
        username=settings.broker.acks_username,
        password=password.get_secret_value() if password else None,
    )


def _button(settings: Settings, clock: Clock) -> MqttButton | None:
    """The canary on the same broker, as an account of its own; None where it is switched off."""
    if not settings.canary.on:
        return None
    address = replace(
        listening_broker(settings),
        client_id=f"{settings.broker.client_id}-canary",
        username=settings.canary.username,
        password=_text(settings.canary.password),
    )
    return MqttButton(address, clock)


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
