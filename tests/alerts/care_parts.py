"""A site with two dongs and a home in each, and everything that follows a check."""

from __future__ import annotations

from alerts.aftercare.care import Aftercare
from alerts.aftercare.referral import CareKind, Programme, Provider
from alerts.contacts import ContactBook, Kind
from alerts.figures.figures import FigureBook
from alerts.policy import Policy, Route
from alerts.tables import delivery
from ingest.clock import DAY
from ingest.register.people import Resident
from ingest.register.register import Register
from tests.alerts.alert_parts import MORNING, Site, make_site

KIM = "kim"


class Care(Aftercare):
    """What the tests of aftercare use."""

    def __init__(self, url: str) -> None:
        self.site: Site = make_site(url, Policy(routes=(Route(channel=None, recipient=KIM),)))
        engine, clock, sealer = self.site.engine, self.site.clock, self.site.sealer
        self.register = Register(engine, sealer, clock)
        for dong, home in (("dong-1", "hh-1"), ("dong-2", "hh-2")):
            self.register.add_dong(dong, f"{dong} 동")
            address = f"{dong[-1]}길 1-{home[-1]}"
            resident = Resident(name="김하늘", address=address, phone=f"010-0000-000{home[-1]}")
            self.register.enrol_household(home, dong, at=MORNING - 40 * DAY, resident=resident)
        ContactBook(engine, sealer, clock).add(KIM, Kind.EMAIL, "kim@example.kr")
        super().__init__(engine, clock, sealer, self.site.desk)
        self.figures = FigureBook(engine, clock)

    def provider(self, *kinds: CareKind, name: str = "햇살돌봄", dong: str | None = None) -> Provider:
        return self.referrals.add_provider(name, kinds or (CareKind.MEALS,), phone="02-000-0000", dong=dong)

    def programme(self, cap: int = 1_560_000, name: str = "돌봄SOS") -> Programme:
        return self.referrals.add_programme(name, cap)

    def told(self) -> list[str]:
        """The kinds of what was written to be told, check-less tellings alone, in order of their keys."""
        rows = [row for row in self.site.rows(delivery) if row.check_id is None]
        return sorted(row.step.split(":")[0] if ":" in row.step else row.step for row in rows)
