"""Proves what the InfluxDB forwarder does when all is well and when the server refuses, asks to wait, hangs or is away."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from anbu.bench.influxd import InfluxServer
from anbu.schema import migrate
from ingest.clock import DAY, HOUR, MINUTE, SECOND, Millis, SystemClock, VirtualClock, to_datetime
from ingest.decode import Decoder
from ingest.history import flux
from ingest.history.consumer import HistoryConsumer
from ingest.history.flux import NotALiteral, literal, rows, to_ns
from ingest.history.influx import InfluxHistory, RefusedReading
from ingest.history.influx_lines import hour_line, reading_line, reading_ns
from ingest.history.influx_wire import CULPRITS, LINES, Address, InfluxWire
from ingest.history.memory import MemoryHistory
from ingest.history.port import HistoryStopped, HistoryUnavailable, HourPart
from ingest.history.refused import keep_refused
from ingest.intake import IntakeConsumer
from ingest.journal.cursors import MemoryCursors
from ingest.journal.memory import MemoryJournal
from ingest.journal.runner import Runner
from ingest.reading import DeviceId, HouseholdId, Reading, Signal
from ingest.register.tables import rejection
from ingest.store import open_store
from tests.influx_server import BadServer, influxd_or_skip
from tests.ingest.entry_parts import DONG, HOME, NOON, Log, body, enrolled_home, seconds, topic
from tests.ingest.history_parts import influx_history, reading, refuse_nothing
from tests.waiting import until

Answer = tuple[int, dict[str, str], str] | None
STORED: Answer = (204, {}, "")
BAD = "value=666.0"


class Pile:
    """What a server that keeps lines would hold: each once, whatever is written again."""

    def __init__(self) -> None:
        self.lines: set[str] = set()

    def store(self, lines: list[str]) -> Answer:
        self.lines.update(lines)
        return STORED

    def picky(self, lines: list[str]) -> Answer:
        """As InfluxDB 2: a bad line fails the batch, of which the others may or may not be in."""
        if any(BAD in line for line in lines):
            return 422, {}, '{"code":"unprocessable entity","message":"failure writing points: partial write"}'
        return self.store(lines)


@pytest.fixture
def history(bad_server: BadServer) -> Iterator[InfluxHistory]:
    made = influx_history(bad_server.address())
    yield made
    made.close()


# What is written


def test_a_reading_is_one_float_point_of_its_signal_with_three_tags() -> None:
    one = reading(7, 21, NOON + 1, seq=1_000_005)
    assert reading_line(one) == f"temperature,device=th-1,dong={DONG},household={HOME} value=21.0 {(NOON + 1) * 1_000_000 + 5}"
    assert " doubtful=21.0 " in reading_line(reading(7, 21, NOON, credible=False))
    part = HourPart(
        dong_code=DONG,
        household_id=HOME,
        device_id=DeviceId("th-1"),
        signal=Signal.TEMPERATURE,
        hour=NOON,
        first=7,
        count=2,
        total=41.0,
        min=20.0,
        max=21.0,
    )
    fields = "count=2.0,max=21.0,mean=20.5,min=20.0,sum=41.0"
    assert hour_line(part) == f"temperature,device=th-1,dong={DONG},household={HOME} {fields} {NOON * 1_000_000 + 7}"


def test_readings_of_one_millisecond_have_times_of_their_own() -> None:
    numbered = [reading(9, 1.0, NOON, seq=seq, index=index) for seq in range(50) for index in range(100)]
    bare = [reading(offset, 1.0, NOON, index=index) for offset in range(50) for index in range(100)]
    for readings in (numbered, bare):
        assert len({reading_ns(one) for one in readings}) == 5_000
        assert all(reading_ns(one) // 1_000_000 == NOON for one in readings)


def test_an_id_that_is_none_breaks_no_line() -> None:
    line = reading_line(reading(1, 1.0, NOON, household=HouseholdId("a b,c=d\\\n1")))
    assert "household=a\\ b\\,c\\=d__1 value" in line and "\n" not in line


def test_writes_are_gzipped_and_at_most_five_thousand_lines_long(bad_server: BadServer, history: InfluxHistory) -> None:
    history.write([reading(number, 1.0, NOON + number) for number in range(2 * LINES + 1)])
    assert [len(batch) for batch in bad_server.batches] == [LINES, LINES, 1]
    assert bad_server.encodings == {"gzip"}


def test_what_is_older_than_the_raw_bucket_keeps_is_not_sent(bad_server: BadServer) -> None:
    history = influx_history(bad_server.address(), now=NOON + 90 * DAY, raw_kept=90 * DAY)
    history.write([reading(1, 1.0, NOON), reading(2, 2.0, NOON + 2 * MINUTE)])
    assert [line.split(" ")[1] for batch in bad_server.batches for line in batch] == ["value=2.0"]
    history.close()


# What is asked


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("hh-1", '"hh-1"'),
        ('a"b\\', '"a\\"b\\\\"'),
        ("바람", '"바람"'),
        (datetime(2026, 1, 1, 0, 0, 1, 5000, tzinfo=UTC), "2026-01-01T00:00:01.005000Z"),
        (timedelta(seconds=90), "90000ms"),
    ],
)
def test_a_literal_is_what_flux_reads_back(value: flux.Value, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        "${r.household}",
        "\x7f",
        "\ud800",
        datetime(2026, 1, 1),  # noqa: DTZ001  a naive time is what must be refused
        datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=9))),
        timedelta(0),
        timedelta(microseconds=1),
        7,
        None,
    ],
)
def test_what_has_no_literal_is_refused(value: object) -> None:
    with pytest.raises(NotALiteral):
        literal(value)  # type: ignore[arg-type]  # what the types forbid must fail as well


def test_answers_are_read_table_by_table() -> None:
    text = ",result,table,_value\r\n,count,0,1\r\n,count,0,2\r\n\r\n,result,table,_start,_value\r\n,min,0,x,3\r\n"
    assert [row["_value"] for row in rows(text.splitlines())] == ["1", "2", "3"]
    assert to_ns("2026-01-01T00:00:00Z") == 1_767_225_600_000_000_000
    assert to_ns("2026-01-01T00:00:00.000000015Z") == 1_767_225_600_000_000_015
    with pytest.raises(ValueError, match="no time"):
        to_ns("yesterday")


def test_a_question_cannot_be_broken_out_of(influx_server: InfluxServer) -> None:
    history = influx_history(influx_server.address())
    history.write([reading(1, 1.0, NOON)])
    for nasty in ('hh-1" or true or r.household == "', '") |> drop() //', "hh-1'; DROP", "a\\"):
        assert history.series(HouseholdId(nasty), Signal.TEMPERATURE, NOON, NOON + HOUR, 10) == []
    history.close()


def test_literals_stand_in_where_a_server_takes_no_parameters(influx_server: InfluxServer) -> None:
    address, clock = influx_server.address(), VirtualClock(NOON + DAY)
    wire = InfluxWire(address, clock)
    wire._with_names = False
    history = InfluxHistory(address, clock, refuse_nothing, raw_kept=None, wire=wire)
    history.write([reading(number, float(number), NOON + number * MINUTE) for number in range(10)])
    found = history.series(HOME, Signal.TEMPERATURE, NOON, NOON + 10 * MINUTE, 2)
    assert [(bucket.start, bucket.count, bucket.min, bucket.max) for bucket in found] == [
        (NOON, 5, 0.0, 4.0),
        (NOON + 5 * MINUTE, 5, 5.0, 9.0),
    ]
    assert history.latest(HOME) == {Signal.TEMPERATURE: (NOON + 9 * MINUTE, 9.0)}
    history.close()


def test_pages_do_not_wait_again_and_again_for_a_server_that_hangs(bad_server: BadServer) -> None:
    bad_server.answer = lambda lines: None
    clock = VirtualClock(NOON)
    address = bad_server.address()
    history = InfluxHistory(address, clock, refuse_nothing, wire=InfluxWire(address, clock, read_timeout_s=0.2))
    for _ in range(50):
        with pytest.raises(HistoryUnavailable):
            history.latest(HOME)
    assert len(bad_server.batches) == 1
    history.close()


# What is refused


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(f"sqlite:///{tmp_path / 'anbu.sqlite3'}")
    migrate(engine)
    yield engine
    engine.dispose()


def kept(engine: Engine) -> list[tuple[int, str, str]]:
    with engine.connect() as connection:
        found = connection.execute(select(rejection.c.offset, rejection.c.reason, rejection.c.detail))
        return [(row.offset, row.reason, row.detail) for row in found]


def test_of_a_bad_batch_the_culprit_alone_is_rejected_and_kept_with_its_reason(bad_server: BadServer, store: Engine) -> None:
    pile = Pile()
    bad_server.answer = pile.picky
    history = InfluxHistory(bad_server.address(), VirtualClock(NOON), keep_refused(store), raw_kept=None)
    batch = [reading(number, 666.0 if number in (3, 700) else 20.0, NOON + number) for number in range(1_000)]
    for _ in range(2):  # done again after a crash it is the same
        history.write(batch)
        points = {line for line in pile.lines if not line.startswith("anbu_probe")}
        assert points == {reading_line(one) for one in batch if one.value != 666.0}
        assert [(offset, reason) for offset, reason, _ in kept(store)] == [(3, "history_refused"), (700, "history_refused")]
        assert all("422" in detail and "partial write" in detail for _, _, detail in kept(store))
    history.close()


def test_what_the_history_refused_outlives_a_second_reading_of_the_journal_by_the_intake(store: Engine) -> None:
    log = Log()
    enrolled_home(log)
    entry = log.say(topic("th-1", "temperature"), body(v=20, t=seconds(NOON)))
    keep_refused(store)([RefusedReading(reading=reading(entry.offset, 20.0, NOON), why="no")])
    intake = IntakeConsumer(store, Decoder())
    intake.restore(None)
    intake.take(log.entries)
    assert kept(store) == [(entry.offset, "history_refused", "no")]


def test_a_real_server_refuses_the_culprit_alone(influx_server: InfluxServer) -> None:
    refused: list[RefusedReading] = []
    history = InfluxHistory(influx_server.address(), VirtualClock(NOON), refused.extend, raw_kept=None)
    batch = [reading(number, 20.0, 2**62 if number == 77 else NOON + number) for number in range(200)]
    history.write(batch)
    assert [one.reading.offset for one in refused] == [77] and "400" in refused[0].why
    (bucket,) = history.series(HOME, Signal.TEMPERATURE, NOON, NOON + SECOND, 1)
    assert bucket.count == 199
    history.close()


def test_a_batch_too_large_is_halved(bad_server: BadServer, history: InfluxHistory) -> None:
    pile = Pile()
    bad_server.answer = lambda lines: (413, {}, "too large") if len(lines) > 300 else pile.store(lines)
    history.write([reading(number, 1.0, NOON + number) for number in range(1_000)])
    assert len(pile.lines) == 1_000


def test_a_server_that_refuses_every_point_is_at_fault_itself(bad_server: BadServer, history: InfluxHistory) -> None:
    bad_server.answer = lambda lines: (422, {}, "no")
    with pytest.raises(HistoryUnavailable, match="a point that is good"):
        history.write([reading(number, 1.0, NOON + number) for number in range(3)])
    bad_server.answer = lambda lines: STORED if lines[0].startswith("anbu_probe") else (422, {}, "no")
    with pytest.raises(HistoryStopped, match=f"more than {CULPRITS}"):
        history.write([reading(number, 1.0, NOON + number) for number in range(3_000)])


# When it is not there


@pytest.mark.parametrize(("status", "text"), [(401, "refuses our token"), (403, "refuses our token"), (404, "no such bucket")])
def test_a_refused_key_or_bucket_stops_the_forwarder_with_a_clear_word_and_drops_nothing(
    bad_server: BadServer, history: InfluxHistory, status: int, text: str
) -> None:
    pile, log = Pile(), filled(hours=1)
    bad_server.answer = lambda lines: (status, {}, "")
    journal, cursors = MemoryJournal(), MemoryCursors()
    journal.append([entry.body for entry in log.entries])
    runner = Runner(journal, cursors, HistoryConsumer(history, Decoder()), VirtualClock(log.at), backoff_s=(0.01, 0.01))
    runner.start()
    until(lambda: runner.error, what="the stage says what is wrong")
    assert runner.error is not None and text in runner.error and "nothing is lost" in runner.error
    assert len(bad_server.batches) == 1, "it is not asked again for minutes, however short our own pauses are"
    runner.stop()
    assert cursors.load("history").offset == 0
    bad_server.answer = pile.store
    runner.catch_up()
    assert pile.lines == undisturbed(log) and runner.error is None


def test_a_real_server_refuses_a_wrong_token_and_an_unknown_bucket(influx_server: InfluxServer) -> None:
    address = influx_server.address()
    wrong = Address(url=address.url, token="anbu:wrong", raw_bucket=address.raw_bucket)
    unknown = Address(url=address.url, token=address.token, raw_bucket="nowhere/raw")
    for bad in (wrong, unknown):
        history = influx_history(bad)
        with pytest.raises(HistoryStopped):
            history.write([reading(1, 1.0, NOON)])
        history.close()


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_in_both_its_forms(bad_server: BadServer, status: int) -> None:
    clock = SystemClock()
    history = InfluxHistory(bad_server.address(), clock, refuse_nothing, raw_kept=None)
    later = format_datetime(to_datetime(clock.machine_now() + HOUR), usegmt=True)
    nonsense = ("soon", "inf", "nan", "-5", None)  # each is for our own pauses then
    cases = [("120", 120, 120), (later, 3_500, 3_600), ("9" * 400, 3_600, 3_600), *((said, None, None) for said in nonsense)]
    for said, least, most in cases:
        headers = {} if said is None else {"Retry-After": said}
        bad_server.answer = lambda lines, headers=headers: (status, headers, "wait")
        with pytest.raises(HistoryUnavailable) as caught:
            history.write([reading(1, 1.0, NOON)])
        after_s = caught.value.after_s
        assert after_s is None if least is None or most is None else after_s is not None and least <= after_s <= most
    history.close()


def test_the_forwarder_waits_as_long_as_the_server_asks(bad_server: BadServer, history: InfluxHistory) -> None:
    log = filled(hours=1)
    bad_server.answer = lambda lines: (503, {"Retry-After": "3600"}, "")
    journal, cursors = MemoryJournal(), MemoryCursors()
    journal.append([entry.body for entry in log.entries])
    runner = Runner(journal, cursors, HistoryConsumer(history, Decoder()), VirtualClock(log.at), backoff_s=(0.001, 0.001))
    runner.start()
    until(lambda: runner.error, what="the stage says what is wrong")
    bad_server.answer = lambda lines: (503, {}, "")
    runner.stop()  # ends at once, whatever is asked
    assert len(bad_server.batches) == 1
    runner.start()
    until(lambda: len(bad_server.batches) > 20, 30, "without being asked it goes on trying, without limit")
    assert runner.error is not None, "it is not well before something is committed"
    runner.stop()


def filled(*, hours: int, seed: int = 0) -> Log:
    log = Log()
    enrolled_home(log)
    for number in range(hours * 6):
        at = log.at + 10 * MINUTE
        log.say(topic("th-1", "temperature"), body(v=20 + number % 7, boot=1, seq=number, t=seconds(at)), after=10 * MINUTE)
        log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=number, t=seconds(at)), after=0)
    return log


def undisturbed(log: Log) -> set[str]:
    """Every line that this log is worth."""
    found: set[str] = set()
    for _, items in Decoder().read(log.entries):
        found.update(reading_line(item) for item in items if isinstance(item, Reading))
    return found


DOWN: dict[str, Callable[[list[str]], Answer]] = {
    "503": lambda lines: (503, {"Retry-After": "30"}, ""),
    "422": lambda lines: (422, {}, "no"),
    "401": lambda lines: (401, {}, ""),
    "hanging": lambda lines: None,
}


@pytest.mark.parametrize("how", [*DOWN, "away"])
def test_wrong_13_twelve_hours_without_influxdb_delay_charts_and_nothing_else(bad_server: BadServer, how: str) -> None:
    pile, log = Pile(), filled(hours=14)
    journal, cursors, clock = MemoryJournal(), MemoryCursors(), VirtualClock(log.entries[0].received_at)
    address = bad_server.address()
    down = Address(url="http://127.0.0.1:9", token="x") if how == "away" else address
    bad_server.answer = DOWN.get(how, pile.store)
    refused: list[RefusedReading] = []
    patience_s = 0.15 if how == "hanging" else 10.0
    consumer = HistoryConsumer(history_at(down, clock, refused.extend, patience_s), Decoder())
    forwarder = Runner(journal, cursors, consumer, clock)
    others = _Others()
    alerting = Runner(journal, cursors, others, clock)
    left = list(log.entries)
    for hour in range(1, 13):
        now = NOON + hour * HOUR
        journal.append([entry.body for entry in left if entry.received_at < now])
        left = [entry for entry in left if entry.received_at >= now]
        clock.advance_to(now)
        alerting.catch_up()
        assert others.heard_until == now, "alerting never waits for history"
        with pytest.raises(HistoryUnavailable):
            forwarder.catch_up()
        assert cursors.load("history").offset == 0
    journal.append([entry.body for entry in left])
    clock.advance_to(log.at + SECOND)
    bad_server.answer = pile.store
    again = Runner(journal, cursors, HistoryConsumer(history_at(address, clock, refused.extend, 10.0), Decoder()), clock)
    again.catch_up()
    assert pile.lines == undisturbed(log) and refused == []
    assert cursors.load("history").offset == journal.append([])


def history_at(
    address: Address, clock: VirtualClock, on_refused: Callable[[Sequence[RefusedReading]], None], patience_s: float
) -> InfluxHistory:
    wire = InfluxWire(address, clock, write_timeout_s=patience_s)
    return InfluxHistory(address, clock, on_refused, raw_kept=None, wire=wire)


class _Others:
    """A stage that is none of the history's business."""

    name = "others"

    def __init__(self) -> None:
        self.heard_until: Millis = 0

    def restore(self, state: bytes | None) -> None:
        """Nothing to restore."""

    def take(self, entries: Sequence[object]) -> None:
        """Nothing to keep."""

    def at_head(self, now: Millis) -> None:
        self.heard_until = now

    def state(self) -> bytes | None:
        return None


def test_while_a_write_hangs_the_other_stages_go_on(bad_server: BadServer) -> None:
    hanging = threading.Event()

    def hang(lines: list[str]) -> Answer:
        hanging.set()
        return None

    bad_server.answer = hang
    log = filled(hours=2)
    journal, cursors, clock = MemoryJournal(), MemoryCursors(), VirtualClock(log.at)
    journal.append([entry.body for entry in log.entries])
    address = bad_server.address()
    history = InfluxHistory(address, clock, refuse_nothing, raw_kept=None, wire=InfluxWire(address, clock, write_timeout_s=30))
    forwarder = Runner(journal, cursors, HistoryConsumer(history, Decoder()), clock, commit_every_s=0.0)
    others = _Others()
    alerting = Runner(journal, cursors, others, clock)
    forwarder.start()
    until(hanging.is_set, what="a write hangs")
    alerting.start()
    clock.advance_to(log.at + HOUR)
    until(lambda: others.heard_until == log.at + HOUR, what="alerting goes on")
    assert forwarder.committed == 0
    alerting.stop()
    bad_server.close()
    forwarder.stop()


def test_a_real_server_killed_and_then_hanging_has_every_point_once_when_it_is_back(tmp_path: Path) -> None:
    server = InfluxServer(tmp_path, influxd_or_skip(), SystemClock())
    server.start()
    try:
        address, log, oracle = server.address(), filled(hours=3), MemoryHistory()
        journal, cursors, clock = MemoryJournal(), MemoryCursors(), VirtualClock(log.at + SECOND)
        wire = InfluxWire(address, clock, write_timeout_s=3.0)
        history = InfluxHistory(address, clock, refuse_nothing, raw_kept=None, wire=wire)
        forwarder = Runner(journal, cursors, HistoryConsumer(history, Decoder()), clock)
        parts = [log.entries[:20], log.entries[20:30], log.entries[30:]]
        journal.append([entry.body for entry in parts[0]])
        forwarder.catch_up()
        server.stop()  # kill -9
        journal.append([entry.body for entry in parts[1]])
        with pytest.raises(HistoryUnavailable):
            forwarder.catch_up()
        server.start()
        forwarder.catch_up()
        journal.append([entry.body for entry in parts[2]])
        os.kill(server.pid, signal.SIGSTOP)
        with pytest.raises(HistoryUnavailable):
            forwarder.catch_up()
        assert cursors.load("history").offset == len(parts[0]) + len(parts[1])
        os.kill(server.pid, signal.SIGCONT)
        forwarder.catch_up()
        for _entry, items in Decoder().read(log.entries):
            oracle.write([item for item in items if isinstance(item, Reading)])
        for kind in (Signal.TEMPERATURE, Signal.MOTION):
            asked = (HOME, kind, NOON, log.at + HOUR, 50)
            assert history.series(*asked) == oracle.series(*asked)
        history.close()
    finally:
        server.stop()
