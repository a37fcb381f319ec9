"""What a device finding does to a ticket: it opens one, raises it, clears it once; the end of an earlier episode ends nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.check import Action, Condition
from alerts.ticket import Ticket, TicketState, judge_device, ticket_subject
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import MORNING, Site, finding


def opened(*, level: Level = Level.CAUTION, episode: str = "e1") -> Ticket:
    decision = judge_device(None, finding(RuleKey.DEVICE_BATTERY, level, device="pir-1", episode=episode))
    assert decision.ticket is not None
    return decision.ticket


def test_a_finding_with_a_device_is_about_it_and_else_about_the_home() -> None:
    assert ticket_subject(finding(RuleKey.DEVICE_SILENT, device="pir-1")) == "device:pir-1"
    assert ticket_subject(finding(RuleKey.NOT_COMMISSIONED)) == "hh-1"
    assert ticket_subject(finding(RuleKey.DEVICE_REJECTED, household=None)) == "device:unknown"


@pytest.mark.parametrize("verb", [Verb.CLEARED, Verb.UNDETERMINED, Verb.ALIVE])
def test_what_ends_or_doubts_nothing_opens_no_ticket_and_is_kept(site: Site, verb: Verb) -> None:
    site.take(finding(RuleKey.DEVICE_SILENT, verb=verb, device="pir-1", number="n1"))
    assert site.desk.tickets(dong=None) == [] and site.desk.checks(dong=None) == []
    site.take(finding(RuleKey.DEVICE_SILENT, verb=verb, device="pir-1", number="n1"))
    assert site.desk.tickets(dong=None) == []


def test_a_sign_of_life_changes_no_ticket() -> None:
    assert judge_device(opened(), finding(RuleKey.DEVICE_BATTERY, verb=Verb.ALIVE, device="pir-1")).ticket is None


def test_a_graver_level_is_told_and_a_lighter_one_lowers_nothing() -> None:
    graver = judge_device(opened(), finding(RuleKey.DEVICE_BATTERY, Level.WARNING, device="pir-1"))
    assert graver.ticket is not None and graver.ticket.level is Level.WARNING
    assert [each.action for each in graver.transitions] == [Action.RISEN]
    lighter = judge_device(graver.ticket, finding(RuleKey.DEVICE_BATTERY, Level.CAUTION, device="pir-1"))
    assert lighter.ticket is not None and lighter.ticket.level is Level.WARNING and lighter.transitions == ()


def test_raised_again_in_another_episode_or_after_its_end_is_told() -> None:
    anew = judge_device(opened(), finding(RuleKey.DEVICE_BATTERY, device="pir-1", episode="e2"))
    assert [each.action for each in anew.transitions] == [Action.RAISED_AGAIN]
    ended = replace(opened(), condition=Condition.CLEARED, cleared_at=MORNING)
    again = judge_device(ended, finding(RuleKey.DEVICE_BATTERY, device="pir-1"))
    assert [each.action for each in again.transitions] == [Action.RAISED_AGAIN]
    assert again.ticket is not None and again.ticket.cleared_at is None


def test_a_ticket_clears_once_and_stays_open_for_the_installer() -> None:
    cleared = judge_device(opened(), finding(RuleKey.DEVICE_BATTERY, verb=Verb.CLEARED, device="pir-1"))
    assert cleared.ticket is not None and cleared.ticket.state is TicketState.OPEN
    assert (cleared.ticket.condition, cleared.ticket.cleared_at) == (Condition.CLEARED, MORNING)
    once_more = judge_device(cleared.ticket, finding(RuleKey.DEVICE_BATTERY, verb=Verb.CLEARED, device="pir-1"))
    assert once_more.ticket is None and once_more.ticket_id == cleared.ticket.id and once_more.transitions == ()


def test_the_end_of_an_earlier_episode_does_not_clear_what_was_raised_since() -> None:
    ticket = opened(episode="e2")
    late = judge_device(ticket, finding(RuleKey.DEVICE_BATTERY, verb=Verb.CLEARED, device="pir-1", episode="e1"))
    assert (late.ticket, late.ticket_id, late.transitions) == (None, ticket.id, ())


def test_undetermined_is_told_once_and_takes_back_that_it_had_cleared() -> None:
    cleared = replace(opened(), condition=Condition.CLEARED, cleared_at=MORNING)
    doubt = judge_device(cleared, finding(RuleKey.DEVICE_BATTERY, verb=Verb.UNDETERMINED, device="pir-1"))
    assert doubt.ticket is not None
    assert (doubt.ticket.condition, doubt.ticket.cleared_at) == (Condition.UNDETERMINED, None)
    assert [each.action for each in doubt.transitions] == [Action.UNDETERMINED]
    again = judge_device(doubt.ticket, finding(RuleKey.DEVICE_BATTERY, verb=Verb.UNDETERMINED, device="pir-1"))
    assert again.ticket is None and again.transitions == ()
