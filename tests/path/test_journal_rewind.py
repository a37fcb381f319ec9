"""Proves that the past can be read again and cut off: everything downstream comes out the same, and nothing is sent twice."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.clock import Millis
from ingest.decode import Decoder
from ingest.journal.port import Entry, Message
from ingest.journal.retention import prune
from ingest.journal.rewind import RewindRefused, rewind
from ingest.journal.sqlite import SqliteJournal
from tests.path.journal_days import DAY_3, END, START, days, happenings


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that has lived through its days, made once."""
    folder = tmp_path_factory.mktemp("lived") / "site"
    with days(folder) as site:
        site.live(happenings())
        found = site.outcome()
    assert min(len(found[name]) for name in ("finding", "check", "delivery", "rejection")) > 1
    assert len(found["unclaimed"]) == 1 and len(found["reading"]) > 2_000
    return folder


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    """A copy of it to do things to."""
    return Path(shutil.copytree(lived, tmp_path / "site"))


@pytest.mark.parametrize("name", ["rules", "intake", "history", "history-hours"])
@pytest.mark.parametrize("to", [0, DAY_3], ids=["the beginning", "the middle"])
def test_a_consumer_set_back_finds_the_same_again_and_delivers_nothing(folder: Path, name: str, to: Millis) -> None:
    with days(folder, END) as site:
        before, states = site.outcome(), site.states()
        done = rewind(site.journal, site.cursors, name, asked=site.journal.offset_before(to))
        assert done.stood == site.journal.head and (done.offset == 0) is (to == 0)
        assert done.offset <= done.asked < done.stood
        assert to - done.at <= 24 * 3_600_000 or to == 0, "the nearest state is never more than a day away"
        site.runners[name].catch_up()
        assert site.outcome() == before
        assert site.states() == states, "to the last bit"


def test_a_lost_history_is_filled_again_from_the_journal(folder: Path) -> None:
    with days(folder, END) as site:
        before = site.outcome()["reading"]
        with sqlite3.connect(folder / "history.sqlite3") as other:
            other.execute("DELETE FROM reading")
        rewind(site.journal, site.cursors, "history", asked=0)
        site.runners["history"].catch_up()
        assert [row[:2] for row in site.outcome()["reading"]] == [row[:2] for row in before]


def test_a_cursor_is_not_set_forward_nor_one_that_nobody_has(folder: Path) -> None:
    with days(folder, END) as site:
        with pytest.raises(RewindRefused, match="only set back"):
            rewind(site.journal, site.cursors, "rules", asked=site.journal.head + 1)
        with pytest.raises(RewindRefused, match="history, history-hours, intake, rules"):
            rewind(site.journal, site.cursors, "no-such", asked=0)


def test_after_a_prune_who_knows_nothing_begins_at_the_cut_and_comes_out_the_same(folder: Path) -> None:
    with days(folder, END) as site:
        before, states, head = site.outcome(), site.states(), site.journal.head
        would = prune(site.journal, site.cursors, DAY_3, dry_run=True)
        facts = [entry.body for entry in _read(site.journal, 0, 10**9) if not isinstance(entry.body, Message)]
        pruned = prune(site.journal, site.cursors, DAY_3)
        assert (pruned.cut, pruned.segments) == (would.cut, would.segments) == (site.journal.offset_before(DAY_3), 3)
        assert pruned.held_by == ()
    for file in folder.glob("cursors.sqlite3*"):
        file.unlink()
    with days(folder, END) as site:
        assert [entry.body for entry in _read(site.journal, 0, 10**9) if not isinstance(entry.body, Message)] == facts
        assert all(runner.step() for runner in site.runners.values())
        site.catch_up()
        assert site.journal.head == head and site.outcome() == before and site.states() == states
        assert site.journal.append([*facts]) == head, "facts of before the cut are known for ever"
        with pytest.raises(RewindRefused, match="pruned up to"):
            rewind(site.journal, site.cursors, "rules", asked=pruned.cut - 1)
        rewind(site.journal, site.cursors, "rules", asked=pruned.cut)
        site.catch_up()
        assert site.outcome() == before and site.states() == states


def test_a_consumer_that_never_was_reads_the_kept_facts_first(folder: Path) -> None:
    with days(folder, END) as site:
        prune(site.journal, site.cursors, DAY_3)
        decoder = Decoder()
        entries = list(_read(site.journal, 0, 10**9))
        assert [one.offset for one in entries] == sorted({one.offset for one in entries})
        decoder.read([one for one in entries if one.offset <= site.journal.cut])
        whole = Decoder()
        with days(folder.parent / "empty"):
            whole.read([Entry(offset=1 + at, received_at=START, body=body) for at, body in enumerate(happenings()[0][1])])
        assert decoder.enrolment.snapshot() == whole.enrolment.snapshot()


def test_nothing_goes_that_a_cursor_has_not_passed(folder: Path) -> None:
    with days(folder, END) as site:
        rewind(site.journal, site.cursors, "history", asked=0)
        held = prune(site.journal, site.cursors, DAY_3)
        assert (held.cut, held.segments, held.held_by) == (0, 0, ("history",))
        site.catch_up()
        assert prune(site.journal, site.cursors, DAY_3).segments == 3


def test_a_prune_that_a_crash_interrupted_is_done_at_the_next_start(folder: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(folder, tmp_path / "whole"))
    with days(folder, END) as site:
        cut = prune(site.journal, site.cursors, DAY_3).cut
        facts = _facts(_read(site.journal, 0, 10**9))
    for segment in (whole / "journal").glob("0*.db"):  # as if the process had died before it deleted them
        shutil.copy(segment, folder / "journal" / segment.name)
    with days(folder, END) as site:
        assert site.journal.cut == cut and site.journal.ending_by(cut) == 0
        assert _facts(_read(site.journal, 0, 10**9)) == facts
    assert len(list((folder / "journal").glob("0*.db"))) == 2


def _read(journal: SqliteJournal, after: int, upto: int) -> Iterator[Entry]:
    while part := journal.read(after, 2_000):
        yield from (entry for entry in part if entry.offset <= upto)
        after = part[-1].offset


def _facts(entries: Iterator[Entry]) -> list[str]:
    return [entry.body.fact_id for entry in entries if not isinstance(entry.body, Message)]
