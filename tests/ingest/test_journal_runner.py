"""How a consumer moves along the journal: nothing is left out, nothing is taken twice since its state, a failure goes back."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import msgspec
import pytest
from prometheus_client import REGISTRY

from ingest.clock import Millis, SystemClock, VirtualClock
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.port import Entry, JournalDamaged, Message, Position
from ingest.journal.runner import Runner
from tests.waiting import until

Event: TypeAlias = tuple[str, int]
NOW: Millis = 10_000_000


class Tally:
    """A consumer whose state is the offsets it has taken; `trouble` may raise before it takes a batch."""

    name = "tally"

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.received: list[Millis] = []
        self.heads: list[Millis] = []
        self.restored: list[int] = []
        self.order_broken: list[str] = []
        self.trouble: Callable[[Sequence[Entry]], None] = lambda entries: None

    def restore(self, state: bytes | None) -> None:
        self.taken = msgspec.json.decode(state, type=list[int]) if state else []
        self.restored.append(len(self.taken))

    def take(self, entries: Sequence[Entry]) -> None:
        assert entries, "a batch holds something"
        for entry in entries[: len(entries) // 2]:  # half a batch is taken when it fails
            self.taken.append(entry.offset)
        self.trouble(entries)
        self.taken += [entry.offset for entry in entries[len(entries) // 2 :]]
        if self.heads and entries[0].received_at < self.heads[-1]:
            self.order_broken.append(f"{entries[0].received_at} came after the head was at {self.heads[-1]}")
        self.received += [entry.received_at for entry in entries]

    def at_head(self, now: Millis) -> None:
        self.heads.append(now)

    def state(self) -> bytes | None:
        return msgspec.json.encode(self.taken)


class CountedCursors(MemoryCursors):
    """Counts commits; `refuse` makes the next ones fail."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[int] = []
        self.refuse = 0
        self.held = threading.Event()  # a commit is under way and waits for `go_on`
        self.go_on = threading.Event()
        self.go_on.set()

    def commit(self, name: str, position: Position, *, keep: bool = False) -> None:
        if not self.go_on.is_set():
            self.held.set()
            assert self.go_on.wait(10)
        if self.refuse:
            self.refuse -= 1
            raise OSError("no room for a cursor")
        self.commits.append(position.offset)
        super().commit(name, position, keep=keep)


class HandClock(VirtualClock):
    """A clock whose machine time stands still as well."""

    passed = 0.0

    def monotonic(self) -> float:
        return self.passed


class Bench:
    """A journal, cursors and a clock, and runners on them that are stopped at the end."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.cursors = CountedCursors()
        self.clock: VirtualClock = VirtualClock(NOW)
        self.runners: list[Runner] = []

    def runner(self, consumer: Tally, *, batch: int = 10, commit_every_s: float = 0.0) -> Runner:
        runner = Runner(
            self.journal, self.cursors, consumer, self.clock, batch=batch, commit_every_s=commit_every_s, backoff_s=(0.01, 0.03)
        )
        self.runners.append(runner)
        return runner

    def append(self, count: int) -> int:
        return self.journal.append([Message(received_at=NOW, source="t", topic="t", payload=b"") for _ in range(count)])


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for runner in bench.runners:
        runner.stop()


def test_catching_up_takes_everything_in_order_tells_the_time_and_commits(bench: Bench) -> None:
    bench.append(25)
    tally = Tally()
    runner = bench.runner(tally)
    runner.catch_up()
    assert tally.taken == list(range(1, 26))
    assert tally.heads == [NOW]
    assert (runner.offset, runner.committed, runner.error) == (25, 25, None)
    assert bench.cursors.load("tally") == Position(offset=25, state=tally.state(), at=NOW)


def test_how_far_a_consumer_is_behind_is_told_while_it_fails_and_when_it_is_through(bench: Bench) -> None:
    def told(name: str) -> float | None:
        return REGISTRY.get_sample_value(f"anbu_consumer_{name}", {"consumer": "tally"})

    bench.append(25)
    tally = Tally()
    runner = bench.runner(tally)

    def trouble(entries: Sequence[Entry]) -> None:
        if entries[0].offset > 10:
            raise RuntimeError("once")

    tally.trouble = trouble
    with pytest.raises(RuntimeError, match="once"):
        runner.catch_up()
    assert told("lag_entries") == 15
    tally.trouble = lambda entries: None
    runner.catch_up()
    assert (told("lag_entries"), told("committed_offset")) == (0, 25)


def test_a_step_commits_nothing_and_says_whether_something_was_taken(bench: Bench) -> None:
    tally = Tally()
    runner = bench.runner(tally)
    assert runner.step() is False
    bench.append(3)
    assert runner.step() is True
    assert runner.step() is False
    assert tally.taken == [1, 2, 3] and len(tally.heads) == 3
    assert bench.cursors.commits == []
    again = Tally()
    assert bench.runner(again).step() is True, "a process that ended before its commit takes the same again"
    assert again.taken == [1, 2, 3]


def test_a_new_runner_begins_with_the_committed_state_after_the_committed_offset(bench: Bench) -> None:
    bench.append(5)
    bench.runner(Tally()).catch_up()
    bench.append(4)
    tally = Tally()
    bench.runner(tally).catch_up()
    assert tally.restored == [5]
    assert tally.taken == list(range(1, 10))


def test_a_running_consumer_follows_the_journal_and_stopping_commits(bench: Bench) -> None:
    tally = Tally()
    runner = bench.runner(tally, commit_every_s=3600)
    runner.start()
    until(lambda: tally.heads)
    for count in (1, 30, 2):
        head = bench.append(count)
        until(lambda: runner.offset == head)  # noqa: B023  # called within this turn of the loop alone
    assert bench.cursors.commits == []
    runner.stop()
    assert tally.taken == list(range(1, 34))
    assert bench.cursors.commits == [33]


def test_what_comes_in_does_not_wait_for_a_commit_that_is_being_written(bench: Bench) -> None:
    bench.append(3)
    bench.cursors.go_on.clear()
    tally = Tally()
    runner = bench.runner(tally)
    runner.start()
    assert bench.cursors.held.wait(10)
    head = bench.append(4)
    until(lambda: runner.offset == head)
    assert (runner.committed, bench.cursors.commits) == (0, [])
    bench.cursors.go_on.set()
    until(lambda: runner.committed == head)
    assert bench.cursors.commits == [3, 7], "one after the other"


def test_stopping_waits_for_the_commit_under_way_and_for_its_own(bench: Bench) -> None:
    bench.append(3)
    bench.cursors.go_on.clear()
    runner = bench.runner(Tally())
    runner.start()
    assert bench.cursors.held.wait(10)
    head = bench.append(4)
    until(lambda: runner.offset == head)
    runner.stop(timeout=0)
    ours = [thread for thread in threading.enumerate() if thread.name.endswith("-tally")]
    assert len(ours) == 2 and all(thread.daemon for thread in ours), "a disk that hangs keeps no process from ending"
    bench.cursors.go_on.set()
    until(lambda: bench.cursors.commits == [3, 7])


def test_a_large_state_is_committed_so_seldom_that_no_disk_wears_out(bench: Bench) -> None:
    class Large(Tally):
        def state(self) -> bytes | None:
            return b" " * 2_000_000

    bench.append(1)
    bench.clock = clock = HandClock(NOW)
    runner = bench.runner(Large())
    runner.start()
    until(lambda: runner.committed == 1)
    for head, passed in ((2, 1.9), (3, 2.1)):
        bench.append(1)
        until(lambda: runner.offset == head)  # noqa: B023  # called within this turn of the loop alone
        clock.passed = passed
    until(lambda: runner.committed == 3)
    assert bench.cursors.commits == [1, 3], "two megabytes, two seconds"


def test_a_prepared_runner_has_its_state_before_it_starts_and_what_is_wrong_with_it_shows_when_it_runs(bench: Bench) -> None:
    bench.append(5)
    bench.runner(Tally()).catch_up()
    tally = Tally()
    runner = bench.runner(tally)
    runner.prepare()
    assert tally.taken == [1, 2, 3, 4, 5]
    runner.prepare()
    assert tally.restored == [5], "once is enough"

    class Broken(Tally):
        def restore(self, state: bytes | None) -> None:
            raise RuntimeError("a bug of ours")

    damaged = bench.runner(Broken())
    damaged.prepare()
    assert damaged.error is None
    damaged.start()
    until(lambda: damaged.error is not None)


def test_nothing_is_committed_while_nothing_was_taken(bench: Bench) -> None:
    tally = Tally()
    bench.append(1)
    runner = bench.runner(tally)
    runner.start()
    until(lambda: runner.committed == 1)
    turns = len(tally.heads)
    until(lambda: len(tally.heads) >= turns + 3)
    assert bench.cursors.commits == [1]


def test_a_failing_consumer_goes_back_to_its_commit_and_on_when_it_can(bench: Bench) -> None:
    bench.append(20)
    tally = Tally()
    runner = bench.runner(tally, commit_every_s=0)
    mended = threading.Event()

    def trouble(entries: Sequence[Entry]) -> None:
        if entries[0].offset >= 21 and not mended.is_set():
            raise KeyError("no such home")

    tally.trouble = trouble
    runner.start()
    until(lambda: runner.committed == 20)
    bench.append(15)
    until(lambda: len(tally.restored) >= 3, what="it has tried again")
    assert runner.error == "KeyError: 'no such home'"
    assert runner.committed == 20
    mended.set()
    until(lambda: runner.committed == 35)
    assert tally.taken == list(range(1, 36)), "half a batch taken before the failure is not in the state"
    assert set(tally.restored) == {0, 20}
    until(lambda: runner.error is None)


def test_what_was_taken_is_taken_again_when_its_commit_fails(bench: Bench) -> None:
    bench.append(12)
    bench.cursors.refuse = 3
    tally = Tally()
    runner = bench.runner(tally)
    runner.start()
    until(lambda: runner.committed == 12)
    assert tally.restored == [0, 0, 0, 0]
    assert tally.taken == list(range(1, 13))


def test_by_hand_a_failure_comes_out_and_the_next_turn_begins_at_the_commit(bench: Bench) -> None:
    bench.append(4)
    tally = Tally()
    runner = bench.runner(tally)

    def trouble(_: Sequence[Entry]) -> None:
        raise RuntimeError("once")

    tally.trouble = trouble
    with pytest.raises(RuntimeError, match="once"):
        runner.catch_up()
    assert runner.error == "RuntimeError: once"
    tally.trouble = lambda entries: None
    runner.catch_up()
    assert tally.taken == [1, 2, 3, 4]
    assert runner.error is None


def test_a_cursor_beyond_the_journal_is_said_instead_of_waiting_for_ever(bench: Bench) -> None:
    bench.cursors.commit("tally", Position(offset=40, state=None))
    runner = bench.runner(Tally())
    with pytest.raises(JournalDamaged, match="tally stands at offset 40, the journal ends at 0"):
        runner.step()
    runner.start()
    until(lambda: runner.error is not None)


def test_stopping_in_a_long_backlog_ends_after_the_batch_at_hand_and_commits_it(bench: Bench) -> None:
    bench.append(1_000)
    tally = Tally()
    reached, go_on = threading.Event(), threading.Event()

    def trouble(entries: Sequence[Entry]) -> None:
        if entries[-1].offset == 30:
            reached.set()
            assert go_on.wait(10)

    tally.trouble = trouble
    runner = bench.runner(tally, commit_every_s=3600)
    runner.start()
    assert reached.wait(10)
    runner.stop(timeout=0)
    go_on.set()
    until(lambda: bench.cursors.commits)
    assert bench.cursors.commits == [30]
    assert tally.heads == [], "the head was not reached"


def test_a_runner_on_its_thread_is_not_moved_by_hand(bench: Bench) -> None:
    runner = bench.runner(Tally())
    runner.start()
    with pytest.raises(RuntimeError, match="own thread"):
        runner.step()
    with pytest.raises(RuntimeError, match="is running"):
        runner.start()
    runner.stop()
    runner.catch_up()


def test_nothing_received_before_the_told_time_comes_after_it() -> None:
    clock = SystemClock(rate=50_000)
    journal = MemoryJournal()
    tally = Tally()
    runner = Runner(journal, MemoryCursors(), tally, clock, batch=7)
    runner.start()
    for number in range(300):
        late = clock.home_now()  # stamped, and appended only after the consumer may have heard a later time
        heads = len(tally.heads)
        if number % 10 == 0:
            until(lambda: len(tally.heads) > heads)  # noqa: B023  # called within this turn of the loop alone
        journal.append([Message(received_at=late, source="t", topic="t", payload=b"")])
    until(lambda: runner.offset == 300)
    runner.stop()
    assert tally.order_broken == []
    assert tally.received == sorted(tally.received)


def test_a_state_that_another_version_wrote_is_left_and_the_journal_read_from_its_beginning(bench: Bench) -> None:
    head = bench.append(25)
    bench.cursors.commit("tally", Position(offset=20, state=b'{"of": "another version"}'))
    tally = Tally()
    runner = bench.runner(tally)
    runner.catch_up()
    assert runner.error is None and tally.taken == list(range(1, head + 1))
    assert bench.cursors.load("tally").offset == head
