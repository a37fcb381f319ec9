"""Somebody sets the machine's wall clock an hour back or forth: ladders, handovers and outages keep their time."""

from __future__ import annotations

from pathlib import Path

import pytest

import ingest.clock
from alerts.duty.tables import handover
from ingest.clock import HOUR, MINUTE, SECOND, SystemClock
from rules.finding import Level, RuleKey
from tests.alerts.alert_parts import MORNING, finding
from tests.alerts.duty_parts import EVENING, Office, make_office


class MachineTime:
    """The operating system's clocks, in the hands of a test."""

    def __init__(self) -> None:
        self.wall = MORNING
        self.mono = 1_000.0

    def time_ns(self) -> int:
        return self.wall * 1_000_000

    def monotonic(self) -> float:
        return self.mono

    def sleep(self, seconds: float) -> None:
        self.go(round(seconds * SECOND))

    def go(self, length: int) -> None:
        """Time passes on both."""
        self.wall += length
        self.mono += length / SECOND


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> MachineTime:
    made = MachineTime()
    monkeypatch.setattr(ingest.clock, "time", made)
    return made


@pytest.mark.parametrize("leap", [HOUR, -HOUR])
def test_a_wall_clock_set_by_an_hour_moves_no_ladder_by_more_than_5_s(machine: MachineTime, tmp_path: Path, leap: int) -> None:
    office = _office(tmp_path)
    office.take(finding(RuleKey.HEAT, Level.WARNING, household="hh-1-1"))
    office.tick.run()
    machine.go(20 * MINUTE)
    machine.wall += leap
    machine.go(9 * MINUTE + 54 * SECOND)
    assert office.tick.run() == 0
    told: list[int] = []
    for _ in range(12):
        machine.go(SECOND)
        if office.tick.run():
            told.append(office.clock.home_now() - MORNING)
    [again] = told
    assert abs(again - 30 * MINUTE) <= 5 * SECOND
    office.engine.dispose()


@pytest.mark.parametrize("leap", [HOUR, -HOUR])
def test_a_handover_is_made_at_six_and_escalated_a_quarter_of_an_hour_later(
    machine: MachineTime, tmp_path: Path, leap: int
) -> None:
    office = _office(tmp_path)
    office.duty.run()
    machine.wall += leap
    machine.go(EVENING - MORNING - SECOND)
    office.duty.run()
    assert office.rows(handover) == []
    for _ in range(3):
        machine.go(SECOND)
        office.duty.run()
    assert {row.made_at for row in office.rows(handover)} == {EVENING}
    machine.wall -= 2 * leap
    machine.go(15 * MINUTE)
    office.duty.run()
    assert all(row.escalated_at - EVENING - 15 * MINUTE <= 5 * SECOND for row in office.rows(handover))
    office.engine.dispose()


def _office(tmp_path: Path) -> Office:
    """An office that goes by the machine's own clock."""
    made = make_office(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    office = Office(engine=made.engine, clock=SystemClock(), dongs=())
    office.staff()
    office.homes(1)
    return office
