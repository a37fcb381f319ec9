"""Knows how well the tests notice wrong code: mutmut changes rules/ and alerts/ a little at a time, and the tests must fail.

All mutants take many hours on two cores, so a seeded sample is drawn: `make mutants ARGS="rules --sample 300 --seed 1"`.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MUTMUT = str(Path(sys.executable).parent / "mutmut")
FOLDERS = ["ingest", "rules", "alerts", "dashboard_api", "anbu", "simulators", "tests", "scripts", "docs"]
COPIED = [*FOLDERS, "mosquitto.conf", "README.md"]
NEEDED = 85.0
"""Per cent of the mutants that the tests must notice."""


def main(arguments: list[str]) -> int:
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("package", choices=["rules", "alerts"])
    wanted.add_argument("--sample", type=int, default=300, help="how many mutants are tried (0: all)")
    wanted.add_argument("--seed", type=int, default=1)
    asked = wanted.parse_args(arguments)
    folder = ROOT / "build" / "mutants"
    _lay(folder, asked.package)
    # Asked for one that there is not, mutmut makes all mutants and notes which test meets which, and stops.
    _mutmut(folder, "run", "none-of-these")
    names = sorted(_results(folder))
    drawn = random.Random(asked.seed).sample(names, min(asked.sample or len(names), len(names)))
    print(f"mutants: {len(drawn)} of {len(names)} in {asked.package}, seed {asked.seed}", flush=True)
    subprocess.run([MUTMUT, "run", *drawn], cwd=folder, stdin=subprocess.DEVNULL, check=False)
    found = {name: state for name, state in _results(folder).items() if name in set(drawn)}
    return _told(found)


def _lay(folder: Path, package: str) -> None:
    """A copy of the tree with mutmut's settings for this package, so that the tree itself is never touched."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "vendor"))
        else:
            shutil.copy(source, folder / name)
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    chosen = f'''
[tool.mutmut]
source_paths = ["{package}"]
also_copy = {[name for name in COPIED if name != package]!r}
pytest_add_cli_args_test_selection = ["tests/{package}", "-m", "not long and not postgresql and not browser and not mosquitto"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-p", "no:xdist"]
'''
    (folder / "pyproject.toml").write_text(settings + chosen.replace("'", '"'), encoding="utf-8")


def _mutmut(folder: Path, *arguments: str) -> str:
    done = subprocess.run([MUTMUT, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return done.stdout


def _results(folder: Path) -> dict[str, str]:
    """The state of every mutant by its name."""
    lines = (line.strip().partition(": ") for line in _mutmut(folder, "results", "--all", "true").splitlines())
    return {name: state for name, _, state in lines if state}


def _told(found: dict[str, str]) -> int:
    states = Counter(found.values())
    tried = sum(count for state, count in states.items() if state not in ("not checked", "skipped"))
    noticed = sum(states[state] for state in ("killed", "timeout", "suspicious", "segfault", "caught by type check"))
    score = 100 * noticed / tried if tried else 0.0
    for name, state in sorted(found.items()):
        if state in ("survived", "no tests"):
            print(f"  {state}: {name}")
    print(f"mutants: {noticed} of {tried} noticed, {score:.1f} % (wanted: {NEEDED:.0f} %); {dict(states)}")
    return 0 if score >= NEEDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
