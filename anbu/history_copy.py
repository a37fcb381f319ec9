"""How a site's past comes from the embedded history into InfluxDB, without a gap and without anything twice."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec

from anbu.ending import Refusal
from anbu.histories import HISTORY_CURSORS, open_embedded, open_influx
from anbu.language import say
from anbu.opening import open_site
from anbu.serving import open_site_stores
from anbu.stores import Stores
from anbu.wiring import hours_runner
from ingest.clock import Clock
from ingest.history.consumer import HistoryConsumer
from ingest.history.port import HistoryUnavailable
from ingest.history.sqlite import SqliteHistory
from ingest.history.sqlite_dump import dump_hours, dump_readings
from ingest.journal.runner import Runner

AT_ONCE = 5_000
_BOTH = ("", "-hours")  # the two cursors of one history


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What was done. `source`: journal, or embedded (and the journal after it)."""

    source: str
    readings: int  # taken from the embedded history
    offset: int  # of the journal, up to which InfluxDB now holds everything


def copy_history(config: Path | None) -> Copied:
    """Fill InfluxDB up to the journal's head. Done again, it goes on where it stopped. Refusal while the site runs."""
    with open_site(config) as site, ExitStack() as stack:
        settings, clock = site.settings, site.clock
        influx = open_influx(settings.history, clock, site.engine)
        stack.callback(influx.close)
        stores = open_site_stores(settings, clock)  # holds the journal: nobody else writes meanwhile
        stack.callback(stores.close)
        embedded = open_embedded(settings)
        stack.callback(embedded.close)
        target = replace(stores, history=influx, history_cursor=HISTORY_CURSORS["influxdb"])
        try:
            return copy_into(target, embedded, clock)
        except HistoryUnavailable as error:
            again = say("고친 뒤 다시 실행하면 이어집니다", "mend it and run this again: it goes on from there")
            raise Refusal(str(error), again) from error


def copy_into(target: Stores, embedded: SqliteHistory, clock: Clock) -> Copied:
    """From the journal where it reaches back to what InfluxDB lacks; else the embedded history first. HistoryUnavailable."""
    cut, name = target.journal.cut, target.history_cursor
    behind = any(target.cursors.load(name + one).offset < cut for one in _BOTH)
    readings = _carry(target, embedded) if behind else 0
    forwarder = HistoryConsumer(target.history, target.tongues.decoder(), name)
    runners = (Runner(target.journal, target.cursors, forwarder, clock), hours_runner(target, clock, target.tongues.decoder()))
    for runner in runners:
        runner.catch_up()
    source = "embedded" if behind else "journal"
    return Copied(source=source, readings=readings, offset=min(runner.committed for runner in runners))


def _carry(target: Stores, embedded: SqliteHistory) -> int:
    """Everything the embedded history holds, then its cursors: InfluxDB goes on where the embedded one stands."""
    stands = [target.cursors.load(HISTORY_CURSORS["embedded"] + one) for one in _BOTH]
    if min(position.offset for position in stands) < target.journal.cut:
        raise Refusal(
            say("내장 이력이 저널의 남은 부분까지 닿지 않습니다", "the embedded history ends before the journal begins"),
            say("history.kind = embedded 로 먼저 따라잡게 하십시오", "let it catch up with history.kind = embedded first"),
        )
    readings, after = 0, (0, -1)
    while found := dump_readings(embedded, after, AT_ONCE):
        target.history.write(found)
        readings += len(found)
        after = (found[-1].offset, found[-1].index)
    parts, rolled_to = dump_hours(embedded)
    if rolled_to is not None:
        target.history.write_hours(parts, rolled_to)
    for one, position in zip(_BOTH, stands, strict=True):
        target.cursors.commit(target.history_cursor + one, position)
    return readings
