"""Proves the demo: from nothing to the first new check on the page's own API, and an end that leaves nothing running."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import select

from alerts.tables import check, delivery
from ingest.store import open_store
from tests.path.site_process import ANBU, plain_environment
from tests.servers import free_port
from tests.waiting import until


class Ended(NamedTuple):
    """What a demo left behind."""

    folder: Path
    code: int
    said: str
    wrong: str


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


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A demo that was let run until its first new check."""
    folder = tmp_path_factory.mktemp("demo") / "site"
    process = demo(folder, "--until-check", "--json")
    said, wrong = process.communicate(timeout=170)
    return Ended(folder, process.returncode, said, wrong)


def test_demo_ends_by_itself_once_the_first_new_check_is_served(ended: Ended) -> None:
    assert ended.code == 0, ended.wrong
    report = json.loads(ended.said.splitlines()[-1])
    assert report["check"]["level"] == "caution"
    assert {alert["rule"] for alert in report["check"]["alerts"]} <= {"motion", "personal"}  # by the hour of the start
    assert {"past", "broker", "rules", "page", "first_check"} <= report["stages_s"].keys()
    assert brokers_in(ended.folder) == []


def test_what_stands_at_the_end_of_the_demos_past_is_told_to_who_is_on_duty(ended: Ended) -> None:
    with open_store(f"sqlite:///{ended.folder / 'anbu.sqlite3'}").connect() as connection:
        opened = set(connection.execute(select(check.c.id)).scalars())
        told = set(connection.execute(select(delivery.c.check_id).where(delivery.c.recipient != "")).scalars())
    assert len(opened) > 1, "the silent phone stands at the end of the past, the fall comes after it"
    assert opened <= told


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_demo_stops_cleanly_and_leaves_nothing_running(tmp_path: Path, how: signal.Signals) -> None:
    process = demo(tmp_path / "demo", "--json")
    until(lambda: process.poll() is not None or brokers_in(tmp_path), 60, "the broker runs")
    process.send_signal(how)
    _, wrong = process.communicate(timeout=30)
    assert process.returncode in (0, 130, -signal.SIGKILL), wrong
    assert "Traceback" not in wrong
    until(lambda: brokers_in(tmp_path) == [], what="the broker has ended with the demo")
