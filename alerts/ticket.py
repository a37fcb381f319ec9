"""What a device finding does to a ticket for the installer; pure decisions. A ticket is never a check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from alerts.check import RULES, Action, Condition, Conflict, Transition, id_from, reason_of
from ingest.clock import Millis
from ingest.reading import DeviceId, DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey, Verb


class TicketState(StrEnum):
    """Whether an installer still has to look; a condition that cleared by itself leaves it open."""

    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One thing wrong with one device (기기 점검); one open per subject and rule. Instants are home time."""

    id: str
    household_id: HouseholdId | None
    dong_code: DongCode
    device_id: DeviceId | None
    rule: RuleKey
    level: Level  # only ever rises
    subject: str  # `device:<id>`, or the household id where no device is named
    state: TicketState
    condition: Condition
    episode: str
    opened_at: Millis
    at: Millis  # of the newest raise
    cleared_at: Millis | None
    resolved_at: Millis | None
    resolved_by: str | None
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketDecision:
    """What is to be written; `ticket` is None where nothing but the finding is recorded."""

    ticket: Ticket | None
    transitions: tuple[Transition, ...] = ()
    ticket_id: str | None = None  # the ticket a finding went to


def ticket_subject(finding: Finding) -> str:
    """What the ticket is about: the device, or the household where no device is named."""
    device = finding.evidence.device_id
    return f"device:{device}" if device else finding.household_id or "device:unknown"


def judge_device(ticket: Ticket | None, finding: Finding) -> TicketDecision:
    """Decide on one device finding. `ticket` is the open one of its subject and rule, None where there is none."""
    if finding.verb is Verb.RAISED:
        return _open(finding) if ticket is None else _raise(ticket, finding)
    if ticket is None or finding.verb is Verb.ALIVE:  # nobody lives in a device
        return TicketDecision(ticket=None)
    if finding.verb is Verb.CLEARED:
        if finding.episode != ticket.episode or ticket.condition is Condition.CLEARED:
            return TicketDecision(ticket=None, ticket_id=ticket.id)
        return _change(ticket, replace(ticket, condition=Condition.CLEARED, cleared_at=finding.at), finding, Action.CLEARED)
    if finding.verb is Verb.UNDETERMINED:
        if ticket.condition is Condition.UNDETERMINED:
            return TicketDecision(ticket=None, ticket_id=ticket.id)
        after = replace(ticket, condition=Condition.UNDETERMINED, episode=finding.episode, cleared_at=None)
        return _change(ticket, after, finding, Action.UNDETERMINED)
    assert_never(finding.verb)


def resolve(ticket: Ticket, actor: str, now: Millis) -> TicketDecision:
    """The installer is done. Conflict when somebody was before."""
    if ticket.state is TicketState.RESOLVED:
        raise Conflict("the ticket is resolved already")
    after = replace(ticket, state=TicketState.RESOLVED, resolved_at=now, resolved_by=actor)
    change = Transition(
        at=now,
        actor=actor,
        action=Action.RESOLVED,
        old=ticket.state,
        new=after.state,
        owner=None,
        level=ticket.level,
        reason="resolved",
    )
    return TicketDecision(ticket=after, transitions=(change,), ticket_id=ticket.id)


def _open(finding: Finding) -> TicketDecision:
    ticket = Ticket(
        id=id_from("ticket", finding.finding_id),
        household_id=finding.household_id,
        dong_code=finding.dong_code,
        device_id=finding.evidence.device_id,
        rule=finding.rule,
        level=finding.level,
        subject=ticket_subject(finding),
        state=TicketState.OPEN,
        condition=Condition.RAISED,
        episode=finding.episode,
        opened_at=finding.at,
        at=finding.at,
        cleared_at=None,
        resolved_at=None,
        resolved_by=None,
        evidence=finding.evidence,
    )
    return _change(None, ticket, finding, Action.OPENED)


def _raise(ticket: Ticket, finding: Finding) -> TicketDecision:
    after = replace(
        ticket,
        level=max(ticket.level, finding.level),
        condition=Condition.RAISED,
        episode=finding.episode,
        at=finding.at,
        cleared_at=None,
        evidence=finding.evidence,
    )
    if finding.level > ticket.level:
        return _change(ticket, after, finding, Action.RISEN)
    if finding.episode != ticket.episode or ticket.condition is not Condition.RAISED:
        return _change(ticket, after, finding, Action.RAISED_AGAIN)
    return TicketDecision(ticket=after, ticket_id=ticket.id)


def _change(ticket: Ticket | None, after: Ticket, finding: Finding, action: Action) -> TicketDecision:
    change = Transition(
        at=finding.at,
        actor=RULES,
        action=action,
        old=ticket.state if ticket else None,
        new=after.state,
        owner=None,
        level=finding.level,
        reason=reason_of(finding),
    )
    return TicketDecision(ticket=after, transitions=(change,), ticket_id=after.id)
