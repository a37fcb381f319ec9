"""Proves the demo: from nothing to the first new check on the page's own API, and an end that leaves nothing running."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.path.site_process import ANBU, plain_environment
from tests.servers import free_port
from tests.waiting import until


def demo(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [*ANBU, "demo", "--port", str(free_port()), "--homes", "60", "--folder", str(folder), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=plain_environment())


def brokers_in(folder: Path) -> list[str]:
    """Command lines of running processes that name this folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        if "nats-server" in line and str(folder) in line:
            lines.append(line)
    return lines


def test_demo_ends_by_itself_once_the_first_new_check_is_served(tmp_path: Path) -> None:
    process = demo(tmp_path / "demo", "--until-check", "--json")
    said, wrong = process.communicate(timeout=170)
    assert process.returncode == 0, wrong
    report = json.loads(said.splitlines()[-1])
    assert report["check"]["level"] == "caution"
    assert {alert["rule"] for alert in report["check"]["alerts"]} == {"motion"}
    assert {"past", "broker", "rules", "page", "first_check"} <= report["stages_s"].keys()
    assert brokers_in(tmp_path) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_demo_stops_cleanly_and_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    process = demo(tmp_path / "demo", "--json")
    until(lambda: process.poll() is not None or brokers_in(tmp_path), 60, "the broker runs")
    process.send_signal(how)
    _, wrong = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGKILL), wrong
    assert "Traceback" not in wrong
    until(lambda: brokers_in(tmp_path) == [], what="the broker has ended with the demo")
