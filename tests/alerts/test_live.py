"""The live stream's events: in the same transaction as the change, in order, by dong, pruned without giving an id out twice."""

from __future__ import annotations

import pytest

from alerts.check import NotFound, Outcome
from alerts.live import prune_live_events
from alerts.metrics import open_checks, open_tickets, waiting_deliveries
from ingest.clock import DAY, HOUR
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import Site, finding


def test_every_change_is_an_event_in_its_order(site: Site) -> None:
    assert site.desk.last_event_id() == 0
    site.take(finding(), finding(level=Level.WARNING), finding(verb=Verb.CLEARED), finding(RuleKey.DEVICE_SILENT, device="d-1"))
    number = site.only().id
    site.desk.acknowledge(number, actor="kim", dong=None)
    site.pass_home(HOUR)
    site.desk.note(number, actor="kim", dong=None, text="메모")
    site.desk.resolve(number, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    events = site.desk.events(after=0, dong="dong-1")
    assert [(each.kind, each.action) for each in events] == [
        ("check", "opened"),
        ("check", "risen"),
        ("check", "cleared"),
        ("ticket", "opened"),
        ("check", "acknowledged"),
        ("check", "expired"),
        ("check", "noted"),
        ("check", "acknowledged"),
        ("check", "resolved"),
    ]
    assert {each.ref for each in events if each.kind == "check"} == {number}
    assert site.desk.last_event_id() == events[-1].id


def test_a_stream_goes_on_after_the_last_event_it_saw(site: Site) -> None:
    site.take(*(finding(household=f"hh-{number}") for number in range(6)))
    first = site.desk.events(after=0, dong=None, limit=4)
    rest = site.desk.events(after=first[-1].id, dong=None)
    assert len(first) == 4
    assert [each.id for each in first + rest] == sorted({each.id for each in first + rest})
    assert len(rest) == 2


def test_a_refused_request_leaves_no_event(site: Site) -> None:
    site.take(finding())
    last = site.desk.last_event_id()
    with pytest.raises(NotFound):
        site.desk.acknowledge(site.only().id, actor="lee", dong="dong-2")
    assert site.desk.last_event_id() == last


def test_pruning_keeps_the_newest_so_that_no_id_is_given_out_twice(site: Site) -> None:
    site.take(finding(household="hh-1"), finding(household="hh-2"))
    last = site.desk.last_event_id()
    site.clock.machine += DAY + 1
    assert prune_live_events(site.engine, site.clock) == 1
    assert prune_live_events(site.engine, site.clock) == 0
    site.take(finding(household="hh-3"))
    (event,) = site.desk.events(after=last, dong=None)
    assert event.id > last


def test_young_events_are_not_pruned(site: Site) -> None:
    site.take(finding(household="hh-1"), finding(household="hh-2"))
    site.clock.machine += DAY
    assert prune_live_events(site.engine, site.clock) == 0


def test_the_gauges_show_what_stands_after_each_tick(site: Site) -> None:
    site.take(finding(household="hh-1", level=Level.DANGER), finding(household="hh-2"), finding(RuleKey.DEVICE_CLOCK, device="d"))
    site.tick.run()
    assert open_checks.labels("danger", "open")._value.get() == 1
    assert open_checks.labels("warning", "open")._value.get() == 0
    assert open_tickets._value.get() == 1
    assert waiting_deliveries.labels("webhook")._value.get() == 2
    site.sender.turn()
    site.tick.run()
    assert waiting_deliveries.labels("webhook")._value.get() == 0
