"""What every journal and every cursor store promises, whichever adapter keeps it."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.facts import Fact, HouseholdEnrolled, LinkUp, RunStarted
from ingest.journal.cursors import MemoryCursors, SqliteCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.pieces import PIECE
from ingest.journal.port import Body, Cursors, Entry, Journal, Message, Position
from ingest.journal.sqlite import SqliteJournal
from ingest.reading import DongCode, HouseholdId
from tests.waiting import until

NewJournal = Callable[[], Journal]

ADAPTERS = ["memory", "sqlite", "sqlite in many segments"]


@pytest.fixture(params=ADAPTERS)
def new_journal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewJournal]:
    opened: list[Journal] = []

    def new() -> Journal:
        if request.param == "memory":
            opened.append(MemoryJournal())
        else:
            size = {} if request.param == "sqlite" else {"segment_bytes": 1}
            opened.append(SqliteJournal(tmp_path_factory.mktemp("journal"), **size))
        return opened[-1]

    yield new
    for journal in opened:
        journal.close()


@pytest.fixture
def journal(new_journal: NewJournal) -> Journal:
    return new_journal()


@pytest.fixture(params=["memory", "sqlite", "sqlite in pieces"])
def cursors(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cursors]:
    opened: Cursors = MemoryCursors()
    if request.param != "memory":
        piece = PIECE if request.param == "sqlite" else 3
        opened = SqliteCursors(tmp_path / "cursors.db", piece=piece)
    yield opened
    opened.close()


def message(number: int, *, at: int | None = None) -> Message:
    return Message(
        received_at=1_000 + number if at is None else at, source="mqtt", topic=f"anbu/v1/t/{number}", payload=b"%d" % number
    )


def run(fact_id: str, at: int = 0) -> RunStarted:
    return RunStarted(fact_id=fact_id, at=at, run_id="r")


def read_all(journal: Journal, step: int = 3) -> list[Entry]:
    entries: list[Entry] = []
    while part := journal.read(entries[-1].offset if entries else 0, step):
        entries += part
    return entries


def test_entries_come_back_as_they_were_appended_with_offsets_from_one_and_no_gaps(journal: Journal) -> None:
    bodies: list[Body] = [
        message(1),
        Message(received_at=1_002, source="두번째", topic="온도/센서 \0", payload=bytes(range(256)), retain=True),
        Message(received_at=1_003, source="mqtt", topic="", payload=b"", dup=True, catching_up=True),
        HouseholdEnrolled(fact_id="f1", at=1_004, household_id=HouseholdId("hh-1"), dong_code=DongCode("dong-1")),
    ]
    assert journal.append(bodies[:1]) == 1
    assert journal.append(bodies[1:]) == 4
    assert read_all(journal) == [
        Entry(offset=place, received_at=1_000 + place, body=body) for place, body in enumerate(bodies, start=1)
    ]


def test_reading_gives_entries_above_the_offset_and_never_more_than_asked(journal: Journal) -> None:
    for first in range(0, 30, 10):
        journal.append([message(number) for number in range(first, first + 10)])
    read = journal.read(7, 3)
    assert 1 <= len(read) <= 3
    assert [entry.offset for entry in read] == list(range(8, 8 + len(read)))
    assert journal.read(29, 10)[0].offset == 30
    assert journal.read(30, 10) == []
    assert journal.read(99, 10) == []
    assert [entry.offset for entry in read_all(journal)] == list(range(1, 31))


def test_an_empty_batch_tells_the_head(journal: Journal) -> None:
    assert journal.append([]) == 0
    journal.append([message(1), message(2)])
    assert journal.append([]) == 2
    assert journal.read(0, 10) != []


def test_receive_time_never_goes_down_and_a_message_keeps_its_own(journal: Journal) -> None:
    journal.append([message(1, at=5_000), message(2, at=4_000), run("f", at=3_000), message(3, at=5_001)])
    journal.append([message(4, at=10)])
    entries = read_all(journal)
    assert [entry.received_at for entry in entries] == [5_000, 5_000, 5_000, 5_001, 5_001]
    assert [getattr(entry.body, "received_at", None) for entry in entries] == [5_000, 4_000, None, 5_001, 10]


def test_nothing_earlier_than_a_frontier_follows_it(journal: Journal) -> None:
    journal.append([message(1, at=1_000)])
    frontier = journal.frontier(7_000)
    assert (frontier.offset, frontier.at) == (1, 7_000)
    journal.append([message(2, at=6_000), run("f", at=6_500), message(3, at=7_500)])
    assert [entry.received_at for entry in journal.read(1, 1) + journal.read(2, 1) + journal.read(3, 1)] == [7_000, 7_000, 7_500]
    assert journal.frontier(2_000).offset == 4, "an earlier frontier is no wrong promise"
    journal.append([message(4, at=1)])
    assert read_all(journal)[-1].received_at == 7_500


def test_a_fact_is_kept_once_however_often_and_wherever_it_is_appended(journal: Journal) -> None:
    assert journal.append([run("a"), run("a"), message(1), run("b")]) == 3
    assert journal.append([run("b"), run("a")]) == 3
    journal.append([message(2)])
    many: list[Fact] = [LinkUp(fact_id=f"many-{number}", at=1, source="mqtt") for number in range(1_200)]
    assert journal.append([*many, run("a")]) == 1_204
    assert journal.append(many) == 1_204
    ids = [entry.body.fact_id for entry in read_all(journal, 500) if not isinstance(entry.body, Message)]
    assert ids == ["a", "b"] + [fact.fact_id for fact in many]


def test_waiting_ends_with_the_next_entry_and_not_before(journal: Journal) -> None:
    assert journal.wait(0, 0.01) is False
    woke: list[bool] = []
    waiter = threading.Thread(target=lambda: woke.append(journal.wait(0, 30)))
    waiter.start()
    journal.append([message(1)])
    waiter.join(10)
    assert woke == [True]
    assert journal.wait(0, 0) is True
    assert journal.wait(1, 0.01) is False


def test_closing_wakes_who_waits_and_refuses_the_rest(journal: Journal) -> None:
    waiter = threading.Thread(target=lambda: journal.wait(0, 30))
    waiter.start()
    journal.close()
    waiter.join(10)
    assert not waiter.is_alive()
    for act in (lambda: journal.append([message(1)]), lambda: journal.read(0, 1), lambda: journal.frontier(1)):
        with pytest.raises(ValueError, match="closed"):
            act()
    journal.close()


def test_many_writers_and_readers_at_once_lose_nothing_and_see_one_order(journal: Journal) -> None:
    def write(writer: int) -> None:
        for number in range(20):
            journal.append([message(number, at=1_000 + number), run(f"{writer}-{number}"), run("shared")])

    seen: list[list[Entry]] = [[], [], []]

    def follow(entries: list[Entry]) -> None:
        while len(entries) < 4 * 40 + 1:
            if journal.wait(len(entries), 10):
                entries += journal.read(len(entries), 7)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    threads += [threading.Thread(target=follow, args=(entries,)) for entries in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    until(lambda: all(len(entries) == 161 for entries in seen), 1, "every reader has seen everything")
    assert seen[0] == seen[1] == seen[2]
    assert [entry.offset for entry in seen[0]] == list(range(1, 162))
    assert [entry.received_at for entry in seen[0]] == sorted(entry.received_at for entry in seen[0])


instants = st.integers(min_value=0, max_value=2**42)
bodies_strategy = st.one_of(
    st.builds(
        Message,
        received_at=instants,
        source=st.text(max_size=8),
        topic=st.text(max_size=20),
        payload=st.binary(max_size=40),
        retain=st.booleans(),
        dup=st.booleans(),
        catching_up=st.booleans(),
    ),
    st.builds(RunStarted, fact_id=st.sampled_from(["a", "b", "c", "d"]), at=instants, run_id=st.just("r")),
)


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(st.lists(bodies_strategy, max_size=6), instants), max_size=8))
def test_any_batches_and_frontiers_give_what_the_plain_description_gives(
    new_journal: NewJournal, steps: Sequence[list[Body] | int]
) -> None:
    journal = new_journal()
    expected: list[Entry] = []
    floor, facts = 0, set()
    for step in steps:
        if isinstance(step, int):
            assert journal.frontier(step).offset == len(expected)
            floor = max(floor, step)
            continue
        for body in step:
            if isinstance(body, RunStarted):
                if body.fact_id in facts:
                    continue
                facts.add(body.fact_id)
            floor = max(floor, body.received_at if isinstance(body, Message) else body.at)
            expected.append(Entry(offset=len(expected) + 1, received_at=floor, body=body))
        assert journal.append(step) == len(expected)
    assert read_all(journal) == expected
    journal.close()


def test_a_consumer_unknown_to_the_cursors_stands_at_the_beginning(cursors: Cursors) -> None:
    assert cursors.load("rules") == Position(offset=0, state=None)


def test_a_commit_replaces_the_position_of_its_consumer_alone(cursors: Cursors) -> None:
    cursors.commit("rules", Position(offset=5, state=b"\x00five"))
    cursors.commit("history", Position(offset=9, state=None))
    cursors.commit("rules", Position(offset=7, state=b""))
    assert cursors.load("rules") == Position(offset=7, state=b"")
    assert cursors.load("history") == Position(offset=9, state=None)


def test_a_state_of_any_length_comes_back_and_leaves_nothing_to_the_next(cursors: Cursors) -> None:
    for length in (0, 1, 3, 4, 6, 10, 3, 7, 2, 0):
        cursors.commit("rules", Position(offset=length, state=bytes(range(length)), at=1), keep=length == 7)
        cursors.commit("history", Position(offset=length, state=b"other" * length, at=1))
        assert cursors.load("rules") == Position(offset=length, state=bytes(range(length)), at=1)
        assert cursors.load("history") == Position(offset=length, state=b"other" * length, at=1)
    assert cursors.snapshot("rules", 7) == Position(offset=7, state=bytes(range(7)), at=1)
    cursors.commit("rules", Position(offset=11, state=bytes(11)))
    cursors.remove("rules")
    assert cursors.load("rules") == Position()
    cursors.commit("rules", Position(offset=3, state=b"abc"))
    assert cursors.load("rules") == Position(offset=3, state=b"abc")


def test_commits_from_several_threads_do_not_mix(cursors: Cursors) -> None:
    def commit(name: str) -> None:
        for offset in range(30):
            cursors.commit(name, Position(offset=offset, state=name.encode() * offset))

    threads = [threading.Thread(target=commit, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [cursors.load(name) for name in "abc"] == [Position(offset=29, state=name.encode() * 29) for name in "abc"]
