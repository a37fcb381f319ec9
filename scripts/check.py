"""Knows the stages that decide whether a change is good, in which order they run, and how long each took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
_PY = sys.executable

# name -> what it shows, command
STAGES: dict[str, tuple[str, list[str]]] = {
    "servers": ("real Mosquitto and Chromium for the tests", [_PY, "scripts/servers.py"]),
    "lint": ("ruff rules", [_PY, "-m", "ruff", "check", "."]),
    "format": ("ruff format, nothing rewritten", [_PY, "-m", "ruff", "format", "--check", "."]),
    "types": ("mypy, strict", [_PY, "-m", "mypy"]),
    "contracts": ("who may import whom", [str(BIN / "lint-imports"), "--no-cache"]),
    "wheel": ("the built wheel in an empty environment", [_PY, "-m", "pytest", "-m", "wheel", "-v"]),
    # Three at once on two cores: much of a test's time is waiting for a server. A file stays together, with its servers.
    "tests": ("everything else", [_PY, "-m", "pytest", "-m", "not wheel and not long", "-n", "3", "--dist", "loadfile"]),
}


def main(arguments: list[str]) -> int:
    chosen = arguments or list(STAGES)
    unknown = [name for name in chosen if name not in STAGES]
    if unknown:
        print(f"check: no stage {', '.join(unknown)}; there are: {', '.join(STAGES)}", file=sys.stderr)
        return 2
    # Tests and tools find this environment's programs first, however this was started.
    environment = {**os.environ, "PATH": str(BIN) + os.pathsep + os.environ.get("PATH", "")}
    started = time.monotonic()
    outcomes = []
    for number, name in enumerate(chosen, start=1):
        title, command = STAGES[name]
        print(f"\n== [{number}/{len(chosen)}] {name}: {title}", flush=True)
        begun = time.monotonic()
        # A failed stage does not hide the next one's failures: one run tells everything.
        code = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
        outcomes.append((name, code, time.monotonic() - begun))
    print()
    for name, code, seconds in outcomes:
        print(f"== {name:<10} {'ok' if code == 0 else f'FAILED (exit {code})':<18} {seconds:7.1f} s")
    failed = [name for name, code, _ in outcomes if code != 0]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "all good"
    print(f"== total {time.monotonic() - started:.1f} s, {verdict}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
