"""What people and passing time do to a check: acknowledge, note, resolve, expire; pure decisions."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from alerts.attempt import Result
from alerts.check import (
    TICK,
    Action,
    BadReturn,
    Check,
    CheckState,
    Conflict,
    Decision,
    Due,
    DueKind,
    NeedsText,
    NoticeKind,
    Outcome,
    Transition,
    WrongValue,
)
from alerts.climb import go_on, resume
from alerts.policy import Policy
from ingest.clock import Millis
from ingest.facts import AwayDeclared, CheckResolved, Fact, HouseholdEnded

BY_PEOPLE = tuple(outcome for outcome in Outcome if outcome is not Outcome.SAFE_BY_AUTOMATIC_CALL)
"""The outcomes a person may choose: that one re-arms the rules at half their time, and counts as no contact of anybody."""

_ENDS_HOUSEHOLD = frozenset({Outcome.MOVED, Outcome.DEATH_FOUND})
_AWAY_REASON = {Outcome.AWAY: "other", Outcome.HOSPITAL: "hospital"}


def acknowledge(check: Check, actor: str, now: Millis, duty_ends: Millis) -> Decision:
    """The actor takes the check; one they hold already is held anew. Conflict where another holds it or it is over."""
    if check.state is CheckState.RESOLVED:
        raise Conflict("the check is resolved")
    if check.state is CheckState.ACKNOWLEDGED and check.owner != actor:
        raise Conflict(f"the check is with {check.owner}")
    after = replace(
        check,
        state=CheckState.ACKNOWLEDGED,
        owner=actor,
        acknowledged_at=now,
        due=expiry(check, now, duty_ends),
        version=check.version + 1,
    )
    change = change_of(check, after, actor, now, Action.ACKNOWLEDGED, "taken")
    return Decision(check=after, transitions=(change,), closes=Result.TAKEN)


def expiry(check: Check, now: Millis, duty_ends: Millis) -> Due:
    """When an acknowledgement given at `now` is over; `duty_ends`: when the duty that runs now does."""
    held = check.ladder.held(check.level)
    return Due(kind=DueKind.ACKNOWLEDGEMENT_EXPIRES, due_at=duty_ends if held is None else now + held)


def note(check: Check, actor: str, now: Millis, text: str) -> Decision:
    """Words are added, before or after the end; nothing else changes. NeedsText where there are none."""
    if not text.strip():
        raise NeedsText("a note needs text")
    after = replace(check, version=check.version + 1)
    return Decision(check=after, transitions=(change_of(check, after, actor, now, Action.NOTED, "note"),))


def resolve(check: Check, actor: str, now: Millis, outcome: Outcome, text: str) -> Decision:
    """A person ends the check. One that nobody had taken is taken on the way.

    Conflict when it is over, NeedsText for `other`, WrongValue for what only the resident's own answer can mean.
    """
    if check.state is CheckState.RESOLVED:
        raise Conflict("the check is resolved already")
    if outcome not in BY_PEOPLE:
        raise WrongValue("outcome_of_machine", "that the resident answered the automatic call is known from the call alone")
    if outcome is Outcome.OTHER and not text.strip():
        raise NeedsText("outcome other needs text")
    held = replace(check, state=CheckState.ACKNOWLEDGED, owner=actor, acknowledged_at=now, version=check.version + 1)
    taken: tuple[Transition, ...] = ()
    if check.state is CheckState.OPEN:
        taken = (change_of(check, held, actor, now, Action.ACKNOWLEDGED, "resolved_at_once"),)
    else:
        held = check
    after = replace(
        held,
        state=CheckState.RESOLVED,
        resolved_at=now,
        outcome=outcome,
        due=None,
        version=held.version + 1,
    )
    changes = (*taken, change_of(held, after, actor, now, Action.RESOLVED, outcome))
    return Decision(check=after, transitions=changes, closes=Result.STOPPED)


def fall_due(check: Check, now: Millis, policy: Policy) -> Decision:
    """What the check's due row asks for has come; the next one counts from `now`, so a late tick makes no burst."""
    if check.due is None or check.due.due_at > now:
        return Decision(check=None)
    if check.due.kind is DueKind.ACKNOWLEDGEMENT_EXPIRES:
        return _expire(check, now, policy)
    if check.due.kind is DueKind.RUNG:
        return go_on(check, now, policy)
    assert_never(check.due.kind)


def _expire(check: Check, now: Millis, policy: Policy) -> Decision:
    """Nobody settled it in time: it goes back to the queue, and whoever was on the way is taken to have given up."""
    after = replace(
        check,
        state=CheckState.OPEN,
        owner=None,
        acknowledged_at=None,
        visit_at=None,
        version=check.version + 1,
    )
    change = change_of(check, after, TICK, now, Action.EXPIRED, "acknowledgement_expired")
    return replace(resume(after, NoticeKind.EXPIRED, now, policy), transitions=(change,))


def facts_of(check: Check, now: Millis, outcome: Outcome, returns_at: Millis | None, policy: Policy) -> tuple[Fact, ...]:
    """What the journal must learn of this ending; nothing where no household is known. BadReturn for a wrong return time."""
    absent = _absence_ends(now, outcome, returns_at, policy)
    household = check.household_id
    if household is None:
        return ()
    settled = CheckResolved(
        fact_id=f"resolved:{check.id}",
        at=now,
        check_id=check.id,
        household_id=household,
        outcome=outcome,
        rules=tuple(alert.rule.value for alert in check.alerts),
    )
    if absent is not None:
        reason = _AWAY_REASON[outcome]
        away = AwayDeclared(fact_id=f"away:{check.id}", at=now, household_id=household, returns_at=absent, reason=reason)
        return (settled, away)
    if outcome in _ENDS_HOUSEHOLD:
        return (settled, HouseholdEnded(fact_id=f"ended:{check.id}", at=now, household_id=household))
    return (settled,)


def _absence_ends(now: Millis, outcome: Outcome, returns_at: Millis | None, policy: Policy) -> Millis | None:
    if outcome not in _AWAY_REASON:
        return None
    latest = now + policy.longest_away
    if returns_at is None:
        if outcome is Outcome.HOSPITAL:
            return latest
        raise BadReturn("outcome away needs a return time")
    if not now < returns_at <= latest:
        raise BadReturn("the return time must lie ahead, and at most as far as an absence may last")
    return returns_at


def change_of(check: Check, after: Check, actor: str, now: Millis, action: Action, reason: str) -> Transition:
    """The transition between two states of a check."""
    return Transition(
        at=now,
        actor=actor,
        action=action,
        old=check.state,
        new=after.state,
        owner=check.owner,
        level=check.level,
        reason=reason,
    )
