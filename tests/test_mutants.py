"""Proves that mutants are drawn fairly and repeatably, and (long) that the tests notice enough of those drawn."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_SAMPLE = run_path(str(ROOT / "scripts" / "mutants_sample.py"))
draw, module_of, wilson = _SAMPLE["draw"], _SAMPLE["module_of"], _SAMPLE["wilson"]
NAMES = [f"rules.{module}.x_f{number}" for module, count in (("a", 60), ("b", 30), ("c", 10)) for number in range(count)]


def test_each_module_is_drawn_by_its_size_and_the_same_seed_draws_the_same() -> None:
    drawn = draw(NAMES, 20, 1)
    assert Counter(map(module_of, drawn)) == {"rules.a": 12, "rules.b": 6, "rules.c": 2}
    assert len(set(drawn)) == 20 and draw(NAMES, 20, 1) == drawn and set(draw(NAMES, 20, 2)) != set(drawn)


def test_a_sample_is_of_the_size_asked_for_whatever_the_shares() -> None:
    assert [len(draw(NAMES, size, 1)) for size in range(len(NAMES) + 1)] == list(range(len(NAMES) + 1))


def test_a_changed_module_changes_nothing_of_what_is_drawn_of_the_others() -> None:
    changed = [name for name in NAMES if name != "rules.c.x_f3"] + ["rules.c.x_g"]
    assert [name for name in draw(changed, 20, 1) if ".c." not in name] == [
        name for name in draw(NAMES, 20, 1) if ".c." not in name
    ]


@pytest.mark.parametrize(
    ("noticed", "tried", "interval"), [(0, 0, (0.0, 100.0)), (9, 10, (59.6, 98.2)), (370, 400, (89.5, 94.7))]
)
def test_the_interval_is_that_of_wilson(noticed: int, tried: int, interval: tuple[float, float]) -> None:
    assert wilson(noticed, tried) == interval


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("package", ["rules", "alerts"])
def test_more_than_85_percent_of_a_seeded_sample_of_mutants_are_noticed(package: str) -> None:
    """Each meets the quickest eight seconds of its tests, so a score that is high enough is one with all tests, too."""
    asked = ["--sample", "200", "--seed", "1", "--patience", "8", "--fresh"]
    command = [sys.executable, "scripts/mutants.py", package, *asked]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-10_000:]
