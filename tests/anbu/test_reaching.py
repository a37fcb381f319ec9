"""The commands about reaching people: addresses come by standard input, are shown masked, and a test is really sent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import Result

from anbu.broker_site import BrokerFolder, write_acl
from anbu.canary import canary_topics
from tests.alerts.providers import MailHost
from tests.anbu.typing_anbu import anbu as typed_anbu


def anbu(*words: str, typed: str | None = None) -> Result:
    return typed_anbu(*words, typed=typed, english=True)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert anbu("init").exit_code == 0
    return tmp_path


def test_an_address_is_read_from_standard_input_kept_sealed_and_shown_masked(site: Path) -> None:
    assert anbu("channel", "add", "kim", "email", typed="kim@example.kr\n").stdout.endswith("kim  email  k***@example.kr\n")
    assert anbu("channel", "add", "kim", "phone", typed="010-0000-1234\n").exit_code == 0
    (first, second) = json.loads(anbu("channel", "list", "--json").stdout)
    assert (first["shown"], second["shown"]) == ("k***@example.kr", "0100000****")
    assert "k***@example.kr" in anbu("channel", "list").stdout
    assert b"kim@example.kr" not in (site / "data" / "anbu.sqlite3").read_bytes()
    assert anbu("channel", "remove", "kim", str(first["id"])).exit_code == 0
    refused = anbu("channel", "remove", "kim", str(first["id"]))
    assert (refused.exit_code, refused.stderr.strip()) == (1, f"kim has no contact point {first['id']}")


def test_what_cannot_be_an_address_is_refused_with_what_would_be_right(site: Path) -> None:
    assert "must look like name@example.kr" in anbu("channel", "add", "kim", "email", typed="kim\n").stderr
    assert "no such kind: fax" in anbu("channel", "add", "kim", "fax", typed="1\n").stderr


def test_a_test_goes_out_for_real_and_says_how_it_went(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no contact point" in anbu("channel", "test", "kim").stderr
    host = MailHost()
    for name, value in {"HOST": "127.0.0.1", "PORT": str(host.port), "SECURITY": "none", "SENDER": "anbu@example.kr"}.items():
        monkeypatch.setenv(f"ANBU_EMAIL__{name}", value)
    anbu("channel", "add", "kim", "email", typed="kim@example.kr\n")
    sent = anbu("channel", "test", "kim")
    host.close()
    assert (sent.exit_code, sent.stdout.split()) == (0, ["email", "sent"])
    assert "시험 알림" in host.taken[0].text
    failed = anbu("channel", "test", "kim", "--channel", "email", "--channel", "fax")
    assert failed.exit_code == 1
    assert failed.stdout.splitlines() == [
        "email     no answer: ConnectionRefusedError",
        "fax       this site has no such channel",
    ]


def test_the_canarys_account_may_write_for_its_own_devices_alone(site: Path) -> None:
    assert "no broker of the site's own" in anbu("canary", "init").stderr
    folder = BrokerFolder(site / "data" / "broker-site")
    folder.make()
    write_acl(folder, "anbu-ingest", "anbu-ingest-acks", "anbu-ingest")
    assert anbu("dong", "add", "dong-7", "달빛동").exit_code == 0
    made = anbu("canary", "init")
    assert made.exit_code == 0, made.stderr
    assert "anbu-canary" in folder.accounts()
    acl = folder.acl.read_text()
    block = acl[acl.index("user anbu-canary") :].splitlines()
    assert f"topic {canary_topics(['dong-7'])[0]}" in block
    assert all(line.startswith(("user anbu-canary", "topic write anbu/v1/")) for line in block if line)
