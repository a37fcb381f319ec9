"""Knows how well the tests notice wrong code: mutmut changes rules/ or alerts/ a little at a time, and the tests must fail.

All take hours, so a seeded sample is drawn, of each module by its size: `make mutants ARGS="rules --sample 400 --seed 1"`.
This lays out a copy of the tree with mutmut's settings; scripts/mutants_drawn.py draws, tries and reports in there. A second
run goes on where the first one stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["ingest", "rules", "alerts", "dashboard_api", "anbu", "simulators", "tests", "scripts", "docs"]
COPIED = [*FOLDERS, "mosquitto.conf", "README.md"]
TESTS = {
    "rules": [
        "tests/rules",
        "tests/test_what_goes_wrong.py",
        *(f"tests/anbu/test_{name}.py" for name in ("backtest", "whatif", "why", "rules_command")),
    ],
    "alerts": ["tests/alerts", "tests/test_what_goes_wrong.py", "tests/anbu/test_roster_command.py"],
}
MARKS = "not long and not postgresql and not browser and not mosquitto and not wheel"
TOO_LONG = "tests/alerts/test_desk_machine.py"
"""Twenty thousand acts take longer than all other tests: left out, so that the score is rather too low than too high."""
UNTRIED_LINES = [r"^\s*_?log\.(debug|info|warning|error|exception)\("]
"""What a log line says is promised to nobody."""
HUNG_S = 600
"""A test that takes so long waits for ever. One that goes round for ever meets its limit of processor time long before: a busy
machine makes no test fail."""


def main(arguments: list[str]) -> int:
    wanted = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wanted.add_argument("package", choices=sorted(TESTS))
    wanted.add_argument("--sample", type=int, default=0, help="how many mutants are tried (0: all)")
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--modules", default="", help="only these, by comma (rules.hours,rules.lengths)")
    wanted.add_argument("--patience", type=int, default=0, help="seconds of tests a mutant meets at most (0: all it has)")
    wanted.add_argument("--fresh", action="store_true", help="forget what earlier runs have seen")
    wanted.add_argument("--report", action="store_true", help="try nothing, only report what has been seen")
    asked = wanted.parse_args(arguments)
    folder = ROOT / "build" / "mutants" / asked.package
    if asked.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    _lay(folder, asked.package)
    kept = ROOT / "build" / "mutants" / f"{asked.modules or asked.package}.json"
    drawn = {
        "package": asked.package,
        "modules": asked.modules.split(",") if asked.modules else [],
        "size": asked.sample,
        "seed": asked.seed,
        "patience": -1 if asked.report else asked.patience,
        "kept": str(kept),
    }
    path = str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", "")
    command = [sys.executable, str(ROOT / "scripts" / "mutants_drawn.py"), json.dumps(drawn)]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=False).returncode


def _lay(folder: Path, package: str) -> None:
    """The tree once more, with mutmut's settings for this package, so that the tree itself is never touched.

    What has not changed since the last run is left alone: mutmut goes by the times of the files. Which test meets which
    function it notes for new tests only, so that a test that has changed may miss some until a --fresh run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {Path(path) for name in COPIED for path in _files(ROOT / name)}
    for path in sorted(path for path in wanted if _differ(ROOT / path, folder / path)):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    for name in COPIED:
        for path in {Path(one.relative_to(folder)) for one in (folder / name).rglob("*") if one.is_file()} - wanted:
            (folder / path).unlink()
            (folder / "mutants" / path).unlink(missing_ok=True)
    (folder / "pyproject.toml").write_text(_settings(package), encoding="utf-8")


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source.relative_to(ROOT)]
    unneeded = {"__pycache__", "vendor"}
    return [p.relative_to(ROOT) for p in source.rglob("*") if p.is_file() and not unneeded & set(p.relative_to(ROOT).parts)]


def _differ(one: Path, other: Path) -> bool:
    return not other.is_file() or one.read_bytes() != other.read_bytes()


def _settings(package: str) -> str:
    arguments = ["-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-profile", "mutants", "--timeout", str(HUNG_S)]
    lines = [
        "[tool.mutmut]",
        f"source_paths = {json.dumps([package])}",
        f"also_copy = {json.dumps([name for name in COPIED if name != package])}",
        f"do_not_mutate_patterns = {json.dumps(UNTRIED_LINES)}",
        f"pytest_add_cli_args_test_selection = {json.dumps([*TESTS[package], '-m', MARKS, '--ignore', TOO_LONG])}",
        f"pytest_add_cli_args = {json.dumps(arguments)}",
        "timeout_constant = 3.0",
        "timeout_multiplier = 60.0",
        "use_git_change_detection = false",
        "track_dependencies = false",
    ]
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8") + "\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
