"""An InfluxDB 1.x of our own for measuring and for tests: found, started in a folder, ended."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from pathlib import Path

import httpx

from ingest.clock import Clock
from ingest.history.influx_wire import Address

VERSIONS = ("v1.11.8", "v1.8.10")  # the newest first
LOGIN, PASSWORD = "anbu", "secret-1"  # of a server that only this machine reaches, gone when it ends

_CONFIGURATION = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
index-version = "tsi1"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
flux-enabled = true
auth-enabled = true
log-enabled = false
[monitor]
store-enabled = false
[continuous_queries]
enabled = false
"""


def influx_cache() -> Path:
    """The folder of the user's cache that holds built servers, one folder for each version."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anbu" / "influxd"


def find_influxd() -> Path | None:
    """The influxd on PATH, else the newest in the cache."""
    found = shutil.which("influxd")
    built = [influx_cache() / version / "influxd" for version in VERSIONS]
    return Path(found) if found else next((program for program in built if program.exists()), None)


class InfluxNotStarted(Exception):
    """The server ended at its start, or does not answer; the text says which."""


class InfluxServer:
    """With Flux and passwords on. `address` makes a database with two retention policies for whoever asks."""

    def __init__(self, folder: Path, program: Path, clock: Clock) -> None:
        self._folder, self._program, self._clock = folder, program, clock
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0
        text = _CONFIGURATION.format(rpc=_free_port(), port=self.port, folder=folder)
        (folder / "influxd.toml").write_text(text, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that runs; InfluxNotStarted without one."""
        if self._process is None:
            raise InfluxNotStarted("it does not run")
        return self._process.pid

    def start(self, patience_s: float = 120.0) -> None:
        """Return once it answers; 1.8 compiles its Flux library at every start, which takes seconds. InfluxNotStarted."""
        with (self._folder / "influxd.log").open("ab") as log:
            command = [str(self._program), "-config", str(self._folder / "influxd.toml")]
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = self._clock.monotonic() + patience_s
        while not self._answers():
            if self._process.poll() is not None or self._clock.monotonic() > end:
                said = (self._folder / "influxd.log").read_text(encoding="utf-8", errors="replace")
                self.stop()
                raise InfluxNotStarted(said[-1_000:])
            self._clock.sleep(0.05)
        # The first account may be made without one; where it was made before, this is refused and changes nothing.
        account = f"CREATE USER {LOGIN} WITH PASSWORD '{PASSWORD}' WITH ALL PRIVILEGES"
        httpx.post(f"{self.url}/query", data={"q": account}, timeout=60)

    def address(self, raw_duration: str = "INF") -> Address:
        """A new, empty database whose raw readings are kept so long."""
        self._databases += 1
        name = f"site{self._databases}"
        self.say(f'CREATE DATABASE "{name}" WITH DURATION {raw_duration} SHARD DURATION 7d NAME "raw"')
        self.say(f'CREATE RETENTION POLICY "hours" ON "{name}" DURATION INF REPLICATION 1 SHARD DURATION 13w')
        token = f"{LOGIN}:{PASSWORD}"
        return Address(url=self.url, token=token, raw_bucket=f"{name}/raw", hours_bucket=f"{name}/hours")

    def say(self, statement: str) -> str:
        """Have it carry out an InfluxQL statement; InfluxNotStarted with its answer unless it does."""
        answer = httpx.post(f"{self.url}/query", data={"q": statement}, auth=(LOGIN, PASSWORD), timeout=60)
        if answer.status_code != 200 or "error" in answer.text:
            raise InfluxNotStarted(f"{statement}: {answer.text}")
        return answer.text

    def stop(self) -> None:
        """End it at once; what it wrote stays in the folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=30)
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/ping", timeout=5).status_code == 204
        except httpx.HTTPError:
            return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
