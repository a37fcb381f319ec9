"""What duty does by itself, each machine second: gaps, handovers, floods, silences that end, outages, and tonight's list."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Connection, Engine, select

from alerts.check import NoticeKind
from alerts.desk import Desk
from alerts.duty.flood import watch_floods
from alerts.duty.gaps import watch_gaps
from alerts.duty.handovers import escalate, hand_over
from alerts.duty.held import go_through
from alerts.duty.outages import findings_of, turn_outages
from alerts.duty.rota import RosterRows, dongs_of, read_roster
from alerts.duty.silence import Silence, covers_any, silenced
from alerts.duty.silences import close, ended, standing
from alerts.duty.telling import DutyKind, DutyWord, Tell
from alerts.duty.tonight import announce
from alerts.lease import holds
from alerts.rows import load_checks
from alerts.tables import check, open_check
from ingest.clock import SECOND, Clock, Millis
from rules.finding import Level

_log = structlog.get_logger(__name__)

SLOWLY: Millis = 10 * SECOND
"""How often, in machine time, outages are gone through: they are judged over two minutes."""


class DutyTick:
    """One turn each machine second, each part in a transaction of its own: one that fails holds up no other.

    `holder` names this process among all that ever share the database; the lease is not the ladder's, which runs by itself.
    """

    def __init__(self, engine: Engine, clock: Clock, desk: Desk, tell: Tell, holder: str) -> None:
        self._engine = engine
        self._clock = clock
        self._desk = desk
        self._tell = tell
        self._holder = holder
        self._slow_at: Millis = 0  # machine time of the next turn of outages

    def run(self) -> int:
        """Do what is due up to home time now; how many things changed, 0 while another process has the lease.

        Running it again changes nothing. Raises the first failure after every part has had its turn.
        """
        machine_now = self._clock.machine_now()
        parts: list[Callable[[Connection, Millis], int]] = [self._roster, self._silences]
        if machine_now >= self._slow_at:
            self._slow_at = machine_now + SLOWLY
            parts += [self._outages, self._tonight]
        done, failures = 0, list[Exception]()
        for part in parts:
            try:
                with self._engine.begin() as connection:
                    if not holds(connection, "duty", self._holder, machine_now):
                        return done
                    done += part(connection, self._clock.home_now())
            except Exception as error:
                _log.exception("a part of duty failed; the others go on")
                failures.append(error)
        if failures:
            raise failures[0]
        return done

    def _roster(self, connection: Connection, now: Millis) -> int:
        rows, dongs = read_roster(connection), dongs_of(connection)
        done = watch_gaps(connection, rows, dongs, now, self._tell)
        done += hand_over(connection, rows, dongs, now, self._tell)
        done += escalate(connection, rows, now, self._tell)
        return done + watch_floods(connection, rows, now, self._tell)

    def _silences(self, connection: Connection, now: Millis) -> int:
        """Those whose end has come: their authors and those on duty hear of it, and what they held back is told now."""
        over = ended(connection, now)
        if not over:
            return 0
        rows, still = read_roster(connection), standing(connection, now)
        for found in load_checks(connection, select(check).where(open_check()).order_by(check.c.level.desc(), check.c.id)):
            if any(covers_any(one, found) for one in over) and silenced(found, still, now) is None:
                self._desk.look_again(connection, found, NoticeKind.SILENCE_OVER)
        for one in over:
            self._say_over(connection, rows, one, now)
        close(connection, over, now)
        return len(over)

    def _say_over(self, connection: Connection, rows: RosterRows, one: Silence, now: Millis) -> None:
        dong = one.dong_code or "-"
        word = DutyWord(
            key=f"silence_over:{one.id}",
            kind=DutyKind.SILENCE_OVER,
            level=Level.CAUTION,
            dong=dong,
            code=str(one.id),
            path="/silences",
        )
        first = [each.login for each in rows.on_duty(dong, now)][:1]
        self._tell(connection, word, list(dict.fromkeys([one.author, *first])))

    def _outages(self, connection: Connection, now: Millis) -> int:
        done = turn_outages(connection, now)
        self._desk.take_within(connection, findings_of(connection, now))
        return done + go_through(connection, read_roster(connection), now, self._tell)

    def _tonight(self, connection: Connection, now: Millis) -> int:
        return announce(connection, read_roster(connection), now, self._tell)
