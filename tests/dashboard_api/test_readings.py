"""Proves that posted readings are journalled once, judged like those that came by MQTT, and taken from a fitting token alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboard_api.tokens import REQUESTS, Scope, TokenRefused, Tokens
from ingest.clock import DAY, MINUTE
from ingest.decode import Decoder
from ingest.fact_outbox import carry_facts
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Body, JournalFull, Message
from ingest.posted import Postbox, posted
from ingest.reading import Reading, Rejection, Signal
from tests.dashboard_api.small_site import START, Site

HOME = "hh-1-1"
DEVICE = "hh-1-1-s"


class Post:
    """A site that takes readings, and what its journal says they mean."""

    def __init__(self, site: Site) -> None:
        self.journal = MemoryJournal()
        self.tokens = Tokens(site.engine, site.clock)
        postbox = Postbox(site.engine, self.journal, site.clock)
        self.site = replace(site, services=replace(site.services, tokens=self.tokens, postbox=postbox))
        while carry_facts(site.engine, self.journal, START):
            pass

    def send(
        self, client: httpx.Client, readings: Sequence[dict[str, Any]], *, key: str = "k1", token: str | None = None
    ) -> httpx.Response:
        """One post."""
        headers = {"idempotency-key": key, "authorization": f"Bearer {token or self.token()}"}
        return client.post("/api/v1/readings", json={"readings": readings}, headers=headers)

    def token(self, dong: str | None = None, **how: Any) -> str:
        """A fresh token."""
        return self.tokens.add("carrier", created_by="ops", dong=dong, **how)[1]

    def meant(self) -> list[Reading | Rejection]:
        """Everything of the journal, decoded."""
        decoded = Decoder().read(self.journal.read(0, 10_000))
        return [item for _entry, items in decoded for item in items if isinstance(item, (Reading, Rejection))]

    def messages(self) -> list[Message]:
        """What was journalled."""
        return [entry.body for entry in self.journal.read(0, 10_000) if isinstance(entry.body, Message)]


@pytest.fixture
def post(site: Site) -> Post:
    return Post(site)


def call(**more: Any) -> dict[str, Any]:
    return {"device": DEVICE, "signal": "call", "t": START / 1000, "in": 1, "out": 2, "missed": 1, **more}


def test_posted_readings_are_journalled_before_202_and_read_as_native_ones(post: Post) -> None:
    with post.site.client(None) as client:
        answer = post.send(client, [call(), {"device": DEVICE, "signal": "phone", "v": "off", "bat": 40}])
    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
    assert answer.json()["offset"] == post.journal.read(0, 10_000)[-1].offset
    assert [(item.signal, item.value) for item in post.meant() if isinstance(item, Reading)] == [
        (Signal.CALL, 3),
        (Signal.CALL_MISSED, 1),
        (Signal.PHONE, 0),
        (Signal.BATTERY, 40),
    ]
    assert {message.topic for message in post.messages()} == {
        f"anbu/v1/dong-1/{HOME}/{DEVICE}/{kind}" for kind in ("call", "phone")
    }
    assert all(message.source.startswith("http:") for message in post.messages())


def test_repeated_post_answers_the_same_and_appends_nothing(post: Post) -> None:
    token = post.token()
    with post.site.client(None) as client:
        first, second = (post.send(client, [call()], token=token) for _ in range(2))
        other = post.send(client, [call(out=5)], token=token)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len(post.messages()) == 1
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")


def test_repeat_is_known_to_the_next_process(post: Post) -> None:
    token = post.token()
    with post.site.client(None) as client:
        first = post.send(client, [call()], token=token)
    again = Post(post.site)
    with again.site.client(None) as client:
        assert again.send(client, [call()], token=token).json() == first.json()
    assert again.messages() == []


def test_crash_between_the_journal_and_our_note_counts_the_readings_once(post: Post) -> None:
    token = post.token()
    with post.site.client(None) as client:
        post.send(client, [call(), call(t=START / 1000 + 60)], token=token)
        with post.site.engine.begin() as connection:
            connection.execute(posted.update().values(offset=None))
        assert post.send(client, [call(), call(t=START / 1000 + 60)], token=token).status_code == 202
    assert len(post.messages()) == 4
    assert sum(isinstance(item, Reading) and item.signal is Signal.CALL for item in post.meant()) == 2


def test_what_is_wrong_with_a_posted_reading_is_kept_as_a_rejection(post: Post) -> None:
    readings = [
        {"device": DEVICE, "signal": "temperature", "v": 200},
        {"device": DEVICE, "signal": "motion", "v": 1, "household": "hh-1-2", "dong": "dong-1"},
        {"device": "stranger", "signal": "motion", "v": 1},
    ]
    with post.site.client(None) as client:
        assert post.send(client, readings, token=post.token("dong-1")).status_code == 202
    assert [item.reason for item in post.meant() if isinstance(item, Rejection)] == [
        "out_of_range",
        "register_mismatch",
        "unknown_device",
    ]
    assert post.messages()[-1].topic == "anbu/v1/dong-1/unassigned/stranger/motion"


def test_token_of_one_dong_speaks_for_no_other(post: Post) -> None:
    with post.site.client(None) as client:
        refused = post.send(client, [call(), call(dong="dong-2")], token=post.token("dong-1"))
        assert (refused.status_code, refused.json()["error"]) == (403, "token_dong")
        assert post.messages() == []
        post.send(client, [{"device": "hh-2-1-s", "signal": "motion", "v": 1, "dong": "dong-1"}], token=post.token("dong-1"))
    assert [type(item) for item in post.meant()] == [Rejection]


def test_unknown_expired_and_revoked_tokens_are_401(post: Post) -> None:
    text = post.token(days=1)
    with post.site.client(None) as client:
        assert client.post("/api/v1/readings", json={"readings": [call()]}, headers={"idempotency-key": "k"}).status_code == 401
        for wrong in ("x", text[:-1] + ("a" if text[-1] != "a" else "b"), text.replace("anbu_", "anbu-")):
            answer = post.send(client, [call()], token=wrong)
            assert (answer.status_code, answer.json()["error"]) == (401, "token_unknown")
        (made,) = post.tokens.all()
        revoked = post.token()
        assert post.tokens.revoke(revoked.split("_")[1]) and not post.tokens.revoke("nobody00")
        assert post.send(client, [call()], token=revoked).status_code == 401
        post.site.clock.machine = made.expires_at
        assert post.send(client, [call()], token=text).status_code == 401
    assert post.messages() == []


def test_secret_of_a_token_is_kept_nowhere(post: Post) -> None:
    text = post.token()
    folder = Path(str(post.site.engine.url.database)).parent
    raw = b"".join(path.read_bytes() for path in folder.glob("anbu.sqlite3*"))
    assert text.split("_", 2)[2].encode() not in raw
    assert text not in repr(post.tokens.all())


def test_token_may_ask_so_often_and_hears_when_to_come_again(post: Post) -> None:
    token, other = post.token(), post.token()
    with post.site.client(None) as client:
        for _ in range(REQUESTS - 1):
            post.tokens.check(token, Scope.READINGS_WRITE)
        assert post.send(client, [call()], token=token).status_code == 202
        refused = post.send(client, [call()], token=token)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) >= 1
        assert post.send(client, [call()], token=other).status_code == 202
        post.site.clock.machine += MINUTE
        assert post.send(client, [call()], token=token).status_code == 202


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "김하늘"},
        {"device": "010-0000-1234 "},
        {"signal": "status"},
        {"signal": "call_missed"},
        {"v": "김하늘"},
        {"boot": 1},
        {"in": -1},
        {"seq": 1.5, "boot": 1},
        {"dong": "Dong 1"},
    ],
)
def test_body_is_checked_at_the_edge_and_what_was_sent_is_not_repeated(post: Post, wrong: dict[str, Any]) -> None:
    with post.site.client(None) as client:
        answer = post.send(client, [call(**wrong)])
    assert answer.status_code == 422 and "김하늘" not in answer.text and "010-0000" not in answer.text
    assert post.messages() == []


@pytest.mark.parametrize(
    ("readings", "said"),
    [
        ([], "1개 이상"),
        ([call()] * 1_001, "1000개까지"),
        ([call(t="soon")], "readings.0.t: 수여야 합니다"),
        ([call(signal="status")], "HTTPS로 받지 않습니다"),
        ([call(boot=1)], "boot와 seq는 함께"),
    ],
)
def test_what_is_wrong_with_a_batch_is_said_with_what_would_be_right(
    post: Post, readings: list[dict[str, Any]], said: str
) -> None:
    with post.site.client(None) as client:
        answer = post.send(client, readings)
    assert answer.status_code == 422 and said in answer.json()["detail"]


def test_a_signal_that_is_none_is_told_which_there_are_in_korean(post: Post) -> None:
    with post.site.client(None) as client:
        detail = post.send(client, [call(signal="heat")]).json()["detail"]
    assert "'motion', 'door'" in detail and " or " not in detail


def test_batch_has_its_limits(post: Post) -> None:
    with post.site.client(None) as client:
        assert post.send(client, []).status_code == 422
        assert post.send(client, [call()] * 1_001).status_code == 422
        assert post.send(client, [call()] * 1_000).status_code == 202
        headers = {"idempotency-key": "k2", "authorization": f"Bearer {post.token()}"}
        large = b" " * (512 * 1024 + 1)
        assert client.post("/api/v1/readings", content=large, headers=headers).status_code == 413
        headers.pop("idempotency-key")
        assert client.post("/api/v1/readings", json={"readings": [call()]}, headers=headers).status_code == 422


class Full(MemoryJournal):
    """Has no room."""

    def append(self, bodies: Sequence[Body]) -> int:
        """Refuses."""
        raise JournalFull("no room")


def test_full_disk_takes_nothing_and_the_same_key_goes_through_afterwards(post: Post) -> None:
    token, services = post.token(), post.site.services
    full = replace(post.site, services=replace(services, postbox=Postbox(post.site.engine, Full(), post.site.clock)))
    with full.client(None) as client:
        answer = post.send(client, [call()], token=token)
        assert answer.status_code == 503 and answer.headers["retry-after"]
    with post.site.client(None) as client:
        assert post.send(client, [call()], token=token).status_code == 202
    assert len(post.messages()) == 1


def test_keys_are_forgotten_after_a_week(post: Post) -> None:
    with post.site.client(None) as client:
        post.send(client, [call()])
    assert post.site.services.postbox is not None
    post.site.clock.machine += 7 * DAY
    assert post.site.services.postbox.forget_keys() == 0
    post.site.clock.machine += 1
    assert post.site.services.postbox.forget_keys() == 1


@pytest.mark.parametrize("how", [{"scope": "everything"}, {"days": 0}, {"days": 4_000}, {"dong": "dong-9"}])
def test_token_that_makes_no_sense_is_refused(post: Post, how: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        post.tokens.add("carrier", created_by="ops", **how)
