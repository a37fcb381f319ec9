"""Proves that hours are rolled up from the journal alone, the same on every reading and store, and that no peak is lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis, VirtualClock
from ingest.decode import Decoder
from ingest.history.consumer import HistoryConsumer
from ingest.history.hours import GRID, HoursConsumer
from ingest.history.influx import InfluxHistory
from ingest.history.memory import MemoryHistory
from ingest.history.port import Bucket, History, HistoryUnavailable
from ingest.history.span import span_of
from ingest.history.sqlite import SqliteHistory
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.runner import Runner
from ingest.reading import Signal
from tests.ingest.entry_parts import ENROLLED, HOME, NOON, OTHER_HOME, Log, body, enrolled_home, seconds, topic
from tests.ingest.history_parts import influx_history


@pytest.fixture(params=["sqlite", "influx"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    """Each store that keeps hours, empty."""
    made: History
    if request.param == "sqlite":
        made = SqliteHistory(tmp_path / "history.db")
    else:
        made = influx_history(request.getfixturevalue("influx_server").address(), now=NOON + 60 * DAY)
    yield made
    made.close()


def some_days(days: int, *, seed: int = 5) -> Log:
    """Ten-minute temperatures of two homes and motions of one, one in twenty readings hours late."""
    chance, log = random.Random(seed), Log(NOON)
    enrolled_home(log)
    enrolled_home(log, household=OTHER_HOME, devices=("th-2", "th-3"))
    homes = (("th-1", HOME), ("th-2", OTHER_HOME), ("th-3", OTHER_HOME))
    for number in range(days * 144):
        for device, household in homes:
            at = log.at - (chance.randrange(1, 30) * HOUR if chance.random() < 0.05 and number > 300 else 0)
            value = round(chance.uniform(10, 30), 1)
            said = body(v=value, boot=1, seq=number, t=seconds(at))
            log.say(topic(device, "temperature", household=household), said, after=0)
        if chance.random() < 0.3:
            log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=number, t=seconds(log.at)), after=0)
        log.at += 10 * MINUTE
    return log


def run(log: Log, *histories: History, turns: int = 1, now: Millis | None = None) -> None:
    """Let both stages take this log, in so many turns."""
    for history in histories:
        journal, cursors, clock = MemoryJournal(), MemoryCursors(), VirtualClock(0)
        clock = VirtualClock(log.entries[0].received_at)
        stages = (HistoryConsumer(history, Decoder()), HoursConsumer(history, Decoder()))
        size = -(-len(log.entries) // turns)
        for start in range(0, len(log.entries), size):
            part = log.entries[start : start + size]
            journal.append([entry.body for entry in part])
            clock.advance_to(part[-1].received_at)
            for stage in stages:
                Runner(journal, cursors, stage, clock, batch=97).catch_up()
        clock.advance_to(now or log.at + 2 * HOUR)
        for stage in stages:
            Runner(journal, cursors, stage, clock).catch_up()


def alike(one: list[Bucket], two: list[Bucket]) -> None:
    assert [(b.start, b.count, b.min, b.max) for b in one] == [(b.start, b.count, b.min, b.max) for b in two]
    assert [b.mean for b in one] == pytest.approx([b.mean for b in two])


def test_long_ranges_from_the_roll_up_are_what_the_readings_give(history: History) -> None:
    log, oracle = some_days(20), MemoryHistory()
    run(log, history, oracle)
    first, last = NOON - 3 * HOUR - 17 * MINUTE, NOON + 20 * DAY + 23 * MINUTE
    for household in (HOME, OTHER_HOME):
        for signal in (Signal.TEMPERATURE, Signal.MOTION):
            for start, end in ((first, last), (NOON + 41 * MINUTE, last), (first, NOON + 13 * DAY + 1)):
                for points in (1, 7, 300):
                    found = history.series(household, signal, start, end, points)
                    assert len(found) <= points
                    alike(found, oracle.series(household, signal, start, end, points))


def test_parts_do_not_depend_on_where_a_reading_of_the_journal_was_broken_off() -> None:
    log = some_days(6)
    whole, broken = MemoryHistory(), MemoryHistory()
    run(log, whole)
    run(log, broken, turns=23)
    assert whole.hours and whole.hours == broken.hours
    assert whole.rolled_to == broken.rolled_to


def test_an_hour_is_handed_on_ten_minutes_after_its_end_and_late_readings_after_it() -> None:
    history, log = MemoryHistory(), Log(NOON)
    enrolled_home(log)
    consumer = HoursConsumer(history, Decoder())
    consumer.restore(None)
    log.say(topic("th-1", "temperature"), body(v=20, t=seconds(NOON)), after=SECOND)
    log.say(topic("th-1", "temperature"), body(v=24, t=seconds(NOON + MINUTE)), after=MINUTE)
    consumer.take(log.entries)
    consumer.at_head(NOON + HOUR + GRID - 1)
    consumer.state()
    assert history.hours == {}
    consumer.at_head(NOON + HOUR + GRID)
    consumer.state()
    (part,) = history.hours.values()
    assert (part.hour, part.count, part.total, part.min, part.max) == (NOON, 2, 44.0, 20.0, 24.0)
    log.at = NOON + 5 * HOUR
    consumer.take([log.say(topic("th-1", "temperature"), body(v=1, t=seconds(NOON + 2 * MINUTE)))])
    consumer.at_head(NOON + 5 * HOUR + GRID)
    consumer.state()
    assert sorted((one.hour, one.count) for one in history.hours.values()) == [(NOON, 1), (NOON, 2)]


def test_what_is_not_credible_is_in_no_hour() -> None:
    history, log = MemoryHistory(), Log(NOON)
    enrolled_home(log)
    log.say(topic("th-1", "temperature"), body(v=20, t=seconds(ENROLLED - DAY)), after=0)
    run(log, history, now=NOON + DAY)
    assert history.hours == {}


def test_hours_that_cannot_be_written_are_not_committed() -> None:
    class Down(MemoryHistory):
        def write_hours(self, parts: Any, rolled_to: Millis) -> None:
            raise HistoryUnavailable("down")

    log = some_days(1)
    journal, cursors, clock = MemoryJournal(), MemoryCursors(), VirtualClock(log.at + DAY)
    journal.append([entry.body for entry in log.entries])
    with pytest.raises(HistoryUnavailable):
        Runner(journal, cursors, HoursConsumer(Down(), Decoder()), clock).catch_up()
    assert cursors.load("history-hours").offset == 0
    history = MemoryHistory()
    Runner(journal, cursors, HoursConsumer(history, Decoder()), clock).catch_up()
    oracle = MemoryHistory()
    run(log, oracle)
    asked = [(home, signal) for home in (HOME, OTHER_HOME) for signal in (Signal.TEMPERATURE, Signal.MOTION)]
    told = [oracle.series(*one, NOON - 2 * DAY, NOON + 2 * DAY, 1) for one in asked]
    assert sum(part.count for part in history.hours.values()) == sum(bucket.count for found in told for bucket in found)


def test_hours_outlive_the_readings_they_were_made_of(tmp_path: Path) -> None:
    log, oracle, history = some_days(12), MemoryHistory(), SqliteHistory(tmp_path / "history.db")
    run(log, history, oracle)
    long_ago, cut = NOON - 2 * DAY, NOON + 8 * DAY
    before = history.series(HOME, Signal.TEMPERATURE, long_ago, NOON + 12 * DAY, 300)
    gone = history.prune(cut, NOON - 5 * DAY)
    assert gone > 3_000 and history.prune(cut, NOON - 5 * DAY) == 0
    assert history.series(HOME, Signal.TEMPERATURE, long_ago, NOON + 12 * DAY, 300) == before
    # Asked more closely than an hour, what is left is told: by the hour.
    told = history.series(HOME, Signal.TEMPERATURE, NOON + DAY + 5 * MINUTE, NOON + DAY + 3 * HOUR, 300)
    assert [bucket.start for bucket in told] == [NOON + DAY + 5 * MINUTE, NOON + DAY + HOUR, NOON + DAY + 2 * HOUR]
    assert history.prune(cut, NOON + 30 * DAY) > 0
    assert history.series(HOME, Signal.TEMPERATURE, long_ago, cut, 300) == []
    history.close()


def test_a_span_never_has_more_buckets_than_asked_for() -> None:
    chance = random.Random(3)
    for _ in range(2_000):
        start = NOON + chance.randrange(40 * DAY)
        end = start + chance.choice([1, MINUTE, HOUR, DAY, 400 * DAY]) + chance.randrange(3 * HOUR)
        points = chance.choice([1, 2, 7, 100, 300, 2_000])
        span = span_of(start, end, points)
        numbers = {(at - span.origin) // span.width for at in (start, end - 1)}
        assert min(numbers) == 0 and max(numbers) < points
        stretches = span.stretches(NOON + 20 * DAY)
        assert stretches[0].start == start and stretches[-1].end == end
        assert all(one.end == two.start for one, two in pairwise(stretches))


def test_influx_tells_by_the_hour_what_the_raw_bucket_no_longer_holds(request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("influx_server").address()
    log, oracle = some_days(4), MemoryHistory()
    filling = influx_history(address, now=NOON + 60 * DAY)
    run(log, filling, oracle)
    filling.close()
    history = influx_history(address, now=NOON + 100 * DAY, raw_kept=90 * DAY)
    told = history.series(HOME, Signal.TEMPERATURE, NOON + DAY, NOON + DAY + 3 * HOUR, 300)
    alike(told, oracle.series(HOME, Signal.TEMPERATURE, NOON + DAY, NOON + DAY + 3 * HOUR, 3))
    assert isinstance(history, InfluxHistory) and history.prune(0, 0) == 0
    history.close()
