"""Proves that a past moment is explained from the journal beside a running site: the same whatever state the run began from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from anbu.why import look_back
from ingest.clock import DAY, HOUR, MINUTE, Millis, VirtualClock, parse_local, to_iso
from ingest.decode import Decoder
from ingest.facts import DeviceEnrolled, HouseholdEnrolled, LinkUp
from ingest.journal.cursors import SqliteCursors
from ingest.journal.port import Message, Position
from ingest.journal.retention import prune
from ingest.journal.runner import Runner
from ingest.journal.sqlite import SqliteJournal
from ingest.reading import DeviceId, DongCode, HouseholdId
from ingest.register.tables import view_log
from ingest.store import open_store
from ingest.wire import Payload, Topic, encode
from rules.consumer import RulesConsumer
from rules.engine import Engine
from rules.finding import RuleKey
from rules.seen import CannotSay, HomeSeen
from rules.table import load_table
from tests.anbu.typing_anbu import anbu
from tests.path.kept_site import new_site

BEGIN: Millis = parse_local("2026-01-05T12:00")
HOME = "hh-1"


class Kept:
    """A journal of some days in a folder, read by the rules as a site does."""

    def __init__(self, folder: Path, days: int) -> None:
        self.journal_folder, self.cursors_file = folder / "journal", folder / "cursors.sqlite3"
        self.clock = VirtualClock(BEGIN)
        self.journal, self.cursors = SqliteJournal(self.journal_folder), SqliteCursors(self.cursors_file)
        self.consumer = RulesConsumer(Engine(load_table(None)), Decoder(), lambda _: None)
        self.runner = Runner(self.journal, self.cursors, self.consumer, self.clock)
        home, dong = HouseholdId(HOME), DongCode("dong-1")
        self.journal.append(
            [
                LinkUp(fact_id="up", at=BEGIN, source="mqtt"),
                HouseholdEnrolled(fact_id="h", at=BEGIN, household_id=home, dong_code=dong),
                DeviceEnrolled(fact_id="d", at=BEGIN, device_id=DeviceId("pir-1"), household_id=home, signals=("motion",)),
            ]
        )
        for hour in range(1, 24 * days):
            at = BEGIN + hour * HOUR
            self.clock.advance_to(at)
            if hour % 24 < 6:
                self.journal.append([self._said(at, hour * 2, 1.0), self._said(at + MINUTE, hour * 2 + 1, 0.0)])
            self.runner.catch_up()

    @staticmethod
    def _said(at: Millis, seq: int, value: float) -> Message:
        """Motion began, or is over."""
        topic = str(Topic(DongCode("dong-1"), HouseholdId(HOME), "pir-1", "motion"))
        payload = encode(Payload(t=at / 1000, boot=1, seq=seq, v=value))
        return Message(received_at=at, source="mqtt", topic=topic, payload=payload)

    def why(self, at: Millis, *, cursors: Path | None = None, now: Millis | None = None) -> HomeSeen:
        """The account at this moment, asked at once unless told."""
        return look_back(self.journal_folder, cursors or self.cursors_file, Decoder(), load_table(None), HOME, at, now=now or at)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path, 4)
    yield made
    made.journal.close()
    made.cursors.close()


def test_a_moment_is_explained_alike_from_a_snapshot_and_from_the_first_entry(kept: Kept, tmp_path: Path) -> None:
    assert len(kept.cursors.snapshots("rules")) >= 3
    for hour in (30, 47, 71, 95):
        at = BEGIN + hour * HOUR + 17 * MINUTE
        seen = kept.why(at)
        assert seen == kept.why(at, cursors=tmp_path / "none.sqlite3")
        motion = next(one for one in seen.rules if one.rule is RuleKey.MOTION)
        last = max(one for one in range(1, hour + 1) if one % 24 < 6)
        assert motion.since == BEGIN + last * HOUR and seen.at == at - at % 10_000


def test_a_state_that_was_evaluated_after_the_moment_is_not_where_it_begins(kept: Kept) -> None:
    """The newest state stands at the last entry, but home time went on without one."""
    kept.clock.advance_to(BEGIN + 200 * HOUR)
    kept.runner.catch_up()
    kept.cursors.commit("rules", Position(offset=kept.journal.head, state=kept.consumer.state(), at=BEGIN + 95 * HOUR))
    at = BEGIN + 100 * HOUR
    assert kept.why(at).at == at


def test_a_state_that_another_version_kept_is_passed_over(kept: Kept) -> None:
    at = BEGIN + 50 * HOUR
    seen = kept.why(at)
    for offset in kept.cursors.snapshots("rules"):
        kept.cursors.commit("rules", Position(offset=offset, state=b"\x92\xc4\x00\xc4\x00", at=BEGIN), keep=True)
    assert kept.why(at) == seen


def test_after_a_prune_the_state_of_the_cut_answers_and_what_lies_before_it_is_refused(kept: Kept) -> None:
    seen = kept.why(BEGIN + 90 * HOUR)
    prune(kept.journal, kept.cursors, BEGIN + 3 * DAY)
    assert kept.journal.cut
    with pytest.raises(CannotSay, match="pruned"):
        kept.why(BEGIN + 2 * HOUR)
    assert kept.why(BEGIN + 90 * HOUR) == seen


def test_a_home_that_was_not_looked_after_then_and_a_journal_that_is_not_there_are_said(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(CannotSay, match="not looked after"):
        kept.why(BEGIN - HOUR)
    with pytest.raises(CannotSay, match="no journal"):
        look_back(tmp_path / "nowhere", kept.cursors_file, Decoder(), load_table(None), HOME, BEGIN, now=BEGIN)


def test_a_time_yet_to_come_is_refused_and_not_taken_for_silence(kept: Kept) -> None:
    now = kept.clock.home_now()
    assert kept.why(now, now=now).at == now
    with pytest.raises(CannotSay, match="yet to come"):
        kept.why(now + HOUR, now=now)


def test_the_command_answers_in_words_and_logs_the_look(site: Path) -> None:
    assert anbu("household", "add", HOME, "--dong", "dong-1").exit_code == 0
    nothing = anbu("why", HOME)
    assert nothing.exit_code == 1 and "저널이 없습니다" in nothing.output
    with closing(SqliteJournal(site / "data" / "journal")) as journal:
        home, dong = HouseholdId(HOME), DongCode("dong-1")
        journal.append([HouseholdEnrolled(fact_id="h", at=BEGIN, household_id=home, dong_code=dong)])
        journal.append([LinkUp(fact_id="up", at=BEGIN + HOUR, source="mqtt")])
    said = anbu("why", HOME, "--at", to_iso(BEGIN + 5 * HOUR)[:16], "--by", "gu")
    assert said.exit_code == 0 and "안부 확인 불가:" in said.output and "이 신호를 보내는 기기가 없어" in said.output
    data = json.loads(anbu("why", HOME, "--at", to_iso(BEGIN + 5 * HOUR)[:16], "--json", english=True).output)
    assert data["household_id"] == HOME and {one["rule"] for one in data["rules"]} >= {"motion", "heat", "cannot_verify"}
    assert anbu("why", HOME, "--at", "yesterday").exit_code == 1
    assert anbu("why", "hh-none").exit_code == 1
    assert "아직 오지 않은 시각입니다" in anbu("why", HOME, "--at", "2999-01-01T00:00").output
    assert "돌보던 가구가 아닙니다" in anbu("why", HOME, "--at", to_iso(BEGIN - HOUR)[:16]).output
    engine = open_store(f"sqlite:///{next((site / 'data').glob('anbu.sqlite3'))}")
    with engine.begin() as connection:
        looks = connection.execute(select(view_log.c.login).where(view_log.c.purpose == "anbu why")).scalars().all()
    engine.dispose()
    assert looks.count("gu") == 1


def test_a_site_at_work_looks_back_without_its_stages_noticing(tmp_path: Path) -> None:
    site = new_site(tmp_path / "site", None)
    for _ in range(30):
        site.step()
    before = site.rules_state()
    seen = site.site.look_back("hh-0", site.clock.home_now() - HOUR)
    assert seen.household_id == "hh-0" and seen.at == site.clock.home_now() - HOUR
    assert site.rules_state() == before
    site.step()
    site.close()
