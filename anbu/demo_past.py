"""The demo's dong: who lives there, what happened in its last 36 hours, and which findings of them still stand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from alerts.contacts import ContactBook, Kind
from alerts.duty.rota import Rota
from anbu.stores import Stores
from ingest.clock import HOUR, MINUTE, Millis
from ingest.fact_outbox import carry_facts
from ingest.facts import LinkUp, RunStarted
from ingest.journal.port import Message
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.register.people import Resident
from ingest.register.register import Register
from rules.baseline.fit import UNIT, fit
from rules.baseline.gaps import bin_of, no_gaps
from rules.baseline.prior import shipped
from rules.finding import Finding, Verb
from simulators.fleet import Fleet, SimHome
from simulators.scenario import Scenario

DONG_NAME = "안부1동"

NIGHT = "night"
"""The login of the demo's night desk."""


class TakesFindings(Protocol):
    """The desk, as far as this needs it."""

    def take_findings(self, findings: Sequence[Finding]) -> None:
        """Make them durable and act on them."""
        ...


class StandingAtEnd:
    """Holds back the findings of the past until it has been read, then hands on those that still stand."""

    def __init__(self, desk: TakesFindings) -> None:
        self._desk = desk
        self._held: list[Finding] | None = []

    def __call__(self, findings: Sequence[Finding]) -> None:
        """Hold, or hand on once the past has ended."""
        if self._held is None:
            self._desk.take_findings(findings)
        else:
            self._held.extend(findings)

    def past_ended(self) -> None:
        """Hand on what was raised and not cleared, in its order, and hold nothing from now on."""
        held, self._held = self._held or [], None
        cleared = {finding.episode for finding in held if finding.verb is Verb.CLEARED}
        self._desk.take_findings([finding for finding in held if finding.episode not in cleared])


def soon_noticed(now: Millis) -> Millis:
    """When somebody must have been seen to move last, to be noticed soon after `now`, and not before (ms UTC).

    Of a home nobody knows yet the personal rule speaks after what is usual elsewhere at that time of day, and at the latest
    the motion rule does after 8 h (rules/default.toml).
    """
    limits = fit(no_gaps(), shipped()).limits[0]

    def noticed_at(last_seen: Millis) -> Millis:
        return last_seen + min(8 * HOUR, int(limits[bin_of(last_seen)]) * UNIT * MINUTE)

    past = (now - minutes * MINUTE for minutes in range(30, 8 * 60))
    return min((at for at in past if noticed_at(at) >= now + 5 * MINUTE), key=noticed_at)


def stage_the_plot(fleet: Fleet, now: Millis) -> str:
    """Put into the dong what a duty officer meets: one fall about to be noticed, one silent phone, two device faults.

    The fall: a resident at home, awake or not, who was last seen to move so long ago that the rules' first level comes due
    a few minutes of home time after the start. Returns that household's id; RuntimeError where nobody is in.
    """
    fell_at = soon_noticed(now)
    at_home = (
        home.household_id
        for home in fleet.homes
        if all(fleet.is_at_home(home.household_id, fell_at - lead * MINUTE) for lead in range(-1, 30, 5))
    )
    fallen = next(at_home, None)
    if fallen is None:
        raise RuntimeError("nobody of this dong was at home when somebody had to fall: take more --homes or another --seed")
    fleet.inject(Scenario.FALL, fallen, fell_at)
    others = [home.household_id for home in fleet.homes if home.household_id != fallen]
    silent_phone, weak_battery, lost_gateway = (others[len(others) * part // 8] for part in (1, 4, 6))
    fleet.inject(Scenario.PHONE_OFF, silent_phone, now - 13 * HOUR)
    fleet.inject(Scenario.BATTERY_LOW, weak_battery, now - 5 * HOUR)
    fleet.inject(Scenario.GATEWAY_OFF, lost_gateway, now - 2 * HOUR)
    return fallen


def enrol(register: Register, homes: Sequence[SimHome], at: Millis) -> None:
    """Enter the simulated homes, their invented residents and their devices in the register, as of `at`."""
    register.add_dong(DongCode(homes[0].dong_code), DONG_NAME)
    for home in homes:
        register.enrol_household(
            HouseholdId(home.household_id),
            DongCode(home.dong_code),
            grade=home.grade,
            at=at,
            resident=Resident(name=home.resident_name, phone=home.resident_phone),
        )
        for device in home.devices:
            register.enrol_device(
                DeviceId(device.device_id),
                HouseholdId(home.household_id),
                model=device.model,
                signals=device.signals,
                report_interval_s=device.report_interval_s,
                at=at,
            )


def fill_roster(rota: Rota, contacts: ContactBook, dong: str, officer: str) -> None:
    """Give the dong its officer by day, a night desk, and the officer as the supervisor who is told when duty fails."""
    for login in (officer, NIGHT):
        contacts.add(login, Kind.EMAIL, f"{login}@example.kr")
    rota.add_shift(desk="dong", dong=dong, login=officer, by="demo")
    rota.add_shift(desk="night", login=NIGHT, by="demo")
    rota.add_shift(desk="supervisor", login=officer, by="demo")


def journal_the_past(stores: Stores, fleet: Fleet, start: Millis, end: Millis) -> int:
    """Append enrolment, link facts and every message of the past with its past receive time; returns the messages."""
    while carry_facts(stores.engine, stores.journal, start):
        pass
    stores.journal.append(
        [
            RunStarted(fact_id="run:past", at=start, run_id="past"),
            LinkUp(fact_id="link:past", at=start, source="mqtt"),
        ]
    )
    count = 0
    messages = fleet.messages(start, end)
    while chunk := list(islice(messages, 2_000)):
        stores.journal.append(
            [Message(received_at=sent.at, source="mqtt", topic=sent.topic, payload=sent.payload, retain=False) for sent in chunk]
        )
        count += len(chunk)
    return count
