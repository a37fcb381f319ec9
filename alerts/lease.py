"""One process at a time does what a name stands for: a lease in the store, in machine time."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from alerts.tables import tick_lease
from ingest.clock import SECOND, Millis

LEASE: Millis = 5 * SECOND
"""How long another process waits before it takes over from one that fell silent."""

_FREE = or_(tick_lease.c.holder == bindparam("mine"), tick_lease.c.until <= bindparam("now"))
_TAKE = update(tick_lease).where(tick_lease.c.name == bindparam("this"), _FREE)


def holds(connection: Connection, name: str, holder: str, machine_now: Millis) -> bool:
    """Take or renew the lease in the caller's transaction; False while another process has it."""
    until = machine_now + LEASE
    mine = {"this": name, "mine": holder, "now": machine_now, "holder": holder, "until": until}
    if connection.execute(_TAKE, mine).rowcount == 1:
        return True
    if connection.execute(select(tick_lease.c.name).where(tick_lease.c.name == name)).first():
        return False
    connection.execute(insert(tick_lease).values(name=name, holder=holder, until=until))  # nobody else writes now (ADR 9)
    return True
