"""Proves that the embedded history tells the same of readings that came many at once as of those that came one by one."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clock import DAY, HOUR, MINUTE, Millis
from ingest.history import sqlite_packs
from ingest.history.memory import MemoryHistory
from ingest.history.sqlite import SCHEMA_VERSION, SqliteHistory
from ingest.history.sqlite_dump import dump_readings
from ingest.reading import DeviceId, DongCode, HouseholdId, Reading, Signal

NOON: Millis = 1_767_268_800_000
HOMES = tuple(map(HouseholdId, ("hh-1", "hh-2")))
SIGNALS = (Signal.TEMPERATURE, Signal.MOTION)


def message(
    offset: int, home: int, count: int, *, signal: Signal = Signal.TEMPERATURE, step: Millis = MINUTE, base: float = 20.0
) -> list[Reading]:
    """So many readings of one sensor in one message, a step apart, the newest received with it."""
    return [
        Reading(
            offset=offset,
            index=2 + number,
            dong_code=DongCode("dong-1"),
            household_id=HOMES[home],
            device_id=DeviceId(f"{signal}-{home}"),
            signal=signal,
            value=base + number % 5,
            observed_at=NOON + offset * HOUR - (count - number) * step,
            received_at=NOON + offset * HOUR,
            boot=1,
            seq=offset,
        )
        for number in range(count)
    ]


_messages = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(1, 20),
        st.sampled_from(SIGNALS),
        st.sampled_from([0, 1_000, MINUTE, 2 * HOUR]),
        st.sampled_from([0.0, 20.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def written(drawn: list[tuple[int, int, Signal, Millis, float, bool]]) -> list[list[Reading]]:
    messages = []
    for offset, (home, count, signal, step, base, both) in enumerate(drawn, 1):
        found = message(offset, home, count, signal=signal, step=step, base=base)
        if both:
            other = SIGNALS[1 - SIGNALS.index(signal)]
            more = message(offset, home, count, signal=other, step=step, base=base)
            found += [msgspec.structs.replace(one, index=2 + count + at) for at, one in enumerate(more)]
        messages.append(found)
    return messages


def told(history: SqliteHistory | MemoryHistory) -> list[object]:
    found: list[object] = []
    for home in HOMES:
        found.append(history.latest(home))
        for signal in SIGNALS:
            for start, end, points in ((NOON - 2 * DAY, NOON + DAY, 50), (NOON, NOON + 3 * HOUR, 7), (NOON, NOON + 1, 1)):
                found += [
                    (one.start, one.count, round(one.mean, 9), one.min, one.max)
                    for one in history.series(home, signal, start, end, points)
                ]
    return found


@settings(derandomize=True, max_examples=60, deadline=None)
@given(_messages, st.integers(0, 8))
def test_charts_are_the_same_however_the_readings_came(
    drawn: list[tuple[int, int, Signal, Millis, float, bool]], again_from: int
) -> None:
    messages = written(drawn)
    with TemporaryDirectory() as folder, closing(SqliteHistory(Path(folder) / "h.sqlite3")) as embedded:
        memory = MemoryHistory()
        for some in (messages, messages[again_from:]):  # the second time as after a crash
            readings = [one for each in some for one in each]
            embedded.write(readings)
            memory.write(readings)
        assert told(embedded) == told(memory)
        everything = sorted((one for each in messages for one in each), key=_place)
        assert [_kept(one) for one in _dumped(embedded, 3)] == [_kept(one) for one in everything]


def test_a_pack_of_one_series_is_one_row_and_few_readings_are_rows_of_their_own(tmp_path: Path) -> None:
    with closing(SqliteHistory(tmp_path / "h.sqlite3")) as history:
        history.write(message(1, 0, 100) + message(2, 0, sqlite_packs.LEAST - 1))
    assert rows(tmp_path / "h.sqlite3") == (1, sqlite_packs.LEAST - 1)


def test_what_is_doubtful_or_spans_more_than_a_day_is_kept_one_by_one(tmp_path: Path) -> None:
    doubtful = [msgspec.structs.replace(one, credible=False) for one in message(1, 0, 9)]
    with closing(SqliteHistory(tmp_path / "h.sqlite3")) as history:
        history.write(doubtful + message(2, 0, 9, step=4 * HOUR))
    assert rows(tmp_path / "h.sqlite3") == (0, 18)


def test_a_message_read_otherwise_by_a_mended_decoder_leaves_nothing_of_before(tmp_path: Path) -> None:
    with closing(SqliteHistory(tmp_path / "h.sqlite3")) as history:
        for count in (100, 3, 40):
            history.write(message(1, 0, count))
            assert len(_dumped(history, 1_000)) == count
    assert rows(tmp_path / "h.sqlite3") == (1, 0)


def test_of_two_sensors_of_one_pack_the_record_that_came_last_is_the_latest(tmp_path: Path) -> None:
    one = message(1, 0, 10, step=0)
    other = [
        msgspec.structs.replace(each, device_id=DeviceId("another"), index=each.index + 20, value=each.value + 5) for each in one
    ]
    for order in (one + other, other + one):
        memory = MemoryHistory()
        memory.write(order)
        path = tmp_path / f"{order[0].device_id}.sqlite3"
        with closing(SqliteHistory(path)) as history:
            history.write(order)
            assert history.latest(HOMES[0]) == memory.latest(HOMES[0])


def test_rows_of_many_are_forgotten_with_age(tmp_path: Path) -> None:
    with closing(SqliteHistory(tmp_path / "h.sqlite3")) as history:
        history.write(message(1, 0, 50) + message(30, 1, 50))
        history.prune(NOON + 2 * HOUR, 0)
        assert [one.offset for one in _dumped(history, 1_000)] == [30] * 50


def test_a_file_from_before_rows_of_many_is_taken_up(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite3"
    with closing(SqliteHistory(path)) as history:
        history.write(message(1, 0, 3))
    with closing(sqlite3.connect(path)) as file:
        file.executescript("DROP TABLE pack; PRAGMA user_version = 2;")
    with closing(SqliteHistory(path)) as history:
        history.write(message(2, 0, 30))
        assert len(_dumped(history, 1_000)) == 33
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def rows(path: Path) -> tuple[int, int]:
    """Rows of many, and rows of one."""
    with closing(sqlite3.connect(path)) as file:
        packs, singles = (file.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("pack", "reading"))
    return packs, singles


def _dumped(history: SqliteHistory, at_once: int) -> list[Reading]:
    found: list[Reading] = []
    after = (0, -1)
    while part := dump_readings(history, after, at_once):
        found += part
        after = part[-1].offset, part[-1].index
    return found


def _place(one: Reading) -> tuple[int, int]:
    return one.offset, one.index


def _kept(one: Reading) -> Sequence[object]:
    return (*_place(one), one.household_id, one.device_id, one.signal, one.value, one.observed_at, one.received_at, one.seq)
