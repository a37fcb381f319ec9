"""Findings become one alert per rule and one check per subject, whose level only rises and which nothing but people end."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.check import CheckState, Condition, Outcome
from alerts.tables import alert, check, live_event, open_check, transition
from alerts.tables import finding as finding_rows
from alerts.ticket import TicketState
from ingest.clock import MINUTE
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import MORNING, Site, finding, make_site


def test_a_raised_finding_opens_a_check_with_one_alert(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    found = site.only()
    assert (found.state, found.condition, found.level) == (CheckState.OPEN, Condition.RAISED, Level.WARNING)
    assert [each.rule for each in found.alerts] == [RuleKey.MOTION]
    assert found.opened_at == MORNING
    assert site.actions() == ["opened"]


def test_all_rules_of_a_household_gather_in_one_check_at_the_highest_level(site: Site) -> None:
    site.take(finding(level=Level.CAUTION), finding(RuleKey.HEAT, Level.DANGER), finding(RuleKey.CALL, Level.WARNING))
    found = site.only()
    assert found.level is Level.DANGER
    assert [(each.rule, each.level) for each in found.alerts] == [
        (RuleKey.HEAT, Level.DANGER),
        (RuleKey.CALL, Level.WARNING),
        (RuleKey.MOTION, Level.CAUTION),
    ]


def test_a_level_rises_on_the_same_alert(site: Site) -> None:
    site.take(finding(level=Level.CAUTION), finding(level=Level.WARNING, at=MORNING + MINUTE))
    (only,) = site.only().alerts
    assert (only.level, only.raised_at, only.at) == (Level.WARNING, MORNING, MORNING + MINUTE)
    assert site.actions() == ["opened", "risen"]
    assert site.only().risen_at == MORNING + MINUTE


def test_a_level_is_never_lowered(site: Site) -> None:
    site.take(finding(level=Level.DANGER), finding(level=Level.CAUTION, episode="e2"), finding(verb=Verb.CLEARED, episode="e2"))
    found = site.only()
    assert (found.level, found.alerts[0].level) == (Level.DANGER, Level.DANGER)
    assert found.alerts[0].evidence_level is Level.CAUTION  # what the sentence must speak of


def test_what_late_data_withdraws_says_so_and_stays_for_a_person_to_look_at(site: Site) -> None:
    site.take(finding(), finding(verb=Verb.CLEARED, at=MORNING + MINUTE, withdrawn="late_data"))
    found = site.only()
    assert (found.state, found.condition) == (CheckState.OPEN, Condition.CLEARED)
    detail = site.desk.check(found.id, dong=None)
    assert detail is not None and [step.reason for step in detail.transitions] == ["motion", "motion:late_data"]


def test_wrong_6_who_took_a_check_is_known_after_a_restart_of_ours(store_url: str) -> None:
    before = make_site(store_url)
    before.take(finding())
    before.desk.acknowledge(before.only().id, actor="kim", dong=None)
    after = make_site(store_url)
    found = after.only()
    assert (found.state, found.owner) == (CheckState.ACKNOWLEDGED, "kim")
    for site in (before, after):
        site.engine.dispose()


def test_cleared_is_not_resolved(site: Site) -> None:
    site.take(finding(), finding(verb=Verb.CLEARED, at=MORNING + MINUTE))
    found = site.only()
    assert (found.state, found.condition) == (CheckState.OPEN, Condition.CLEARED)
    assert found.alerts[0].cleared_at == MORNING + MINUTE
    assert found.due is not None  # it goes on reminding until a person has looked


def test_a_check_stays_raised_while_one_of_its_alerts_is(site: Site) -> None:
    site.take(finding(), finding(RuleKey.CALL), finding(verb=Verb.CLEARED))
    assert site.only().condition is Condition.RAISED
    site.take(finding(RuleKey.CALL, verb=Verb.UNDETERMINED))
    assert site.only().condition is Condition.UNDETERMINED
    site.take(finding(RuleKey.CALL, verb=Verb.CLEARED))
    assert site.only().condition is Condition.CLEARED


def test_a_new_episode_raises_an_open_alert_again(site: Site) -> None:
    site.take(finding(), finding(verb=Verb.CLEARED), finding(episode="e2", at=MORNING + MINUTE))
    (only,) = site.only().alerts
    assert (only.condition, only.cleared_at, only.episode) == (Condition.RAISED, None, "e2")
    assert site.actions() == ["opened", "cleared", "raised_again"]


def test_a_clearing_of_an_older_episode_does_not_clear_the_newest(site: Site) -> None:
    site.take(finding(RuleKey.SOS, Level.DANGER), finding(RuleKey.SOS, Level.DANGER, episode="e2"))
    site.take(finding(RuleKey.SOS, Level.DANGER, Verb.CLEARED))
    assert site.only().condition is Condition.RAISED
    assert len(site.rows(finding_rows)) == 3


def test_undetermined_marks_an_alert_and_is_only_recorded_where_there_is_none(site: Site) -> None:
    site.take(finding(verb=Verb.UNDETERMINED), finding(verb=Verb.CLEARED))
    assert site.desk.checks(dong=None) == []
    assert [row.alert_id for row in site.rows(finding_rows)] == [None, None]
    site.take(finding(), finding(verb=Verb.UNDETERMINED), finding(verb=Verb.UNDETERMINED))
    assert site.only().condition is Condition.UNDETERMINED
    assert site.actions() == ["opened", "undetermined"]


def test_taking_a_finding_again_changes_nothing_and_tells_nobody(site: Site) -> None:
    first = [finding(number="a"), finding(number="b", level=Level.WARNING), finding(number="c", verb=Verb.CLEARED)]
    site.take(*first, first[0])
    tables = (check, alert, transition, finding_rows, live_event)
    before = [site.rows(table) for table in tables]
    site.sender.turn()
    told = list(site.book.kinds)
    site.take(*first)
    site.take(first[1])
    assert [site.rows(table) for table in tables] == before
    site.sender.turn()
    assert site.book.kinds == told


def test_findings_read_again_after_the_check_was_resolved_open_no_second_one(site: Site) -> None:
    raised = finding(number="a")
    site.take(raised)
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    site.take(raised)
    assert site.only().state is CheckState.RESOLVED


def test_a_new_raise_after_the_end_opens_a_new_check(site: Site) -> None:
    site.take(finding())
    site.desk.resolve(site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    site.take(finding(episode="e2"))
    assert sorted(each.state for each in site.desk.checks(dong=None)) == ["open", "resolved"]
    (now_open,) = site.desk.checks(dong=None, states=[CheckState.OPEN])
    assert [each.episode for each in now_open.alerts] == ["e2"]


def test_ids_and_codes_are_the_same_in_whichever_store_the_journal_is_read(site: Site, tmp_path: Path) -> None:
    other = make_site(f"sqlite:///{tmp_path / 'other.db'}")
    for each in (site, other):
        each.take(finding(number="same"), finding(RuleKey.HEAT, number="heat"))
    assert other.only() == site.only()
    other.engine.dispose()


def test_an_urgent_signal_of_an_unclaimed_device_opens_a_check_without_household(site: Site) -> None:
    site.take(finding(RuleKey.SMOKE, Level.DANGER, household=None, device="dev-9"))
    found = site.only()
    assert (found.household_id, found.subject, found.dong_code) == (None, "device:dev-9", "dong-1")
    site.desk.resolve(found.id, actor="kim", dong="dong-1", outcome=Outcome.DEVICE_FAULT)
    assert site.facts() == []  # nothing to tell the rules: they know no such household


@pytest.mark.parametrize("device", ["dev-1", None])
def test_device_findings_become_tickets_never_checks(site: Site, device: str | None) -> None:
    site.take(finding(RuleKey.DEVICE_BATTERY, device=device))
    site.take(finding(RuleKey.DEVICE_BATTERY, Level.WARNING, device=device))
    site.take(finding(RuleKey.DEVICE_BATTERY, verb=Verb.CLEARED, device=device))
    assert site.desk.checks(dong=None) == []
    (ticket,) = site.desk.tickets(dong="dong-1")
    assert (ticket.level, ticket.state, ticket.condition) == (Level.WARNING, TicketState.OPEN, Condition.CLEARED)
    assert ticket.subject == ("device:dev-1" if device else "hh-1")
    site.sender.turn()
    assert site.book.given == []  # nobody is woken for a battery
    done = site.desk.resolve_ticket(ticket.id, actor="lee", dong="dong-1", text="새 건전지")
    assert (done.state, done.resolved_by) == (TicketState.RESOLVED, "lee")
    history = site.desk.ticket_history(ticket.id, dong="dong-1")
    assert [each.action for each in history] == ["opened", "risen", "cleared", "resolved"]
    assert history[-1].note == "새 건전지"


def test_a_ticket_raised_anew_after_its_end_is_a_new_one(site: Site) -> None:
    site.take(finding(RuleKey.DEVICE_SILENT, device="dev-1"))
    (first,) = site.desk.tickets(dong=None)
    site.desk.resolve_ticket(first.id, actor="lee", dong=None)
    site.take(finding(RuleKey.DEVICE_SILENT, device="dev-1", episode="e2"))
    site.take(finding(RuleKey.DEVICE_SILENT, device="dev-1", verb=Verb.UNDETERMINED, episode="e2"))
    site.take(finding(RuleKey.DEVICE_SILENT, device="dev-1", episode="e2"))
    (second,) = site.desk.tickets(dong=None, states=[TicketState.OPEN], household="hh-1")
    assert second.id != first.id
    assert second.condition is Condition.RAISED


def test_a_rise_takes_an_acknowledged_check_back_to_the_queue(site: Site) -> None:
    site.take(finding(level=Level.CAUTION))
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.take(finding(level=Level.WARNING))
    found = site.only()
    assert (found.state, found.owner, found.acknowledged_at) == (CheckState.OPEN, None, None)
    detail = site.desk.check(found.id, dong=None)
    assert detail is not None
    last = detail.transitions[-1]
    assert (last.action, last.old, last.new, last.owner) == ("risen", "acknowledged", "open", "kim")
    site.sender.turn()
    assert site.book.kinds == ["risen"]


def test_one_more_danger_takes_it_back_too_and_a_second_press_is_told_to_its_owner(site: Site) -> None:
    site.take(finding(level=Level.DANGER))
    site.sender.turn()
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.take(finding(RuleKey.SOS, Level.DANGER))
    site.sender.turn()
    assert site.only().state is CheckState.OPEN
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.take(finding(RuleKey.SOS, Level.DANGER, episode="e2"))
    assert (site.only().state, site.only().owner) == (CheckState.ACKNOWLEDGED, "kim")
    site.sender.turn()
    assert site.book.kinds == ["opened", "added", "raised_again"]


def test_a_milder_rule_joining_leaves_the_check_with_its_owner(site: Site) -> None:
    site.take(finding(level=Level.WARNING))
    site.desk.acknowledge(site.only().id, actor="kim", dong=None)
    site.take(finding(RuleKey.HUMIDITY, Level.CAUTION))
    site.take(finding(RuleKey.HUMIDITY, Level.WARNING))
    assert (site.only().state, site.only().owner) == (CheckState.ACKNOWLEDGED, "kim")
    assert site.actions() == ["opened", "acknowledged", "added", "risen"]
    site.sender.turn()
    assert site.book.kinds == ["opened"]


def test_hundreds_of_findings_are_taken_in_one_transaction(site: Site) -> None:
    site.take(*(finding(household=f"hh-{number}") for number in range(850)))
    assert len(site.desk.checks(dong="dong-1", limit=2_000)) == 850
    codes = {each.code for each in site.desk.checks(dong="dong-1", limit=2_000)}
    assert len(codes) == 850


@pytest.mark.parametrize("store_url", ["sqlite"], indirect=True)
def test_sqlite_finds_open_checks_by_their_partial_index(site: Site) -> None:
    query = check.select().where(check.c.subject == "hh-1", open_check())
    with site.engine.begin() as connection:
        text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = " ".join(row.detail for row in connection.exec_driver_sql(f"explain query plan {text}"))
    assert "uq_check_open_subject" in plan


def test_the_same_level_of_the_same_episode_found_anew_is_news_to_nobody(site: Site) -> None:
    site.take(finding(level=Level.WARNING), finding(level=Level.WARNING, at=MORNING + MINUTE))
    assert site.actions() == ["opened"]
    assert site.only().alerts[0].at == MORNING + MINUTE  # what the sentence speaks of
    assert (site.only().version, site.only().attempts) == (1, 1)
