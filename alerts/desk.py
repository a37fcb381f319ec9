"""The desk: one transaction around each decision about checks and tickets, and the questions people ask of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TypeAlias

from sqlalchemy import Connection, Engine, Select, and_, or_, select, update

from alerts import hand, metrics, work
from alerts import ticket as tickets_of
from alerts.aftercare.contacts import count_settled
from alerts.answer import help_asked, take_answer
from alerts.attempt import Answer, Attempt, ByHand, Result, outweighs
from alerts.check import (
    RESIDENT,
    Alert,
    BadReturn,
    Check,
    CheckState,
    Condition,
    Conflict,
    NeedsText,
    NotFound,
    NoticeKind,
    Outcome,
    subject_of,
)
from alerts.circumstances import Circumstances
from alerts.climb import resume
from alerts.condition import judge
from alerts.duty.away import note_away
from alerts.history import CheckDetail, TransitionView, attempts_of, earlier_checks, transitions_of
from alerts.ladder import Who
from alerts.live import LiveEvent, events_after, newest
from alerts.outcomes import RuleFigure, rule_figures
from alerts.policy import Policy
from alerts.proof import hear, synthetic_among
from alerts.record import Recorder
from alerts.roster import PlainRoster, Roster
from alerts.rows import (
    attempt_of,
    chunks,
    known_findings,
    load_check,
    load_checks,
    mend_attempt,
    open_checks_of,
    write_findings,
)
from alerts.tables import attempt, check, ticket
from alerts.ticket import Ticket, TicketState, judge_device, ticket_subject
from alerts.ticket_rows import open_tickets_of, ticket_of
from ingest.clock import Clock, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import AwayDeclared, HouseholdEnded
from ingest.register import tables as register
from ingest.seal import Sealer
from ingest.store import reading
from rules.finding import DEVICE, Finding, Level, RuleKey, Verb
from rules.urgent import urgent_first

CheckView: TypeAlias = Check
AlertView: TypeAlias = Alert
TicketView: TypeAlias = Ticket

__all__ = [
    "AlertView",
    "BadReturn",
    "CheckDetail",
    "CheckState",
    "CheckView",
    "Condition",
    "Conflict",
    "Desk",
    "LiveEvent",
    "NeedsText",
    "NotFound",
    "Outcome",
    "TicketState",
    "TicketView",
    "TransitionView",
]


AT_ONCE = 200
"""Findings taken in one transaction: so long, some tenths of a second, nobody else can write."""


class Desk:
    """Safe to use from several threads and processes. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer, policy: Policy, roster: Roster | None = None) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer
        self._policy = policy
        self._roster = roster or PlainRoster(policy)
        self._recorder = Recorder(clock, sealer, policy, self._roster)

    def take_findings(self, findings: Sequence[Finding]) -> None:
        """Take findings; durable, all of them, on return. One taken before changes and tells nothing.

        Those of one home in their order, homes in which somebody pressed or something burns before all others
        (docs/adr/0022), in transactions of `AT_ONCE` at most: after a crash between two of them, or a failure, the same
        are given again.
        """
        first, others = urgent_first(findings)
        for part in chunks(first + others, AT_ONCE):
            with self._engine.begin() as connection:
                self._take(connection, part)

    def of_real_homes(self, findings: Sequence[Finding]) -> list[Finding]:
        """Those that are of no synthetic home: what proves the path takes the whole of it, and no shorter way."""
        with self._reading.begin() as connection:
            synthetic = synthetic_among(connection, {each.household_id for each in findings if each.household_id is not None})
        return [each for each in findings if each.household_id not in synthetic]

    def take_within(self, connection: Connection, findings: Sequence[Finding]) -> None:
        """Take findings in their order in the caller's transaction; they are few."""
        for part in chunks(findings):
            self._take(connection, part)

    def look_again(self, connection: Connection, found: Check, kind: NoticeKind) -> None:
        """People are told anew of an open check, on the rung it has come to, in the caller's transaction."""
        if found.state is CheckState.OPEN:
            self._recorder.write(connection, found, resume(found, kind, self._clock.home_now(), self._policy))

    def _take(self, connection: Connection, findings: Sequence[Finding]) -> None:
        known = known_findings(connection, [each.finding_id for each in findings])
        fresh = list({each.finding_id: each for each in findings if each.finding_id not in known}.values())
        subjects = {subject_of(each) for each in fresh if each.rule not in DEVICE}
        checks: dict[str, Check] = open_checks_of(connection, subjects)
        tickets = open_tickets_of(connection, {ticket_subject(each) for each in fresh if each.rule in DEVICE})
        rows: list[tuple[Finding, str, str | None, str | None]] = []
        here = self._recorder.begin(connection)
        synthetic = synthetic_among(connection, {each.household_id for each in fresh if each.household_id is not None})
        for each in fresh:
            if each.household_id in synthetic:
                rows.append(self._take_proof(connection, each))
                continue
            if each.rule in DEVICE:
                rows.append(self._take_device_finding(connection, here, tickets, each))
            else:
                rows.append(self._take_finding(connection, here, checks, each))
            metrics.findings.labels(each.rule.value, each.verb.value).inc()
        here.finish()
        write_findings(connection, rows)

    def _take_proof(self, connection: Connection, each: Finding) -> tuple[Finding, str, str | None, str | None]:
        """Nobody lives there: its alarm proves the path, and whatever else is found of it is recorded only."""
        if each.rule is RuleKey.SOS and each.verb is Verb.RAISED:
            hear(connection, each.dong_code, self._clock.machine_now())
        return each, subject_of(each), None, None

    def _take_finding(
        self, connection: Connection, here: Circumstances, checks: dict[str, Check], each: Finding
    ) -> tuple[Finding, str, str | None, str | None]:
        subject = subject_of(each)
        before = checks.get(subject)
        decision = judge(before, each, self._clock.home_now(), self._policy)
        after = self._recorder.write(connection, before, decision, among=here)
        if after is not None:
            checks[subject] = after
        return each, subject, decision.alert_id, None

    def _take_device_finding(
        self, connection: Connection, here: Circumstances, tickets: dict[tuple[str, RuleKey], Ticket], each: Finding
    ) -> tuple[Finding, str, str | None, str | None]:
        key = ticket_subject(each), each.rule
        decision = judge_device(tickets.get(key), each)
        after = self._recorder.write_ticket(connection, tickets.get(key), decision, among=here)
        if after is not None:
            tickets[key] = after
        return each, key[0], None, decision.ticket_id

    def checks(
        self,
        *,
        dong: str | None,
        states: Collection[CheckState] | None = None,
        level: Level | None = None,
        household: str | None = None,
        limit: int = 100,
        before: str | None = None,
    ) -> list[CheckView]:
        """Up to `limit` checks, the gravest first and the oldest of a level first; filters left out let all through.

        `before` is the id of the last check of the page before: the list goes on after it. NotFound if there is none.
        """
        wanted = select(check).order_by(check.c.level.desc(), check.c.opened_at, check.c.id).limit(limit)
        filters = {check.c.dong_code: dong, check.c.level: level, check.c.household_id: household}
        for column, value in filters.items():
            if value is not None:
                wanted = wanted.where(column == value)
        if states is not None:
            wanted = wanted.where(check.c.state.in_(list(states)))
        with self._reading.begin() as connection:
            if before is not None:
                wanted = _after(wanted, _found(connection, before, dong, None))
            return load_checks(connection, wanted)

    def check(self, check_id: str, *, dong: str | None) -> CheckDetail | None:
        """One check with its transitions, oldest first; None where `dong` has no such check."""
        with self._reading.begin() as connection:
            found = load_check(connection, check_id)
            if found is None or dong not in (None, found.dong_code):
                return None
            return CheckDetail(
                check=found,
                transitions=transitions_of(connection, self._sealer, check_id=check_id),
                attempts=attempts_of(connection, check_id),
                earlier=earlier_checks(connection, found),
            )

    def acknowledge(self, check_id: str, *, actor: str, dong: str | None, version: int | None = None) -> CheckView:
        """The actor takes the check until its acknowledgement expires. NotFound, Conflict."""
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, version)
            now = self._clock.home_now()
            decision = work.acknowledge(found, actor, now, self._roster.ends(connection, found.dong_code, now))
            return self._recorder.write(connection, found, decision) or found

    def begin_visit(self, check_id: str, *, actor: str, dong: str | None, text: str = "") -> CheckView:
        """Somebody is on the way; an open check is theirs from now on. NotFound, Conflict."""
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, None)
            now = self._clock.home_now()
            decision = hand.begin_visit(found, actor, now, self._roster.ends(connection, found.dong_code, now))
            return self._recorder.write(connection, found, decision, text) or found

    def try_by_hand(
        self, check_id: str, *, actor: str, dong: str | None, who: Who, result: ByHand | None = None, text: str = ""
    ) -> CheckView:
        """A person called somebody, or (result None) begins to. NotFound, Conflict."""
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, None)
            decision = hand.try_by_hand(found, actor, self._clock.home_now(), who, result)
            return self._recorder.write(connection, found, decision, text) or found

    def end_try(self, check_id: str, number: int, *, actor: str, dong: str | None, result: ByHand, text: str = "") -> CheckView:
        """How a try by hand went that had begun. NotFound, Conflict."""
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, None)
            known = attempt.c.check_id == check_id, attempt.c.number == number
            row = connection.execute(select(attempt).where(*known)).one_or_none()
            if row is None:
                raise NotFound("no such try")
            decision = hand.end_try(found, attempt_of(row), actor, self._clock.home_now(), result)
            return self._recorder.write(connection, found, decision, text) or found

    def answer(self, delivery_id: str, answer: Answer) -> CheckView:
        """What the call or message of this delivery brought; told twice it changes nothing. Returns the check. NotFound."""
        with self._engine.begin() as connection:
            row = connection.execute(select(attempt).where(attempt.c.delivery_id == delivery_id)).one_or_none()
            if row is None:
                raise NotFound("no such call")
            found, known = _found(connection, row.check_id, None, None), attempt_of(row)
            if answer is Answer.HELP:
                return self._take_help(connection, found, known)
            now = self._clock.home_now()
            decision = take_answer(found, known, answer, now, self._policy)
            if decision.check is not None and decision.check.state is not found.state:
                for fact in work.facts_of(found, now, Outcome.SAFE_BY_AUTOMATIC_CALL, None, self._policy):
                    queue_fact(connection, fact)
            return self._recorder.write(connection, found, decision) or found

    def _take_help(self, connection: Connection, found: Check, known: Attempt) -> CheckView:
        if outweighs(Answer.HELP, known.result):
            now = self._clock.home_now()
            self._take(connection, [help_asked(found, known, now)])
            mend_attempt(connection, replace(known, result=Result.HELP, result_at=now, result_by=RESIDENT))
        return _found(connection, found.id, None, None)

    def note(self, check_id: str, *, actor: str, dong: str | None, text: str) -> CheckView:
        """Add words, sealed at rest. NotFound, NeedsText."""
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, None)
            decision = work.note(found, actor, self._clock.home_now(), text)
            return self._recorder.write(connection, found, decision, text) or found

    def resolve(
        self,
        check_id: str,
        *,
        actor: str,
        dong: str | None,
        outcome: Outcome,
        text: str = "",
        returns_at: Millis | None = None,
        version: int | None = None,
    ) -> CheckView:
        """End the check and its alerts and queue what the journal must learn, in one transaction.

        `returns_at` (home time, at most 14 days ahead) is required for `away`, and 14 days ahead for `hospital` unless
        given. NotFound, Conflict, NeedsText, BadReturn, WrongValue for the outcome of an automatic call.
        """
        with self._engine.begin() as connection:
            found = _found(connection, check_id, dong, version)
            now = self._clock.home_now()
            decision = work.resolve(found, actor, now, outcome, text)
            for fact in work.facts_of(found, now, outcome, returns_at, self._policy):
                queue_fact(connection, fact)
                if isinstance(fact, HouseholdEnded):
                    _leave(connection, fact)
                elif isinstance(fact, AwayDeclared):
                    note_away(connection, fact, actor)
            count_settled(connection, found, outcome, now, actor=actor)
            return self._recorder.write(connection, found, decision, text) or found

    def rule_figures(self, *, since: Millis, until: Millis, dong: str | None) -> list[RuleFigure]:
        """By rule what the checks settled at `since` <= t < `until` turned out to be: the false alarms."""
        with self._reading.begin() as connection:
            return rule_figures(connection, since, until, dong)

    def tickets(
        self,
        *,
        dong: str | None,
        states: Collection[TicketState] | None = None,
        household: str | None = None,
        outage: str | None = None,
        limit: int = 100,
    ) -> list[TicketView]:
        """Up to `limit` tickets, the gravest first and the oldest of a level first; under an outage only where it is named."""
        wanted = select(ticket).order_by(ticket.c.level.desc(), ticket.c.opened_at, ticket.c.id).limit(limit)
        if dong is not None:
            wanted = wanted.where(ticket.c.dong_code == dong)
        if household is not None:
            wanted = wanted.where(ticket.c.household_id == household)
        if states is not None:
            wanted = wanted.where(ticket.c.state.in_(list(states)))
        wanted = wanted.where(ticket.c.outage_id.is_(None) if outage is None else ticket.c.outage_id == outage)
        with self._reading.begin() as connection:
            return [ticket_of(row) for row in connection.execute(wanted)]

    def resolve_ticket(self, ticket_id: str, *, actor: str, dong: str | None, text: str = "") -> TicketView:
        """The installer is done with it. NotFound, Conflict."""
        with self._engine.begin() as connection:
            row = connection.execute(select(ticket).where(ticket.c.id == ticket_id)).one_or_none()
            if row is None or dong not in (None, row.dong_code):
                raise NotFound("no such ticket")
            found = ticket_of(row)
            decision = tickets_of.resolve(found, actor, self._clock.home_now())
            return self._recorder.write_ticket(connection, found, decision, text) or found

    def ticket_history(self, ticket_id: str, *, dong: str | None) -> tuple[TransitionView, ...]:
        """What happened to a ticket, oldest first; NotFound where `dong` has none of this id."""
        with self._reading.begin() as connection:
            owner = connection.execute(select(ticket.c.dong_code).where(ticket.c.id == ticket_id)).scalar()
            if owner is None or dong not in (None, owner):
                raise NotFound("no such ticket")
            return transitions_of(connection, self._sealer, ticket_id=ticket_id)

    def events(self, *, after: int, dong: str | None, limit: int = 500) -> list[LiveEvent]:
        """Live events with an id above `after`, oldest first."""
        with self._reading.begin() as connection:
            return events_after(connection, after, dong, limit)

    def last_event_id(self) -> int:
        """Where a stream that begins now begins."""
        with self._reading.begin() as connection:
            return newest(connection)


def _found(connection: Connection, check_id: str, dong: str | None, version: int | None) -> Check:
    found = load_check(connection, check_id)
    if found is None or dong not in (None, found.dong_code):
        raise NotFound("no such check")
    if version not in (None, found.version):
        raise Conflict(f"the check has changed: it is at version {found.version}, not {version}")
    return found


def _leave(connection: Connection, fact: HouseholdEnded) -> None:
    """The register says the same as the journal: the household has ended and its devices stand nowhere."""
    homes, devices = register.household, register.device
    ended = update(homes).where(homes.c.id == fact.household_id, homes.c.ended_at.is_(None))
    connection.execute(ended.values(ended_at=fact.at))
    standing = update(devices).where(devices.c.household_id == fact.household_id)
    connection.execute(standing.values(household_id=None, removed_at=fact.at))


def _after(wanted: Select[tuple[object, ...]], last: Check) -> Select[tuple[object, ...]]:
    same_level = check.c.level == last.level
    return wanted.where(
        or_(
            check.c.level < last.level,
            and_(same_level, check.c.opened_at > last.opened_at),
            and_(same_level, check.c.opened_at == last.opened_at, check.c.id > last.id),
        )
    )
