"""What the answer to an automatic call or message does to its check; pure decisions."""

from __future__ import annotations

from dataclasses import replace

from alerts.attempt import Answer, Attempt, Result, outweighs
from alerts.check import RESIDENT, Action, Check, CheckState, Decision, Due, DueKind, NoticeKind, Outcome, Transition, id_from
from alerts.climb import machine_may_settle, resume
from alerts.policy import Policy
from ingest.clock import Millis
from ingest.reading import HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey, Verb


def take_answer(check: Check, attempt: Attempt, answer: Answer, now: Millis, policy: Policy) -> Decision:
    """Decide on an answer other than help. One that says no more than what is known changes nothing."""
    if not outweighs(answer, attempt.result):
        return Decision(check=None)
    known = replace(attempt, result=Result(answer), result_at=now, result_by=RESIDENT)
    if answer is Answer.WELL and machine_may_settle(check):
        return _settle(check, known, now)
    if check.with_machine and answer is Answer.NO_KEY:
        told = resume(check, NoticeKind.OPENED, now, policy)
        return replace(told, attempts=(known, *told.attempts), closes=Result.STOPPED)
    if check.with_machine and answer is Answer.UNREACHABLE and attempt.number == check.attempts:
        return Decision(check=replace(check, due=Due(kind=DueKind.RUNG, due_at=now)), attempts=(known,))
    return Decision(check=check, attempts=(known,))


def help_asked(check: Check, attempt: Attempt, now: Millis) -> Finding:
    """ "2, I need help" as what it is: a danger raised by the resident, which opens a new check where this one is over."""
    number = id_from("help", attempt.delivery_id or "")
    return Finding(
        finding_id=number,
        episode=number,
        dong_code=check.dong_code,
        household_id=HouseholdId(check.subject),
        rule=RuleKey.HELP,
        level=Level.DANGER,
        verb=Verb.RAISED,
        at=now,
        evidence=Evidence(since=now),
    )


def _settle(check: Check, known: Attempt, now: Millis) -> Decision:
    outcome = Outcome.SAFE_BY_AUTOMATIC_CALL
    after = replace(check, state=CheckState.RESOLVED, resolved_at=now, outcome=outcome, due=None, version=check.version + 1)
    change = Transition(
        at=now,
        actor=RESIDENT,
        action=Action.RESOLVED,
        old=check.state,
        new=after.state,
        owner=None,
        level=check.level,
        reason=outcome,
    )
    return Decision(check=after, transitions=(change,), attempts=(known,), closes=Result.STOPPED)
