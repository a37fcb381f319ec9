"""Proves what `anbu backtest` tells of logs that the tests make themselves."""

from __future__ import annotations

import gzip
import json
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.clock import HOUR, MINUTE, parse_local
from ingest.facts import DeviceEnrolled, Fact, HouseholdEnrolled
from ingest.reading import DeviceId, DongCode, HouseholdId
from rules.table import DEFAULT
from tests.anbu.typing_anbu import anbu

BEGINS = datetime(2024, 3, 1, 7, 0)  # noqa: DTZ001 - the naive time of a log


def log_of(path: Path, days: int, *, seed: int = 1, silent: tuple[int, int, int] = (99, 0, 0)) -> Path:
    """Somebody who moves every half hour from 7 to 23 h, sleeps, and goes out at noon; `silent`: day, hour, hours."""
    chance, lines = random.Random(seed), ["timestamp,sensor,kind,value"]
    for day in range(days):
        for half in range(32):
            at = BEGINS + timedelta(days=day, minutes=30 * half + chance.randrange(20))
            if half in (10, 11, 12) or (silent[0] == day and silent[1] <= at.hour < silent[1] + silent[2]):
                continue
            lines.append(f"{at.isoformat()},Living room,motion,ON")
        noon = BEGINS + timedelta(days=day, hours=5)
        if silent[0] != day:
            lines += [f"{noon.isoformat()},Door,door,LEAVE", f"{(noon + timedelta(hours=1)).isoformat()},Door,door,ENTER"]
    text = "\n".join([lines[0], *sorted(lines[1:])]) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def told(*words: str) -> Any:
    done = anbu("backtest", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_without_injections_every_finding_is_told_with_its_times(tmp_path: Path) -> None:
    log = log_of(tmp_path / "home-1.csv", 4, silent=(2, 8, 15))
    report = told(str(log))
    motion = [one for one in report["findings"] if one["rule"] == "motion"]
    day = [one for one in motion if "2024-03-03T07" < one["raised_at"] < "2024-03-04T00"]
    assert [(one["level"], one["household"]) for one in day] == [("caution", "home-1"), ("warning", "home-1")]
    assert motion[0]["raised_at"].endswith("+09:00") and all(one["cleared_at"] for one in motion)
    assert report["homes"] == [
        {
            "household": "home-1",
            "log": "home-1.csv",
            "prior": "shipped",
            "start": report["homes"][0]["start"],
            "judged_from": report["homes"][0]["judged_from"],
            "end": report["homes"][0]["end"],
        }
    ]
    assert report["homes"][0]["start"].startswith("2024-03-01T07:")


def test_a_cut_drops_what_follows_and_looks_on_for_three_days(tmp_path: Path) -> None:
    log = log_of(tmp_path / "home-1.csv", 6)
    report = told(str(log), "--cut", "2024-03-03T20:00:00")
    last = {(one["rule"], one["level"]): one for one in report["findings"] if one["raised_at"] > "2024-03-03T20:00:00"}
    assert last["motion", "danger"]["cleared_at"] is None and last["cannot_verify", "danger"]["cleared_at"] is None
    assert last["motion", "danger"]["raised_at"] < "2024-03-04T20:00:00"
    assert report["homes"][0]["end"] == "2024-03-03T20:00:00+09:00"


def test_injections_give_the_figures_of_every_rule_and_home(tmp_path: Path) -> None:
    logs = [str(log_of(tmp_path / "one.csv.gz", 16, silent=(12, 8, 14))), str(log_of(tmp_path / "two.csv", 10, seed=2))]
    report = told(*logs, "--injections", "6", "--seed", "3")
    assert set(report["by_home"]) == {"one", "two"} and {one["prior"] for one in report["homes"]} == {"others"}
    first = report["by_rule"]["first_alert"]
    assert set(first) >= {"false_alarms", "months", "per_month", "interval95", "delay_h_median", "delay_h_p95", "delay_h_mean"}
    assert first["false_alarms"] == 1 and first["injections"] == 12 and first["missed"] == 0
    assert first["months"] == pytest.approx(sum(rows["first_alert"]["months"] for rows in report["by_home"].values()), abs=1e-3)
    assert 0 < first["delay_h_median"] <= report["by_rule"]["motion.warning"]["delay_h_median"] <= 12
    for row in ("motion.caution", "personal.warning", "away.danger", "cannot_verify.danger"):
        assert row in report["by_rule"]
    assert told(*logs, "--injections", "6", "--seed", "3") == report
    judged = {one["household"]: one["judged_from"][:10] for one in report["homes"]}
    assert judged == {"one": "2024-03-08", "two": "2024-03-05"}


def test_one_log_and_logs_with_too_little_in_them_have_the_shipped_prior_and_the_report_says_so(tmp_path: Path) -> None:
    one, other = log_of(tmp_path / "one.csv", 2), log_of(tmp_path / "other.csv", 1)
    assert [home["prior"] for home in told(str(one))["homes"]] == ["shipped"]
    assert [home["prior"] for home in told(str(one), str(other))["homes"]] == ["shipped", "shipped"]


def test_other_rules_say_something_else(tmp_path: Path) -> None:
    log = str(log_of(tmp_path / "one.csv", 4))
    rules = tmp_path / "rules.toml"
    rules.write_text(DEFAULT.read_text(encoding="utf-8").replace('caution = "8 h"', 'caution = "40 min"'), encoding="utf-8")
    before, after = told(log), told(log, "--rules", str(rules))
    assert before["rule_version"] != after["rule_version"]
    assert sum(one["rule"] == "motion" for one in after["findings"]) > sum(one["rule"] == "motion" for one in before["findings"])


def test_it_prints_tables_to_be_read(tmp_path: Path) -> None:
    log = str(log_of(tmp_path / "one.csv", 4, silent=(2, 8, 14)))
    findings = anbu("backtest", log)
    assert findings.exit_code == 0 and "motion" in findings.output
    figures = anbu("backtest", log, "--injections", "2", "--train-days", "1")
    assert figures.exit_code == 0 and "first_alert" in figures.output


def exported(path: Path, entries: list[tuple[int, Fact | tuple[str, str]]]) -> Path:
    """What `anbu journal export` would write: facts, and messages as (topic, payload)."""
    lines: list[Any] = [{"anbu_journal": 1, "first": 1, "last": len(entries)}]
    for offset, (at, body) in enumerate(entries, 1):
        if isinstance(body, tuple):
            message = {"topic": body[0], "source": "mqtt", "received_at": at, "text": body[1]}
            lines.append({"offset": offset, "received_at": at, "message": message})
        else:
            lines.append({"offset": offset, "received_at": at, "fact": body})
    text = b"\n".join(msgspec.json.encode(line) for line in lines) + b"\n"
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def journal(path: Path) -> Path:
    """Two homes for a day and a half; the second falls silent."""
    start = parse_local("2024-03-01T08:00")
    entries: list[tuple[int, Fact | tuple[str, str]]] = []
    for home in ("hh-1", "hh-2"):
        household, device = HouseholdId(home), DeviceId(f"pir-{home}")
        entries.append((start, HouseholdEnrolled(fact_id=home, at=start, household_id=household, dong_code=DongCode("dong-1"))))
        entries.append(
            (start, DeviceEnrolled(fact_id=device, at=start, device_id=device, household_id=household, signals=("motion",)))
        )
    for place in range(72):
        at = start + HOUR + place * 30 * MINUTE
        for home in ("hh-1", "hh-2") if place < 20 else ("hh-1",):
            payload = json.dumps({"t": at / 1000, "boot": 1, "seq": place, "v": 1})
            entries.append((at, (f"anbu/v1/dong-1/{home}/pir-{home}/motion", payload)))
    return exported(path, entries)


@pytest.mark.parametrize("name", ["journal.jsonl", "journal.jsonl.gz"])
def test_a_journal_is_read_as_it_was_exported(tmp_path: Path, name: str) -> None:
    report = told(str(journal(tmp_path / name)))
    motion = {(one["household"], one["level"]) for one in report["findings"] if one["rule"] == "motion"}
    assert motion == {("hh-2", "caution"), ("hh-2", "warning"), ("hh-2", "danger")}
    assert [home["household"] for home in report["homes"]] == ["hh-1", "hh-2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.csv"], "missing.csv"),
        (["log.csv", "--rules", "none.toml"], "none.toml"),
        (["log.csv", "--cut", "yesterday"], "--cut yesterday"),
        (["log.csv", "--cut", "2001-01-01T00:00"], "등록된 가구가 없습니다 → --cut"),
        (["log.csv", "--off", "perhaps"], "--off perhaps"),
        (["wrong.csv"], "wrong lines"),
        (["broken.gz"], "gzip"),
        (["wrong.jsonl"], "line 2"),
        (["log.csv", "--rules", "wrong.toml"], "wrong.toml"),
    ],
)
def test_what_cannot_be_run_is_refused_with_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    log_of(tmp_path / "log.csv", 1)
    Path("wrong.csv").write_text("timestamp,sensor,kind,value\n2024-03-01T07:00,x,motion,PERHAPS\n", encoding="utf-8")
    Path("broken.gz").write_bytes(b"\x1f\x8bnothing")
    Path("wrong.jsonl").write_text('{"anbu_journal": 1, "first": 1, "last": 1}\n{"offset": 1}\n', encoding="utf-8")
    Path("wrong.toml").write_text("version = 3\n", encoding="utf-8")
    done = anbu("backtest", *words)
    assert done.exit_code == 1 and said in done.output and "Traceback" not in done.output, done.output
