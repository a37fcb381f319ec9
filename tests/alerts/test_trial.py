"""A test message goes by the channels named, or by those the person has a contact point for, and says of each how it went."""

from __future__ import annotations

from alerts.contacts import ContactBook, Kind
from alerts.delivery import Permanent
from alerts.trial import Trial, try_channels
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
