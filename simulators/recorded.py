"""How a recorded home reads: a log of sensor events becomes the messages its devices would have published."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.clock import MINUTE, SECOND, Millis, parse_local
from ingest.wire import Payload, Topic, encode, slug
from simulators.message import SimDevice, SimMessage

DONG_CODE = "replay"
HEADER = ["timestamp", "sensor", "kind", "value"]

_VALUES = {"motion": ("ON", "OFF"), "door": ("OPEN", "CLOSE", "LEAVE", "ENTER")}
_DOOR = {"OPEN": 1, "CLOSE": 0, "LEAVE": 2, "ENTER": 3}
_NAMED_LINES = 5
_GZIP_MAGIC = b"\x1f\x8b"
_MAX_ID = 32

_TIMER_PAIRS = 20
_TIMER_LONGEST: Millis = 2 * MINUTE
_TIMER_SHARE = 0.99


class OffMeaning(StrEnum):
    """What the OFF of a `motion` sensor stands for in a log."""

    AUTO = "auto"  # decided by `judge_off`
    LIFE = "life"  # a person closed a cupboard or ended an activity: a sign of life at that time
    TIMER = "timer"  # a PIR's timer ran out: never a sign of life


class LogUnreadable(ValueError):
    """The file is not a log of sensor events; the message names the file and its first wrong lines."""


class RecordedLog(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded household with its devices and messages, in order of time."""

    household_id: str
    dong_code: str
    devices: tuple[SimDevice, ...]  # in order of their first event
    start: Millis  # of the first event
    end: Millis  # of the last event
    off: OffMeaning  # as applied: LIFE or TIMER
    messages: list[SimMessage]


class _Event(NamedTuple):
    at: Millis
    sensor: str
    kind: str
    value: str


def read_log(path: Path | str, *, off: str = "auto", household_id: str | None = None) -> RecordedLog:
    """The log at `path`: CSV, gzip or plain, with the columns of `HEADER`; times without an offset are Asia/Seoul.

    `motion` ON is v=1, OFF is v=1 or v=0 as `off` says (an `OffMeaning`); `door` OPEN, CLOSE, LEAVE, ENTER are v=1, 0, 2, 3.
    Rows are put in order of time (equal times stay as they stand), duplicates are kept. The household is called after the
    file, unless told. LogUnreadable when the file is no log or has any wrong line: a log is taken whole or not at all.
    OSError when it cannot be opened, ValueError for an unknown `off`.
    """
    path = Path(path)
    events = sorted(_events(path), key=lambda event: event.at)
    meaning = OffMeaning(off)
    if meaning is OffMeaning.AUTO:
        meaning = judge_off(events)
    household = household_id or slug(path.name.split(".")[0])
    devices = _devices(household, events)
    return RecordedLog(
        household_id=household,
        dong_code=DONG_CODE,
        devices=tuple(devices.values()),
        start=events[0].at,
        end=events[-1].at,
        off=meaning,
        messages=_messages(household, devices, events, meaning),
    )


def judge_off(events: Sequence[_Event]) -> OffMeaning:
    """TIMER when the log's motion sensors behave like PIRs, LIFE otherwise.

    A PIR clears itself seconds after the last movement, whatever the person does next. A contact, a tap or an activity
    ends when somebody ends it, and over days some stay ON for long: a cupboard left open, a night's sleep. So a log is one
    of PIRs when 99 % of its ON-OFF pairs, and of 20 pairs at the least, last 2 minutes or less.

    Limits: the log is judged as a whole, so one that mixes PIRs with contacts counts as LIFE, as does one of PIRs that hold
    ON for as long as somebody moves, and one too short to tell. The timer is then taken for life, which dates a sign of life
    too late by the sensor's hold time, or by as long as a PIR was stuck. A log of nothing but short contacts (a flush, a
    fridge) counts as TIMER and loses signs of life that came within 2 minutes of another. Whoever knows better says so.
    """
    since: dict[str, Millis] = {}
    lasted: list[Millis] = []
    for event in events:
        if event.kind != "motion":
            continue
        if event.value == "ON":
            since[event.sensor] = event.at
        elif event.sensor in since:
            lasted.append(event.at - since.pop(event.sensor))
    short = sum(length <= _TIMER_LONGEST for length in lasted)
    if len(lasted) >= _TIMER_PAIRS and short >= _TIMER_SHARE * len(lasted):
        return OffMeaning.TIMER
    return OffMeaning.LIFE


def _events(path: Path) -> list[_Event]:
    """All rows as events; LogUnreadable with the first wrong ones."""
    events: list[_Event] = []
    wrong: list[str] = []
    rows = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        header = [name.strip() for name in next(rows, [])]
        if header != HEADER:
            raise LogUnreadable(f"{path}: line 1: expected the header {','.join(HEADER)}, found {','.join(header)[:80]!r}")
        for row in rows:
            if not row:
                continue
            try:
                events.append(_event(row))
            except ValueError as expected:
                wrong.append(f"line {rows.line_num}: {expected}")
    except csv.Error as error:
        wrong.append(f"line {rows.line_num}: not CSV: {error}")
    if wrong:
        more = f"\n  and {len(wrong) - _NAMED_LINES} more" if len(wrong) > _NAMED_LINES else ""
        raise LogUnreadable(f"{path}: " + "\n  ".join(["wrong lines:", *wrong[:_NAMED_LINES]]) + more)
    if not events:
        raise LogUnreadable(f"{path}: expected at least one event after the header")
    return events


def _text(path: Path) -> str:
    """The file's text, unpacked when it is gzip, whatever its name says."""
    raw = path.read_bytes()
    try:
        if raw.startswith(_GZIP_MAGIC):
            raw = gzip.decompress(raw)
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise LogUnreadable(f"{path}: broken gzip: {error}") from error
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise LogUnreadable(f"{path}: line {line}: expected UTF-8 text") from error


def _event(row: list[str]) -> _Event:
    """One row as an event; ValueError saying what was expected."""
    if len(row) != len(HEADER):
        raise ValueError(f"expected {len(HEADER)} fields ({','.join(HEADER)}), found {len(row)}")
    moment, sensor, kind, value = (field.strip() for field in row)
    try:
        if ":" not in moment:  # a bare date would silently become midnight
            raise ValueError(moment)
        at = parse_local(moment)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"expected an ISO 8601 date and time in `timestamp`, found {moment[:40]!r}") from error
    if not sensor:
        raise ValueError("expected a name in `sensor`, found nothing")
    kind, value = kind.lower(), value.upper()
    if kind not in _VALUES:
        raise ValueError(f"expected {' or '.join(_VALUES)} in `kind`, found {kind[:40]!r}")
    if value not in _VALUES[kind]:
        raise ValueError(f"expected {', '.join(_VALUES[kind])} in `value` of a {kind}, found {value[:40]!r}")
    return _Event(at, sensor, kind, value)


def _devices(household: str, events: Iterable[_Event]) -> dict[str, SimDevice]:
    """A device for each sensor name, enrolled at the log's first event."""
    kinds: dict[str, dict[str, None]] = defaultdict(dict)
    first: Millis | None = None
    for event in events:
        first = event.at if first is None else first
        kinds[event.sensor][event.kind] = None
    taken: set[str] = set()
    devices: dict[str, SimDevice] = {}
    for sensor, signals in kinds.items():
        device_id = _device_id(household, sensor, taken)
        taken.add(device_id)
        devices[sensor] = SimDevice(
            device_id=device_id, model="recorded", signals=tuple(signals), report_interval_s=0, enrolled_at=first or 0
        )
    return devices


def _device_id(household: str, sensor: str, taken: set[str]) -> str:
    """An id no other sensor of the log has, nor one of another log: the end is a checksum of the household's id.

    Two logs may both know a "Bathroom door", and a device that is enrolled again moves to the other home.
    """
    home = f"{zlib.crc32(household.encode()):08x}"
    number = 1
    while True:
        end = f"-{home}" if number == 1 else f"-{number}-{home}"
        device_id = slug(sensor)[: _MAX_ID - len(end)].rstrip("-") + end
        if device_id not in taken:
            return device_id
        number += 1


def _messages(household: str, devices: dict[str, SimDevice], events: Iterable[_Event], off: OffMeaning) -> list[SimMessage]:
    """Each event as the message of its device, numbered from 0."""
    seqs: dict[str, int] = defaultdict(int)
    messages = []
    for event in events:
        device_id = devices[event.sensor].device_id
        if event.kind == "door":
            value = _DOOR[event.value]
        else:
            value = int(event.value == "ON" or off is OffMeaning.LIFE)
        payload = encode(Payload(t=event.at / SECOND, boot=1, seq=seqs[device_id], v=value))
        seqs[device_id] += 1
        topic = Topic(DONG_CODE, household, device_id, event.kind)
        messages.append(SimMessage(at=event.at, topic=str(topic), payload=payload))
    return messages
