"""The settings' channels are there, each with what it needs, and the check says whether they would answer."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Engine

from alerts.contacts import ContactBook, Kind
from alerts.delivery import Permanent, Sent
from anbu.channels import look_at_channels, open_channels, routes_of
from anbu.ending import Refusal
from anbu.settings import Settings
from ingest.seal import Sealer
from ingest.store import metadata, open_store
from tests.alerts.alert_parts import HandClock
from tests.alerts.providers import HookServer, MailHost, NhnServer, SensServer, SolapiServer
from tests.alerts.test_channel_contract import delivery

SEALER = Sealer(b"k" * 32)
PROVIDERS: dict[str, tuple[type[Any], dict[str, object]]] = {
    "nhn": (NhnServer, {"key": "talk-app", "secret": "talk-secret", "sms_key": "sms-app", "sms_secret": "sms-secret"}),
    "sens": (
        SensServer,
        {"key": "sens-access", "secret": "sens-secret", "sms_service": "sms-service", "talk_service": "talk-service"},
    ),
    "solapi": (SolapiServer, {"key": "solapi-key", "secret": "solapi-secret"}),
}


@pytest.fixture
def store() -> Engine:
    engine = open_store("sqlite://")
    metadata.create_all(engine)
    return engine


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_is_set_up_takes_a_message_to_somebodys_phone(store: Engine, provider: str) -> None:
    kind, keys = PROVIDERS[provider]
    server = kind()
    section = {
        "provider": provider,
        "number": "025550000",
        "profile": "profile",
        "template_staff": "t1",
        "url": server.url,
        **keys,
    }
    if provider == "nhn":
        section["sms_url"] = server.url
    settings = Settings(messages=section)
    book = ContactBook(store, SEALER, HandClock())
    book.add("kim", Kind.PHONE, "010-0000-1234")
    try:
        with ExitStack() as stack:
            found = open_channels(settings, book, SEALER, HandClock(), stack)
            assert isinstance(found.by_name["message"].send(delivery()), Sent)
            assert list(found.asking) == ["message"]
    finally:
        server.close()
    assert server.taken[0].to == "01000001234"


def test_every_channel_that_is_switched_on_is_there_and_no_other(store: Engine) -> None:
    book = ContactBook(store, SEALER, HandClock())
    everything = Settings(
        alerts={"webhook_url": "https://hook.example/x", "webhook_secret": "sixteen letters.", "people": ("kim",)},
        email={"host": "127.0.0.1", "port": 9, "security": "none", "sender": "anbu@example.kr", "password": "x"},
        push={"subject": "mailto:ops@example.kr"},
        apprise={"on": True},
        messages={"provider": "solapi", "number": "025550000", "key": "a", "secret": "b"},
        calls={"url": "https://bridge.example/x", "secret": "sixteen letters."},
    )
    with ExitStack() as stack:
        found = open_channels(everything, book, SEALER, HandClock(), stack)
        assert sorted(found.by_name) == ["apprise", "call", "console", "email", "message", "push", "webhook"]
        assert sorted(found.people) == ["apprise", "call", "email", "message", "push", "webhook"]
        assert found.push_key
        assert isinstance(found.by_name["email"].send(delivery()), Permanent)
        bare = open_channels(Settings(), book, SEALER, HandClock(), stack)
    assert sorted(bare.by_name) == ["console", "webhook"]
    assert bare.push_key is None
    assert [(route.channel, route.recipient) for route in routes_of(everything)] == [
        ("console", "console"),
        ("webhook", "duty"),
        (None, "kim"),
    ]
    assert [route.channel for route in routes_of(Settings())] == ["console"]


def test_the_sites_webhook_and_a_persons_own_are_both_signed_with_their_own_secret(store: Engine) -> None:
    server = HookServer()
    secret = server.secret.decode()
    book = ContactBook(store, SEALER, HandClock())
    book.add("kim", Kind.WEBHOOK, f'{{"url": "{server.url}/kim", "secret": "{secret}"}}')
    settings = Settings(alerts={"webhook_url": server.url + "/site", "webhook_secret": secret, "recipients": ("desk",)})
    try:
        with ExitStack() as stack:
            hook = open_channels(settings, book, SEALER, HandClock(), stack).by_name["webhook"]
            assert [hook.send(delivery(name)) for name in ("desk", "kim")] == [Sent(), Sent()]
            assert isinstance(hook.send(delivery("nobody")), Permanent)
    finally:
        server.close()
    assert server.asked == ["POST /site", "POST /kim"]


def test_the_check_names_the_channels_and_refuses_a_mail_server_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_LANG", "en")
    host = MailHost()
    mail = {"host": "127.0.0.1", "port": host.port, "security": "none", "sender": "anbu@example.kr"}
    settings = Settings(
        alerts={"webhook_url": "https://hook.example/x", "webhook_secret": "sixteen letters."},
        email=mail,
        messages={"provider": "solapi", "number": "025550000", "key": "a", "secret": "b"},
    )
    assert look_at_channels(settings, HandClock()) == "console, webhook, message(solapi), email, (SMS alone, no 알림톡)"
    host.close()
    with pytest.raises(Refusal, match="cannot be used"):
        look_at_channels(settings, HandClock())
    assert look_at_channels(Settings(), HandClock()) == "console"
