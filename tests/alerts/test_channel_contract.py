"""One contract for every way to reach a person, against a local server that speaks its protocol and misbehaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import pytest

from alerts.channels.apprise import Apprise
from alerts.channels.caller import CallBridge, HttpCaller
from alerts.channels.email import Email, MailServer, Security
from alerts.channels.nhn import Nhn, NhnKeys
from alerts.channels.personal import Carrier, Contacts, ToPerson, hook_of
from alerts.channels.phone import Office
from alerts.channels.push import Push, Vapid
from alerts.channels.sens import Sens, SensKeys
from alerts.channels.solapi import Solapi, SolapiKeys
from alerts.channels.webhook import Webhook
from alerts.channels.wire import Wire
from alerts.contacts import Kind
from alerts.delivery import Channel, Delivery, Message, Permanent, Result, Sent, Temporary
from alerts.letter import Audience
from ingest.clock import SECOND
from ingest.seal import Sealer
from rules.finding import Level
from tests.alerts.alert_parts import HandClock
from tests.alerts.providers import (
    AppriseServer,
    HookServer,
    MailHost,
    NhnServer,
    PushServer,
    SensServer,
    SolapiServer,
    Taken,
)

NAME = "김하늘"
PHONE = "01000001234"
NUMBER = "a1b2c3d4"
OFFICE = Office(number="025550000", profile="profile", templates={Audience.STAFF: "staff-1", Audience.GUARDIAN: "guardian-1"})
SECRETS = ("secret", "01000001234", "kim@example.kr", NAME, "127.0.0.1", "talk-app", "sens-access", "solapi-key")


class OnePerson:
    """Contacts of one person, as the book gives them."""

    def __init__(self, *addresses: str) -> None:
        self.there = list(addresses)

    def addresses(self, person: str, channel: str) -> tuple[str, ...]:
        return tuple(self.there)

    def name_for(self, person: str) -> str | None:
        return NAME if person.startswith("guardian:") else None

    def forget(self, person: str, kind: Kind, address: str) -> None:
        self.there.remove(address)


@dataclass
class Case:
    """A channel over a server."""

    name: str
    url: str
    server: Any
    contacts: OnePerson
    channel: Channel

    @property
    def taken(self) -> list[Taken]:
        return list(self.server.taken)


def delivery(recipient: str = "kim", channel: str = "x", **changed: Any) -> Delivery:
    body = Message(
        id=NUMBER + "0" * 24,
        kind="opened",
        level="danger",
        dong="dong-1",
        code="A-2K7",
        link="https://anbu.example/checks/c1",
        at="2026-01-12T09:00:00+09:00",
    )
    return Delivery(
        id="d" * 32,
        check_id="c" * 16,
        channel=channel,
        recipient=recipient,
        step="opened:1",
        level=Level.DANGER,
        body=msgspec.json.encode(msgspec.structs.replace(body, **changed)),
        attempts=1,
    )


SHORT_S = 0.3
"""What a channel that is to find a silent receiver waits; elsewhere nothing depends on how fast this machine is."""


def wire(timeout_s: float = 5.0) -> Wire:
    return Wire(HandClock(), timeout_s=timeout_s)


KEYS = {"talk_app": "talk-app", "talk_secret": "talk-secret", "sms_app": "sms-app", "sms_secret": "sms-secret"}


def _email(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    port = int(url.rpartition(":")[2])
    server = MailServer(host="127.0.0.1", port=port, security=Security.NONE, sender="anbu@example.kr")
    return Email(server, clock, timeout_s=timeout_s)


def _nhn(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    return Nhn(NhnKeys(**KEYS, talk_url=url, sms_url=url), OFFICE, Wire(clock, timeout_s=timeout_s))


def _sens(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    services = {"sms_service": "sms-service", "talk_service": "talk-service"}
    keys = SensKeys(access_key="sens-access", secret_key="sens-secret", url=url, **services)
    return Sens(keys, OFFICE, clock, Wire(clock, timeout_s=timeout_s))


def _solapi(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    keys = SolapiKeys(api_key="solapi-key", api_secret="solapi-secret", url=url)
    return Solapi(keys, OFFICE, clock, Wire(clock, timeout_s=timeout_s))


def _call(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    bridge = CallBridge(url=url + "/order", secret=HookServer.secret, base_url="https://anbu.example/")
    return HttpCaller(bridge, clock, Wire(clock, timeout_s=timeout_s))


def _push(url: str, clock: HandClock, timeout_s: float) -> Carrier:
    return Push(Vapid(Sealer(b"k" * 32), "mailto:ops@example.kr"), clock, Wire(clock, timeout_s=timeout_s))


CARRIERS: dict[str, tuple[str, Callable[[str, HandClock, float], Carrier]]] = {
    "email": ("email", _email),
    "push": ("push", _push),
    "apprise": ("apprise", lambda url, clock, timeout_s: Apprise()),
    "nhn": ("message", _nhn),
    "sens": ("message", _sens),
    "solapi": ("message", _solapi),
    "call": ("call", _call),
}


def channel_over(name: str, url: str, contacts: Contacts, clock: HandClock, timeout_s: float = 5.0) -> Channel:
    """The channel of this name over a server at this address."""
    if name == "webhook":
        return Webhook(lambda person: hook_of(contacts, person), clock, Wire(clock, timeout_s=timeout_s))
    channel, make = CARRIERS[name]
    return ToPerson(channel, contacts, make(url, clock, timeout_s))


def case_of(name: str, timeout_s: float = 5.0) -> Case:
    """A channel over a server of its own, and one person who is reached by it."""
    server = SERVERS[name]()
    url = server.url
    addresses = {
        "webhook": msgspec.json.encode({"url": f"{url}/hook", "secret": HookServer.secret.decode()}).decode(),
        "email": "kim@example.kr",
        "push": server.subscription() if isinstance(server, PushServer) else "",
        "apprise": f"{url.replace('http', 'json')}/x?rto={timeout_s}&cto={timeout_s}",
    }
    contacts = OnePerson(addresses.get(name, PHONE))
    return Case(name, url, server, contacts, channel_over(name, url, contacts, HandClock(), timeout_s))


SERVERS: dict[str, Callable[[], Any]] = {
    "webhook": HookServer,
    "email": MailHost,
    "push": PushServer,
    "apprise": AppriseServer,
    "nhn": NhnServer,
    "sens": SensServer,
    "solapi": SolapiServer,
    "call": HookServer,
}


def push_case() -> Case:
    """The channel with several addresses."""
    return case_of("push")


CASES: dict[str, Callable[..., Case]] = {name: partial(case_of, name) for name in SERVERS}
SILENT_ABOUT_WHY = {"apprise"}  # it only says whether it worked


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    made: Case = CASES[request.param]()
    yield made
    made.server.close()


def busy(case: Case) -> Any:
    return 451 if case.name == "email" else (503, {})


def refused(case: Case) -> Any:
    return 550 if case.name == "email" else (400, {})


def kept_quiet(result: Result) -> None:
    if not isinstance(result, Sent):
        for secret in SECRETS:
            assert secret not in result.error, result.error


def test_what_is_taken_is_sent_with_level_dong_code_link_and_number_and_nothing_of_a_person(case: Case) -> None:
    assert isinstance(case.channel.send(delivery(channel=case.name)), Sent)
    (taken,) = case.taken
    assert NUMBER in taken.text
    for told in ("A-2K7", "dong-1", "https://anbu.example/checks/c1"):
        assert told in taken.text
    assert NAME not in taken.text
    assert "hh-1" not in taken.text


def test_what_is_sent_twice_shows_the_same_number_and_key(case: Case) -> None:
    case.channel.send(delivery())
    case.channel.send(delivery())
    first, second = case.taken
    assert first.text == second.text
    assert first.key == second.key


@pytest.mark.parametrize("name", CASES)
def test_a_receiver_that_hangs_is_given_up_and_tried_again_later(name: str) -> None:
    case = CASES[name](SHORT_S)
    try:
        case.server.manners = ["hang"]
        result = case.channel.send(delivery())
    finally:
        case.server.close()
    assert isinstance(result, Temporary), result
    kept_quiet(result)


@pytest.mark.parametrize("manner", ["busy", "reset", "half"])
def test_a_receiver_that_misbehaves_is_tried_again_later(case: Case, manner: str) -> None:
    if manner == "half" and case.name in ("webhook", "push", "apprise"):
        case.server.manners = ["reset"]  # their answer has no body that anybody reads
    else:
        case.server.manners = [busy(case) if manner == "busy" else manner]
    if case.name in ("nhn", "sens", "solapi"):
        case.server.manners *= 2
    result = case.channel.send(delivery())
    assert isinstance(result, Temporary), result
    kept_quiet(result)
    case.server.manners = []
    assert isinstance(case.channel.send(delivery()), Sent)


def test_a_receiver_that_is_not_there_is_tried_again_later(case: Case) -> None:
    case.server.close()
    result = case.channel.send(delivery())
    assert isinstance(result, Temporary), result
    kept_quiet(result)


def test_how_long_a_receiver_wants_to_be_left_alone_is_passed_on(case: Case) -> None:
    if case.name in ("email", "apprise"):
        pytest.skip("its protocol has no such word")
    case.server.manners = [(429, {"Retry-After": "7"})]
    assert case.channel.send(delivery()) == Temporary(error="status 429", retry_after=7 * SECOND)


def test_what_is_refused_is_not_tried_again(case: Case) -> None:
    case.server.manners = [refused(case)] * 2
    result = case.channel.send(delivery())
    if case.name in SILENT_ABOUT_WHY:
        assert isinstance(result, Temporary)
    else:
        assert isinstance(result, Permanent), result
    kept_quiet(result)


def test_somebody_without_an_address_is_a_permanent_failure(case: Case) -> None:
    case.contacts.there.clear()
    assert isinstance(case.channel.send(delivery()), Permanent)
    assert case.taken == []


def test_a_guardian_is_told_the_name_alone(case: Case) -> None:
    if case.name in ("webhook", "push", "apprise", "call"):
        pytest.skip("a guardian is reached by phone or letter")
    assert isinstance(case.channel.send(delivery("guardian:hh-1:0")), Sent)
    (taken,) = case.taken
    assert NAME in taken.text
    for hidden in ("A-2K7", "dong-1", "anbu.example", "위험", "hh-1"):
        assert hidden not in taken.text
    assert re.search(NUMBER, taken.text)
