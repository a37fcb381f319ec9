"""Referrals as they are stored, with the register of providers and programmes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from alerts.aftercare.cases import case_for
from alerts.aftercare.referral import (
    SPENT,
    WITHIN,
    CareKind,
    Programme,
    Provider,
    Referral,
    ReferralState,
    Step,
    check_cap,
    check_step,
    year_around,
)
from alerts.aftercare.tables import care_programme, care_provider, referral, referral_step
from alerts.check import Conflict, NotFound, WrongValue
from alerts.notes import open_note, seal_note
from ingest.clock import Clock, Millis
from ingest.seal import Sealer
from ingest.store import reading

DEAREST_WON = 100_000_000


class Referrals:
    """Safe to use from several threads. `dong` None sees every dong; another dong's are not found."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer) -> None:
        self._engine = engine
        self._reading = reading(engine)
        self._clock = clock
        self._sealer = sealer

    def add_provider(self, name: str, kinds: Sequence[CareKind], *, phone: str, dong: str | None = None) -> Provider:
        """Enter who gives these services. Conflict for a name that is taken, WrongValue without a name or a service."""
        if not name.strip() or not kinds:
            raise WrongValue("provider_wrong", "a provider has a name and at least one service")
        words = ",".join(dict.fromkeys(kinds))
        row = {"name": name.strip(), "kinds": words, "phone": phone.strip(), "dong_code": dong, "active": True}
        try:
            with self._engine.begin() as connection:
                return _provider(connection.execute(insert(care_provider).values(**row).returning(care_provider)).one())
        except IntegrityError as error:
            raise Conflict("a provider of this name is entered already") from error

    def add_programme(self, name: str, yearly_cap_won: int) -> Programme:
        """Enter who pays, and how much for a person in a year. Conflict for a name that is taken, WrongValue."""
        if not name.strip() or not 1 <= yearly_cap_won <= DEAREST_WON:
            raise WrongValue("programme_wrong", f"a programme has a name and a yearly cap of 1 to {DEAREST_WON:,} won")
        row = {"name": name.strip(), "yearly_cap_won": yearly_cap_won, "active": True}
        try:
            with self._engine.begin() as connection:
                return _programme(connection.execute(insert(care_programme).values(**row).returning(care_programme)).one())
        except IntegrityError as error:
            raise Conflict("a programme of this name is entered already") from error

    def providers(self, *, dong: str | None) -> list[Provider]:
        """Those that serve the dong, by name."""
        wanted = select(care_provider).where(care_provider.c.active).order_by(care_provider.c.name)
        if dong is not None:
            wanted = wanted.where(or_(care_provider.c.dong_code.is_(None), care_provider.c.dong_code == dong))
        with self._reading.begin() as connection:
            return [_provider(row) for row in connection.execute(wanted)]

    def programmes(self) -> list[Programme]:
        """All, by name."""
        with self._reading.begin() as connection:
            wanted = select(care_programme).where(care_programme.c.active).order_by(care_programme.c.name)
            return [_programme(row) for row in connection.execute(wanted)]

    def left_won(self, programme_id: int, household_id: str) -> int:
        """What the programme still pays for this household this year. NotFound."""
        with self._reading.begin() as connection:
            paying = _one(connection, care_programme, programme_id, "no such programme")
            spent = _spent(connection, programme_id, household_id, self._clock.home_now())
            return max(0, int(paying.yearly_cap_won) - spent)

    def offer(
        self,
        household_id: str,
        kind: CareKind,
        *,
        provider_id: int,
        actor: str,
        dong: str | None,
        programme_id: int | None = None,
        cost_won: int = 0,
        check_id: str | None = None,
        text: str = "",
    ) -> Referral:
        """Offer a service; it joins the household's case. NotFound, CapReached, WrongValue for a cost, Conflict for a provider
        that does not give it."""
        if not 0 <= cost_won <= DEAREST_WON:
            raise WrongValue("cost_wrong", f"a cost is 0 to {DEAREST_WON:,} won")
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            case = case_for(connection, household_id, check_id, actor=actor, dong=dong, now=now)
            giving = _one(connection, care_provider, provider_id, "no such provider")
            if kind not in giving.kinds.split(",") or giving.dong_code not in (None, case.dong_code):
                raise Conflict("the provider does not give this service there")
            _afford(connection, programme_id, household_id, cost_won, now)
            due_at = now + WITHIN[ReferralState.OFFERED]
            row: dict[str, Any] = {
                "case_id": case.id,
                "household_id": household_id,
                "dong_code": case.dong_code,
                "check_id": check_id,
                "kind": kind,
                "provider_id": provider_id,
                "programme_id": programme_id,
                "cost_won": cost_won,
                "state": ReferralState.OFFERED,
                "responsible": case.responsible,
                "offered_at": now,
                "due_at": due_at,
                "remind_at": due_at,
            }
            number = connection.execute(insert(referral).values(**row).returning(referral.c.id)).scalar_one()
            self._step(connection, number, None, ReferralState.OFFERED, actor, text)
            return self._referral(connection, _one(connection, referral, number, ""))

    def advance(
        self, referral_id: int, new: ReferralState, *, actor: str, dong: str | None, text: str = "", due_at: Millis | None = None
    ) -> Referral:
        """Go on to the next state; `due_at` in place of the usual pace. NotFound, Conflict, CapReached, WrongValue."""
        now = self._clock.home_now()
        with self._engine.begin() as connection:
            row = _one(connection, referral, referral_id, "no such referral")
            if dong not in (None, row.dong_code):
                raise NotFound("no such referral")
            old = ReferralState(row.state)
            check_step(old, new)
            if new is ReferralState.ACCEPTED:
                _afford(connection, row.programme_id, row.household_id, row.cost_won, now)
            if due_at is not None and due_at <= now:
                raise WrongValue("due_wrong", "the due date must lie ahead")
            if new in WITHIN:
                due_at = due_at or now + WITHIN[new]
            else:
                due_at = None
            values: dict[str, Any] = {"state": new, "due_at": due_at, "remind_at": due_at}
            if new is ReferralState.ACCEPTED:
                values["accepted_at"] = now
            connection.execute(update(referral).where(referral.c.id == referral_id).values(**values))
            self._step(connection, referral_id, old, new, actor, text)
            return self._referral(connection, _one(connection, referral, referral_id, ""))

    def referrals(
        self,
        *,
        dong: str | None,
        household: str | None = None,
        case_id: int | None = None,
        going_on: bool = False,
        limit: int = 200,
    ) -> list[Referral]:
        """Referrals, the newest first; with `going_on` those still to be done, the first to fall due first."""
        order = (referral.c.due_at,) if going_on else (referral.c.offered_at.desc(),)
        wanted = select(referral).order_by(*order, referral.c.id).limit(limit)
        filters = {referral.c.dong_code: dong, referral.c.household_id: household, referral.c.case_id: case_id}
        for column, value in filters.items():
            if value is not None:
                wanted = wanted.where(column == value)
        if going_on:
            wanted = wanted.where(referral.c.due_at.is_not(None))
        with self._reading.begin() as connection:
            return [self._referral(connection, row) for row in connection.execute(wanted).all()]

    def _step(
        self, connection: Connection, number: int, old: ReferralState | None, new: ReferralState, actor: str, text: str
    ) -> None:
        sealed = seal_note(self._sealer, text, _about(number))
        row: dict[str, Any] = {"referral_id": number, "at": self._clock.home_now(), "actor": actor, "old": old, "new": new}
        connection.execute(insert(referral_step).values(**row, sealed_note=sealed))

    def _referral(self, connection: Connection, row: Row[Any]) -> Referral:
        steps = select(referral_step).where(referral_step.c.referral_id == row.id).order_by(referral_step.c.id)
        programme = None
        if row.programme_id is not None:
            programme = _one(connection, care_programme, row.programme_id, "").name
        return Referral(
            id=row.id,
            case_id=row.case_id,
            household_id=row.household_id,
            dong_code=row.dong_code,
            check_id=row.check_id,
            kind=CareKind(row.kind),
            provider=_one(connection, care_provider, row.provider_id, "").name,
            programme=programme,
            cost_won=row.cost_won,
            state=ReferralState(row.state),
            responsible=row.responsible,
            offered_at=row.offered_at,
            accepted_at=row.accepted_at,
            due_at=row.due_at,
            steps=tuple(
                Step(
                    at=each.at,
                    actor=each.actor,
                    old=None if each.old is None else ReferralState(each.old),
                    new=ReferralState(each.new),
                    note=open_note(self._sealer, each.sealed_note, _about(row.id)),
                )
                for each in connection.execute(steps)
            ),
        )


def _one(connection: Connection, table: Any, number: int, missing: str) -> Row[Any]:
    row = connection.execute(select(table).where(table.c.id == number)).one_or_none()
    if row is None:
        raise NotFound(missing)
    return row


def _afford(connection: Connection, programme_id: int | None, household_id: str, cost_won: int, now: Millis) -> None:
    if programme_id is None:
        return
    paying = _one(connection, care_programme, programme_id, "no such programme")
    check_cap(paying.yearly_cap_won, _spent(connection, programme_id, household_id, now), cost_won)


def _spent(connection: Connection, programme_id: int, household_id: str, now: Millis) -> int:
    begin, end = year_around(now)
    mine = (
        referral.c.programme_id == programme_id,
        referral.c.household_id == household_id,
        referral.c.state.in_(SPENT),
        referral.c.accepted_at >= begin,
        referral.c.accepted_at < end,
    )
    return int(connection.execute(select(func.coalesce(func.sum(referral.c.cost_won), 0)).where(*mine)).scalar_one())


def _provider(row: Row[Any]) -> Provider:
    kinds = tuple(CareKind(kind) for kind in row.kinds.split(","))
    return Provider(id=row.id, name=row.name, kinds=kinds, dong_code=row.dong_code, phone=row.phone)


def _programme(row: Row[Any]) -> Programme:
    return Programme(id=row.id, name=row.name, yearly_cap_won=row.yearly_cap_won)


def _about(number: int) -> str:
    return f"referral:{number}"
