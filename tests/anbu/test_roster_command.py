"""`anbu roster`: the roster shown, brought in from a table whole or not at all, and the site's own days."""

from __future__ import annotations

import json
from pathlib import Path

from tests.anbu.typing_anbu import anbu

TABLE = "자리,동,아이디,순서,시간,요일,첫날\n동,dong-1,bora,1,낮,월화수목금,2026-01-05\n야간,,night,,,,\nsupervisor,,gu,2,,67,\n"


def test_a_table_of_entries_is_brought_in_and_shown(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(TABLE, encoding="utf-8")
    assert json.loads(anbu("roster", "import", str(file), "--dry-run", "--json").stdout) == {"entries": 3, "wrong": []}
    assert json.loads(anbu("roster", "show", "--json").stdout)["entries"] == []
    assert "3" in anbu("roster", "import", str(file)).stdout
    shown = json.loads(anbu("roster", "show", "--json").stdout)
    assert "dong  dong-1  1  bora  day  12345  2026-01-05 ~ " in shown["entries"]
    assert shown["on_duty"]["dong-1"][0] in ("bora", "night")
    assert "bora" in anbu("roster", "show").stdout


def test_a_table_with_a_wrong_row_brings_in_nothing_and_names_every_one(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(TABLE + "hall,,kim,,,,\n동,,kim,x,,,\n", encoding="utf-8")
    refused = anbu("roster", "import", str(file), english=True)
    assert refused.exit_code == 1
    assert "line      5  desk: must be one of" in refused.stdout and "line      6  dong:" in refused.stdout
    assert json.loads(anbu("roster", "show", "--json").stdout)["entries"] == []


def test_a_file_that_is_no_table_is_refused(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    assert anbu("roster", "import", str(file)).exit_code == 1
    file.write_text("이름\n", encoding="utf-8")
    assert anbu("roster", "import", str(file)).exit_code == 1


def test_the_template_has_every_column(tmp_path: Path) -> None:
    file = tmp_path / "template.csv"
    anbu("roster", "template", str(file))
    assert file.read_text(encoding="utf-8-sig").strip() == "자리,동코드,아이디,순서,시간,요일,첫날,마지막날"


def test_a_day_of_the_sites_own_is_set_and_a_wrong_one_refused(site: Path) -> None:
    assert anbu("roster", "day", "2026-10-02", "임시공휴일").stdout.strip() == "2026-10-02 임시공휴일"
    assert anbu("roster", "day", "2026-10-03", "근무", "--worked").exit_code == 0
    assert anbu("roster", "day", "soon", "임시공휴일").exit_code == 1
