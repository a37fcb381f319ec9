"""Proves that a site's past comes into InfluxDB without a gap: from the journal, or, where it was pruned, the embedded store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from anbu.bench.influxd import InfluxServer
from anbu.checkup import Line, check_site
from anbu.cli import app
from anbu.ending import Refusal
from anbu.history_copy import Copied, copy_into
from anbu.settings import load_settings
from anbu.stores import Stores, open_stores
from anbu.wiring import hours_runner
from ingest.clock import DAY, HOUR, MINUTE, Clock, VirtualClock
from ingest.decode import Decoder
from ingest.history.consumer import HistoryConsumer
from ingest.history.memory import MemoryHistory
from ingest.history.port import Bucket, History
from ingest.history.sqlite import SqliteHistory
from ingest.journal.runner import Runner
from ingest.reading import Signal
from ingest.seal import Sealer, new_key
from ingest.store import open_store
from tests.ingest.entry_parts import HOME, NOON, Log, body, enrolled_home, seconds, topic
from tests.ingest.history_parts import influx_history


def few_days(days: int) -> Log:
    log = Log(NOON)
    enrolled_home(log)
    for number in range(days * 144):
        log.say(topic("th-1", "temperature"), body(v=20 + number % 9, boot=1, seq=number, t=seconds(log.at)), after=10 * MINUTE)
        if number % 3 == 0:
            log.say(topic("pir-1", "motion"), body(v=1, boot=1, seq=number, t=seconds(log.at)), after=0)
    return log


class Place:
    """The stores of one site; `keep_up` is what a running site's two stages do."""

    def __init__(self, folder: Path, stack: ExitStack, clock: VirtualClock) -> None:
        engine = open_store(f"sqlite:///{folder / 'anbu.sqlite3'}")
        self.stores = open_stores(folder, engine, Sealer(new_key()))
        self.clock = clock
        self.oracle = MemoryHistory()
        stack.callback(self.stores.close)

    def hear(self, log: Log, start: int, end: int) -> None:
        part = log.entries[start:end]
        self.clock.advance_to(max(part[-1].received_at, self.clock.home_now()))
        self.stores.journal.append([entry.body for entry in part])

    def keep_up(self, stores: Stores | None = None) -> None:
        stores = stores or self.stores
        for runner in (
            Runner(stores.journal, stores.cursors, HistoryConsumer(stores.history, Decoder(), stores.history_cursor), self.clock),
            hours_runner(stores, self.clock, Decoder()),
        ):
            runner.catch_up()

    def into(self, influx: History) -> Stores:
        stores = self.stores
        return Stores(
            engine=stores.engine,
            journal=stores.journal,
            cursors=stores.cursors,
            history=influx,
            sealer=stores.sealer,
            history_cursor="history-influxdb",
        )

    def copy(self, influx: History, clock: Clock | None = None) -> Copied:
        assert isinstance(self.stores.history, SqliteHistory)
        return copy_into(self.into(influx), self.stores.history, clock or self.clock)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack, VirtualClock(NOON))


def charts(history: History) -> list[list[Bucket]]:
    """A close look at everything, and a long one that comes from the hours."""
    ends = ((NOON, NOON + 2 * HOUR, 300), (NOON - HOUR, NOON + 6 * DAY, 100), (NOON + 3 * MINUTE, NOON + 6 * DAY, 5))
    return [history.series(HOME, signal, *end) for signal in (Signal.TEMPERATURE, Signal.MOTION) for end in ends]


def alike(one: list[list[Bucket]], two: list[list[Bucket]]) -> None:
    for left, right in zip(one, two, strict=True):
        assert [(b.start, b.count, b.min, b.max) for b in left] == [(b.start, b.count, b.min, b.max) for b in right]
        assert [b.mean for b in left] == pytest.approx([b.mean for b in right])


def test_from_a_whole_journal_and_then_switched_nothing_is_missing_or_twice(place: Place, influx_server: InfluxServer) -> None:
    log = few_days(5)
    place.hear(log, 0, 400)
    place.keep_up()
    influx = influx_history(influx_server.address(), now=NOON + 7 * DAY)
    done = place.copy(influx)
    assert (done.source, done.readings, done.offset) == ("journal", 0, 400)
    assert place.copy(influx) == done, "done again it changes nothing"
    place.hear(log, 400, len(log.entries))  # what came after the switch
    place.keep_up(place.into(influx))
    place.keep_up()
    alike(charts(influx), charts(place.stores.history))
    assert influx.latest(HOME) == place.stores.history.latest(HOME)
    influx.close()


def test_where_the_journal_was_pruned_the_embedded_history_tells_the_rest(place: Place, influx_server: InfluxServer) -> None:
    log = few_days(5)
    place.hear(log, 0, 300)
    place.keep_up()
    place.hear(log, 300, 500)
    place.keep_up()
    journal, cursors = place.stores.journal, place.stores.cursors
    bases = {name: cursors.load(name) for name in ("history", "history-hours")}
    place.hear(log, 500, len(log.entries))  # days later: in a segment of its own, so that those before it can go
    place.keep_up()
    journal.prune(450, bases)
    assert journal.cut > 0
    influx = influx_history(influx_server.address(), now=NOON + 7 * DAY)
    done = place.copy(influx)
    assert done.source == "embedded" and done.readings > 400
    assert done.offset == place.stores.journal.head
    alike(charts(influx), charts(place.stores.history))
    influx.close()


def test_an_embedded_history_that_lags_behind_the_cut_is_not_copied(place: Place) -> None:
    log = few_days(5)
    place.hear(log, 0, 500)
    place.hear(log, 500, len(log.entries))
    place.stores.journal.prune(600, {})
    assert place.stores.journal.cut > 0
    with pytest.raises(Refusal, match="저널"):
        place.copy(MemoryHistory())


def looked(config: Path) -> Line:
    (line,) = (line for line in check_site(config) if line.name == "history")
    return line


def test_the_command_fills_influxdb_and_says_what_is_to_be_set(tmp_path: Path, influx_server: InfluxServer) -> None:
    run = CliRunner().invoke
    config = tmp_path / "anbu.toml"
    made = run(
        app, ["init", "-c", str(config), "--dong", "dong-1=바람동", "--site", "바람", "--login", "op", "--role", "operator"]
    )
    assert made.exit_code == 0, made.output
    refused = run(app, ["history", "copy", "-c", str(config)])
    assert refused.exit_code == 1
    address = influx_server.address()
    text = config.read_text(encoding="utf-8").replace(
        'kind = "embedded"',
        f'kind = "embedded"\nurl = "{address.url}"\ntoken = "{address.token}"\n'
        f'raw_bucket = "{address.raw_bucket}"\nhours_bucket = "{address.hours_bucket}"',
    )
    config.write_text(text, encoding="utf-8")
    done = run(app, ["history", "copy", "-c", str(config), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["source"] == "journal"
    assert "influxdb" in run(app, ["history", "copy", "-c", str(config)]).stdout
    text = text.replace('kind = "embedded"', 'kind = "influxdb"')
    config.write_text(text, encoding="utf-8")
    assert looked(config).ok
    config.write_text(
        text.replace('kind = "embedded"', 'kind = "influxdb"').replace(address.token, "anbu:wrong"), encoding="utf-8"
    )
    assert not looked(config).ok and "401" in looked(config).detail
    settings = load_settings(config)
    assert settings.history.token is not None and address.token not in repr(settings)
