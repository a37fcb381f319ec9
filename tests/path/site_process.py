"""A real site in a process of its own, as `anbu init` and `anbu serve` make it, for tests of the whole path."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers import free_port, publish
from tests.waiting import until

PASSWORD = "correct horse battery"
ANBU = [sys.executable, "-c", "from anbu.cli import main; main()"]


def plain_environment() -> dict[str, str]:
    """The environment of this process without any setting of anbu's."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("ANBU_")}


def run(*words: str, cwd: Path, typed: str = "") -> str:
    """One command to its end; AssertionError with what it said unless it succeeded."""
    done = subprocess.run(
        [*ANBU, *words], cwd=cwd, input=typed, capture_output=True, text=True, env=plain_environment(), timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class SiteProcess:
    """One dong, one household with a motion sensor, a climate sensor and an SOS button, on the broker at `broker_port`."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder = folder
        self.broker_port = broker_port
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None
        folder.mkdir()
        account = ["--login", "officer", "--role", "officer", "--user-dong", "dong-1", "--password-stdin"]
        site = ["--dong", "dong-1=바람동", "--site", "바람", "--broker", f"127.0.0.1:{broker_port}"]
        run("init", *site, *account, cwd=folder, typed=PASSWORD + "\n")
        run("household", "add", "hh-1", "--dong", "dong-1", cwd=folder)
        for device, signals in {"pir-1": ["motion"], "air-1": ["temperature", "humidity"], "sos-1": ["sos"]}.items():
            words = [word for signal_name in signals for word in ("--signal", signal_name)]
            run("device", "add", device, "--household", "hh-1", *words, cwd=folder)

    def start(self) -> None:
        """Serve, until ready or AssertionError with what it said; on another port where somebody took ours meanwhile."""
        self._launch()
        if "in use" in self.said() or "다른 프로그램" in self.said():
            (self.folder / "serve.log").write_text("", encoding="utf-8")
            self.port = free_port()
            self._launch()
        assert self.process is not None and self.process.poll() is None, self.said()

    def _launch(self) -> None:
        log = (self.folder / "serve.log").open("a", encoding="utf-8")
        environment = {**plain_environment(), "ANBU_WEB__PORT": str(self.port)}
        process = subprocess.Popen([*ANBU, "serve"], cwd=self.folder, stdout=log, stderr=log, text=True, env=environment)
        self.process = process
        until(lambda: process.poll() is not None or self.is_ready(), 60, "the site is ready")

    def said(self) -> str:
        return (self.folder / "serve.log").read_text(encoding="utf-8")

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def send(self, device: str, signal_name: str, payload: bytes) -> None:
        publish(self.broker_port, [(f"anbu/v1/dong-1/hh-1/{device}/{signal_name}", payload)])

    @contextmanager
    def client(self, login: str = "officer") -> Iterator[httpx.Client]:
        """Logged in as an officer of the dong."""
        base_url = f"http://127.0.0.1:{self.port}"
        with httpx.Client(base_url=base_url, timeout=10, headers={"Origin": base_url}) as client:
            client.post("/api/v1/session", json={"login": login, "password": PASSWORD}).raise_for_status()
            yield client

    def checks(self, client: httpx.Client) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get("/api/v1/checks").raise_for_status().json()["checks"]
        return found

    def transitions(self, client: httpx.Client, check_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = client.get(f"/api/v1/checks/{check_id}").raise_for_status().json()["transitions"]
        return found


class MadeSite(SiteProcess):
    """A site whose settings, key and stores somebody else has made in `folder`."""

    def __init__(self, folder: Path, broker_port: int) -> None:
        self.folder, self.broker_port, self.port, self.process = folder, broker_port, free_port(), None
