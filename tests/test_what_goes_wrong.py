"""Proves that each thing that is known to go wrong in systems like this has a test named after it (docs/what-goes-wrong.md)."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"def (test_wrong_(\d+)_\w+)")


def test_every_row_of_the_list_has_its_test_and_names_it() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", (ROOT / "docs" / "what-goes-wrong.md").read_text(encoding="utf-8"), re.MULTILINE)
    tests = {name: int(number) for file in ROOT.glob("tests/**/*.py") for name, number in NAMED.findall(file.read_text("utf-8"))}
    assert [int(number) for number, _ in rows] == list(range(1, 14))
    for number, row in rows:
        named = re.findall(r"`(test_wrong_\w+)`", row)
        assert named and all(tests.get(name) == int(number) for name in named), f"row {number}: {named}"
