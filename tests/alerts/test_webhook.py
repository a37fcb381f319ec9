"""The webhook against a local server that misbehaves: what is sent, temporary, permanent, and how it is signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
from typing import Any

import pytest

from alerts.channels.webhook import Endpoint, Webhook, is_signed, sign
from alerts.channels.wire import Wire
from alerts.delivery import Delivery, Permanent, Sent, Temporary
from alerts.outbox import Sender
from alerts.tables import delivery
from ingest.clock import MINUTE, SECOND
from rules.finding import Level
from tests.alerts.alert_parts import SECRET, WEBHOOK, HandClock, Receiver, Site, finding


def given(recipient: str = WEBHOOK.recipient) -> Delivery:
    return Delivery(
        id="d" * 32,
        check_id="c" * 16,
        channel="webhook",
        recipient=recipient,
        step="opened:1",
        level=Level.DANGER,
        body=b'{"id":"x"}',
        attempts=1,
    )


def webhook(url: str, timeout_s: float = 5.0) -> Webhook:
    clock = HandClock()
    return Webhook({WEBHOOK.recipient: Endpoint(url=url, secret=SECRET)}.get, clock, Wire(clock, timeout_s=timeout_s))


def test_a_post_is_signed_and_carries_the_delivery_id_as_idempotency_key(receiver: Receiver) -> None:
    assert webhook(receiver.url).send(given()) == Sent()
    (posted,) = receiver.posted
    assert posted.headers["Idempotency-Key"] == "d" * 32
    assert posted.headers["Content-Type"] == "application/json"
    timestamp = posted.headers["Anbu-Timestamp"]
    assert timestamp == "1000000000"
    wanted = hmac.new(SECRET, timestamp.encode() + b"." + posted.body, hashlib.sha256).hexdigest()
    assert posted.headers["Anbu-Signature"] == f"v1={wanted}"


@pytest.mark.parametrize(
    ("manner", "result"),
    [
        ((200, {}), Sent()),
        ((202, {}), Sent()),
        ((204, {}), Sent()),
        ((200, {"Content-Length": "1000"}), Sent()),  # half a body: the status said everything
        ((500, {}), Temporary(error="status 500")),
        ((503, {"Retry-After": "7"}), Temporary(error="status 503", retry_after=7 * SECOND)),
        ((429, {"Retry-After": "120"}), Temporary(error="status 429", retry_after=120 * SECOND)),
        ((429, {"Retry-After": "Sun, 09 Sep 2001 01:47:40 GMT"}), Temporary(error="status 429", retry_after=MINUTE)),
        ((429, {"Retry-After": "Sun, 09 Sep 2001 01:40:00 GMT"}), Temporary(error="status 429", retry_after=0)),
        ((429, {"Retry-After": "soon"}), Temporary(error="status 429")),
        ((408, {}), Temporary(error="status 408")),
        ("half", Temporary(error="no answer: RemoteProtocolError")),
        ((302, {"Location": "http://127.0.0.1:1/"}), Permanent(error="status 302")),
        ((400, {}), Permanent(error="status 400")),
        ((401, {}), Permanent(error="status 401")),
        ((404, {}), Permanent(error="status 404")),
        ((410, {}), Permanent(error="status 410")),
    ],
)
def test_each_manner_of_answering_has_its_meaning(receiver: Receiver, manner: Any, result: object) -> None:
    receiver.manners = [manner]
    assert webhook(receiver.url).send(given()) == result
    assert len(receiver.posted) == 1


def test_a_receiver_that_hangs_is_given_up(receiver: Receiver) -> None:
    receiver.manners = ["hang"]
    assert webhook(receiver.url, timeout_s=0.2).send(given()) == Temporary(error="no answer: ReadTimeout")


def test_a_receiver_that_is_not_there_is_temporary() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/secret-token"
        result = webhook(url).send(given())
    assert result == Temporary(error="no answer: ConnectError")


def test_an_unknown_recipient_or_an_address_that_is_none_is_permanent() -> None:
    assert isinstance(webhook("http://127.0.0.1:1").send(given("nobody")), Permanent)
    for wrong in ("ftp://127.0.0.1/", "no address", "http://127.0.0.1:port/"):
        assert isinstance(webhook(wrong).send(given()), Permanent), wrong


def test_neither_address_nor_secret_shows_in_what_is_printed() -> None:
    shown = repr(Endpoint(url="https://example.invalid/token", secret=SECRET))
    assert "token" not in shown
    assert "secret of" not in shown


def test_a_delivery_survives_every_misbehaviour_and_arrives_under_one_number(site: Site, receiver: Receiver) -> None:
    receiver.manners = [(500, {}), (429, {"Retry-After": "120"}), "half", "hang", (200, {})]
    channel = webhook(receiver.url, timeout_s=0.2)
    sender = Sender(site.engine, site.clock, {"webhook": channel})
    site.take(finding(level=Level.DANGER))
    for _ in range(5):
        assert sender.turn() == 1
        site.clock.machine = max(site.clock.machine, site.rows(delivery)[0].due_at)
    assert len(receiver.keys) == 5
    assert len(set(receiver.keys)) == 1
    assert [(row.state, row.attempts) for row in site.rows(delivery)] == [("sent", 5)]
    body = json.loads(receiver.posted[0].body)
    assert sorted(body) == ["at", "code", "dong", "id", "kind", "level", "link"]


def test_a_request_to_us_counts_only_with_its_signature_and_only_for_five_minutes() -> None:
    now, body = 1_000_000_000_000, b"{}"
    assert is_signed(SECRET, "1000000000", sign(SECRET, "1000000000", body), body, now)
    assert is_signed(SECRET, "1000000299", sign(SECRET, "1000000299", body), body, now)
    assert not is_signed(SECRET, "1000000301", sign(SECRET, "1000000301", body), body, now)
    assert not is_signed(SECRET, "999999699", sign(SECRET, "999999699", body), body, now)
    assert not is_signed(SECRET, "1000000000", sign(SECRET, "1000000000", b"other"), body, now)
    assert not is_signed(SECRET, "1000000000", "서명", body, now)
    assert not is_signed(SECRET, "soon", sign(SECRET, "soon", body), body, now)


def test_no_proxy_of_the_environment_is_given_what_we_send(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        assert webhook(receiver.url).send(given()) == Sent()
