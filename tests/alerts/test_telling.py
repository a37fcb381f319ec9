"""People are told by the first of their channels, the next one is its fallback, and nobody is told more than they can take."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from alerts.check import Outcome
from alerts.contacts import ContactBook, ContactRefused, Kind
from alerts.delivery import Delivery, Permanent, Receipt, Sent, Temporary
from alerts.outbox import LEASE, Sender
from alerts.pacing import LIMIT, WINDOW
from alerts.policy import Policy, Route
from alerts.receipts import Receipts, take_receipt
from alerts.tables import contact_point, delivery
from alerts.telling import NAMED, Telling, tell_people
from ingest.clock import HOUR, MINUTE, SECOND
from ingest.reading import DongCode
from ingest.register.people import Guardian, Resident
from ingest.register.register import Register
from ingest.register.tables import view_log
from ingest.seal import Sealer
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import Book, Site, finding, make_site

KIM = Route(channel=None, recipient="kim")


class People:
    """A site that tells persons, with a channel of each kind that writes down what it is given."""

    def __init__(self, url: str, *routes: Route, channels: tuple[str, ...] | None = None) -> None:
        self.site = make_site(url, Policy(routes=routes or (KIM,), channels=channels))
        self.contacts = ContactBook(self.site.engine, self.site.sealer, self.site.clock)
        self.books = {name: Book() for name in ("push", "message", "email", "call")}

    def turn(self) -> int:
        """Each channel's own sender, once."""
        chance = random.Random(1)
        engine, clock = self.site.engine, self.site.clock
        return sum(Sender(engine, clock, {name: book}, chance=chance).turn() for name, book in self.books.items())

    def pass_machine(self, length: int) -> None:
        self.site.clock.machine += length
        self.turn()

    def given(self, channel: str) -> list[Delivery]:
        return self.books[channel].given

    def rows(self) -> list[tuple[str, str]]:
        return sorted((row.channel, row.state) for row in self.site.rows(delivery))


@pytest.fixture
def people(store_url: str) -> People:
    made = People(store_url)
    made.contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    made.contacts.add("kim", Kind.PHONE, "010-0000-1234")
    return made


def test_a_person_is_told_by_their_first_channel_and_by_the_next_only_if_that_fails(people: People) -> None:
    people.site.take(finding(level=Level.DANGER))
    people.turn()
    people.pass_machine(MINUTE)
    assert (len(people.given("email")), len(people.given("message"))) == (1, 0)
    assert people.rows() == [("email", "sent"), ("message", "withdrawn")]


@pytest.mark.parametrize(
    ("level", "wait"), [(Level.DANGER, 15 * SECOND), (Level.WARNING, 2 * MINUTE), (Level.CAUTION, 10 * MINUTE)]
)
def test_a_channel_that_does_not_get_through_has_a_fallback_after_15_s_at_danger(store_url: str, level: Level, wait: int) -> None:
    people = People(store_url)
    people.contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    people.contacts.add("kim", Kind.PHONE, "01000001234")
    people.books["email"].answers = [Temporary(error="down")] * 100
    people.site.take(finding(level=level))
    people.turn()
    people.pass_machine(wait - 1)
    assert people.given("message") == []
    people.pass_machine(1)
    (told,) = people.given("message")
    (first, *_) = people.given("email")
    assert told.id != first.id
    assert told.body == first.body  # the same number in the text: a person who gets both sees that they are one


def test_a_channel_that_fails_for_good_hands_over_at_once(people: People) -> None:
    people.books["email"].answers = [Permanent(error="no such mailbox")]
    people.site.take(finding(level=Level.CAUTION))
    people.turn()
    people.turn()
    assert len(people.given("message")) == 1
    assert people.rows() == [("email", "failed"), ("message", "sent")]


def test_somebody_without_a_contact_point_is_a_failure_that_shows(store_url: str) -> None:
    people = People(store_url)
    people.site.take(finding(level=Level.DANGER))
    assert [(row.channel, row.state, row.error) for row in people.site.rows(delivery)] == [("none", "failed", "no contact point")]


def test_a_channel_the_site_does_not_have_is_passed_over(store_url: str) -> None:
    people = People(store_url, channels=("email",))
    people.contacts.add("kim", Kind.PHONE, "01000001234")
    people.contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    people.site.take(finding(level=Level.DANGER))
    people.turn()
    assert people.rows() == [("email", "sent")]


def tell(people: People, number: int, *, level: Level = Level.WARNING, key: str | None = None) -> list[str]:
    """One telling that is about no check."""
    telling = Telling(
        key=key or f"k{number}", kind="nobody_on_duty", level=level, dong="dong-1", code=f"C{number}", path="/roster"
    )
    clock = people.site.clock
    with people.site.engine.begin() as connection:
        return tell_people(
            connection, telling, ["kim", "kim"], people.site.policy, home_now=clock.home, machine_now=clock.machine
        )


def test_what_concerns_no_check_is_told_once_however_often_it_is_asked_for(people: People) -> None:
    long = "a key that is longer than the thirty-two letters of a step"
    assert tell(people, 1, key=long) == tell(people, 1, key=long)
    people.turn()
    people.turn()
    (given,) = people.given("email")
    assert given.check_id == ""
    (message,) = people.books["email"].messages
    assert (message.kind, message.code, message.link) == ("nobody_on_duty", "C1", "http://127.0.0.1:8080/roster")
    with people.site.engine.begin() as connection:
        nobody = Telling(key="k", kind="k", level=Level.CAUTION, dong="-", code="-", path="/")
        assert tell_people(connection, nobody, [], people.site.policy, home_now=0, machine_now=0) == []


def test_after_ten_in_ten_minutes_the_rest_goes_out_as_one_digest(people: People) -> None:
    for number in range(LIMIT + 15):
        tell(people, number)
        people.site.clock.machine += SECOND
    people.turn()
    assert len(people.given("email")) == LIMIT
    people.pass_machine(WINDOW - 20 * SECOND)
    assert len(people.given("email")) == LIMIT
    people.pass_machine(20 * SECOND)
    digest = people.books["email"].messages[-1]
    assert len(people.given("email")) == LIMIT + 1
    assert (digest.kind, digest.level, digest.dong) == ("digest", "warning", "dong-1")
    assert digest.codes == tuple(f"C{number}" for number in range(LIMIT, LIMIT + NAMED))
    assert digest.more == 5
    assert digest.link == "http://127.0.0.1:8080/"
    people.pass_machine(HOUR)
    assert len(people.given("email")) == LIMIT + 1
    assert people.given("message") == []
    assert {row.state for row in people.site.rows(delivery)} == {"sent", "digested", "withdrawn"}


@pytest.mark.parametrize("rule", [RuleKey.SOS, RuleKey.SMOKE, RuleKey.GAS, RuleKey.MOTION])
def test_a_flood_holds_back_neither_danger_nor_sos_smoke_or_gas(people: People, rule: RuleKey) -> None:
    for number in range(LIMIT + 5):
        tell(people, number)
    people.turn()
    people.site.take(finding(rule, Level.DANGER, device="dv-1"))
    people.turn()
    assert len(people.given("email")) == LIMIT + 1
    assert people.given("email")[-1].level is Level.DANGER


def test_no_ten_minutes_ever_hold_more_than_ten_below_danger(people: People) -> None:
    sent: list[int] = []
    for number in range(50):
        tell(people, number)
        people.site.clock.machine += 25 * SECOND
        before = len(people.given("email"))
        people.turn()
        sent += [people.site.clock.machine] * (len(people.given("email")) - before)
    for at in sent:
        assert sum(1 for other in sent if at - WINDOW < other <= at) <= LIMIT
    people.pass_machine(WINDOW)
    people.pass_machine(WINDOW)
    assert not {row.state for row in people.site.rows(delivery)} & {"held", "waiting"}


def test_a_steady_flood_starves_no_digest_whatever_is_told_is_told_within_ten_minutes(people: People) -> None:
    written: dict[str, int] = {}
    told: dict[str, int] = {}
    for number in range(120):
        tell(people, number)
        written[f"C{number}"] = people.site.clock.machine
        people.pass_machine(30 * SECOND)
        for said in people.books["email"].messages:
            for code in (said.code, *said.codes):
                told.setdefault(code, people.site.clock.machine)
        assert all(
            row.state != "held" or row.created_at > people.site.clock.machine - WINDOW for row in people.site.rows(delivery)
        )
    assert max(at - written[code] for code, at in told.items() if code in written) <= WINDOW


def test_a_digest_gives_way_to_dangers_that_fill_its_window_and_goes_out_after_them(people: People) -> None:
    for number in range(LIMIT + 1):
        tell(people, number)
    people.turn()
    people.pass_machine(WINDOW // 2)
    for number in range(LIMIT):
        tell(people, 100 + number, level=Level.DANGER)
    people.turn()
    people.pass_machine(WINDOW // 2 + SECOND)
    assert len(people.given("email")) == 2 * LIMIT
    people.pass_machine(WINDOW)
    assert len(people.given("email")) == 2 * LIMIT + 1
    *single, digest = people.books["email"].messages
    assert len(digest.codes) == 1
    assert {one.code for one in single} | {*digest.codes} >= {f"C{number}" for number in range(LIMIT + 1)}


def test_what_is_just_being_sent_counts_as_told(people: People) -> None:
    for number in range(LIMIT):
        tell(people, number)
    clock = people.site.clock
    with people.site.engine.begin() as connection:
        connection.execute(delivery.update().values(lease_until=clock.machine + LEASE))
    tell(people, LIMIT)
    people.turn()
    assert people.given("email") == []
    assert sum(state == "held" for _, state in people.rows()) == 2


def test_what_is_settled_before_the_digest_goes_out_is_not_in_it(people: People) -> None:
    for number in range(LIMIT):
        tell(people, number)
    people.turn()
    people.site.take(finding(level=Level.WARNING))
    people.turn()
    people.site.desk.resolve(people.site.only().id, actor="kim", dong=None, outcome=Outcome.SAFE_BY_PHONE)
    people.pass_machine(HOUR)
    assert len(people.given("email")) == LIMIT
    assert "waiting" not in {state for _, state in people.rows()}


def test_a_digest_is_the_same_at_every_attempt_and_on_its_fallback(people: People) -> None:
    for number in range(LIMIT + 2):
        tell(people, number)
    people.turn()
    people.books["email"].answers = [Temporary(error="down"), Permanent(error="gone")]
    people.pass_machine(WINDOW)
    people.pass_machine(MINUTE)
    people.turn()
    first, second = people.given("email")[LIMIT : LIMIT + 2]
    assert first.body == second.body
    (fallback,) = (each for each in people.given("message"))
    assert fallback.body == first.body
    assert len(msgspec.json.decode(first.body)["codes"]) == 2


@pytest.mark.parametrize("first", [Sent(), Temporary(error="down")])
def test_what_comes_after_a_digest_is_not_held_for_it_but_for_the_next(people: People, first: Sent | Temporary) -> None:
    for number in range(LIMIT + 1):
        tell(people, number)
    people.turn()
    people.books["email"].answers = [first]
    people.pass_machine(WINDOW)  # the digest goes out, or is about to; its fallback waits
    for number in range(LIMIT + 1, 2 * LIMIT + 4):
        tell(people, number)
    people.turn()
    for _ in range(6):
        people.pass_machine(WINDOW)
    assert not {row.state for row in people.site.rows(delivery)} & {"held", "waiting"}
    told = {code for book in people.books.values() for said in book.messages for code in (said.code, *said.codes)}
    assert told >= {f"C{number}" for number in range(2 * LIMIT + 4)}


def test_addresses_are_sealed_masked_in_lists_and_kept_once(people: People) -> None:
    people.contacts.add("kim", Kind.EMAIL, " kim@example.kr ")
    assert [point.shown for point in people.contacts.of("kim")] == ["k***@example.kr", "0100000****"]
    kept = b"".join(row.sealed for row in people.site.rows(contact_point))
    assert b"example" not in kept
    assert b"0000" not in kept
    assert people.contacts.people() == ["kim"]
    assert people.contacts.addresses("kim", "call") == people.contacts.addresses("kim", "message") == ("01000001234",)
    assert people.contacts.addresses("kim", "console") == ()
    assert people.contacts.name_for("kim") is None
    first, second = people.contacts.of("kim")
    assert not people.contacts.remove("lee", first.id)
    assert people.contacts.remove("kim", first.id)
    assert [point.id for point in people.contacts.of("kim")] == [second.id]
    assert people.contacts.ways(["kim", "resident:hh-1"], None) == {"kim": ("message",), "resident:hh-1": ("message",)}


PUSH = '{"endpoint": "https://push.example/abc", "p256dh": "k", "auth": "a"}'
HOOK = '{"url": "https://hook.example/x", "secret": "sixteen letters."}'


def test_each_kind_of_address_is_masked(people: People) -> None:
    for kind, text in ((Kind.PUSH, PUSH), (Kind.WEBHOOK, HOOK), (Kind.APPRISE, "slack://token/x")):
        people.contacts.add("lee", kind, text)
    assert [point.shown for point in people.contacts.of("lee")] == ["push.example", "hook.example", "slack://***"]
    people.contacts.forget("lee", Kind.PUSH, PUSH)
    assert [point.kind for point in people.contacts.of("lee")] == [Kind.WEBHOOK, Kind.APPRISE]


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Kind.EMAIL, "no address"),
        (Kind.EMAIL, "kim@exa mple.kr"),
        (Kind.EMAIL, ""),
        (Kind.PHONE, "98765"),
        (Kind.PUSH, "{}"),
        (Kind.PUSH, PUSH.replace("https", "http")),
        (Kind.WEBHOOK, HOOK.replace("sixteen letters.", "short")),
        (Kind.WEBHOOK, HOOK.replace("https://hook.example/x", "https://[half")),
        (Kind.APPRISE, "nothing"),
        (Kind.EMAIL, "k" * 3_000 + "@example.kr"),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_repeating_it(people: People, kind: Kind, wrong: str) -> None:
    with pytest.raises(ContactRefused) as refused:
        people.contacts.add("kim", kind, wrong)
    assert not wrong or wrong not in str(refused.value)


def test_a_contact_point_belongs_to_a_login_and_there_are_at_most_a_dozen(people: People) -> None:
    with pytest.raises(ContactRefused, match="login"):
        people.contacts.add("resident:hh-1", Kind.PHONE, "010-0000-1234")
    with pytest.raises(ContactRefused, match="12 contact points"):
        for number in range(20):
            people.contacts.add("kim", Kind.EMAIL, f"kim{number}@example.kr")


def test_a_resident_is_reached_by_the_registers_phone_and_the_look_is_written_down(people: People) -> None:
    register = Register(people.site.engine, Sealer(b"k" * 32), people.site.clock)
    register.add_dong("dong-1", "햇살동")
    guardians = (Guardian(name="김바다", phone="010-0000-2001"), Guardian(name="김나라", phone="unknown"))
    resident = Resident(name="김하늘", phone="010-0000-1001", address="햇살로 1", note="고혈압")
    register.enrol_household("hh-1", DongCode("dong-1"), at=0, resident=resident, guardians=guardians)
    book = people.contacts
    assert book.addresses("resident:hh-1", "call") == ("01000001001",)
    assert book.addresses("guardian:hh-1:0", "message") == ("01000002001",)
    assert book.addresses("guardian:hh-1:1", "message") == ()
    assert book.addresses("guardian:hh-1:7", "message") == ()
    assert book.addresses("resident:hh-1", "email") == ()
    assert book.addresses("resident:hh-none", "call") == ()
    assert book.name_for("guardian:hh-1:0") == "김하늘"
    assert book.name_for("guardian:hh-none:0") is None
    assert book.name_for("resident:hh-1") is None
    with people.site.engine.begin() as connection:
        seen = connection.execute(select(view_log.c.login, view_log.c.fields, view_log.c.purpose)).all()
    assert ("outbox", "resident.phone", "delivery") in [tuple(row) for row in seen]
    assert ("outbox", "resident.name", "delivery") in [tuple(row) for row in seen]


def test_a_person_whose_channels_are_named_is_told_by_those(people: People) -> None:
    telling = Telling(key="k", kind="call", level=Level.WARNING, dong="dong-1", code="C", path="/", channels=("call", "message"))
    with people.site.engine.begin() as connection:
        clock = people.site.clock
        tell_people(connection, telling, ["kim"], people.site.policy, home_now=clock.home, machine_now=clock.machine)
    people.turn()
    assert (len(people.given("call")), len(people.given("email"))) == (1, 0)


def test_a_static_route_is_never_held_back(site: Site) -> None:
    site.take(*(finding(household=f"hh-{number}") for number in range(LIMIT + 5)))
    site.sender.turn()
    assert len(site.book.given) == LIMIT + 5


def test_two_addresses_of_one_kind_are_one_channel(people: People) -> None:
    people.contacts.add("kim", Kind.EMAIL, "kim@home.example.kr")
    assert people.contacts.ways(["kim"], None) == {"kim": ("email", "message")}
    people.site.take(finding())
    people.turn()
    assert [each.recipient for each in people.given("email")] == ["kim"]


def test_a_turn_sends_no_more_than_it_is_told_to(people: People) -> None:
    for number in range(3):
        tell(people, number)
    sender = Sender(people.site.engine, people.site.clock, {"email": people.books["email"]})
    assert [sender.turn(limit=2), sender.turn(limit=2), sender.turn(limit=2)] == [2, 1, 0]


def test_a_store_that_is_away_gives_the_addresses_known_last_and_says_so_where_none_is(tmp_path: Path) -> None:
    file = tmp_path / "anbu.sqlite3"
    people = People(f"sqlite:///{file}")
    people.contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    assert people.contacts.addresses("kim", "email") == ("kim@example.kr",)
    people.site.engine.dispose()
    file.rename(tmp_path / "away")
    file.mkdir()
    assert people.contacts.addresses("kim", "email") == ("kim@example.kr",)
    with pytest.raises(SQLAlchemyError):
        people.contacts.addresses("lee", "email")


class Lost:
    """A provider whose every message was lost on its way, and which says so again and again."""

    def receipt(self, reference: str) -> Receipt | None:
        return Receipt.LOST


def test_a_lost_message_sends_the_next_channel_at_once_and_a_second_receipt_changes_nothing(
    store_url: str,
) -> None:
    people = People(store_url)
    people.contacts.add("kim", Kind.PHONE, "010-0000-1234")
    people.contacts.add("kim", Kind.EMAIL, "kim@example.kr")
    people.books["message"].answers = [Sent(reference="m1")]
    people.site.take(finding(level=Level.CAUTION))
    people.turn()
    clock = people.site.clock
    clock.machine += 2 * SECOND
    assert Receipts(people.site.engine, clock, "message", Lost()).turn() == 1
    people.turn()
    assert len(people.given("email")) == 1
    with people.site.engine.begin() as connection:
        assert not take_receipt(connection, "message", "m1", Receipt.LOST, clock.machine)
        assert not take_receipt(connection, "message", "m1", Receipt.DELIVERED, clock.machine)
        assert not take_receipt(connection, "message", "of nobody", Receipt.DELIVERED, clock.machine)
    assert people.rows() == [("email", "sent"), ("message", "sent")]
