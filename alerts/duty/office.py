"""All of duty that pages, API and commands ask for, over one store."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from alerts.duty.away import Absences
from alerts.duty.flood import Flood, floods_now
from alerts.duty.gaps import Gap, open_gaps
from alerts.duty.handovers import Handovers
from alerts.duty.outages import Outages
from alerts.duty.rota import Rota
from alerts.duty.silences import Silences
from alerts.duty.tonight import Tonight
from ingest.clock import Clock
from ingest.seal import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyOffice:
    """Safe to use from several threads."""

    rota: Rota
    handovers: Handovers
    tonight: Tonight
    silences: Silences
    absences: Absences
    outages: Outages
    engine: Engine

    @classmethod
    def over(cls, engine: Engine, clock: Clock, sealer: Sealer) -> DutyOffice:
        """On this store."""
        return cls(
            rota=Rota(engine, clock),
            handovers=Handovers(engine, clock),
            tonight=Tonight(engine, clock),
            silences=Silences(engine, clock, sealer),
            absences=Absences(engine, clock),
            outages=Outages(engine),
            engine=engine,
        )

    def gaps(self, *, dong: str | None) -> list[Gap]:
        """Where nobody has duty now."""
        return open_gaps(self.engine, dong=dong)

    def floods(self) -> list[Flood]:
        """Who is given more than they can take now."""
        return floods_now(self.engine)
