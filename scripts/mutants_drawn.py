"""Knows which mutants are drawn, tries them one after another, and says what was noticed; scripts/mutants.py starts it.

A mutant meets only the tests that call its function, the quickest first, until one fails, in a process forked from one that
has everything imported. What was noticed stays so while its function is unchanged, what was not is tried again. Its folder is
the one where mutmut's settings lie, since mutmut reads them as it is imported.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from mutants_sample import draw, module_of, wilson
from mutmut.__main__ import collect_or_load_stats, create_mutants, estimated_worst_case_time
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, setup_source_paths, walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name
from mutmut.workers.isolation import MutantRunner, get_mutant_runner

NEEDED = 85.0
"""Per cent of the mutants that the tests must notice."""
NOTICED = ("killed", "timeout", "suspicious", "segfault")
MISSED = ("survived", "no tests")
ENOUGH = 4
"""A mutant whose tests take so many times their usual time of the processor goes round for ever."""
NO_TESTS = 33
"""mutmut's code for a mutant that no test meets."""
_IMPORTED = """
import importlib, pkgutil, sys
from mutmut.state import state
for package in map(importlib.import_module, sys.argv[1:]):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(*state()._stats)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """One mutant that no test noticed."""

    name: str
    state: str
    change: str
    """The lines of the diff that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a sample showed."""

    package: str
    seed: int
    mutants: int
    """How many there are."""
    tried: int
    noticed: int
    score: float
    """Per cent."""
    interval95: tuple[float, float]
    """Per cent, Wilson's; as if drawn without regard to modules, so rather too wide."""
    states: dict[str, int]
    modules: dict[str, tuple[int, int]]
    """Noticed and tried by module."""
    missed: list[Missed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What scripts/mutants.py asks for."""

    package: str
    modules: list[str]
    """Only these; empty: all of the package."""
    size: int
    """How many are drawn; 0: all."""
    seed: int
    patience: int
    """Seconds of tests that a mutant meets at most, the quickest; 0: all it has, -1: none, only report."""
    kept: str
    """Where the report is written."""


def main(arguments: list[str]) -> int:
    asked = Asked(**json.loads(arguments[0]))
    runner = _prepare()
    seen = _seen()
    names = sorted(name for name in seen if not asked.modules or module_of(name) in asked.modules)
    drawn = draw(names, min(asked.size or len(names), len(names)), asked.seed)
    untried = [name for name in drawn if _state(seen, name) not in NOTICED]
    print(f"mutants: {len(drawn)} of {len(names)}, seed {asked.seed}; {len(untried)} to try", flush=True)
    if asked.patience >= 0:
        _try(runner, seen, untried, asked.patience or math.inf)
    return _told(_report(asked, seen, drawn), Path(asked.kept))


def _prepare() -> MutantRunner:
    """All mutants made, which test meets which function noted, and everything imported."""
    Path("mutants").mkdir(exist_ok=True)
    set_mutant_under_test("mutant_generation")
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(1)
    runner = get_mutant_runner(1)
    collect_or_load_stats(runner, apply_config_invalidation=True)
    set_mutant_under_test("")
    return runner


def _try(runner: MutantRunner, seen: dict[str, SourceFileMutationData], names: list[str], patience: float) -> None:
    """One at a time, those of few tests first; each answer is kept at once."""
    at_import = _called_at_import()
    runner.startup()
    started = time.monotonic()
    for number, name in enumerate(sorted(names, key=estimated_worst_case_time), start=1):
        tests, expected = _tests(name, patience, of_module=_function(name) in at_import)
        begun = time.monotonic()
        code = NO_TESTS
        if tests and _function(name) in at_import:
            code = _afresh(name, tests)
        elif tests:
            limit = math.ceil((expected + config().timeout_constant) * ENOUGH)
            runner.submit(name, tests, limit, expected)
            code = runner.wait_for_result().exit_code
        took = time.monotonic() - begun
        seen[name].exit_code_by_key[name] = code
        seen[name].durations_by_key[name] = took
        seen[name].save()
        print(f"{number}/{len(names)} {time.monotonic() - started:.0f} s {_state(seen, name)}: {name} ({took:.1f} s)", flush=True)
    runner.shutdown()


def _tests(name: str, patience: float, *, of_module: bool) -> tuple[list[str], float]:
    """The tests that call the function or any of its module, the quickest first, as many as patience allows; their seconds."""
    lengths = state().duration_by_test
    wanted = {_function(name)}
    if of_module:
        wanted = {one for one in state().tests_by_mangled_function_name if module_of(one) == module_of(name)}
    found = {test for one in wanted for test in state().tests_by_mangled_function_name.get(one, ())}
    chosen: list[str] = []
    expected = 0.0
    for test in sorted(found, key=lengths.__getitem__):
        if chosen and expected + lengths[test] > patience:
            break
        chosen.append(test)
        expected += lengths[test]
    return chosen, expected


def _called_at_import() -> set[str]:
    """Functions that are called while their module is imported: a process that has everything imported is past them."""
    found = subprocess.run(
        [sys.executable, "-c", _IMPORTED, *map(str, config().source_paths)],
        cwd="mutants",
        env={**os.environ, "MUTANT_UNDER_TEST": "stats", "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(found.stdout.split())


def _afresh(name: str, tests: list[str]) -> int:
    """mutmut's code for the mutant, met by these tests in a new interpreter; one that cannot be imported is noticed too."""
    environment = {**os.environ, "MUTANT_UNDER_TEST": name, "PYTHONPATH": "."}
    for command in (
        ["-c", f"import {module_of(name)}"],
        ["-m", "pytest", "-x", "-q", *config().pytest_add_cli_args, *tests],
    ):
        started = [sys.executable, *command]
        done = subprocess.run(started, cwd="mutants", env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if done.returncode != 0:
            return 1
    return 0


def _function(name: str) -> str:
    return mangled_name_from_mutant_name(name)


def _seen() -> dict[str, SourceFileMutationData]:
    """What is known of every mutant by its name; mutants of one file share it."""
    found = {}
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        found.update(dict.fromkeys(data.exit_code_by_key, data))
    return found


def _state(seen: dict[str, SourceFileMutationData], name: str) -> str:
    return status_by_exit_code[seen[name].exit_code_by_key[name]]


def _report(asked: Asked, seen: dict[str, SourceFileMutationData], drawn: list[str]) -> Report:
    states = {name: _state(seen, name) for name in drawn}
    found = {name: answer for name, answer in states.items() if answer in NOTICED + MISSED}
    modules: dict[str, list[bool]] = defaultdict(list)
    for name, answer in found.items():
        modules[module_of(name)].append(answer in NOTICED)
    noticed = sum(map(sum, modules.values()))
    return Report(
        package=asked.package,
        seed=asked.seed,
        mutants=len(seen),
        tried=len(found),
        noticed=noticed,
        score=round(100 * noticed / len(found), 1) if found else 0.0,
        interval95=wilson(noticed, len(found)),
        states=dict(Counter(states.values())),
        modules={module: (sum(those), len(those)) for module, those in sorted(modules.items())},
        missed=[Missed(name=n, state=s, change=_change(n)) for n, s in sorted(found.items()) if s in MISSED],
    )


def _change(name: str) -> str:
    path = module_of(name).replace(".", "/") + ".py"
    lines = get_diff_for_mutant(name, path=path).splitlines()
    return "\n".join(line for line in lines if line.startswith(("-", "+")) and not line.startswith(("---", "+++")))


def _told(report: Report, kept: Path) -> int:
    kept.write_text(json.dumps(asdict(report), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for missed in report.missed:
        print(f"\n{missed.state}: {missed.name}\n{missed.change}")
    print()
    for module, (noticed, tried) in report.modules.items():
        print(f"{module:<40} {noticed:>5} of {tried:>5}  {100 * noticed / tried:5.1f} %")
    low, high = report.interval95
    print(
        f"mutants: {report.noticed} of {report.tried} noticed, {report.score} % (95 %: {low} to {high}; wanted: {NEEDED:.0f} %); "
        f"{report.states}; {kept}"
    )
    return 0 if report.score > NEEDED else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
