"""Everything that follows a check, over one store: what the pages and the API are handed."""

from __future__ import annotations

from sqlalchemy import Engine

from alerts.aftercare.cases import Cases
from alerts.aftercare.contacts import Contacts
from alerts.aftercare.referrals import Referrals
from alerts.aftercare.reports import Reports
from alerts.aftercare.visits import Visits
from alerts.desk import Desk
from ingest.clock import Clock
from ingest.seal import Sealer


class Aftercare:
    """Cases, visits, referrals, contact plans and neighbours' reports of one site."""

    def __init__(self, engine: Engine, clock: Clock, sealer: Sealer, desk: Desk) -> None:
        self.cases = Cases(engine, clock, sealer)
        self.visits = Visits(engine, clock, sealer)
        self.referrals = Referrals(engine, clock, sealer)
        self.contacts = Contacts(engine, clock)
        self.reports = Reports(engine, clock, sealer, desk)
