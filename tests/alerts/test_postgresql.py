"""Every statement that alerts ever sends can be said in PostgreSQL's words too, locks and partial indexes included."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from alerts import tables
from alerts.check import CheckState, Outcome
from alerts.live import prune_live_events
from alerts.outbox import Sender
from ingest.clock import DAY, HOUR
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import Site, finding

DIALECT = postgresql.dialect()


def a_day_at_the_desk(site: Site) -> None:
    """Everything the desk, the tick and the sender can do, once."""
    site.take(finding(), finding(level=Level.WARNING), finding(verb=Verb.CLEARED), finding(RuleKey.DEVICE_SILENT, device="d-1"))
    number = site.only().id
    site.desk.checks(dong="dong-1", states=list(CheckState), level=Level.WARNING, household="hh-1", before=number)
    site.pass_home(4 * HOUR)
    site.desk.acknowledge(number, actor="kim", dong=None)
    site.desk.note(number, actor="kim", dong=None, text="메모")
    site.pass_home(DAY)
    site.sender.turn()
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.MOVED)
    site.desk.check(number, dong=None)
    (ticket,) = site.desk.tickets(dong="dong-1", household="hh-1")
    site.desk.resolve_ticket(ticket.id, actor="lee", dong=None)
    site.desk.ticket_history(ticket.id, dong=None)
    site.desk.events(after=0, dong="dong-1")
    site.desk.last_event_id()
    site.clock.machine += 2 * DAY
    prune_live_events(site.engine, site.clock)
    Sender(site.engine, site.clock, {}).turn()


def test_every_statement_compiles_for_postgresql(site: Site) -> None:
    said: list[Any] = []
    event.listen(site.engine, "before_execute", lambda connection, statement, *rest: said.append(statement))
    a_day_at_the_desk(site)
    texts = {str(each.compile(dialect=DIALECT)) for each in said if hasattr(each, "compile")}
    assert len(texts) > 30
    assert any("FOR UPDATE" in text and "FROM delivery" in text and "SKIP LOCKED" in text for text in texts)
    assert any("FOR UPDATE" in text and 'FROM "check"' in text for text in texts)


def test_the_tables_and_their_partial_indexes_are_the_same_in_postgresql() -> None:
    partial = set()
    for table in (tables.check, tables.alert, tables.ticket, tables.due, tables.delivery, tables.live_event):
        assert str(CreateTable(table).compile(dialect=DIALECT))
        for index in table.indexes:
            if "WHERE" in str(CreateIndex(index).compile(dialect=DIALECT)):
                partial.add(index.name)
    assert partial == {"uq_check_open_subject", "uq_check_open_code", "uq_alert_open", "uq_ticket_open"}


def test_sqlite_finds_open_checks_by_their_partial_index(site: Site) -> None:
    query = tables.check.select().where(tables.check.c.subject == "hh-1", tables.open_check())
    with site.engine.begin() as connection:
        text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = " ".join(row.detail for row in connection.exec_driver_sql(f"explain query plan {text}"))
    assert "uq_check_open_subject" in plan
