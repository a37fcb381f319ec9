"""How a decision is written: state, transitions, live events and deliveries together, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from alerts import metrics
from alerts.attempt import Result, Untold
from alerts.check import LADDER_STEP, TICK, Action, Ask, Check, CheckState, Decision, Notice, NoticeKind, Transition
from alerts.circumstances import Circumstances
from alerts.climb import resume
from alerts.delivery import DeliveryState, deliver
from alerts.ladder import Who
from alerts.live import event_row
from alerts.policy import Policy
from alerts.roster import PlainRoster, Roster
from alerts.rows import THIS, add_attempt, close_attempts, free_code, mend_attempt, write_check
from alerts.tables import delivery
from alerts.telling import Telling, guardian_of, resident_of, tell_people
from alerts.ticket import Ticket, TicketDecision
from alerts.ticket_rows import write_ticket
from ingest.clock import Clock, Millis
from ingest.register.tables import guardian
from ingest.seal import Sealer

_IDLE = or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= bindparam("now"))
_UNSENT = delivery.c.state.in_([DeliveryState.WAITING, DeliveryState.HELD])
_WITHDRAW = (
    update(delivery).where(delivery.c.check_id == THIS, _UNSENT, _IDLE).values(state=DeliveryState.WITHDRAWN, lease_until=None)
)
_WITHDRAW_TRIES = _WITHDRAW.where(delivery.c.step.startswith(LADDER_STEP))


class Recorder:
    """Writes decisions; one for each process, because nothing in it changes."""

    def __init__(self, clock: Clock, sealer: Sealer | None, policy: Policy, roster: Roster | None = None) -> None:
        self._clock = clock
        self._sealer = sealer
        self._policy = policy
        self._roster = roster or PlainRoster(policy)

    def begin(self, connection: Connection) -> Circumstances:
        """For several decisions of one transaction: give it to each `write`, then `finish` it."""
        return Circumstances(connection, self._roster, self._clock.home_now())

    def write(
        self,
        connection: Connection,
        before: Check | None,
        decision: Decision,
        text: str = "",
        among: Circumstances | None = None,
    ) -> Check | None:
        """Write the decision; `text` is sealed into its last transition. Returns the check as it is now.

        `among`: the circumstances of all decisions of this transaction (`begin`); None: it is the only one.
        """
        after = decision.check
        if after is None:
            return before
        if before is None:
            after = replace(after, code=free_code(connection, after.id, after.dong_code))
        here = among or self.begin(connection)
        if before is not None and _waits_no_longer(here, before, after, decision):
            anew = resume(after, NoticeKind.ADDED, self._clock.home_now(), self._policy)
            after = anew.check or after
            decision = replace(anew, transitions=decision.transitions, closes=Result.STOPPED)
        write_check(connection, before, after, here.ladders)
        self._note_transitions(here, decision.transitions, text, after.dong_code, check_id=after.id)
        self._withdraw(connection, here, before, after, decision)
        told, untold = self._write_deliveries(connection, here, before, after, decision)
        self._write_attempts(connection, before, after, decision, told, untold)
        if decision.attempts and before is not None and not decision.transitions:
            self._tell(here, self._clock.home_now(), after.dong_code, "check", after.id, Action.TRIED)
        if among is None:
            here.finish()
        return after

    def _write_attempts(
        self, connection: Connection, before: Check | None, after: Check, decision: Decision, told: int, untold: Untold | None
    ) -> None:
        if decision.closes is not None:
            by = decision.transitions[-1].actor if decision.transitions else TICK
            close_attempts(connection, after.id, decision.closes, self._clock.home_now(), by)
        made = 0 if before is None else before.attempts
        for each in decision.attempts:
            if each.number > made:
                add_attempt(connection, each, told, untold)
            else:
                mend_attempt(connection, each)

    def write_ticket(
        self,
        connection: Connection,
        before: Ticket | None,
        decision: TicketDecision,
        text: str = "",
        among: Circumstances | None = None,
    ) -> Ticket | None:
        """Write the decision about a ticket, likewise."""
        after = decision.ticket
        if after is None:
            return before
        here = among or self.begin(connection)
        write_ticket(connection, after, new=before is None)
        self._note_transitions(here, decision.transitions, text, after.dong_code, ticket_id=after.id)
        if among is None:
            here.finish()
        return after

    def _note_transitions(
        self,
        here: Circumstances,
        changes: Sequence[Transition],
        text: str,
        dong_code: str,
        *,
        check_id: str | None = None,
        ticket_id: str | None = None,
    ) -> None:
        for number, change in enumerate(changes, start=1):
            values = {name: getattr(change, name) for name in Transition.__slots__}
            sealed = self._seal(text, check_id, ticket_id) if number == len(changes) else None
            here.note({"check_id": check_id, "ticket_id": ticket_id, "sealed_note": sealed, **values})
            kind = "check" if check_id else "ticket"
            self._tell(here, change.at, dong_code, kind, check_id or ticket_id or "", change.action)
            metrics.transitions.labels(change.action.value).inc()

    def _tell(self, here: Circumstances, at: Millis, dong_code: str, kind: str, ref: str, action: Action) -> None:
        machine_at = self._clock.machine_now()
        here.tell(event_row(at=at, machine_at=machine_at, dong_code=dong_code, kind=kind, ref=ref, action=action))

    def _seal(self, text: str, check_id: str | None, ticket_id: str | None) -> bytes | None:
        if not text.strip():
            return None
        if self._sealer is None:
            raise ValueError("text cannot be kept without a sealer")
        return self._sealer.seal(text.strip().encode(), about=note_about(check_id, ticket_id))

    def _withdraw(
        self, connection: Connection, here: Circumstances, before: Check | None, after: Check, decision: Decision
    ) -> None:
        """After the end nothing leaves; a newer telling replaces what still waits; of what is taken the ladder says no more.

        A telling that is itself held back replaces nothing: what waited is all that anybody hears until it is let go.
        """
        if before is None:
            return
        now = self._clock.machine_now()
        newer = decision.asks or (decision.notices and here.held_back(after) is None)
        if newer or after.state is CheckState.RESOLVED:
            withdraw(connection, after.id, now, ladder_only=False)
        elif after.state is CheckState.ACKNOWLEDGED:
            withdraw(connection, after.id, now, ladder_only=True)

    def _write_deliveries(
        self, connection: Connection, here: Circumstances, before: Check | None, after: Check, decision: Decision
    ) -> tuple[int, Untold | None]:
        """Write all that is to leave; how many deliveries are for staff, and if none although there should be: why."""
        if not decision.notices and not decision.asks:
            return 0, None
        if (held := here.held_back(after)) is not None:
            return 0, held
        told = sum(self._tell_staff(connection, here, before, after, notice) for notice in decision.notices)
        for ask in decision.asks:
            self._tell_persons(connection, here, before, after, ask, asked(connection, after, ask))
        if told or not decision.notices:
            return told, None
        if not here.rostered:
            return 0, Untold.NO_ROSTER
        return 0, Untold.NO_CONTACT if here.on_duty(after.dong_code, after.level) else None

    def _tell_staff(self, connection: Connection, here: Circumstances, before: Check | None, after: Check, notice: Notice) -> int:
        """Tell those on duty; how many deliveries that makes which can leave."""
        machine_now, home_now = self._clock.machine_now(), self._clock.home_now()
        on_duty = here.on_duty(after.dong_code, after.level)
        rows = [
            {
                "id": each.id,
                "check_id": each.check_id,
                "channel": each.channel,
                "recipient": each.recipient,
                "step": each.step,
                "level": each.level,
                "body": each.body.decode(),
                "created_at": machine_now,
                "due_at": machine_now,
                "attempts": 0,
                "state": DeliveryState.WAITING,
            }
            for to in on_duty
            if to.channel is not None
            for each in [deliver(after, notice, to.channel, to.recipient, home_now, self._policy.base_url)]
        ]
        if rows:
            connection.execute(insert(delivery), rows)
        persons = [to.recipient for to in on_duty if to.channel is None]
        return len(rows) + self._tell_persons(connection, here, before, after, notice, persons)

    def _tell_persons(
        self,
        connection: Connection,
        here: Circumstances,
        before: Check | None,
        after: Check,
        told: Notice | Ask,
        persons: Sequence[str],
    ) -> int:
        tell_people(
            connection,
            Telling.of_check(after, told),
            persons,
            self._policy,
            home_now=self._clock.home_now(),
            machine_now=self._clock.machine_now(),
            ways=here.ways,
            first=before is None,
        )
        return sum(len(here.ways.get(person, ())) for person in persons)


def _waits_no_longer(here: Circumstances, before: Check, after: Check, decision: Decision) -> bool:
    """Whether what joined a check whose notices are held back is itself held back by nothing: people are told now."""
    silent = not decision.notices and not decision.asks and after.state is CheckState.OPEN
    return silent and here.held_back(before) is not None and here.held_back(after) is None


def asked(connection: Connection, check: Check, ask: Ask) -> list[str]:
    """Whom a call or message is for; nobody where no household is known."""
    home = check.household_id
    if home is None:
        return []
    if ask.who is Who.RESIDENT:
        return [resident_of(home)]
    query = select(guardian.c.position).where(guardian.c.household_id == home).order_by(guardian.c.position)
    return [guardian_of(home, place) for place in connection.execute(query).scalars()]


def note_about(check_id: str | None, ticket_id: str | None) -> str:
    """What a sealed note is bound to, so that it opens nowhere else."""
    return f"check:{check_id}" if check_id else f"ticket:{ticket_id}"


def withdraw(connection: Connection, check_id: str, machine_now: Millis, *, ladder_only: bool) -> None:
    """Take back what waits for this check, save what is just being sent: its sender settles that itself."""
    connection.execute(_WITHDRAW_TRIES if ladder_only else _WITHDRAW, {"this": check_id, "now": machine_now})
