"""Proves what an operator sees and changes with `anbu rules`: nothing without --yes, everything with who and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingest.clock import DAY, SystemClock, to_iso
from rules.table import DEFAULT
from tests.anbu.typing_anbu import anbu

TEXT = DEFAULT.read_text(encoding="utf-8")


@pytest.fixture
def file(site: Path) -> Path:
    made = site / "mine.toml"
    made.write_text(TEXT.replace('caution = "8 h"', 'caution = "7 h"'), encoding="utf-8")
    return made


def test_a_wrong_file_is_refused_with_its_lines(site: Path) -> None:
    wrong = site / "wrong.toml"
    wrong.write_text(TEXT.replace('caution = "8 h"', 'caution = "8 hours"').replace("clear_at = 30.0", "clear_at = 99.0"))
    for words in (["lint", "wrong.toml"], ["apply", "wrong.toml", "--reason", "r", "--yes"], ["diff", "wrong.toml"]):
        said = anbu("rules", *words, english=True)
        assert (
            said.exit_code == 1 and "8 hours" in said.output and "heat.caution.clear_at" in said.output and "line " in said.output
        )
    assert "행: motion.caution '8 hours'" in anbu("rules", "lint", "wrong.toml").output.replace("\n", "")
    assert anbu("rules", "lint", "none.toml").exit_code == 1
    wrong.write_bytes(b"\xff\xfe")
    assert "UTF-8" in anbu("rules", "lint", "wrong.toml").output
    assert anbu("rules", "lint", str(DEFAULT)).exit_code == 0


def test_the_limits_in_force_are_shown_for_everybody_a_grade_and_as_a_file(site: Path) -> None:
    said = anbu("rules", "show")
    assert said.exit_code == 0 and "활동 없음 [motion]" in said.output and "아직 실행한 적 없음" in said.output
    assert anbu("rules", "show", "--text").output == TEXT
    assert anbu("rules", "show", "--grade", "rich").exit_code == 1
    assert anbu("rules", "show", "--household", "hh-none").exit_code == 1
    shown = json.loads(anbu("rules", "show", "--grade", "high", "--json", english=True).output)
    assert {row["rule"]: row["levels"] for row in shown["rows"]}["motion"] == ["8 h", "12 h", "24 h"]


def test_a_difference_is_said_in_words(file: Path) -> None:
    said = anbu("rules", "diff", "mine.toml")
    assert "활동 없음 주의: 8시간 → 7시간 (더 일찍)" in said.output
    assert "No motion Caution: 8 h → 7 h (sooner)" in anbu("rules", "diff", "mine.toml", english=True).output
    assert "같습니다" in anbu("rules", "diff").output


def test_a_table_is_applied_only_with_yes_and_then_written_down(file: Path) -> None:
    assert "--yes" in anbu("rules", "apply", "mine.toml", "--reason", "여름").output
    assert "아직 실행한 적 없음" in anbu("rules", "show").output
    said = anbu("rules", "apply", "mine.toml", "--reason", "여름", "--by", "gu", "--yes")
    assert said.exit_code == 0 and "적용했습니다" in said.output
    assert 'caution = "7 h"' in anbu("rules", "show", "--text").output
    assert "gu" in anbu("rules", "log").output and "여름" in anbu("rules", "log").output
    again = anbu("rules", "apply", "mine.toml", "--reason", "여름", "--yes")
    assert again.exit_code == 1 and "이미 쓰고 있는 기준표입니다" in again.output
    assert anbu("rules", "apply", str(DEFAULT), "--reason", " ", "--yes").exit_code == 1


def test_seasons_and_limits_of_one_home_are_set_shown_and_taken_back(file: Path) -> None:
    assert anbu("household", "add", "hh-1", "--dong", "dong-1").exit_code == 0
    anbu("rules", "apply", "mine.toml", "--reason", "여름", "--yes")
    assert anbu("rules", "season", "heatwave", "--until", "soon", "--reason", "특보").exit_code == 1
    assert anbu("rules", "season", "heatwave", "--until", "2020-01-01T00:00", "--reason", "특보").exit_code == 1
    assert anbu("rules", "limit", "hh-1", "motion", "caution", "5 h", "--reason", "퇴원").exit_code == 0
    assert anbu("rules", "limit", "hh-1", "heat", "warning", "32.5", "--reason", "퇴원").exit_code == 0
    shown = json.loads(anbu("rules", "show", "--household", "hh-1", "--json", english=True).output)
    levels = {row["rule"]: row["levels"] for row in shown["rows"]}
    assert levels["motion"][0] == "5 h" and levels["heat"][1].startswith("≥ 32.5°C")
    assert anbu("rules", "limit", "hh-1", "motion", "caution", "none", "--reason", "나음").exit_code == 0
    for wrong in (
        ["motion", "caution", "9 h"],
        ["motion", "grave", "1 h"],
        ["heat", "caution", "hot"],
        ["motion", "caution", "5"],
    ):
        assert anbu("rules", "limit", "hh-1", *wrong, "--reason", "r").exit_code == 1
    entries = json.loads(anbu("rules", "log", "--household", "hh-1", "--json").output)
    assert [entry["limit"] for entry in entries] == [None, 32.5, 18_000_000.0]
    log = anbu("rules", "log").output
    assert all(said in log for said in ("hh-1 motion caution none", "hh-1 motion caution 5 h", "hh-1 heat warning 32.5"))


def test_a_limit_that_cannot_be_is_refused_with_what_can(file: Path) -> None:
    anbu("household", "add", "hh-1", "--dong", "dong-1")
    limit = ("rules", "limit", "hh-1")
    assert "anbu serve" in anbu(*limit, "motion", "caution", "5 h", "--reason", "퇴원").output
    anbu("rules", "apply", "mine.toml", "--reason", "여름", "--yes")
    assert "7시간보다 짧아야 합니다" in anbu(*limit, "motion", "caution", "7 h", "--reason", "퇴원").output
    assert "31보다 낮아야 합니다" in anbu(*limit, "heat", "caution", "31", "--reason", "퇴원").output
    assert "18보다 높아야 합니다" in anbu(*limit, "cold", "caution", "18", "--reason", "퇴원").output
    for rule in ("personal", "motoin"):
        said = anbu(*limit, rule, "caution", "2 h", "--reason", "퇴원")
        assert said.exit_code == 1 and "있는 규칙: motion, call, phone" in said.output.replace("\n", " ")
    assert "이유가 있어야 합니다" in anbu(*limit, "motion", "caution", "5 h", "--reason", " ").output
    assert "파일이 없습니다: none.toml" in anbu("rules", "lint", "none.toml").output


def test_a_declared_season_is_shown_until_it_is_ended(file: Path) -> None:
    anbu("rules", "apply", "mine.toml", "--reason", "여름", "--yes")
    until = to_iso(SystemClock().home_now() + DAY)[:16]
    assert anbu("rules", "season", "heatwave", "--until", until, "--reason", "특보").exit_code == 0
    assert "선포된 계절 heatwave" in anbu("rules", "show").output
    assert anbu("rules", "season", "heatwave", "--reason", "해제").exit_code == 0
    assert "선포된 계절" not in anbu("rules", "show").output
    assert anbu("rules", "season", "heatwave", "--reason", "해제").exit_code == 1
