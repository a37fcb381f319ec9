"""How our nouns become what the API gives."""

from __future__ import annotations

import msgspec

from alerts.desk import AlertView, CheckDetail, CheckView, TicketView, TransitionView
from alerts.duty.away import Away
from alerts.script import script_of
from dashboard_api.api.models import (
    AlertOut,
    AwayOut,
    CheckDetailOut,
    CheckOut,
    DeviceOut,
    EvidenceOut,
    HouseholdOut,
    LevelWord,
    SightOut,
    SignsOut,
    TicketOut,
    TransitionOut,
)
from ingest.register.homes import Device, Household
from rules.observability import Sights
from rules.sentence import reason, say_cause


def alert_out(alert: AlertView, lang: str) -> AlertOut:
    """An alert with its sentence."""
    evidence = alert.evidence
    return AlertOut(
        id=alert.id,
        rule=str(alert.rule),
        level=LevelWord.of(alert.level),
        condition=str(alert.condition),
        raised_at=alert.raised_at,
        cleared_at=alert.cleared_at,
        reason=reason(alert.rule, alert.evidence_level, evidence, alert.at, lang),
        evidence=EvidenceOut(
            since=evidence.since,
            value=evidence.value,
            limit=evidence.limit,
            dwell_ms=evidence.dwell,
            coverage=evidence.coverage,
            rule_version=evidence.rule_version,
            device=evidence.device_id,
            signs=None if evidence.signs is None else SignsOut(**msgspec.structs.asdict(evidence.signs)),
        ),
    )


def check_out(check: CheckView, lang: str) -> CheckOut:
    """A check with its alerts."""
    return CheckOut(
        id=check.id,
        code=check.code,
        dong=check.dong_code,
        household=check.household_id,
        subject=check.subject,
        level=LevelWord.of(check.level),
        state=str(check.state),
        condition=str(check.condition),
        owner=check.owner,
        opened_at=check.opened_at,
        risen_at=check.risen_at,
        acknowledged_at=check.acknowledged_at,
        resolved_at=check.resolved_at,
        outcome=None if check.outcome is None else str(check.outcome),
        rung=check.rung,
        with_machine=check.with_machine,
        exhausted=check.exhausted,
        visit_at=check.visit_at,
        due_at=None if check.due is None else check.due.due_at,
        version=check.version,
        alerts=[alert_out(alert, lang) for alert in check.alerts],
    )


def detail_out(detail: CheckDetail, lang: str) -> CheckDetailOut:
    """A check with its transitions, what to say, and the checks before it."""
    return CheckDetailOut(
        check=check_out(detail.check, lang),
        transitions=[_transition_out(row) for row in detail.transitions],
        script=list(script_of(detail.check, lang)),
        earlier=[check_out(each, lang) for each in detail.earlier],
    )


def _transition_out(row: TransitionView) -> TransitionOut:
    return TransitionOut(
        at=row.at,
        actor=row.actor,
        action=str(row.action),
        old=row.old,
        new=row.new,
        level=LevelWord.of(row.level),
        reason=row.reason,
        note=row.note,
    )


def ticket_out(ticket: TicketView, lang: str) -> TicketOut:
    """A ticket with its sentence."""
    return TicketOut(
        id=ticket.id,
        dong=ticket.dong_code,
        household=ticket.household_id,
        device=ticket.device_id,
        rule=str(ticket.rule),
        level=LevelWord.of(ticket.level),
        state=str(ticket.state),
        condition=str(ticket.condition),
        opened_at=ticket.opened_at,
        cleared_at=ticket.cleared_at,
        resolved_at=ticket.resolved_at,
        resolved_by=ticket.resolved_by,
        reason=reason(ticket.rule, ticket.level, ticket.evidence, ticket.at, lang),
    )


def household_out(household: Household) -> HouseholdOut:
    """A home as the API gives it."""
    return HouseholdOut(
        id=household.id,
        dong=household.dong_code,
        grade=str(household.grade),
        enrolled_at=household.enrolled_at,
        ended_at=household.ended_at,
    )


def device_out(device: Device, lost: int = 0) -> DeviceOut:
    """A device as the API gives it; `lost` counts its messages that never came."""
    return DeviceOut(
        id=device.id,
        household=device.household_id,
        dong=device.dong_code,
        model=device.model,
        signals=list(device.signals),
        report_interval_s=device.report_interval_s,
        enrolled_at=device.enrolled_at,
        lost=lost,
    )


def sight_out(sights: Sights | None, household_id: str, lang: str) -> SightOut:
    """Whether the home is observed, as the rules saw it last."""
    if sights is None:
        return SightOut(observed=None)
    sight = sights.of(household_id)
    if sight is None:
        return SightOut(observed=True)
    text = say_cause(sight.cause, lang)
    return SightOut(observed=False, cause=sight.cause, since=sight.since, signals=list(sight.signals), text=text)


def away_out(away: Away) -> AwayOut:
    """A declared absence."""
    return AwayOut(reason=away.reason, since=away.from_at, returns_at=away.returns_at)
