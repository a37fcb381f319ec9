"""Which history the settings name, and which cursors stand for it."""

from __future__ import annotations

from sqlalchemy import Engine

from anbu.ending import Refusal
from anbu.language import say
from anbu.sections import HistorySection
from anbu.settings import Settings
from ingest.clock import DAY, Clock
from ingest.history.influx import InfluxHistory
from ingest.history.influx_wire import Address
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
    if section.url is None or section.token is None:
        raise Refusal(
            say("history.url 과 history.token 이 없습니다", "there is no history.url or history.token"),
            say("설정에 적으십시오", "set them"),
        )
    address = Address(
        url=section.url,
        token=section.token.get_secret_value(),
        org=section.org,
        raw_bucket=section.raw_bucket,
        hours_bucket=section.hours_bucket,
    )
    return InfluxHistory(address, clock, keep_refused(engine), raw_kept=section.raw_days * DAY)
