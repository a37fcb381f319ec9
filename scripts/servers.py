"""Knows which servers and Debian packages the tests need, and how they come: apt-get in CI as root, influxd by Go.

Packages are installed as root with CI set, and else their command is named. InfluxDB is in no Debian: an influxd on PATH
or in the user's cache folder is taken; where there is none and Go is, its published command is built into that folder
once, 1.11.8 first (its Flux needs Rust), 1.8.10 where that will not build.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anbu.bench.influxd import VERSIONS, find_influxd, influx_cache

# program the tests start -> Debian package that holds it
PROGRAMS = {
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "chromium": "chromium",
    "initdb": "postgresql",
    "strace": "strace",
}
# mosquitto lives in sbin, PostgreSQL in a folder for each version; neither is on everybody's PATH.
FOLDERS = ["/usr/sbin", "/usr/local/sbin", *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")))]
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
POLICY = Path("/usr/sbin/policy-rc.d")

INFLUXD = "github.com/influxdata/influxdb/cmd/influxd"
PKG_CONFIG = "github.com/influxdata/pkg-config@v0.2.7"
BUILD_S = 3_000
# Flux of 1.11.8 turns every warning of its compiler into an error, and newer compilers warn of more. The members of its
# own workspace alone are compiled through this; their dependencies are quiet anyway.
QUIET_RUSTC = '#!/bin/sh\nexec "$@" --cap-lints allow\n'


def main() -> int:
    code = _debian()
    return _influx() or code


def influx_refused() -> bool:
    """Whether this machine tried to build both versions and neither would."""
    return all((influx_cache() / f"{version}.failed").exists() for version in VERSIONS)


def _influx() -> int:
    if program := find_influxd():
        print(f"servers: influxd is {program}")
        return 0
    if shutil.which("go") is None:
        print("servers: no influxd and no Go to build it; the tests that need InfluxDB are skipped, in CI they fail")
        return 0
    for version in VERSIONS:
        failed = influx_cache() / f"{version}.failed"
        if failed.exists():
            print(f"servers: influxd {version} would not build here before; remove {failed} to try again")
            continue
        print(f"servers: building influxd {version} once (minutes) ...", flush=True)
        begun = time.monotonic()
        why = _build_influxd(version)
        if not why:
            print(f"servers: influxd {version} built in {time.monotonic() - begun:.0f} s: {find_influxd()}")
            return 0
        failed.parent.mkdir(parents=True, exist_ok=True)
        failed.write_text(why, encoding="utf-8")
        print(f"servers: influxd {version} does not build here ({failed})")
    print("servers: neither InfluxDB builds on this machine; its tests are skipped by name")
    return 0


def _build_influxd(version: str) -> str:
    """Build this version into the cache; what the tools said where they failed, else nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "GOBIN": name, "GOFLAGS": "-mod=mod"}
        commands = [["go", "install", f"-ldflags=-X main.version={version.removeprefix('v')}", f"{INFLUXD}@{version}"]]
        if version == "v1.8.10":
            environment["CGO_ENABLED"] = "0"
        else:
            if shutil.which("cargo") is None:
                return "no cargo on PATH: the Flux of this version is written in Rust"
            commands.insert(0, ["go", "install", PKG_CONFIG])
            environment.update(_for_flux(folder))
        for command in commands:
            try:
                ran = subprocess.run(
                    command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=BUILD_S, check=False
                )
            except subprocess.TimeoutExpired:
                return f"{' '.join(command)}: not within {BUILD_S} s"
            if ran.returncode != 0:
                return f"{' '.join(command)}\n{(ran.stdout + ran.stderr).decode(errors='replace')[-4000:]}"
        place = influx_cache() / version
        place.mkdir(parents=True, exist_ok=True)
        # Through a name of its own: another run may be looking while it is copied.
        shutil.copy2(folder / "influxd", place / "influxd.new")
        (place / "influxd.new").replace(place / "influxd")
    return ""


def _for_flux(folder: Path) -> dict[str, str]:
    quiet = folder / "quiet-rustc"
    quiet.write_text(QUIET_RUSTC, encoding="utf-8")
    quiet.chmod(0o755)
    settings = {"PKG_CONFIG": str(folder / "pkg-config"), "RUSTC_WORKSPACE_WRAPPER": str(quiet)}
    if shutil.which("rustup"):
        # Flux names a toolchain of its own year; the one that is here will do.
        active = subprocess.run(["rustup", "default"], capture_output=True, text=True, check=False).stdout.split()
        settings |= {"RUSTUP_TOOLCHAIN": active[0]} if active else {}
    return settings


def _debian() -> int:
    wanted = [package for program, package in PROGRAMS.items() if shutil.which(program, path=SEARCH) is None]
    if not wanted:
        print("servers: mosquitto, chromium, postgresql and strace are installed")
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
