"""What of visits, referrals and contact plans has come due is told once a day to whoever has it in hand."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from alerts.aftercare.plan import REMIND_EVERY
from alerts.aftercare.tables import contact_plan, referral, visit
from alerts.policy import Policy
from alerts.telling import Telling, tell_people
from ingest.clock import Millis
from ingest.register import tables as register
from rules.finding import Level

_BATCH = 200


def remind(connection: Connection, policy: Policy, *, home_now: Millis, machine_now: Millis) -> int:
    """Tell what is due at `home_now` and set the next telling a day on, in the caller's transaction; how many were told.

    Of a household that is looked after no more nothing is told again.
    """
    told = 0
    for table, kind, up in _REMINDERS:
        for row in connection.execute(up, {"now": home_now}).all():
            which = [column == getattr(row, column.name) for column in table.primary_key]
            telling = Telling(
                key=f"{kind}:{_number(row, table)}:{row.remind_at}",
                kind=kind,
                level=Level.CAUTION,
                dong=row.dong_code,
                code=row.household_id,
                path=f"/households/{row.household_id}",
            )
            tell_people(connection, telling, [row.person], policy, home_now=home_now, machine_now=machine_now)
            connection.execute(update(table).where(*which).values(remind_at=home_now + REMIND_EVERY))
            told += 1
    return told


def _due(table: Table, person: Any) -> Any:
    home = register.household
    wanted = select(table, person.label("person"))
    return (
        wanted.join(home, home.c.id == table.c.household_id)
        .where(table.c.remind_at <= bindparam("now"), home.c.ended_at.is_(None))
        .order_by(table.c.remind_at, *table.primary_key)
        .limit(_BATCH)
    )


def _number(row: Any, table: Table) -> str:
    return "-".join(str(getattr(row, column.name)) for column in table.primary_key)


_REMINDERS = (
    (visit, "visit_due", _due(visit, visit.c.visitor)),
    (referral, "referral_due", _due(referral, referral.c.responsible)),
    (contact_plan, "contact_due", _due(contact_plan, contact_plan.c.responsible)),
)
