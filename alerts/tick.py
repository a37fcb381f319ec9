"""The tick: whatever is due in home time happens once, in one transaction with what is to be told about it."""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, Engine, bindparam, delete, select

from alerts import metrics
from alerts.aftercare.reminding import remind
from alerts.lease import holds
from alerts.policy import Policy
from alerts.proof import tell_proofs
from alerts.record import Recorder
from alerts.roster import Roster
from alerts.rows import THESE, load_checks
from alerts.tables import check, due
from alerts.work import fall_due
from ingest.clock import Clock

_log = structlog.get_logger(__name__)

_BATCH = 200

_UP = select(due.c.check_id).where(due.c.due_at <= bindparam("now")).order_by(due.c.due_at, due.c.id).limit(_BATCH)
_CHECKS = select(check).where(check.c.id.in_(THESE))


class Tick:
    """One turn each machine second. `holder` names this process among all that ever share the database."""

    def __init__(self, engine: Engine, clock: Clock, policy: Policy, holder: str, roster: Roster | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._policy = policy
        self._holder = holder
        self._recorder = Recorder(clock, None, policy, roster)  # a tick writes no words

    def run(self) -> int:
        """Do what is due up to home time now; returns how many checks it touched, 0 while another process has the lease.

        Running it again changes nothing. A crash leaves either all of a batch or nothing of it.
        """
        done = 0
        while True:
            with self._engine.begin() as connection:
                if not holds(connection, "tick", self._holder, self._clock.machine_now()):
                    return done
                handled = self._turn(connection)
                if not handled:
                    metrics.observe(connection)
            done += handled
            if not handled:
                metrics.ticks.inc()
                metrics.tick_at.set(self._clock.machine_now() / 1_000)
                return done

    def _turn(self, connection: Connection) -> int:
        now = self._clock.home_now()
        ids = list(dict.fromkeys(connection.execute(_UP, {"now": now}).scalars()))
        if not ids:
            machine_now = self._clock.machine_now()
            proofs = tell_proofs(connection, self._policy.base_url, home_now=now, machine_now=machine_now)
            return proofs + remind(connection, self._policy, home_now=now, machine_now=machine_now)
        found = {each.id: each for each in load_checks(connection, _CHECKS, {"these": ids})}
        here = self._recorder.begin(connection)
        for check_id in ids:
            before = found[check_id]
            decision = fall_due(before, now, self._policy)
            if before.due is not None and decision.check is not None:
                metrics.due_handled.labels(before.due.kind.value).inc()
                _log.info("due", check_id=check_id, kind=before.due.kind, actions=[each.action for each in decision.transitions])
            if decision.check is None:  # a row of an older version: void
                connection.execute(delete(due).where(due.c.check_id == check_id, due.c.version != before.version))
            self._recorder.write(connection, before, decision, among=here)
        here.finish()
        return len(ids)
