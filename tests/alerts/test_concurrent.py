"""Several processes at one store: no check, tick, delivery, event or fact twice, none left out; real threads and connections."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, insert, text
from sqlalchemy.exc import OperationalError

from alerts import tables
from alerts.check import Conflict
from alerts.desk import Desk
from alerts.live import LiveEvent, event_row
from alerts.outbox import Sender
from alerts.policy import Policy
from alerts.tables import live_event
from alerts.tick import Tick
from ingest.clock import HOUR
from ingest.fact_outbox import carry_facts, fact_outbox, queue_fact
from ingest.facts import HouseholdGraded
from ingest.journal.memory import MemoryJournal
from ingest.reading import HouseholdId
from ingest.seal import Sealer
from ingest.store import open_store, reading
from tests.alerts.alert_parts import WEBHOOK, Book, HandClock, Site, finding
from tests.stores import PostgresServer
from tests.waiting import until

HOMES = [f"hh-{number}" for number in range(20)]
POLICY = Policy(routes=(WEBHOOK,))


def other_desk(url: str, clock: HandClock) -> tuple[Engine, Desk]:
    """A desk as another process has it: nothing shared but the store."""
    engine = open_store(url)
    return engine, Desk(engine, clock, Sealer(b"k" * 32), POLICY)


def at_once(*works: Callable[[], object]) -> None:
    """Run these on a thread each, all beginning together; the first error of any of them comes out."""
    gate, errors = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        gate.wait(10)
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@contextmanager
def desks(url: str, clock: HandClock, count: int) -> Iterator[list[Desk]]:
    made = [other_desk(url, clock) for _ in range(count)]
    yield [desk for _engine, desk in made]
    for engine, _desk in made:
        engine.dispose()


def test_desks_that_hear_of_the_same_homes_at_once_open_one_check_for_each(site: Site, store_url: str) -> None:
    def take(desk: Desk, number: int) -> None:
        homes = random.Random(number).sample(HOMES, len(HOMES))  # each in an order of its own
        for part in (homes[:7], homes[7:]):
            desk.take_findings([finding(household=home, number=f"{number}-{home}") for home in part])

    with desks(store_url, site.clock, 4) as found:
        at_once(*(lambda desk=desk, number=number: take(desk, number) for number, desk in enumerate(found)))
    checks = site.desk.checks(dong=None)
    assert sorted(each.subject for each in checks) == sorted(HOMES)
    assert {len(each.alerts) for each in checks} == {1}
    assert Counter(row.action for row in site.rows(tables.transition)) == {"opened": 20}
    assert len(site.rows(tables.finding)) == 80
    assert len(site.rows(tables.delivery)) == 20


def test_the_same_findings_taken_by_several_at_once_count_once(site: Site, store_url: str) -> None:
    findings = [finding(household=home, number=home) for home in HOMES]
    with desks(store_url, site.clock, 4) as found:
        at_once(*(lambda desk=desk: desk.take_findings(findings) for desk in found))
    assert len(site.rows(tables.finding)) == len(site.rows(tables.transition)) == len(HOMES)


def test_of_several_who_acknowledge_at_once_one_has_it_and_the_others_are_told(site: Site, store_url: str) -> None:
    site.take(finding())
    number, outcomes = site.only().id, list[str]()

    def acknowledge(desk: Desk, actor: str) -> None:
        try:
            outcomes.append(str(desk.acknowledge(number, actor=actor, dong=None).owner))
        except Conflict as refused:
            outcomes.append(type(refused).__name__)

    with desks(store_url, site.clock, 6) as found:
        at_once(*(lambda desk=desk, actor=f"kim{place}": acknowledge(desk, actor) for place, desk in enumerate(found)))
    assert sorted(outcomes) == sorted(["Conflict"] * 5 + [str(site.only().owner)])
    assert site.actions() == ["opened", "acknowledged"]


def test_a_stream_misses_no_event_however_many_write_at_once(site: Site, store_url: str) -> None:
    seen: list[LiveEvent] = []
    done = threading.Event()

    def follow() -> None:
        while True:
            over = done.wait(0.005)  # a moment for the writers: a reader that never rests starves them of the interpreter
            found = site.desk.events(after=seen[-1].id if seen else 0, dong=None)
            seen.extend(found)
            if over and not found:
                return

    def take(desk: Desk, place: int) -> None:
        for number in range(15):
            desk.take_findings([finding(household=f"h-{place}-{number}")])

    def write() -> None:
        with desks(store_url, site.clock, 4) as found:
            try:
                at_once(*(lambda desk=desk, place=place: take(desk, place) for place, desk in enumerate(found)))
            finally:
                done.set()

    at_once(follow, write)
    assert [each.id for each in seen] == [row.id for row in site.rows(tables.live_event)]
    assert len(seen) == 60


@pytest.mark.postgresql
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_on_postgresql_no_event_is_seen_before_one_with_a_lower_id(site: Site, store_url: str) -> None:
    def waits() -> bool:
        with reading(site.engine).begin() as connection:
            return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")))

    with desks(store_url, site.clock, 1) as (second,):
        with site.engine.begin() as connection:  # has its id, is not committed yet
            slow = event_row(at=1, machine_at=1, dong_code="dong-1", kind="check", ref="slow", action="opened")
            connection.execute(insert(live_event).values(slow))
            thread = threading.Thread(target=second.take_findings, args=([finding()],))
            thread.start()
            until(waits, what="the second writer waits for the first")
            assert site.desk.events(after=0, dong=None) == []  # nothing of the second either
        thread.join(10)
    assert [each.ref for each in site.desk.events(after=0, dong=None)] == ["slow", site.only().id]


def test_two_ticks_and_two_senders_do_everything_once(site: Site, store_url: str) -> None:
    site.take(*(finding(household=home) for home in HOMES))
    books = [Book(), Book()]
    engines = [open_store(store_url) for _ in books]

    def work(place: int) -> None:
        tick = Tick(engines[place], site.clock, POLICY, holder=f"process-{place}")
        sender = Sender(engines[place], site.clock, {"webhook": books[place]})
        for _ in range(4):
            tick.run()
            sender.turn()

    at_once(lambda: work(0), lambda: work(1))
    for _ in range(3):
        site.clock.home += 4 * HOUR
        site.clock.machine += HOUR  # the lease is anyone's again
        at_once(lambda: work(0), lambda: work(1))
    told = Counter(each.id for book in books for each in book.given)
    assert set(told.values()) == {1}
    assert len(told) == len(HOMES) * 4
    assert {each.tries for each in site.desk.checks(dong=None)} == {4}
    for engine in engines:
        engine.dispose()


def test_a_tick_whose_holder_is_gone_is_taken_over_after_its_lease(site: Site, store_url: str) -> None:
    site.take(finding())
    engine = open_store(store_url)
    other = Tick(engine, site.clock, POLICY, holder="another process")
    assert site.pass_home(4 * HOUR) == 1
    site.clock.home += 4 * HOUR
    assert other.run() == 0
    site.clock.machine += 5_000
    assert other.run() == 1
    assert site.tick.run() == 0
    engine.dispose()


def test_every_journal_of_a_store_is_given_every_fact_once_while_facts_are_being_queued(site: Site, store_url: str) -> None:
    journals = {name: MemoryJournal() for name in ("east", "west")}
    engines = [open_store(store_url) for _ in range(4)]

    def queue(engine: Engine, writer: int) -> None:
        for number in range(25):
            fact = HouseholdGraded(fact_id=f"{writer}-{number}", at=1, household_id=HouseholdId("hh-1"), grade="high")
            with engine.begin() as connection:
                queue_fact(connection, fact)

    def carry(engine: Engine, name: str) -> None:
        while True:
            over = len(site.rows(fact_outbox)) == 50
            if not carry_facts(engine, journals[name], 1, limit=7, name=name) and over:
                return

    at_once(
        lambda: queue(engines[0], 0),
        lambda: queue(engines[1], 1),
        lambda: carry(engines[2], "east"),
        lambda: carry(engines[3], "west"),
    )
    queued = [row.fact_id for row in site.rows(fact_outbox)]
    for journal in journals.values():
        assert [entry.body.fact_id for entry in journal.read(0, 1_000) if isinstance(entry.body, HouseholdGraded)] == queued
    for engine in engines:
        engine.dispose()


@pytest.mark.postgresql
@pytest.mark.parametrize("store_url", ["postgresql"], indirect=True)
def test_a_database_that_was_away_is_used_again(site: Site, postgresql: PostgresServer) -> None:
    site.take(finding(household="hh-1"))
    postgresql.stop()
    try:
        with pytest.raises(OperationalError):
            site.take(finding(household="hh-2", number="away"))
    finally:
        postgresql.start()
    site.take(finding(household="hh-2", number="away"))
    assert sorted(each.subject for each in site.desk.checks(dong=None)) == ["hh-1", "hh-2"]
