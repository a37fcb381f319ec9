"""Which history the settings name, and which cursors stand for it."""

from __future__ import annotations

from sqlalchemy import Engine

from anbu.ending import Refusal
from anbu.language import say
from anbu.sections import HistorySection
from anbu.settings import Settings
from ingest.clock import DAY, Clock
from ingest.history.influx import InfluxHistory
from ingest.history.influx_wire import Address, InfluxWire
from ingest.history.port import History, HistoryUnavailable
from ingest.history.refused import keep_refused
from ingest.history.sqlite import SqliteHistory

HISTORY_CURSORS = {"embedded": "history", "influxdb": "history-influxdb"}
"""Each kind reads the journal from a place of its own: changing over neither skips nor repeats anything."""


def open_history(settings: Settings, clock: Clock, engine: Engine) -> History:
    """The history of this site; `engine` keeps what InfluxDB refuses. Refusal where the embedded file cannot be used."""
    return open_influx(settings.history, clock, engine) if settings.history.kind == "influxdb" else open_embedded(settings)


def open_embedded(settings: Settings) -> SqliteHistory:
    """The history in a file of ours; Refusal where it cannot be used."""
    try:
        return SqliteHistory(settings.history_file)
    except HistoryUnavailable as error:
        raise Refusal(str(error)) from error


def open_influx(section: HistorySection, clock: Clock, engine: Engine) -> InfluxHistory:
    """The history in InfluxDB, which is asked nothing yet. Refusal without url and token."""
    return InfluxHistory(influx_address(section), clock, keep_refused(engine), raw_kept=section.raw_days * DAY)


def influx_address(section: HistorySection) -> Address:
    """Where InfluxDB is; Refusal without url and token."""
    if section.url is None or section.token is None:
        raise Refusal(
            say("history.url 과 history.token 이 없습니다", "there is no history.url or history.token"),
            say("설정에 적으십시오", "set them"),
        )
    return Address(
        url=section.url,
        token=section.token.get_secret_value(),
        org=section.org,
        raw_bucket=section.raw_bucket,
        hours_bucket=section.hours_bucket,
    )


def look_at_history(settings: Settings, clock: Clock) -> str:
    """Whether the history answers, in words; nothing is written. Refusal with the next step where it does not."""
    section = settings.history
    if section.kind == "embedded":
        return say(f"내장 이력 {settings.history_file}", f"embedded, in {settings.history_file}")
    address = influx_address(section)
    wire = InfluxWire(address, clock)
    try:
        for bucket in (address.raw_bucket, address.hours_bucket):
            wire.look(bucket)
    except HistoryUnavailable as error:
        step = say(
            "[history] 의 url, token, org, raw_bucket, hours_bucket 을 보십시오 (docs/history.md)",
            "see url, token, org, raw_bucket and hours_bucket in [history] (docs/history.md)",
        )
        raise Refusal(str(error), step) from error
    finally:
        wire.close()
    return say(f"InfluxDB {address.url} 가 두 버킷에 답합니다", f"InfluxDB at {address.url} answers for both buckets")
