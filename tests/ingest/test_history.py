"""Proves that every history keeps the same promises, that the one on SQLite outlives a close, and what fills it."""

from __future__ import annotations

import random
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ingest.clock import HOUR, MINUTE, Millis, VirtualClock
from ingest.decode import Decoder
from ingest.history import sqlite
from ingest.history.consumer import FLUSH_AT, HistoryConsumer
from ingest.history.influx import InfluxHistory
from ingest.history.memory import MemoryHistory
from ingest.history.port import Bucket, History, HistoryUnavailable
from ingest.history.sqlite import SqliteHistory
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.runner import Runner
from ingest.reading import HouseholdId, Reading, Signal
from tests.ingest.entry_parts import HOME, NOON, OTHER_HOME, Log, body, enrolled_home, seconds, topic
from tests.ingest.history_parts import influx_history, reading


@pytest.fixture(params=["memory", "sqlite", "influx"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    """Each adapter in turn, empty."""
    made: History
    match request.param:
        case "memory":
            made = MemoryHistory()
        case "sqlite":
            made = SqliteHistory(tmp_path / "history.db")
        case _:
            made = influx_history(request.getfixturevalue("influx_server").address())
    yield made
    made.close()


def values(history: History, **how: object) -> list[float]:
    """The means of minute buckets of the hour after noon."""
    asked: dict[str, object] = {"household_id": HOME, "signal": Signal.TEMPERATURE} | how
    return [bucket.mean for bucket in history.series(start=NOON, end=NOON + HOUR, points=60, **asked)]  # type: ignore[arg-type]  # keyword test data


def test_series_is_cut_into_equal_buckets_that_keep_every_peak(history: History) -> None:
    history.write(
        [reading(number, value, NOON + number * 10_000) for number, value in enumerate((20.0, 26.0, 21.0, 22.5, 18.0, 19.5))]
    )
    assert history.series(HOME, Signal.TEMPERATURE, NOON, NOON + MINUTE, 2) == [
        Bucket(start=NOON, count=3, mean=pytest.approx(67 / 3), min=20.0, max=26.0),
        Bucket(start=NOON + 30_000, count=3, mean=20.0, min=18.0, max=22.5),
    ]


def test_empty_buckets_are_left_out_and_the_end_is_not_part_of_the_range(history: History) -> None:
    history.write(
        [reading(1, 1.0, NOON - 1), reading(2, 2.0, NOON), reading(3, 3.0, NOON + 59 * MINUTE), reading(4, 4.0, NOON + HOUR)]
    )
    found = history.series(HOME, Signal.TEMPERATURE, NOON, NOON + HOUR, 60)
    assert [(bucket.start, bucket.mean) for bucket in found] == [(NOON, 2.0), (NOON + 59 * MINUTE, 3.0)]


def test_points_is_a_bound_also_where_the_range_does_not_divide(history: History) -> None:
    history.write([reading(number, float(number), NOON + number) for number in range(10)])
    found = history.series(HOME, Signal.TEMPERATURE, NOON, NOON + 10, 3)
    assert [(bucket.start - NOON, bucket.count) for bucket in found] == [(0, 4), (4, 4), (8, 2)]
    assert len(history.series(HOME, Signal.TEMPERATURE, NOON, NOON + 10, 1_000)) == 10


@pytest.mark.parametrize(("start", "end", "points"), [(NOON, NOON, 1), (NOON + 1, NOON, 1), (NOON, NOON + 1, 0)])
def test_a_range_that_is_none_is_refused(history: History, start: Millis, end: Millis, points: int) -> None:
    with pytest.raises(ValueError, match="start < end"):
        history.series(HOME, Signal.TEMPERATURE, start, end, points)


def test_homes_and_signals_are_apart(history: History) -> None:
    history.write(
        [
            reading(1, 20.0, NOON),
            reading(2, 30.0, NOON, household=OTHER_HOME),
            reading(3, 40.0, NOON, signal=Signal.HUMIDITY),
        ]
    )
    assert values(history) == [20.0]
    assert values(history, household_id=OTHER_HOME) == [30.0]
    assert values(history, signal=Signal.HUMIDITY) == [40.0]
    assert values(history, household_id=HouseholdId("hh-9")) == []
    assert values(history, household_id=HouseholdId("' OR 1=1 --")) == []


def test_writing_again_changes_nothing(history: History) -> None:
    batch = [reading(1, 20.0, NOON), reading(1, 55.0, NOON, index=1, signal=Signal.HUMIDITY), reading(2, 21.0, NOON + MINUTE)]
    for _ in range(3):
        history.write(batch)
    history.write(batch[1:])
    assert [bucket.count for bucket in history.series(HOME, Signal.TEMPERATURE, NOON, NOON + HOUR, 60)] == [1, 1]
    assert values(history, signal=Signal.HUMIDITY) == [55.0]


def test_what_a_mended_decoder_says_of_the_same_record_takes_its_place(history: History) -> None:
    if isinstance(history, InfluxHistory):
        pytest.skip("InfluxDB knows a point by what it says: a mended past goes into a new bucket (docs/history.md)")
    history.write([reading(1, 20.0, NOON)])
    history.write([reading(1, 20.0, NOON + MINUTE, signal=Signal.HUMIDITY)])
    assert values(history) == [] and values(history, signal=Signal.HUMIDITY) == [20.0]


def test_what_is_not_credible_is_in_no_chart(history: History) -> None:
    history.write([reading(1, 1.0, NOON, credible=False), reading(2, 2.0, NOON + MINUTE)])
    assert values(history) == [2.0]
    history.write([reading(3, 9.0, NOON + HOUR, credible=False)])
    assert history.latest(HOME) == {Signal.TEMPERATURE: (NOON + MINUTE, 2.0)}


def test_reading_of_no_household_is_not_kept(history: History) -> None:
    history.write([reading(1, 1.0, NOON, household=None, signal=Signal.SOS)])
    assert history.latest(HOME) == {}
    history.write([])


def test_latest_is_by_observed_time_and_of_equal_times_the_one_that_came_last(history: History) -> None:
    assert history.latest(HOME) == {}
    history.write(
        [
            reading(1, 20.0, NOON + MINUTE),
            reading(2, 19.0, NOON),
            reading(3, 40.0, NOON, signal=Signal.HUMIDITY),
            reading(3, 41.0, NOON, index=1, signal=Signal.HUMIDITY),
            reading(4, 99.0, NOON + HOUR, household=OTHER_HOME),
        ]
    )
    assert history.latest(HOME) == {Signal.TEMPERATURE: (NOON + MINUTE, 20.0), Signal.HUMIDITY: (NOON, 41.0)}


def test_a_closed_history_is_unavailable(history: History) -> None:
    history.write([reading(1, 1.0, NOON)])
    history.close()
    history.close()
    asks: list[Callable[[], object]] = [
        lambda: history.write([reading(2, 1.0, NOON)]),
        lambda: history.latest(HOME),
        lambda: values(history),
    ]
    for ask in asks:
        with pytest.raises(HistoryUnavailable):
            ask()


def test_readers_and_the_writer_do_not_wait_for_each_other(history: History) -> None:
    failures: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(50):
                counts = [bucket.count for bucket in history.series(HOME, Signal.TEMPERATURE, NOON, NOON + HOUR, 1)]
                if not isinstance(history, InfluxHistory):  # which promises nothing of the kind
                    assert not counts or counts[0] % 10 == 0, "a batch is seen whole or not at all"
                history.latest(HOME)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for thread in readers:
        thread.start()
    for batch in range(20):
        history.write([reading(batch * 10 + number, 20.0, NOON + batch * 10 + number) for number in range(10)])
    for thread in readers:
        thread.join(30)
    assert failures == []


def test_both_histories_answer_alike(tmp_path: Path) -> None:
    chance = random.Random(11)
    memory, embedded = MemoryHistory(), SqliteHistory(tmp_path / "history.db")
    readings = [
        reading(
            chance.randrange(1, 400),
            round(chance.uniform(-10, 40), 2),
            NOON + chance.randrange(HOUR),
            index=chance.randrange(2),
            household=chance.choice([HOME, OTHER_HOME]),
            signal=chance.choice([Signal.MOTION, Signal.TEMPERATURE]),
            credible=chance.random() < 0.9,
        )
        for _ in range(600)
    ]
    for start in range(0, 600, 50):
        memory.write(readings[start : start + 50])
        embedded.write(readings[start : start + 50])
    for household in (HOME, OTHER_HOME):
        assert memory.latest(household) == embedded.latest(household)
        for signal in (Signal.MOTION, Signal.TEMPERATURE):
            for points in (1, 7, 60, 10_000):
                one = memory.series(household, signal, NOON, NOON + HOUR, points)
                two = embedded.series(household, signal, NOON, NOON + HOUR, points)
                assert [(b.start, b.count, b.min, b.max) for b in one] == [(b.start, b.count, b.min, b.max) for b in two]
                assert [b.mean for b in one] == pytest.approx([b.mean for b in two])
    embedded.close()


# SQLite alone


def test_sqlite_history_outlives_a_close(tmp_path: Path) -> None:
    first = SqliteHistory(tmp_path / "history.db")
    first.write([reading(1, 20.0, NOON)])
    first.close()
    second = SqliteHistory(tmp_path / "history.db")
    second.write([reading(2, 21.0, NOON + MINUTE)])
    assert values(second) == [20.0, 21.0]
    second.close()


def test_sqlite_history_is_synced_before_a_write_returns(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    assert history._writer is not None
    assert history._writer.execute("PRAGMA synchronous").fetchone() == (2,), "FULL: the cursor must not run ahead of it"
    assert history._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    history.close()


def test_charts_read_an_index_and_nothing_else(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    history.write([reading(1, 20.0, NOON)])
    connection = sqlite3.connect(tmp_path / "history.db")
    asked = {"household": HOME, "signal": "temperature", "origin": NOON, "start": NOON, "end": NOON + HOUR, "width": MINUTE}
    plans = [
        connection.execute(f"EXPLAIN QUERY PLAN {sqlite._SERIES}", asked).fetchall(),
        connection.execute(f"EXPLAIN QUERY PLAN {sqlite._LATEST}", (1, 1)).fetchall(),
    ]
    connection.close()
    for plan in plans:
        assert "reading USING COVERING INDEX chart" in plan[0][3]
    assert not any("TEMP B-TREE" in step[3] for step in plans[1]), "the last one is found, not sorted for"
    history.close()


def test_write_that_fails_leaves_nothing_behind_and_the_next_one_succeeds(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db")
    bad = reading(3, 1.0, 2**70)
    with pytest.raises(OverflowError):
        history.write([reading(1, 1.0, NOON), reading(2, 1.0, NOON, household=HouseholdId("hh-new")), bad])
    assert values(history) == []
    history.write([reading(2, 5.0, NOON, household=HouseholdId("hh-new"))])
    assert values(history, household_id=HouseholdId("hh-new")) == [5.0]
    history.close()


def test_store_that_is_locked_is_unavailable_and_nothing_is_lost_by_trying_again(tmp_path: Path) -> None:
    history = SqliteHistory(tmp_path / "history.db", busy_timeout_s=0.01)
    blocker = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryUnavailable, match="locked"):
        history.write([reading(1, 20.0, NOON)])
    assert values(history) == [], "readers are not held up"
    blocker.execute("ROLLBACK")
    blocker.close()
    history.write([reading(1, 20.0, NOON)])
    assert values(history) == [20.0]
    history.close()


def test_file_that_is_no_history_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"not a database" * 100)
    with pytest.raises(HistoryUnavailable, match=r"history\.db"):
        SqliteHistory(tmp_path / "history.db")
    with pytest.raises(HistoryUnavailable):
        SqliteHistory(tmp_path / "no" / "folder" / "history.db")
    with sqlite3.connect(tmp_path / "later.db") as later:
        later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(HistoryUnavailable, match="the journal fills it again"):
        SqliteHistory(tmp_path / "later.db")


# What fills it


def filled_log() -> Log:
    log = Log()
    enrolled_home(log)
    for number in range(10):
        at = log.at + 1_000
        log.say(topic("th-1", "temperature"), body(v=20 + number, boot=1, seq=number, t=seconds(at)), after=MINUTE)
        log.say(topic("pir-1", "motion"), body(v=1, t=1), after=0)
        log.say(topic("stranger", "sos"), body(v=1), after=0)
        log.say(topic("pir-1", "motion"), b"rubbish", after=0)
    return log


def test_consumer_writes_readings_of_households_at_the_commit_at_the_latest(history: History) -> None:
    consumer = HistoryConsumer(history, Decoder())
    consumer.restore(None)
    consumer.take(filled_log().entries)
    assert consumer.state() is not None
    assert values(history) == [20.0 + number for number in range(10)]
    assert values(history, signal=Signal.MOTION) == [] and Signal.SOS not in history.latest(HOME)
    assert consumer.name == "history"


def test_consumer_that_takes_up_at_its_commit_gives_the_same_history(history: History) -> None:
    entries = filled_log().entries
    consumer = HistoryConsumer(history, Decoder())
    consumer.restore(None)
    consumer.take(entries[:20])
    state = consumer.state()
    consumer.take(entries[20:30])
    consumer.restore(state)
    consumer.take(entries[20:])
    consumer.at_head(NOON + HOUR)
    final = consumer.state()
    again = HistoryConsumer(history, Decoder())
    again.restore(None)
    again.take(entries)
    assert again.state() == final
    assert [bucket.count for bucket in history.series(HOME, Signal.TEMPERATURE, NOON, NOON + HOUR, 60)] == [1] * 10


def test_consumer_does_not_gather_without_bound(history: History) -> None:
    log = Log()
    enrolled_home(log)
    for _ in range(FLUSH_AT):
        log.say(topic("th-1", "temperature"), body(v=20), after=0)
    consumer = HistoryConsumer(history, Decoder())
    consumer.restore(None)
    consumer.take(log.entries)
    assert history.latest(HOME), "written before anyone commits"


def test_consumer_does_not_commit_what_the_history_did_not_take(history: History) -> None:
    consumer = HistoryConsumer(history, Decoder())
    consumer.restore(None)
    consumer.take(filled_log().entries)
    history.close()
    for _ in range(2):
        with pytest.raises(HistoryUnavailable):
            consumer.state()


class _Outage(MemoryHistory):
    """A history that is down until told otherwise."""

    down = True

    def write(self, readings: Sequence[Reading]) -> None:
        if self.down:
            raise HistoryUnavailable("down")
        super().write(readings)


def test_outage_of_the_history_delays_charts_and_loses_nothing() -> None:
    journal, cursors, history = MemoryJournal(), MemoryCursors(), _Outage()
    journal.append([entry.body for entry in filled_log().entries])
    clock = VirtualClock(NOON + HOUR)
    runner = Runner(journal, cursors, HistoryConsumer(history, Decoder()), clock)
    for _ in range(2):
        with pytest.raises(HistoryUnavailable):
            runner.catch_up()
    assert cursors.load("history").offset == 0 and history.latest(HOME) == {}
    history.down = False
    runner.catch_up()
    assert values(history) == [20.0 + number for number in range(10)]
    assert cursors.load("history").offset == journal.append([])
