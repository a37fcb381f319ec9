"""Proves that a recorded home comes out of the real broker and the whole path with the alerts a reader of the log expects."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from anbu.demo_past import StandingAtEnd
from anbu.replay import steps
from ingest.reading import DongCode, HouseholdId
from rules.finding import Evidence, Finding, Level, RuleKey, Verb
from simulators.message import SimMessage
from tests.path.site_process import ANBU, plain_environment

LOG = """timestamp,sensor,kind,value
2012-03-01T08:00:00,Kitchen tap,motion,ON
2012-03-01T08:30:00,Kitchen tap,motion,OFF
2012-03-01T09:00:00,Bed room,motion,ON
2012-03-01T19:30:00,Bed room,motion,OFF
2012-03-02T08:00:05,Kitchen tap,motion,ON
2012-03-02T08:10:00,Front door,door,LEAVE
2012-03-03T09:00:00,Front door,door,ENTER
2012-03-03T09:05:00,Kitchen tap,motion,ON
"""


def replay(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*ANBU, "replay", *words], capture_output=True, text=True, env=plain_environment(), timeout=100, check=False
    )


def test_a_recorded_home_raises_and_clears_in_its_own_time(tmp_path: Path) -> None:
    log = tmp_path / "Home 1.csv"
    log.write_text(LOG, encoding="utf-8")
    done = replay(str(log), "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    seen = [(row["rule"], row["level"], row["raised_at"], row["cleared_at"]) for row in rows if row["rule"] != "personal"]
    assert {row["household"] for row in rows} == {"home-1"}
    assert seen == [
        # silent at home from 09:00 to 19:30, and from 19:30 to the next morning
        ("motion", "caution", "2012-03-01T17:00:00+09:00", "2012-03-01T19:30:10+09:00"),
        ("motion", "caution", "2012-03-02T03:30:00+09:00", "2012-03-02T08:00:10+09:00"),
        ("motion", "warning", "2012-03-02T07:30:00+09:00", "2012-03-02T08:00:10+09:00"),
        # out from 08:10 for more than a day: not inactive, but nobody can say that all is well
        ("cannot_verify", "warning", "2012-03-03T08:10:00+09:00", "2012-03-03T09:00:10+09:00"),
    ]
    # a home nobody knows yet is held against others, sooner than the limits of everybody
    sooner = {row["level"]: row["raised_at"] for row in reversed(rows) if row["rule"] == "personal"}
    assert sooner["caution"] < seen[0][2] and sooner["warning"] < seen[2][2]


def test_a_file_that_is_no_log_is_named_with_its_first_wrong_line(tmp_path: Path) -> None:
    log = tmp_path / "broken.csv"
    log.write_text(LOG + "yesterday,Bed room,motion,ON\n", encoding="utf-8")
    done = replay(str(log))
    assert done.returncode == 2
    assert "line 10" in done.stderr and "broken.csv" in done.stderr


def test_no_evaluation_lies_between_the_messages_of_one_step() -> None:
    messages = [SimMessage(at=at, topic="t", payload=b"") for at in (1_000, 9_999, 10_000, 10_001, 50_000)]
    assert [(at, len(batch)) for at, batch in steps(messages)] == [(10_000, 3), (10_001, 1), (50_000, 1)]


def finding(episode: str, verb: Verb) -> Finding:
    return Finding(
        finding_id=f"{episode}-{verb}",
        episode=episode,
        dong_code=DongCode("dong-1"),
        household_id=HouseholdId("hh-1"),
        rule=RuleKey.MOTION,
        level=Level.CAUTION,
        verb=verb,
        at=0,
        evidence=Evidence(since=0),
    )


class Taker:
    def __init__(self) -> None:
        self.taken: list[str] = []

    def take_findings(self, findings: list[Finding]) -> None:
        self.taken += [each.finding_id for each in findings]


def test_of_the_demos_past_only_what_stands_at_its_end_is_handed_on() -> None:
    taker = Taker()
    sink = StandingAtEnd(taker)
    sink([finding("over", Verb.RAISED), finding("stands", Verb.RAISED), finding("over", Verb.CLEARED)])
    assert taker.taken == []
    sink.past_ended()
    sink([finding("new", Verb.RAISED)])
    assert taker.taken == ["stands-raised", "new-raised"]
