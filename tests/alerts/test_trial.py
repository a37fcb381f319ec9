"""A test message goes by the channels named, or by those the person has a contact point for, and says of each how it went."""

from __future__ import annotations

from alerts.contacts import ContactBook, Kind
from alerts.delivery import Permanent
from alerts.trial import Trial, try_channels
from rules.finding import Level
from tests.alerts.alert_parts import Book, Site


def test_a_channel_the_site_does_not_have_is_said_and_the_others_are_tried_all_the_same(site: Site) -> None:
    contacts = ContactBook(site.engine, site.sealer, site.clock)
    books = {"email": Book(), "message": Book(Permanent(error="status 401"))}
    names = ["pigeon", "message", "email"]
    assert try_channels(books, contacts, "kim", site.clock, "https://anbu.example/", names) == [
        Trial(channel="pigeon", error="this site has no such channel"),
        Trial(channel="message", error="status 401"),
        Trial(channel="email"),
    ]
    (message,) = books["email"].messages
    assert (message.kind, message.link) == ("test", "https://anbu.example/contacts")


def test_without_a_name_those_are_tried_that_the_person_has_a_contact_point_for(site: Site) -> None:
    contacts = ContactBook(site.engine, site.sealer, site.clock)
    contacts.add("kim", Kind.EMAIL, "kim@example.com")
    books = {"email": Book(), "message": Book()}
    assert try_channels(books, contacts, "kim", site.clock, "https://anbu.example") == [Trial(channel="email")]
    assert books["message"].given == [] and len(books["email"].given) == 1
    assert try_channels(books, contacts, "lee", site.clock, "https://anbu.example") == []
    assert site.desk.checks(dong=None) == []


def test_a_test_is_a_delivery_of_its_own_to_that_person_by_that_channel(site: Site) -> None:
    contacts, book = ContactBook(site.engine, site.sealer, site.clock), Book()
    try_channels({"email": book}, contacts, "kim", site.clock, "https://anbu.example", ["email", "email"])
    first, second = book.given
    assert first.id != second.id and len(first.id) == 32 and book.messages[0].id == first.id
    assert (first.check_id, first.channel, first.recipient, first.person) == ("", "email", "kim", "kim")
    assert (first.step, first.level, first.attempts) == ("test", Level.CAUTION, 1)
    message = book.messages[0]
    assert (message.level, message.dong, message.code) == ("caution", "-", "-")
    assert message.at == "2026-01-12T09:00:00+09:00"
