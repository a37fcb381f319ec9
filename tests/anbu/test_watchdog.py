"""Proves that the outside switch hears of us once a minute, and only while every stage a life depends on has moved."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from alerts.channels.wire import Wire
from anbu.watchdog import Watchdog, standing
from dashboard_api.services import StageHealth
from tests.alerts.alert_parts import HandClock
from tests.alerts.providers import WebServer

STAGES = ("broker", "journal", "rules", "history", "tick", "outbox console", "outbox email")
NEEDED = tuple(name for name in STAGES if name != "history")


class Switch(WebServer):
    """The outside."""

    def said(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        return 200, {}


class Watched:
    """A watchdog over stages that a test stops."""

    def __init__(self) -> None:
        self.switch = Switch()
        self.clock = HandClock()
        self.still: set[str] = set()
        self.dog = Watchdog(f"{self.switch.url}/ping/token", self.stages, Wire(self.clock), self.clock)

    def stages(self) -> list[StageHealth]:
        return [StageHealth(name=name, ok=name not in self.still, detail="") for name in STAGES]

    def after(self, seconds: int) -> int:
        self.clock.machine += seconds * 1_000
        self.dog.turn()
        return len(self.switch.asked)


@pytest.fixture
def watched() -> Iterator[Watched]:
    made = Watched()
    yield made
    made.switch.close()


def test_it_pings_once_a_minute(watched: Watched) -> None:
    assert [watched.after(5) for _ in range(25)] == [1] * 12 + [2] * 12 + [3]
    assert watched.switch.asked[0] == "GET /ping/token"


@pytest.mark.parametrize("stage", NEEDED)
def test_it_does_not_ping_while_a_stage_stands_still_and_does_again_when_it_moves(watched: Watched, stage: str) -> None:
    watched.still = {stage}
    assert watched.after(600) == 0
    watched.still = set()
    assert watched.after(5) == 1


def test_charts_are_no_reason_to_cry(watched: Watched) -> None:
    watched.still = {"history"}
    assert watched.after(5) == 1


def test_a_stage_that_is_not_there_does_not_move() -> None:
    well = [StageHealth(name=name, ok=True, detail="") for name in STAGES]
    assert standing(well) == []
    assert standing([stage for stage in well if not stage.name.startswith("outbox")]) == ["outbox"]
    assert standing([stage for stage in well if stage.name != "rules"]) == ["rules"]


def test_a_switch_that_does_not_answer_is_asked_again_and_its_address_is_not_told(
    watched: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.switch.manners = [(500, {}), (404, {}), "reset"]
    assert [watched.after(5) for _ in range(5)] == [1, 2, 3, 4, 4]
    assert "token" not in capsys.readouterr().out
