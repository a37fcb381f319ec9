"""What a person does about a check beside the ladder: a call, a visit, a call to 119; pure decisions."""

from __future__ import annotations

from dataclasses import replace

from alerts.attempt import HAND, Attempt, ByHand, Result
from alerts.check import Action, Check, CheckState, Conflict, Decision, Transition
from alerts.ladder import Who
from alerts.work import change_of, expiry
from ingest.clock import Millis


def try_by_hand(check: Check, actor: str, now: Millis, who: Who, result: ByHand | None) -> Decision:
    """A person tries to reach somebody; `result` None: it has begun, its end is told later. Conflict when it is over."""
    if check.state is CheckState.RESOLVED:
        raise Conflict("the check is resolved")
    attempt = _by_hand(check, actor, now, who, result)
    after = replace(check, attempts=attempt.number, version=check.version + 1)
    reason = f"{who}:{result or 'begun'}"
    return Decision(
        check=after, transitions=(change_of(check, after, actor, now, Action.ATTEMPTED, reason),), attempts=(attempt,)
    )


def end_try(check: Check, attempt: Attempt, actor: str, now: Millis, result: ByHand) -> Decision:
    """How a try by hand went. Conflict where that is told already, or the try was the ladder's."""
    if attempt.rung != HAND or attempt.result is not None:
        raise Conflict("how this try went is told already, or not yours to tell")
    after = replace(check, version=check.version + 1)
    known = replace(attempt, result=Result(result), result_at=now, result_by=actor)
    change = change_of(check, after, actor, now, Action.ATTEMPTED, f"{attempt.who}:{result}")
    return Decision(check=after, transitions=(change,), attempts=(known,))


def begin_visit(check: Check, actor: str, now: Millis, duty_ends: Millis) -> Decision:
    """Somebody is on the way: whose check it is stays so, an open one is theirs, and it is held anew. Conflict when over."""
    if check.state is CheckState.RESOLVED:
        raise Conflict("the check is resolved")
    taken: tuple[Transition, ...] = ()
    held = check
    if check.state is CheckState.OPEN:
        held = replace(check, state=CheckState.ACKNOWLEDGED, owner=actor, acknowledged_at=now, version=check.version + 1)
        taken = (change_of(check, held, actor, now, Action.ACKNOWLEDGED, "visit_begun"),)
    attempt = _by_hand(held, actor, now, Who.VISIT, None)
    after = replace(held, visit_at=now, attempts=attempt.number, due=expiry(check, now, duty_ends), version=held.version + 1)
    begun = change_of(held, after, actor, now, Action.VISIT_BEGUN, "visit_begun")
    return Decision(check=after, transitions=(*taken, begun), attempts=(attempt,), closes=Result.TAKEN)


def _by_hand(check: Check, actor: str, now: Millis, who: Who, result: ByHand | None) -> Attempt:
    return Attempt(
        check_id=check.id,
        number=check.attempts + 1,
        rung=HAND,
        who=who,
        channel="visit" if who is Who.VISIT else "phone",
        actor=actor,
        at=now,
        ends_at=None,
        result=None if result is None else Result(result),
        result_at=None if result is None else now,
        result_by=None if result is None else actor,
        delivery_id=None,
    )
