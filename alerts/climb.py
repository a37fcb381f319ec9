"""How a check climbs its ladder: what is tried now, when the next try is due, where it ends; pure decisions."""

from __future__ import annotations

from dataclasses import replace

from alerts.attempt import Attempt, Result
from alerts.check import (
    LADDER_STEP,
    TICK,
    Action,
    Ask,
    Check,
    CheckState,
    Decision,
    Due,
    DueKind,
    Notice,
    NoticeKind,
    Transition,
)
from alerts.ladder import EXHAUSTED, Ladder, Rung, RungChannel, Who
from alerts.policy import Policy
from alerts.telling import resident_of, telling_number
from ingest.clock import Millis
from rules.finding import Level

_AGAIN: dict[Who, NoticeKind] = {
    Who.RESIDENT: NoticeKind.ASK_RESIDENT,
    Who.OFFICER: NoticeKind.REMINDER,
    Who.CONTACT: NoticeKind.CONTACT,
    Who.VISIT: NoticeKind.VISIT,
    Who.EMERGENCY: NoticeKind.EMERGENCY,
}


def begin(check: Check, now: Millis, policy: Policy) -> Decision:
    """The first try of a check that has just been opened."""
    first = seek(check, check.ladder.rungs[0].name, now, policy)
    return _try(check, check.ladder.rung(first), 1, NoticeKind.OPENED, now, policy)


def resume(check: Check, kind: NoticeKind, now: Millis, policy: Policy) -> Decision:
    """People are told: on the rung it has come to, for a ladder is never climbed down, but no longer by the machine's."""
    name = seek(check, persons_rung(check), now, policy)
    if name == EXHAUSTED:  # what was reached has no rung left for a level that rose meanwhile
        name = first_person(check.ladder).name
    return _try(check, check.ladder.rung(name), 1, kind, now, policy)


def go_on(check: Check, now: Millis, policy: Policy) -> Decision:
    """The present try is over and nobody has taken the check: once more, or the next rung, or the end."""
    rung = check.on
    over = Result.NO_ANSWER if check.with_machine else Result.UNTAKEN
    if check.tries < rung.pace(check.level).tries and fits(check, rung, now, policy):
        return replace(_try(check, rung, check.tries + 1, _AGAIN[rung.who], now, policy), closes=over)
    name = seek(check, rung.then, now, policy)
    if name == EXHAUSTED:
        return replace(_exhaust(check, now), closes=over)
    following = check.ladder.rung(name)
    kind = NoticeKind.OPENED if check.with_machine else _AGAIN[following.who]
    return replace(_try(check, following, 1, kind, now, policy), closes=over)


def seek(check: Check, name: str, now: Millis, policy: Policy) -> str:
    """The name of the first rung from this one on that may be tried now, or EXHAUSTED."""
    while name != EXHAUSTED and not fits(check, rung := check.ladder.rung(name), now, policy):
        name = rung.then
    return name


def fits(check: Check, rung: Rung, now: Millis, policy: Policy) -> bool:
    """Whether this rung is for a check like this, now, on this site."""
    if not rung.pace(check.level).tries or not rung.in_hours(now):
        return False
    return rung.who is not Who.RESIDENT or (machine_may(check, rung) and policy.has(rung.channel))


def machine_may(check: Check, rung: Rung) -> bool:
    """Whether all that has spoken is an absence this rung may ask about, below danger, in a home that is known."""
    known = check.household_id is not None and check.level < Level.DANGER
    return known and rung.pace(check.level).tries > 0 and all(alert.rule in rung.rules for alert in check.alerts)


def machine_may_settle(check: Check) -> bool:
    """Whether "1, I am well" ends this check: nobody has taken it, nobody is on the way, and a machine may ask about it."""
    machines = [rung for rung in check.ladder.rungs if rung.who is Who.RESIDENT and machine_may(check, rung)]
    return check.state is CheckState.OPEN and check.visit_at is None and bool(machines)


def first_person(ladder: Ladder) -> Rung:
    """The first rung that is for people: the officer's."""
    return next(rung for rung in ladder.rungs if rung.who is not Who.RESIDENT)


def persons_rung(check: Check) -> str:
    """The rung it has come to, or the officer's where that is the machine's."""
    return first_person(check.ladder).name if check.on.who is Who.RESIDENT else check.rung


def _try(check: Check, rung: Rung, tries: int, kind: NoticeKind, now: Millis, policy: Policy) -> Decision:
    ends_at = now + rung.pace(check.level).wait
    number = check.attempts + 1
    attempt = Attempt(
        check_id=check.id,
        number=number,
        rung=rung.name,
        who=rung.who,
        channel=rung.channel,
        actor=TICK,
        at=now,
        ends_at=ends_at,
        result=None,
        result_at=None,
        result_by=None,
        delivery_id=None,
    )
    after = replace(check, rung=rung.name, tries=tries, attempts=number, due=Due(kind=DueKind.RUNG, due_at=ends_at))
    if rung.who is Who.RESIDENT and check.household_id is not None:
        ask = _ask(rung, NoticeKind.ASK_RESIDENT, number, min(ends_at, rung.closes_at(now)))
        named = telling_number(check.id, ask.step, resident_of(check.household_id))
        return Decision(check=after, asks=(ask,), attempts=(replace(attempt, delivery_id=named),))
    asks: tuple[Ask, ...] = ()
    if rung.channel is RungChannel.MESSAGE and policy.has(rung.channel):
        asks = (_ask(rung, NoticeKind.ASK_CONTACT, number, min(ends_at, rung.closes_at(now))),)
    return Decision(check=after, notices=(_telling(kind, number),), asks=asks, attempts=(attempt,))


def _telling(kind: NoticeKind, number: int) -> Notice:
    stands_alone = kind in _AGAIN.values()
    return Notice(kind=kind, step=f"{LADDER_STEP}{number}:{kind}" if stands_alone else f"{kind}:{number}")


def _ask(rung: Rung, kind: NoticeKind, number: int, not_after: Millis) -> Ask:
    return Ask(who=rung.who, channel=rung.channel, kind=kind, step=f"{LADDER_STEP}{number}:{kind}", not_after=not_after)


def _exhaust(check: Check, now: Millis) -> Decision:
    after = replace(check, due=None, version=check.version + 1)
    change = Transition(
        at=now,
        actor=TICK,
        action=Action.EXHAUSTED,
        old=check.state,
        new=after.state,
        owner=None,
        level=check.level,
        reason="ladder_exhausted",
    )
    told = Notice(kind=NoticeKind.EXHAUSTED, step=f"{NoticeKind.EXHAUSTED}:{after.version}")
    return Decision(check=after, transitions=(change,), notices=(told,))
