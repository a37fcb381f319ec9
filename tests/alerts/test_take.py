"""Many findings at once: short transactions, what is urgent first, one look at the roster in each, nothing told twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from alerts.contacts import ContactBook, Kind
from alerts.desk import AT_ONCE
from alerts.policy import Policy
from alerts.tables import attempt, check, delivery, live_event, transition
from alerts.tables import finding as finding_table
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from rules.finding import Finding, Level, RuleKey, Verb
from tests.alerts.alert_parts import Site, finding
from tests.alerts.duty_parts import Office

MANY = 2 * AT_ONCE + 50


class Died(Exception):
    """The process ended inside a transaction."""


@pytest.fixture
def office(store_url: str) -> Iterator[Office]:
    engine = open_store(store_url)
    metadata.create_all(engine)
    made = Office(engine=engine, policy=Policy(routes=())).staff()
    contacts = ContactBook(engine, Sealer(b"k" * 32), made.clock)
    for person in ("officer1", "officer2", "gu"):
        contacts.add(person, Kind.EMAIL, f"{person}@example.invalid")
    yield made
    engine.dispose()


def still(number: int) -> Finding:
    """Nobody has moved in one of many homes."""
    home, dong = f"hh-{number}", f"dong-{number % 2 + 1}"
    return finding(RuleKey.MOTION, Level.WARNING, household=home, dong=dong, number=f"still-{number}")


def pressed(home: str) -> Finding:
    """The button of this home."""
    return finding(RuleKey.SOS, Level.DANGER, household=home, episode="sos", number=f"sos-{home}")


@contextmanager
def transactions(office: Office) -> Iterator[list[list[str]]]:
    """The statements of each transaction that was committed meanwhile."""
    done: list[list[str]] = []
    begun: list[str] = []

    def say(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        begun.append(statement)

    def end(_c: Any) -> None:
        done.append(begun.copy())
        begun.clear()

    event.listen(office.engine, "before_cursor_execute", say)
    event.listen(office.engine, "commit", end)
    yield done
    event.remove(office.engine, "before_cursor_execute", say)
    event.remove(office.engine, "commit", end)


@contextmanager
def death_in_transaction(office: Office, number: int) -> Iterator[None]:
    """The process ends in the middle of the transaction of this number."""
    begun = 0

    def count(_c: Any) -> None:
        nonlocal begun
        begun += 1

    def die(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        if begun == number and statement.startswith("INSERT INTO finding"):
            raise Died

    event.listen(office.engine, "begin", count)
    event.listen(office.engine, "before_cursor_execute", die)
    with pytest.raises(Died):
        yield
    event.remove(office.engine, "begin", count)
    event.remove(office.engine, "before_cursor_execute", die)


def test_many_new_checks_are_written_in_short_transactions_of_few_statements(office: Office) -> None:
    with transactions(office) as done:
        office.take(*map(still, range(MANY)))
    assert len(done) == 3
    for statements in done:
        assert sum("FROM duty_shift" in each for each in statements) == 1
        assert sum("FROM silence" in each for each in statements) == 1
        assert len(statements) < 7 * AT_ONCE
    assert Counter(row.recipient for row in office.rows(delivery)) == {"officer1": MANY // 2, "officer2": MANY // 2}


def test_who_pressed_is_told_of_in_the_first_transaction_however_many_came_before(office: Office) -> None:
    with death_in_transaction(office, 2):
        office.take(*map(still, range(MANY)), pressed("hh-sos"))
    assert "hh-sos" in {row.household_id for row in office.rows(check)}
    assert {row.level for row in office.rows(delivery) if row.check_id == office.check_of("hh-sos").id} == {Level.DANGER}


def test_the_findings_of_one_home_keep_their_order_where_it_is_put_first(office: Office) -> None:
    office.take(*map(still, range(1, MANY)), still(0), pressed("hh-0"))
    found = office.desk.check(office.check_of("hh-0").id, dong=None)
    assert found is not None and [each.action for each in found.transitions] == ["opened", "risen"]


def test_a_process_that_dies_between_two_transactions_tells_nothing_twice_and_loses_nothing(office: Office) -> None:
    findings = [*map(still, range(MANY)), pressed("hh-7")]
    with death_in_transaction(office, 2):
        office.take(*findings)
    half = len(office.rows(check))
    assert 0 < half < MANY
    office.take(*findings)
    office.take(*findings)
    assert Counter(row.household_id for row in office.rows(check)) == {f"hh-{number}": 1 for number in range(MANY)}
    assert len(office.rows(finding_table)) == MANY + 1
    # Everybody once; of hh-7 both what opened it and that it rose.
    counts = [len(office.rows(table)) for table in (transition, live_event, attempt)]
    assert counts == [MANY + 1, MANY + 1, MANY + 1]
    assert max(Counter((row.check_id, row.step, row.recipient) for row in office.rows(delivery)).values()) == 1
    assert len({row.check_id for row in office.rows(delivery)}) == MANY


def test_every_finding_taken_is_kept_with_the_alert_or_ticket_it_went_to(site: Site) -> None:
    same = {"episode": "e1"}
    site.take(
        finding(level=Level.WARNING, **same),
        finding(level=Level.CAUTION, **same),
        finding(verb=Verb.UNDETERMINED, **same),
        finding(verb=Verb.UNDETERMINED, **same),
        finding(verb=Verb.CLEARED, **same),
        finding(verb=Verb.CLEARED, **same),
        finding(RuleKey.DEVICE_BATTERY, device="pir-1"),
    )
    rows = site.rows(finding_table)
    (one,) = site.only().alerts
    (ticket,) = site.desk.tickets(dong=None)
    kept = {(row.rule, row.alert_id, row.ticket_id) for row in rows}
    assert kept == {("motion", one.id, None), ("device_battery", None, ticket.id)} and len(rows) == 7
    assert {(row.dong_code, row.episode) for row in rows} == {("dong-1", "e1")}
