"""A synthetic alarm goes the way of every other one, is told to the canary alone, and leaves no check behind."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from alerts.delivery import Permanent, Receipt, Sent, Temporary
from alerts.outbox import Sender
from alerts.proof import EVERY, LONGEST, Paths, canary_id, synthetic_among, tell_proofs
from alerts.receipts import ASKED_FOR, Receipts
from alerts.tables import check, delivery, ticket, transition
from alerts.tables import finding as finding_table
from ingest.clock import DAY, MINUTE, SECOND
from ingest.reading import DongCode
from ingest.register.register import Register
from rules.finding import Level, RuleKey, Verb
from tests.alerts.alert_parts import Book, Site, finding


@dataclass
class Canary:
    """A site with two dongs and a synthetic home in each, proven by e-mail and message."""

    site: Site
    paths: Paths
    books: dict[str, Book]

    def alarm(self, dong: str = "dong-1") -> None:
        device = canary_id(dong)
        self.site.take(finding(RuleKey.SOS, Level.DANGER, household=device, device=device, dong=dong))

    def turn(self) -> None:
        clock = self.site.clock
        for name, book in self.books.items():
            Sender(self.site.engine, clock, {name: book}, chance=random.Random(1)).turn()

    def proven(self) -> dict[tuple[str, str], bool]:
        now = self.site.clock.machine
        return {(path.dong_code, path.channel): path.proven(now) for path in self.paths.all()}


@pytest.fixture
def canary(site: Site) -> Canary:
    register = Register(site.engine, site.sealer, site.clock)
    for dong in ("dong-1", "dong-2"):
        register.add_dong(dong, dong)
        register.enrol_household(canary_id(dong), DongCode(dong), at=0, synthetic=True)
        register.enrol_household(f"hh-{dong}", DongCode(dong), at=0)
    paths = Paths(site.engine, site.clock)
    paths.keep(["dong-1", "dong-2"], ["email", "message"])
    return Canary(site, paths, {"email": Book(), "message": Book()})


def test_a_synthetic_alarm_reaches_the_canary_through_the_tick_and_opens_nothing(canary: Canary) -> None:
    canary.alarm()
    canary.turn()
    assert canary.books["email"].given == []
    assert canary.site.tick.run() == 2
    canary.turn()
    for book in canary.books.values():
        (message,) = book.messages
        assert (message.kind, message.dong, message.code) == ("proof", "dong-1", "-")
        assert [each.recipient for each in book.given] == ["canary"]
    for table in (check, ticket, transition):
        assert canary.site.rows(table) == []
    assert len(canary.site.rows(finding_table)) == 1
    assert canary.site.tick.run() == 0


@pytest.mark.parametrize("address", ["https://anbu.example", "https://anbu.example/", "https://gu.example/ANBU-X"])
def test_a_proof_leads_to_the_page_of_paths_whatever_the_sites_address_ends_in(canary: Canary, address: str) -> None:
    canary.alarm()
    with canary.site.engine.begin() as connection:
        tell_proofs(connection, address, home_now=canary.site.clock.home, machine_now=canary.site.clock.machine)
    canary.turn()
    assert {message.link for book in canary.books.values() for message in book.messages} == {address.rstrip("/") + "/paths"}


def test_what_else_is_found_of_a_synthetic_home_is_recorded_only(canary: Canary) -> None:
    home = canary_id("dong-1")
    canary.site.take(
        finding(RuleKey.CANNOT_VERIFY, Level.DANGER, household=home),
        finding(RuleKey.DEVICE_SILENT, Level.CAUTION, household=home, device=home),
        finding(RuleKey.SOS, Level.DANGER, Verb.CLEARED, household=home, device=home),
    )
    assert canary.site.tick.run() == 0
    assert canary.site.rows(check) == canary.site.rows(ticket) == canary.site.rows(delivery) == []


def test_wrong_7_a_path_is_proven_when_its_receiver_has_it_and_for_two_hours(canary: Canary) -> None:
    canary.books["message"].answers = [Temporary(error="down")] * 100
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    canary.site.clock.machine += LONGEST
    assert set(canary.proven().values()) == {True}
    canary.site.clock.machine += 1
    assert canary.proven() == {
        ("dong-1", "email"): False,
        ("dong-1", "message"): False,
        ("dong-2", "email"): False,
        ("dong-2", "message"): False,
    }
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    assert canary.proven()["dong-1", "email"]
    assert not canary.proven()["dong-1", "message"]
    assert not canary.proven()["dong-2", "email"]


def test_a_newer_proof_takes_the_place_of_one_that_still_waits(canary: Canary) -> None:
    canary.books["email"].answers = [Temporary(error="down"), Permanent(error="gone")]
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    canary.site.clock.machine += EVERY
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    states = sorted(row.state for row in canary.site.rows(delivery) if row.channel == "email")
    assert states == ["failed", "withdrawn"]


def test_an_alarm_is_due_every_hour_and_for_a_new_dong_at_once(canary: Canary) -> None:
    assert canary.paths.due() == ["dong-1", "dong-2"]
    canary.paths.alarmed(["dong-1"])
    assert canary.paths.due() == ["dong-2"]
    canary.site.clock.machine += EVERY
    assert canary.paths.due() == ["dong-1", "dong-2"]


def test_paths_are_those_of_the_dongs_and_channels_there_are(canary: Canary) -> None:
    since = canary.paths.all()[0].since
    canary.site.clock.machine += MINUTE
    canary.paths.keep(["dong-1", "dong-3"], ["email"])
    kept = {(path.dong_code, path.channel): path.since for path in canary.paths.all()}
    assert kept == {("dong-1", "email"): since, ("dong-3", "email"): since + MINUTE}
    canary.paths.keep(["dong-1"], ["email"])
    assert [path.dong_code for path in canary.paths.all()] == ["dong-1"]


def test_proofs_are_forgotten_after_a_day_and_nothing_else_is(canary: Canary) -> None:
    canary.alarm()
    canary.site.tick.run()
    canary.site.take(finding(household="hh-dong-1"))
    canary.site.clock.machine += DAY + 1
    canary.paths.alarmed(["dong-1"])
    assert [row.check_id is None for row in canary.site.rows(delivery)] == [False]


def test_only_a_home_that_says_so_is_synthetic(canary: Canary) -> None:
    with canary.site.engine.begin() as connection:
        assert synthetic_among(connection, []) == set()
        assert synthetic_among(connection, ["hh-dong-1", canary_id("dong-2"), "nobody"]) == {canary_id("dong-2")}


class Provider:
    """Knows what became of the messages it took."""

    def __init__(self, **known: Receipt) -> None:
        self.known: dict[str, Receipt] = dict(known)
        self.asked: list[str] = []

    def receipt(self, reference: str) -> Receipt | None:
        self.asked.append(reference)
        return self.known.get(reference)


def test_where_the_provider_gives_receipts_only_a_delivered_one_proves_the_path(canary: Canary) -> None:
    canary.books["message"].answers = [Sent(reference="m1"), Sent(reference="m2")]
    provider = Provider()
    receipts = Receipts(canary.site.engine, canary.site.clock, "message", provider)
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    canary.site.clock.machine += 2 * SECOND
    assert receipts.turn() == 0
    assert [path.proven_at for path in canary.paths.all() if path.channel == "message"] == [None, None]
    provider.known = {"m1": Receipt.DELIVERED}
    canary.site.clock.machine += 2 * SECOND
    assert receipts.turn() == 1
    assert receipts.turn() == 0
    proven = [path.proven_at for path in canary.paths.all() if path.channel == "message"]
    assert proven == [canary.site.clock.machine, None]


def test_a_receipt_is_asked_for_ever_more_seldom_and_not_for_ever(canary: Canary) -> None:
    canary.books["message"].answers = [Sent(reference="m1")]
    provider = Provider()
    receipts = Receipts(canary.site.engine, canary.site.clock, "message", provider)
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    for _ in range(ASKED_FOR // SECOND):
        canary.site.clock.machine += 10 * SECOND
        receipts.turn()
        if canary.site.clock.machine > 1_000_000_000_000 + ASKED_FOR:
            break
    assert 20 < len(provider.asked) < 80


def test_the_same_paths_named_again_keep_what_was_proven(canary: Canary) -> None:
    canary.alarm()
    canary.site.tick.run()
    canary.turn()
    before = canary.paths.all()
    assert any(path.proven_at is not None for path in before)
    canary.site.clock.machine += MINUTE
    canary.paths.keep(["dong-2", "dong-1"], ["message", "email"])
    assert canary.paths.all() == before
