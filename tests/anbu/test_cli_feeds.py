"""Proves the commands for what comes without MQTT and for what could not be taken: what they print, and what never."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from anbu.row_faults import FAULTS, OUTCOMES
from anbu.settings import load_settings
from dashboard_api.tokens import Scope, Tokens
from ingest.calls import Outcome
from ingest.clock import SystemClock, to_iso
from ingest.register import tables
from ingest.register.home_file import Fault
from ingest.store import open_store
from tests.anbu.typing_anbu import anbu

PEOPLE = '{"resident": {"name": "김하늘", "phone": "010-0000-0001"}, "guardians": []}'


def put(site: Path, table: str, **row: object) -> None:
    engine = open_store(load_settings(site / "anbu.toml").store_url)
    with engine.begin() as connection:
        connection.execute(insert(getattr(tables, table)).values(**row))
    engine.dispose()


def counted(site: Path, table: str) -> int:
    engine = open_store(load_settings(site / "anbu.toml").store_url)
    with engine.begin() as connection:
        rows = connection.execute(select(getattr(tables, table))).all()
    engine.dispose()
    return len(rows)


@pytest.fixture
def home(site: Path) -> Path:
    assert anbu("household", "add", "home-1", "--dong", "dong-1", "--people", "-", typed=PEOPLE).exit_code == 0
    return site


def test_token_is_shown_once_listed_without_its_secret_and_ends_when_revoked(site: Path) -> None:
    made = anbu("token", "add", "통신사", "--dong", "dong-1", "--days", "30")
    assert made.exit_code == 0, made.output
    text = next(word for word in made.stdout.split() if word.startswith("anbu_"))
    engine = open_store(load_settings(site / "anbu.toml").store_url)
    tokens = Tokens(engine, SystemClock())
    assert tokens.check(text, Scope.READINGS_WRITE).dong_code == "dong-1"
    listed = anbu("token", "list").stdout
    token_id, secret = text.split("_", 2)[1:]
    assert token_id in listed and "통신사" in listed and secret not in listed
    assert secret not in anbu("token", "list", "--json").stdout
    assert anbu("token", "revoke", token_id).exit_code == 0
    assert anbu("token", "revoke", token_id).exit_code == 1
    assert tokens.all()[0].revoked_at is not None
    engine.dispose()
    assert anbu("token", "add", "x", "--dong", "dong-9").exit_code == 1


def test_calls_import_reports_lines_and_never_a_number(home: Path) -> None:
    yesterday = to_iso(SystemClock().home_now() - 3_600_000)
    rows = ["전화번호,수신,발신,부재중,마지막통화", f"010-0000-0001,1,0,0,{yesterday}", f"010-0000-7777,1,0,0,{yesterday}"]
    (home / "calls.csv").write_text("\n".join(rows))
    dry = anbu("calls", "import", "calls.csv", "--dry-run", english=True)
    assert dry.exit_code == 0, dry.output
    assert "rows would match 1/2" in dry.stdout and counted(home, "message_outbox") == 0
    done = anbu("calls", "import", "calls.csv", english=True)
    assert "line      3  nobody who is looked after has this number  *77" in done.stdout and "rows matched 1/2" in done.stdout
    assert "0000" not in done.stdout + done.stderr
    assert counted(home, "message_outbox") == 1
    assert "imported before" in anbu("calls", "import", "calls.csv", english=True).stdout
    assert json.loads(anbu("calls", "import", "calls.csv", "--again", "--json").stdout)["matched"] == 1
    assert anbu("calls", "import", "nowhere.csv").exit_code == 1
    assert len(anbu("calls", "key").stdout.strip()) == 64


def test_unclaimed_device_is_listed_and_claimed_in_one_step(home: Path) -> None:
    topic = "anbu/v1/dong-1/home-2/pir-1/motion"
    row = {"device_id": "pir-1", "dialect": "native", "first_offset": 3, "last_offset": 9, "last_received_at": 1_767_225_600_000}
    put(home, "unclaimed", **row, topic=topic, payload=b'{"v":1}\x1b[2J', messages=7)
    listed = anbu("device", "unclaimed").stdout
    assert "pir-1" in listed and "native" in listed and '{"v":1}\\x1b[2J' in listed
    claimed = anbu("device", "claim", "pir-1", "--household", "home-1", english=True)
    assert claimed.exit_code == 0, claimed.output
    assert "pir-1 home-1 motion" in claimed.stdout and "another household" in claimed.stdout
    assert (counted(home, "unclaimed"), counted(home, "reread")) == (0, 1)
    refused = anbu("device", "claim", "pir-1", "--household", "home-1")
    assert refused.exit_code == 1 and "pir-1" in refused.stderr
    assert anbu("device", "claim", "pir-2", "--household", "home-1", "--since", "soon").exit_code == 1


def test_rejections_are_listed_shown_and_retried(home: Path) -> None:
    for offset, reason in ((5, "out_of_range"), (6, "unparsable")):
        row = {"offset": offset, "index": 0, "received_at": 1_767_225_600_000, "reason": reason, "detail": "v"}
        put(home, "rejection", **row, topic="anbu/v1/dong-1/home-1/pir-1/motion", device_id="pir-1", payload=b"{}")
    assert [one["offset"] for one in json.loads(anbu("rejections", "list", "--json").stdout)] == [6, 5]
    assert "unparsable" not in anbu("rejections", "list", "--reason", "out_of_range").stdout
    assert "out_of_range" in anbu("rejections", "show", "5").stdout
    assert anbu("rejections", "show", "7").exit_code == 1
    assert anbu("rejections", "list", "--reason", "bad").exit_code == 1
    assert anbu("rejections", "retry").exit_code == 1
    assert "1 to be read again" in anbu("rejections", "retry", "5", english=True).stdout
    assert counted(home, "reread") == 1
    assert [one["offset"] for one in json.loads(anbu("rejections", "list", "--json").stdout)] == [6]
    assert "1 to be read again" in anbu("rejections", "retry", "--device", "pir-1", english=True).stdout


def test_whatever_is_wrong_with_a_row_has_words_in_both_languages() -> None:
    assert FAULTS.keys() == set(Fault) and OUTCOMES.keys() == set(Outcome)
    assert all(korean and english for korean, english in (*FAULTS.values(), *OUTCOMES.values()))
