"""Knows how a machine with nothing but Python 3.11 and venv gets a working .venv; quick when nothing changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import web_assets

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMPS = VENV / ".stamps"
LOCK = ROOT / "requirements.lock"
NODE_LOCK = ROOT / "requirements-node.lock"


class SetupError(Exception):
    """Set-up cannot go on; the text says why and what to do, in plain words."""


def main() -> int:
    # pip of another environment, or a PYTHONPATH with other versions, must not leak into ours.
    for variable in ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_USER"):
        os.environ.pop(variable, None)
    steps = (
        ("environment .venv", _environment),
        ("locked packages", _packages),
        ("this project, editable", _project),
        ("web assets for the page", _assets),
    )
    started = time.monotonic()
    for number, (title, step) in enumerate(steps, start=1):
        begun = time.monotonic()
        print(f"setup [{number}/{len(steps)}] {title} ...", flush=True)
        try:
            outcome = step()
        except (SetupError, web_assets.AssetsError) as error:
            print(f"setup: stopped at step {number}, {title}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("setup: interrupted; the next run goes on where this one stopped", file=sys.stderr)
            return 130
        print(f"setup [{number}/{len(steps)}] {title}: {outcome} ({time.monotonic() - begun:.1f} s)", flush=True)
    print(f"setup: ready in {time.monotonic() - started:.1f} s", flush=True)
    return 0


def _environment() -> str:
    if _venv_works():
        return "already there"
    found = ".venv did not start its Python, made anew" if VENV.exists() else "made"
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        hint = "this Python lacks venv or ensurepip; on Debian and Ubuntu: apt-get install python3-venv"
        raise SetupError(f"{hint}\n{(ran.stdout + ran.stderr).strip()[-1000:]}")
    return found


def _venv_works() -> bool:
    if not PYTHON.exists():
        return False
    # An environment whose base Python was removed or replaced by an older one looks whole and is not.
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return subprocess.run([str(PYTHON), "-c", probe], capture_output=True, check=False).returncode == 0


def _packages() -> str:
    return _once("packages", [LOCK], lambda: _install_lock(LOCK))


def _project() -> str:
    def install() -> None:
        # The build tools come from the lock (no isolation), and so do the dependencies: nothing unpinned gets in.
        _pip(["install", "--no-build-isolation", "--no-deps", "--editable", str(ROOT)], expected=0)

    return _once("project", [ROOT / "pyproject.toml"], install)


def _assets() -> str:
    sources = [ROOT / "package.json", ROOT / "package-lock.json", Path(web_assets.__file__)]
    if web_assets.missing():
        (STAMPS / "assets").unlink(missing_ok=True)
    return _once("assets", sources, _fetch_assets)


def _fetch_assets() -> None:
    npm = web_assets.usable_npm(BIN)
    if npm is None:
        print("    no npm here, so one of our own goes into .venv (about 70 MB, once)", flush=True)
        _install_lock(NODE_LOCK)
        npm = web_assets.usable_npm(BIN)
    if npm is None:
        raise SetupError("the npm that was installed into .venv does not start; install npm 7 or newer and try again")
    web_assets.fetch(npm)


def _install_lock(lock: Path) -> None:
    expected = sum("==" in line for line in lock.read_text(encoding="utf-8").splitlines())
    # Wheels only: a source build would fetch build tools that no hash guards, and need a compiler.
    _pip(["install", "--require-hashes", "--only-binary", ":all:", "-r", str(lock)], expected=expected)


def _once(name: str, sources: Iterable[Path], work: Callable[[], None]) -> str:
    """Does the work unless its sources are as they were when it last succeeded in this environment."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = STAMPS / name
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return "unchanged"
    work()
    STAMPS.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest, encoding="utf-8")
    return "done"


def _pip(arguments: list[str], *, expected: int) -> None:
    """Runs pip in the environment; tells how far it is, and shows all it said only when it failed."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    said: list[str] = []
    seen = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True) as pip:
        for line in pip.stdout or ():
            said.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied: ")):
                seen += 1
                if expected and seen % 15 == 0:
                    print(f"    {min(seen, expected)} of {expected} packages", flush=True)
            elif line.startswith("Installing collected packages") and expected:
                print("    writing them into .venv", flush=True)
    if pip.returncode != 0:
        raise SetupError("pip failed:\n" + "".join(said[-30:]).rstrip())
