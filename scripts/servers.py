"""Knows which Debian packages the tests need; installs them as root with CI set, and else names the command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# program the tests start -> Debian package that holds it
PROGRAMS = {
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "chromium": "chromium",
    "initdb": "postgresql",
}
# mosquitto lives in sbin, PostgreSQL in a folder for each version; neither is on everybody's PATH.
FOLDERS = ["/usr/sbin", "/usr/local/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
POLICY = Path("/usr/sbin/policy-rc.d")


def main() -> int:
    wanted = [package for program, package in PROGRAMS.items() if shutil.which(program, path=SEARCH) is None]
    if not wanted:
        print("servers: mosquitto, chromium and postgresql are installed")
        return 0
    by_hand = "apt-get update && apt-get install --no-install-recommends " + " ".join(wanted)
    if not os.environ.get("CI") or os.geteuid() != 0 or shutil.which("apt-get") is None:
        print("servers: not installed: " + ", ".join(wanted) + "; the tests that need them are skipped")
        print("servers: on Debian or Ubuntu, as root: " + by_hand)
        return 0
    print("servers: " + by_hand, flush=True)
    if not _install(wanted):
        print("servers: apt-get failed twice; in CI the tests against real servers must run", file=sys.stderr)
        return 1
    return 0


def _install(packages: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for _ in range(2):
        with _no_services():
            done = all(_quietly(command, environment) for command in (["apt-get", "update", "-q"], install))
        if done:
            return True
    return False


def _quietly(command: list[str], environment: dict[str, str]) -> bool:
    quiet = subprocess.DEVNULL
    return subprocess.run(command, env=environment, stdin=quiet, stdout=quiet, check=False).returncode == 0


@contextmanager
def _no_services() -> Iterator[None]:
    """Keeps Debian from starting its own mosquitto on port 1883: the tests start theirs, with this repository's configuration."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
