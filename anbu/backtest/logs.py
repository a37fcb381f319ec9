"""Where recorded days come from: a journal's export, or a CSV of sensor events."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ingest.clock import Millis
from ingest.decode import Decoder
from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.facts import DeviceEnrolled, HouseholdEnrolled
from ingest.journal.export import read_export
from ingest.journal.port import Body, Entry, Message
from ingest.reading import DeviceId, DongCode, HouseholdId
from rules.backtest.course import Recorded, homes_of, received_at
from simulators.recorded import RecordedLog, read_log

_GZIP_MAGIC = b"\x1f\x8b"


def read_homes(path: Path, off: str) -> list[Recorded]:
    """The homes of a log, in the order of their enrolment; `off` as in simulators.recorded.

    Raises LogUnreadable for a CSV that is none, NotAnExport for a journal's export that is none, OSError.
    """
    entries = read_export(path) if is_export(path) else _entries(read_log(path, off=off))
    decoder = Decoder(make_dialects(DIALECTS))
    items = (item for entry in entries for item in decoder.read([entry]).items())
    return homes_of(items, path.name)


def is_export(path: Path) -> bool:
    """Whether the file begins as `anbu journal export` begins it."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    with gzip.open(path, "rb") if packed else path.open("rb") as lines:
        try:
            return b'"anbu_journal"' in lines.read(200)
        except (OSError, EOFError):
            return False  # broken gzip: the reader of the CSV says so


def cut_at(homes: Iterable[Recorded], at: Millis) -> list[Recorded]:
    """The homes with what was received up to then alone; one that was enrolled later has none."""
    kept = [
        replace(home, items=[item for item in home.items if received_at(item) <= at], end=min(home.end, at)) for home in homes
    ]
    return [home for home in kept if home.items]


def _entries(log: RecordedLog) -> Iterable[Entry]:
    """The log as a journal would hold it: enrolment as the first event, then every message."""
    household, start = HouseholdId(log.household_id), log.start
    bodies: list[Body] = [
        HouseholdEnrolled(fact_id=f"home-{household}", at=start, household_id=household, dong_code=DongCode(log.dong_code))
    ]
    bodies += [
        DeviceEnrolled(
            fact_id=f"device-{device.device_id}",
            at=start,
            device_id=DeviceId(device.device_id),
            household_id=household,
            signals=device.signals,
            report_interval_s=device.report_interval_s,
        )
        for device in log.devices
    ]
    bodies += [Message(received_at=sent.at, source="log", topic=sent.topic, payload=sent.payload) for sent in log.messages]
    for offset, body in enumerate(bodies, 1):
        yield Entry(offset=offset, received_at=body.received_at if isinstance(body, Message) else body.at, body=body)
