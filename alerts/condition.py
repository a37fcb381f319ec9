"""What a finding does to the open check of its subject; pure decisions, nothing is read or written here."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from alerts.attempt import Result
from alerts.check import (
    RULES,
    Action,
    Alert,
    Check,
    CheckState,
    Condition,
    Decision,
    Due,
    DueKind,
    Notice,
    NoticeKind,
    Transition,
    condition_of,
    id_from,
    reason_of,
    subject_of,
    worst_first,
)
from alerts.climb import begin, machine_may, persons_rung, resume
from alerts.policy import Policy
from ingest.clock import Millis
from rules.finding import ABSENCE, Finding, Level, RuleKey, Verb

_ENDED_BY_LIFE = ABSENCE | {RuleKey.MOTION_PHONE}
"""What signs of life speak to; heat, an alarm or a neighbour's worry stand however lively the home is."""


def judge(check: Check | None, finding: Finding, now: Millis, policy: Policy) -> Decision:
    """Decide on one finding that is no device finding. `check` is the subject's open one, None where there is none.

    `now` (home time) starts the ladder, so that a finding read late does not set off a burst of tries.
    """
    if finding.verb is Verb.RAISED:
        if check is None:
            return _open(finding, now, policy)
        alert = _alert(check, finding)
        return _add(check, finding, now, policy) if alert is None else _raise(check, alert, finding, now, policy)
    if finding.verb is Verb.ALIVE:
        return _alive(check, finding, now)
    if check is None or (alert := _alert(check, finding)) is None:
        return Decision(check=None)
    if finding.verb is Verb.CLEARED:
        return _clear(check, alert, finding)
    if finding.verb is Verb.UNDETERMINED:
        return _doubt(check, alert, finding)
    assert_never(finding.verb)


def _open(finding: Finding, now: Millis, policy: Policy) -> Decision:
    alert = _new_alert(finding)
    check = Check(
        id=id_from("check", finding.finding_id),
        code="",
        dong_code=finding.dong_code,
        household_id=finding.household_id,
        subject=subject_of(finding),
        level=finding.level,
        state=CheckState.OPEN,
        condition=Condition.RAISED,
        owner=None,
        opened_at=finding.at,
        risen_at=finding.at,
        acknowledged_at=None,
        resolved_at=None,
        outcome=None,
        ladder=policy.ladder,
        rung=policy.ladder.rungs[0].name,
        tries=0,
        attempts=0,
        visit_at=None,
        version=1,
        due=None,
        alerts=(alert,),
    )
    change = Transition(
        at=finding.at,
        actor=RULES,
        action=Action.OPENED,
        old=None,
        new=CheckState.OPEN,
        owner=None,
        level=finding.level,
        reason=finding.rule,
    )
    return replace(begin(check, now, policy), transitions=(change,), alert_id=alert.id)


def _add(check: Check, finding: Finding, now: Millis, policy: Policy) -> Decision:
    alert = _new_alert(finding)
    alerts = (*check.alerts, alert)
    if finding.level > check.level or finding.level is Level.DANGER:
        return _requeue(check, alerts, alert, finding, now, policy)
    if check.with_machine and not machine_may(replace(check, alerts=alerts), check.on):
        return _requeue(check, alerts, alert, finding, now, policy)
    return _keep(check, alerts, alert, finding, Action.ADDED)


def _raise(check: Check, alert: Alert, finding: Finding, now: Millis, policy: Policy) -> Decision:
    again = finding.episode != alert.episode or alert.condition is not Condition.RAISED
    raised = replace(
        alert,
        level=max(alert.level, finding.level),
        condition=Condition.RAISED,
        episode=finding.episode,
        at=finding.at,
        cleared_at=None,
        evidence=finding.evidence,
        evidence_level=finding.level,
    )
    alerts = _with(check, raised)
    if finding.level > check.level:
        return _requeue(check, alerts, raised, finding, now, policy)
    if again:
        return _keep(check, alerts, raised, finding, Action.RAISED_AGAIN)
    if finding.level > alert.level:
        return _keep(check, alerts, raised, finding, Action.RISEN)
    return _keep(check, alerts, raised, finding, None)


def _clear(check: Check, alert: Alert, finding: Finding) -> Decision:
    if finding.episode != alert.episode or alert.condition is Condition.CLEARED:
        return Decision(check=None, alert_id=alert.id)  # a later episode stands, or nothing new
    cleared = replace(alert, condition=Condition.CLEARED, cleared_at=finding.at)
    return _keep(check, _with(check, cleared), cleared, finding, Action.CLEARED)


def _doubt(check: Check, alert: Alert, finding: Finding) -> Decision:
    if alert.condition is Condition.UNDETERMINED:
        return Decision(check=None, alert_id=alert.id)
    doubtful = replace(alert, condition=Condition.UNDETERMINED, episode=finding.episode, cleared_at=None)
    return _keep(check, _with(check, doubtful), doubtful, finding, Action.UNDETERMINED)


def _requeue(check: Check, alerts: tuple[Alert, ...], alert: Alert, finding: Finding, now: Millis, policy: Policy) -> Decision:
    """A graver level, one more danger, or what a machine must not ask about: a person has to accept the check anew."""
    risen = finding.level > check.level
    after = replace(
        check,
        alerts=worst_first(alerts),
        level=max(check.level, finding.level),
        condition=Condition.RAISED,
        state=CheckState.OPEN,
        owner=None,
        acknowledged_at=None,
        risen_at=finding.at if risen else check.risen_at,
        version=check.version + 1,
    )
    change = _change(check, after, finding, Action.RISEN if risen else Action.ADDED)
    told = resume(after, NoticeKind.RISEN if risen else NoticeKind.ADDED, now, policy)
    return replace(told, transitions=(change,), closes=Result.STOPPED, alert_id=alert.id)


def _alive(check: Check | None, finding: Finding, now: Millis) -> Decision:
    """The machine stops and the check comes back to its owner soon; the level stays, and so does the check."""
    if check is None or check.visit_at is not None or not all(alert.rule in _ENDED_BY_LIFE for alert in check.alerts):
        return Decision(check=None)
    held = check.state is CheckState.ACKNOWLEDGED
    after = replace(
        check,
        rung=persons_rung(check),
        tries=0,
        due=Due(kind=DueKind.ACKNOWLEDGEMENT_EXPIRES if held else DueKind.RUNG, due_at=now + check.ladder.return_after),
        version=check.version + 1,
    )
    return Decision(
        check=after,
        transitions=(_change(check, after, finding, Action.ALIVE),),
        notices=(notice(NoticeKind.ALIVE, after),),
        closes=Result.STOPPED,
    )


def _keep(check: Check, alerts: tuple[Alert, ...], alert: Alert, finding: Finding, action: Action | None) -> Decision:
    """The work stays with whoever has it. A danger that comes again is told all the same: a second SOS is no echo."""
    after = replace(
        check,
        alerts=worst_first(alerts),
        condition=condition_of(alerts),
        version=check.version + (action is not None),
    )
    if action is None:
        return Decision(check=after, alert_id=alert.id)
    told = action is Action.RAISED_AGAIN and finding.level is Level.DANGER
    return Decision(
        check=after,
        transitions=(_change(check, after, finding, action),),
        notices=(notice(NoticeKind.RAISED_AGAIN, after),) if told else (),
        alert_id=alert.id,
    )


def _change(check: Check, after: Check, finding: Finding, action: Action) -> Transition:
    return Transition(
        at=finding.at,
        actor=RULES,
        action=action,
        old=check.state,
        new=after.state,
        owner=check.owner,
        level=finding.level,
        reason=reason_of(finding),
    )


def _new_alert(finding: Finding) -> Alert:
    return Alert(
        id=id_from("alert", finding.finding_id),
        rule=finding.rule,
        level=finding.level,
        condition=Condition.RAISED,
        episode=finding.episode,
        raised_at=finding.at,
        at=finding.at,
        cleared_at=None,
        evidence=finding.evidence,
        evidence_level=finding.level,
    )


def _alert(check: Check, finding: Finding) -> Alert | None:
    return next((alert for alert in check.alerts if alert.rule is finding.rule), None)


def _with(check: Check, changed: Alert) -> tuple[Alert, ...]:
    return tuple(changed if alert.id == changed.id else alert for alert in check.alerts)


def notice(kind: NoticeKind, check: Check) -> Notice:
    """People are told of the check as it is now; its version makes the step unlike every other."""
    return Notice(kind=kind, step=f"{kind}:{check.version}")
