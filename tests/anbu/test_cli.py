"""Proves what an operator gets for what they type: a site made whole or not at all, clear refusals, quick help."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from anbu.settings import load_settings
from dashboard_api.accounts import Accounts
from ingest.clock import SystemClock
from ingest.fact_outbox import fact_outbox
from ingest.facts import DeviceEnrolled, HouseholdEnded, HouseholdEnrolled, decode_fact
from ingest.register.people import Guardian, Resident
from ingest.register.register import Register
from ingest.seal import Sealer, load_key, new_key, write_key
from ingest.store import open_store
from tests.anbu.typing_anbu import anbu
from tests.servers import NatsServer

HEAVY = {"alembic", "apscheduler", "cryptography", "fastapi", "influxdb_client", "msgspec", "numpy", "paho", "pydantic", "rich"}
HEAVY |= {
    "pydantic_settings",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "pwdlib",
    "prometheus_client",
    "jinja2",
    "httpx",
}


def probe(*words: str) -> set[str]:
    """The top-level packages that a command imports, in a process of its own."""
    code = (
        "import sys\nfrom anbu.cli import main\nsys.argv[1:] = sys.argv[1:]\n"
        "try:\n    main()\nfinally:\n    print('\\n'.join({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert "demo" in done.stdout
    return set(done.stderr.split())


def test_help_imports_nothing_heavy() -> None:
    assert probe("--help") & HEAVY == set()


def test_every_command_says_what_it_does_in_both_languages() -> None:
    korean = anbu("--help").stdout
    assert "점검합니다" in korean
    code = "from anbu.cli import main; main()"
    arguments: Sequence[str] = [sys.executable, "-c", code, "--help"]
    english = subprocess.run(arguments, capture_output=True, text=True, check=True, env={"ANBU_LANG": "en"}).stdout
    assert "check settings, stores, broker and clock" in english
    for command in ("demo", "replay", "init", "check", "migrate", "serve", "user", "dong", "household", "device"):
        assert f"  {command} " in korean and f"  {command} " in english
        assert anbu(command, "--help").exit_code == 0


def test_a_terminal_without_hangul_shows_escapes_and_goes_on() -> None:
    code = "from anbu.cli import main; main()"
    environment = {"PYTHONIOENCODING": "iso-8859-1"}
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, env=environment, check=True)
    assert "\\uc548\\ubd80" in done.stdout


def test_the_version_is_the_installed_one() -> None:
    assert anbu("--version").stdout.strip() == "0.1.0"


def test_init_makes_a_site_that_its_owner_alone_can_read(site: Path) -> None:
    settings = load_settings(site / "anbu.toml")
    assert settings.site.name == "바람"
    assert {path.name: path.stat().st_mode & 0o777 for path in site.iterdir()} == {
        "anbu.key": 0o600,
        "anbu.toml": 0o600,
        "data": 0o700,
    }
    engine = open_store(settings.store_url)
    account = Accounts(engine, SystemClock()).verify("admin", "correct horse")
    assert account is not None and account.dong_code is None
    assert [dong.name for dong in Register(engine, Sealer(new_key()), SystemClock()).dongs()] == ["바람동"]
    engine.dispose()


def test_init_shows_a_password_it_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = anbu("init", "--login", "bora", "--role", "officer", "--user-dong", "dong-1")
    assert made.exit_code == 0
    (line,) = [line for line in made.stdout.splitlines() if line.startswith("비밀번호")]
    password = line.split()[1]
    engine = open_store(load_settings().store_url)
    assert Accounts(engine, SystemClock()).verify("bora", password) is not None
    engine.dispose()
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert password.encode() not in kept


@pytest.mark.parametrize("existing", ["anbu.toml", "anbu.key", "data/anbu.sqlite3"])
def test_init_overwrites_nothing(existing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / existing).write_text("mine")
    refused = anbu("init")
    assert refused.exit_code == 1 and str(tmp_path / existing) in refused.stderr
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()] == [existing]
    assert (tmp_path / existing).read_text() == "mine"


@pytest.mark.parametrize(
    "words", [["--dong", "Bad=동"], ["--dong", "no-name"], ["--login", "Ä"], ["--broker", "x"], ["--role", "king"]]
)
def test_a_refused_init_leaves_nothing_behind(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = anbu("init", *words)
    assert refused.exit_code == 1 and len(refused.stderr.splitlines()) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert anbu("init").exit_code == 0


def test_check_names_what_is_wrong_and_the_next_step(site: Path, nats_broker: NatsServer) -> None:
    well = anbu("check", "--json")
    names = ["settings", "rules", "key", "store", "seals", "ladder", "folders", "history", "broker", "channels", "clock"]
    lines = {line["name"]: line for line in json.loads(well.stdout)}
    assert list(lines) == names
    assert [name for name in names if not lines[name]["ok"]] == ["broker"]  # nobody listens on 1883 of the test's site
    assert lines["broker"]["next_step"] and well.exit_code == 1


def test_check_is_content_with_a_site_whose_broker_answers(
    site: Path, nats_broker: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANBU_BROKER__PORT", str(nats_broker.port))
    well = anbu("check")
    assert well.exit_code == 0, well.output
    assert "문제" not in well.stdout


def test_check_knows_a_key_that_opens_nothing(site: Path) -> None:
    assert (
        anbu("household", "add", "home-1", "--dong", "dong-1", "--people", "-", typed='{"resident":{"name":"김하늘"}}').exit_code
        == 0
    )
    (site / "anbu.key").unlink()
    write_key(site / "anbu.key", new_key())
    lines = {line["name"]: line for line in json.loads(anbu("check", "--json").stdout)}
    assert lines["key"]["ok"] and not lines["seals"]["ok"]
    assert "resident" in lines["seals"]["detail"]


def test_check_reports_every_wrong_setting_and_stops_there(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBU_BROKER__PROT", "1")
    monkeypatch.setenv("ANBU_WEB__PORT", "0")
    checked = anbu("check", "--json")
    assert checked.exit_code == 1
    assert [line["detail"].split(" ")[0] for line in json.loads(checked.stdout)] == ["broker.prot", "web.port"]


def test_check_without_a_store_names_migrate(site: Path) -> None:
    (site / "data" / "anbu.sqlite3").unlink()
    lines = {line["name"]: line for line in json.loads(anbu("check", "--json").stdout)}
    assert "anbu migrate" in lines["store"]["next_step"]
    assert not (site / "data" / "anbu.sqlite3").exists()


def test_check_sees_a_clock_that_is_behind_its_own_files(site: Path) -> None:
    later = SystemClock().machine_now() / 1000 + 3600
    (site / "data" / "later").touch()
    os.utime(site / "data" / "later", (later, later))
    lines = {line["name"]: line for line in json.loads(anbu("check", "--json").stdout)}
    assert not lines["clock"]["ok"] and "later" in lines["clock"]["detail"]


def test_check_names_a_rule_file_that_is_wrong(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site / "rules.toml").write_text("nonsense = 1\n")
    monkeypatch.setenv("ANBU_RULES__FILE", "rules.toml")
    lines = {line["name"]: line for line in json.loads(anbu("check", "--json").stdout)}
    assert not lines["rules"]["ok"] and str(site / "rules.toml") in lines["rules"]["next_step"]


def test_migrate_makes_a_missing_store_and_then_has_nothing_to_do(site: Path) -> None:
    (site / "data" / "anbu.sqlite3").unlink()
    assert "0001" in anbu("migrate").stdout
    assert anbu("migrate", english=True).stdout.strip() == "nothing to do."


@pytest.mark.parametrize("words", [["serve"], ["check"], ["migrate"], ["user", "add", "bora"], ["device", "remove", "x"]])
def test_a_command_without_a_site_names_init(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused = anbu(*words)
    assert refused.exit_code == 1 and "anbu init" in refused.output


def test_serve_does_not_start_on_a_store_that_is_not_migrated(site: Path) -> None:
    (site / "data" / "anbu.sqlite3").write_bytes(b"")
    refused = anbu("serve")
    assert refused.exit_code == 1 and "anbu migrate" in refused.stderr


def test_a_user_is_added_once(site: Path) -> None:
    assert anbu("user", "add", "bora", "--dong", "dong-1", "--password-stdin", typed="long enough\n").exit_code == 0
    again = anbu("user", "add", "bora", "--dong", "dong-1")
    assert again.exit_code == 1 and "bora" in again.stderr
    without = anbu("user", "add", "haru")
    assert without.exit_code == 1 and "dong" in without.stderr


def test_a_real_home_is_enrolled_from_the_command_line(site: Path) -> None:
    people = {
        "resident": {"name": "김하늘", "phone": "010-0000-1234", "birth_year": 1941},
        "guardians": [{"name": "김바다", "phone": "010-0000-5678"}],
    }
    typed = json.dumps(people, ensure_ascii=False)
    for words, text in (
        (("dong", "add", "dong-2", "구름동"), None),
        (("household", "add", "home-1", "--dong", "dong-2", "--grade", "high", "--people", "-"), typed),
        (("device", "add", "pir-1", "--household", "home-1", "--signal", "motion", "--signal", "battery"), None),
        (("device", "remove", "pir-1"), None),
        (("device", "add", "th-1", "--household", "home-1", "--signal", "temperature", "--every", "600"), None),
        (("household", "end", "home-1"), None),
    ):
        done = anbu(*words, typed=text)
        assert done.exit_code == 0, done.output
    settings = load_settings()
    engine = open_store(settings.store_url)
    register = Register(engine, Sealer(load_key(settings.key_source)), SystemClock())
    seen = register.view_people("home-1", login="test", purpose="test")
    assert seen.resident == Resident(name="김하늘", phone="010-0000-1234", birth_year=1941)
    assert seen.guardians == (Guardian(name="김바다", phone="010-0000-5678"),)
    with engine.connect() as connection:
        facts = [decode_fact(row.body) for row in connection.execute(select(fact_outbox).order_by(fact_outbox.c.id))]
    engine.dispose()
    assert [type(fact) for fact in facts][:2] == [HouseholdEnrolled, DeviceEnrolled]
    assert isinstance(facts[-1], HouseholdEnded) and len(facts) == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["household", "add", "home-1", "--dong", "dong-9"], "dong-9"),
        (["household", "add", "Home 1", "--dong", "dong-1"], "household id"),
        (["device", "add", "pir-1", "--household", "home-9", "--signal", "motion"], "home-9"),
        (["dong", "add", "dong-1", "또"], "dong-1"),
    ],
)
def test_what_the_register_refuses_is_one_line(words: list[str], told: str, site: Path) -> None:
    refused = anbu(*words)
    assert refused.exit_code == 1 and told in refused.stderr and len(refused.stderr.splitlines()) == 1


def test_a_vendors_device_is_enrolled_by_its_address(site: Path) -> None:
    words = ("device", "add", "th-1", "--household", "home-1", "--signal", "temperature", "--dialect")
    assert anbu("household", "add", "home-1", "--dong", "dong-1").exit_code == 0
    assert anbu(*words, "morse", "--address", "x").exit_code == 1
    assert anbu(*words, "tasmota").exit_code == 1
    assert anbu(*words, "tasmota", "--address", "안방", "--zone", "Asia/Nowhere").exit_code == 1
    done = anbu(*words, "tasmota", "--address", "안방", "--zone", "Asia/Tokyo")
    assert done.exit_code == 0, done.output
    engine = open_store(load_settings().store_url)
    with engine.connect() as connection:
        facts = [decode_fact(row.body) for row in connection.execute(select(fact_outbox).order_by(fact_outbox.c.id))]
    engine.dispose()
    assert isinstance(facts[-1], DeviceEnrolled) and (facts[-1].address, facts[-1].zone) == ("tasmota/안방", "Asia/Tokyo")


def test_unreadable_people_are_refused_without_repeating_them(site: Path) -> None:
    refused = anbu("household", "add", "home-1", "--dong", "dong-1", "--people", "-", typed='{"resident":{"name":["김하늘"]}}')
    assert refused.exit_code == 1 and "resident.name" in refused.stderr
    assert "김하늘" not in refused.stderr


@pytest.mark.parametrize(
    "words", [["--speed", "0"], ["--speed", "fast"], ["--off", "maybe"], ["--log-level", "loud"], ["nowhere.csv"]]
)
def test_replay_refuses_what_it_cannot_play_before_it_starts(words: list[str], tmp_path: Path) -> None:
    log = tmp_path / "home.csv"
    log.write_text("timestamp,sensor,kind,value\n")
    refused = anbu("replay", str(log), *words)
    assert refused.exit_code == 1 and len(refused.stderr.splitlines()) == 1


def test_an_interrupted_command_ends_with_one_line(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom anbu.ending import orderly\nimport typer\n"
        "@orderly\ndef work() -> None:\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\n"
        "app = typer.Typer()\napp.command()(work)\napp()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={"ANBU_LANG": "en"}, check=False)
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr.split("\n") == ["", "Stopped.", ""]
