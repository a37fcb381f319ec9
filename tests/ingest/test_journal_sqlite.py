"""What the journal on disk keeps through restarts, kill -9, a full disk and damage, and whom it lets in."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.clock import HOUR
from ingest.facts import LinkDown, LinkUp, RunStarted
from ingest.journal.cursors import SqliteCursors
from ingest.journal.kept import Kept
from ingest.journal.port import READ_BYTES, Entry, JournalDamaged, JournalFull, Message, Position
from ingest.journal.sqlite import JournalInUse, SqliteJournal
from tests.ingest import append_process


def message(number: int, payload: bytes = b"x") -> Message:
    return Message(received_at=1_000 + number, source="mqtt", topic="anbu/v1/d/h/p/motion", payload=payload)


def run(fact_id: str) -> RunStarted:
    return RunStarted(fact_id=fact_id, at=0, run_id="r")


@contextmanager
def opened(folder: Path, segment_bytes: int = 10**9) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(folder, segment_bytes=segment_bytes)
    try:
        yield journal
    finally:
        journal.close()


def read_all(journal: SqliteJournal, step: int = 100) -> list[Entry]:
    entries: list[Entry] = []
    while part := journal.read(entries[-1].offset if entries else 0, step):
        entries += part
    return entries


def segments(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("0*.db"))


def test_a_reopened_journal_goes_on_where_it_stood(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(1), message(5), run("a")])
        before = read_all(journal)
    with opened(journal_folder) as journal:
        assert read_all(journal) == before
        assert journal.append([message(2)]) == 4
        assert journal.read(3, 1)[0].received_at == 1_005, "the clock was set back meanwhile"


def test_a_frontier_given_out_holds_after_a_restart(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(1)])
        journal.frontier(9_000)
    with opened(journal_folder) as journal:
        journal.append([message(2)])
        assert journal.read(1, 1)[0].received_at == 9_000


def test_a_torn_frontier_file_falls_back_to_the_newest_entry(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(7)])
        journal.frontier(9_000)
    (journal_folder / "frontier").write_bytes(b"\xff" * 12)
    with opened(journal_folder) as journal:
        journal.append([message(2)])
        assert journal.read(1, 1)[0].received_at == 1_007


def test_segments_roll_by_size_and_are_named_by_their_first_offset(journal_folder: Path) -> None:
    with opened(journal_folder, segment_bytes=60_000) as journal:
        for number in range(0, 30, 3):
            journal.append([message(place, b"y" * 10_000) for place in range(number, number + 3)])
        assert segments(journal_folder) == [f"{first:020d}.db" for first in (1, 7, 13, 19, 25)]
        assert [entry.offset for entry in read_all(journal)] == list(range(1, 31))
    with opened(journal_folder, segment_bytes=60_000) as journal:
        assert [entry.offset for entry in read_all(journal)] == list(range(1, 31))
        assert [entry.offset for entry in journal.read(4, 100)] == [5, 6], "a read ends with its segment"


def test_a_crash_right_after_rolling_leaves_a_journal_that_goes_on(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(1), message(8)])
    SqliteJournal(journal_folder / "other").close()
    (journal_folder / "other" / f"{1:020d}.db").rename(journal_folder / f"{3:020d}.db")
    with opened(journal_folder) as journal:
        assert journal.append([message(3)]) == 3
        assert [entry.received_at for entry in read_all(journal)] == [1_001, 1_008, 1_008]


@pytest.mark.parametrize("state", ["kept", "lost", "damaged", "behind", "of another journal"])
def test_a_fact_of_an_old_segment_is_known_whatever_became_of_the_index(journal_folder: Path, state: str) -> None:
    index = journal_folder / "facts.index"
    with opened(journal_folder, segment_bytes=1) as journal:
        journal.append([run("old"), message(1)])
        early = sqlite3.connect(index)
        copy = early.serialize()
        early.close()
        journal.append([run("newer")])
        journal.append([message(2)])
    if state == "lost":
        index.unlink()
    elif state == "damaged":
        index.write_bytes(b"not a database at all" * 500)
    elif state == "behind":
        index.write_bytes(copy)
    elif state == "of another journal":
        with opened(journal_folder / "other") as other:
            other.append([run(f"other-{number}") for number in range(50)])
        (journal_folder / "other" / "facts.index").rename(index)
    with opened(journal_folder, segment_bytes=1) as journal:
        assert journal.append([run("old"), run("newer"), run("other-1"), run("latest")]) == 6
        ids = [entry.body.fact_id for entry in read_all(journal) if isinstance(entry.body, RunStarted)]
    assert ids == ["old", "newer", "other-1", "latest"]


def test_a_second_journal_on_the_folder_is_refused_by_name(journal_folder: Path) -> None:
    with opened(journal_folder), pytest.raises(JournalInUse, match=str(journal_folder)):
        SqliteJournal(journal_folder)
    SqliteJournal(journal_folder).close()


def test_a_second_process_on_the_folder_is_refused_by_name(journal_folder: Path) -> None:
    with opened(journal_folder):
        script = "import sys, pathlib; from ingest.journal.sqlite import SqliteJournal; SqliteJournal(pathlib.Path(sys.argv[1]))"
        other = subprocess.run([sys.executable, "-c", script, str(journal_folder)], capture_output=True, text=True, check=False)
    assert other.returncode != 0
    assert f"the journal in {journal_folder} is open elsewhere" in other.stderr


@pytest.mark.parametrize(
    "change",
    [
        "payload = x'00'",
        "topic = 'anbu/v1/d/other/p/motion'",
        "received_at = received_at + 1",
        "lifted = 7",
        "flags = 1",
        "source = 'm'",
        "kind = 1",
        "crc = 0",
        "payload = 7",
    ],
)
def test_a_changed_row_is_never_handed_out(journal_folder: Path, change: str) -> None:
    with opened(journal_folder, segment_bytes=1) as journal:
        for number in range(3):
            journal.append([message(number), message(number)])
    with sqlite3.connect(journal_folder / f"{3:020d}.db") as segment:
        segment.execute(f"UPDATE entry SET {change} WHERE offset = 4")
    with opened(journal_folder, segment_bytes=1) as journal:
        assert len(journal.read(0, 2)) == 2
        assert len(journal.read(2, 1)) == 1
        with pytest.raises(JournalDamaged, match=r"00003\.db: offset 4 "):
            journal.read(2, 10)
        assert len(journal.read(4, 10)) == 2


def test_a_missing_row_is_noticed(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(number) for number in range(6)])
    with sqlite3.connect(journal_folder / f"{1:020d}.db") as segment:
        segment.execute("DELETE FROM entry WHERE offset = 4")
    with opened(journal_folder) as journal, pytest.raises(JournalDamaged, match=r"00001\.db: offset 4 is missing"):
        journal.read(0, 10)


def test_a_lost_segment_is_noticed(journal_folder: Path) -> None:
    with opened(journal_folder, segment_bytes=1) as journal:
        for number in range(3):
            journal.append([message(number), message(number)])
    (journal_folder / f"{3:020d}.db").unlink()
    with opened(journal_folder) as journal:
        assert len(journal.read(0, 10)) == 2
        with pytest.raises(JournalDamaged, match="offset 3 is missing"):
            journal.read(2, 10)


def test_a_file_overwritten_with_rubbish_is_named(journal_folder: Path) -> None:
    with opened(journal_folder, segment_bytes=1) as journal:
        for number in range(3):
            journal.append([message(number), message(number)])
    (journal_folder / f"{3:020d}.db").write_bytes(os.urandom(20_000))
    with opened(journal_folder, segment_bytes=1) as journal, pytest.raises(JournalDamaged, match=r"00003\.db .* offset 3"):
        journal.read(2, 10)
    (journal_folder / "facts.index").unlink()
    with opened(journal_folder, segment_bytes=1) as journal:
        assert journal.append([message(9)]) == 7, "an old segment's damage does not keep us from listening"
    (journal_folder / f"{7:020d}.db").write_bytes(os.urandom(20_000))
    with pytest.raises(JournalDamaged, match=r"00007\.db"):
        SqliteJournal(journal_folder)
    (journal_folder / f"{7:020d}.db").unlink()
    with opened(journal_folder) as journal:  # the failed start has given its lock back
        assert len(journal.read(4, 10)) == 2


@contextmanager
def no_file_above(size: int) -> Iterator[None]:
    """The kernel refuses to write past this size, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_batch_the_disk_refuses_leaves_nothing_and_the_next_one_succeeds(journal_folder: Path) -> None:
    big = [message(number, b"z" * 1_000) for number in range(400)]
    with opened(journal_folder) as journal:
        journal.append([message(0), run("a")])
        with capture_logs() as said, no_file_above(200_000):
            for _ in range(2):
                with pytest.raises(JournalFull, match=f"{journal_folder} takes nothing after offset 2"):
                    journal.append([run("b"), *big])
            assert len(read_all(journal)) == 2
            assert journal.trouble is not None
            assert journal.append([message(1)]) == 5, "a small one still fits, between our own two facts"
            assert journal.trouble is None
        assert [line["log_level"] for line in said] == ["error", "warning"], "once, and that it is over"
        assert journal.append([run("b"), *big]) == 406
        expected = read_all(journal)
    with opened(journal_folder) as journal:
        assert read_all(journal) == expected
        assert [entry.offset for entry in expected] == list(range(1, 407))


def test_while_batches_are_refused_home_time_stands_and_afterwards_the_gap_is_written_down(journal_folder: Path) -> None:
    with opened(journal_folder) as journal:
        journal.append([message(1)])
        journal.frontier(5_000)
        with capture_logs(), no_file_above(0), pytest.raises(JournalFull):
            journal.append([message(6_000)])
        assert journal.frontier(90_000).at == 5_000, "what nobody could write down must not count as silence"
        assert journal.try_again()
        gap = [entry.body for entry in read_all(journal)[1:]]
        assert [(type(fact).__name__, fact.at) for fact in gap if isinstance(fact, LinkDown | LinkUp)] == [
            ("LinkDown", 7_000),
            ("LinkUp", 90_000),
        ]
        assert journal.frontier(91_000).at == 91_000


def test_a_segment_holds_the_batches_of_one_day_in_seoul(journal_folder: Path) -> None:
    midnight = 1_767_193_200_000  # 2026-01-01T00:00+09:00

    def at(instant: int) -> Message:
        return Message(received_at=instant, source="mqtt", topic="t", payload=b"")

    with opened(journal_folder) as journal:
        journal.append([at(midnight - 9 * HOUR), at(midnight - 2)])
        journal.append([at(midnight - 1), at(midnight)])
        journal.append([at(midnight + 1)])
    with opened(journal_folder) as journal:
        journal.append([at(midnight + 23 * HOUR)])
        journal.append([at(midnight + 24 * HOUR)])
        assert len(read_all(journal)) == 7
    assert segments(journal_folder) == [f"{first:020d}.db" for first in (1, 5, 7)]


def test_a_segment_that_cannot_be_begun_is_a_full_journal_and_is_begun_later(journal_folder: Path) -> None:
    with opened(journal_folder, segment_bytes=1) as journal:
        journal.append([message(0)])
        with capture_logs(), no_file_above(0), pytest.raises(JournalFull):
            journal.append([message(1)])
        assert journal.append([message(1)]) == 4
        assert [entry.offset for entry in read_all(journal)] == [1, 2, 3, 4]
    with opened(journal_folder) as journal:
        assert len(read_all(journal)) == 4


def test_what_was_appended_before_kill_9_is_there_and_whole_each_of_five_times(journal_folder: Path) -> None:
    last = 0
    for turn in range(5):
        child = subprocess.Popen(
            [sys.executable, append_process.__file__, str(journal_folder)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(20 + 37 * turn):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        last = max([last, *(int(line) for line in child.stdout if line.endswith("\n"))])
        child.wait()
        with opened(journal_folder) as journal:
            entries = read_all(journal)
        assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
        assert len(entries) >= last and len(entries) % 8 == 0, "whole batches, every answered one among them"
        assert all(int(entry.body.payload) == entry.offset for entry in entries if isinstance(entry.body, Message))
    assert len(segments(journal_folder)) > 3


def test_one_read_of_large_payloads_stays_small_from_memory_and_from_the_disk(journal_folder: Path) -> None:
    most = READ_BYTES // 100_000 + 1
    with opened(journal_folder) as journal:
        for _ in range(5):
            journal.append([message(number, bytes(100_000)) for number in range(10)])
        assert len(journal.read(0, 2_000)) == most
        assert len(read_all(journal, 2_000)) == 50
    with opened(journal_folder) as journal:
        assert len(journal.read(0, 2_000)) == most
        assert len(read_all(journal, 2_000)) == 50


def test_a_state_at_the_cut_is_kept_in_pieces_of_which_none_may_be_missing(tmp_path: Path) -> None:
    kept = Kept(tmp_path, piece=3)
    kept.add([], {"rules": Position(offset=5, state=b"123456789", at=7), "history": Position(offset=4, state=b"1")}, 4)
    kept.add([], {"rules": Position(offset=6, state=b"12345678", at=8)}, 5)
    assert kept.base("rules") == Position(offset=6, state=b"12345678", at=8)
    assert kept.base("history") == Position(offset=4, state=b"1") and kept.base("acks") == Position()
    with sqlite3.connect(tmp_path / "kept.db") as other:
        assert other.execute("SELECT count(*) FROM piece").fetchone() == (2,)
        other.execute("DELETE FROM piece WHERE place = 2")
    with pytest.raises(JournalDamaged, match="rules"):
        kept.base("rules")


def test_positions_survive_a_restart_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state" / "cursors.db"
    cursors = SqliteCursors(path)
    cursors.commit("rules", Position(offset=12, state=b"state"))
    cursors.commit("history", Position(offset=3))
    cursors.close()
    cursors = SqliteCursors(path)
    assert cursors.load("rules") == Position(offset=12, state=b"state")
    with sqlite3.connect(path) as other:
        other.execute("UPDATE cursor SET offset = 13 WHERE name = 'rules'")
    with pytest.raises(JournalDamaged, match="cursor rules"):
        cursors.load("rules")
    assert cursors.load("history").offset == 3
    cursors.close()
    path.write_bytes(os.urandom(9_000))
    with pytest.raises(JournalDamaged, match=r"cursors\.db"):
        SqliteCursors(path)
