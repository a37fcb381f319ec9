"""Call records that a carrier hands over as a file: whose household each is, and what it says to the journal.

A household is found by the keyed hash of its resident's number; nobody's record is opened, and no number is repeated:
a report names lines and at most the last two digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, insert, select

from ingest.clock import SECOND, Clock, Millis, parse_local
from ingest.dating import FUTURE_LIMIT
from ingest.message_outbox import queue_message
from ingest.reading import DeviceId, DongCode, HouseholdId, Signal
from ingest.register import tables
from ingest.register.homes import Device
from ingest.register.phones import normal_phone, phone_hash
from ingest.register.placing import place
from ingest.seal import Sealer
from ingest.sheet import SheetRow, read_rows
from ingest.wire import Payload, Topic, encode

COLUMNS: Mapping[str, Sequence[str]] = {
    "phone": ("전화번호", "번호", "number"),
    "phone_hash": ("전화해시", "해시", "hash"),
    "in": ("수신",),
    "out": ("발신",),
    "missed": ("부재중",),
    "last_at": ("마지막통화", "마지막통화시각"),
}
MODEL = "carrier"
AT_ONCE = 500
MOST_CALLS = 10_000


class Outcome(StrEnum):
    """What became of a row."""

    MATCHED = "matched"
    NO_HOUSEHOLD = "no_household"  # nobody who is looked after has this number
    SEVERAL_HOUSEHOLDS = "several_households"  # more than one has it: nobody can tell whose call it was
    BAD_PHONE = "bad_phone"  # neither a number nor a hash, or both
    BAD_COUNT = "bad_count"  # in, out, missed: whole numbers from 0, at least one of them
    BAD_TIME = "bad_time"  # unreadable, or in the future
    NO_TIME = "no_time"  # calls without a time of the last one prove nothing


class CallRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row's outcome; `tail` is the last two digits of a plain number, for whoever has the file."""

    line: int
    outcome: Outcome
    tail: str = ""


class CallsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a file brought; `refused` are the rows that did not match."""

    rows: int
    matched: int
    new_homes: int  # homes whose calls are heard for the first time
    refused: tuple[CallRow, ...]
    seen_before: bool = False  # the very same file was imported before: nothing was done
    dry_run: bool = False


class _Record(msgspec.Struct, frozen=True):
    line: int
    found_by: bytes
    tail: str
    payload: Payload
    last_at: Millis | None


class _Home(msgspec.Struct, frozen=True):
    id: HouseholdId
    dong_code: DongCode
    enrolled_at: Millis


def calls_device(household_id: str) -> DeviceId:
    """The device under which a household's call records stand."""
    return DeviceId(f"calls-{sha256(household_id.encode()).hexdigest()[:20]}")


class CallsImport:
    """Takes files of call records. The process that has the journal open carries what is queued here into it."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock, *, by: str) -> None:
        self._engine = engine
        self._sealer = sealer
        self._clock = clock
        self._by = by

    def take(
        self, path: Path, *, dry_run: bool = False, again: bool = False, progress: Callable[[int], None] | None = None
    ) -> CallsReport:
        """Queue every record that belongs to one home; with `dry_run` only say what would be.

        The same file twice does nothing unless `again`, and counts nothing twice even then. Raises SheetWrong, OSError.
        """
        digest = sha256(path.read_bytes()).digest()
        with self._engine.connect() as connection:
            known = connection.execute(select(tables.calls_file.c.digest).where(tables.calls_file.c.digest == digest)).first()
        if known is not None and not again and not dry_run:
            return CallsReport(rows=0, matched=0, new_homes=0, refused=(), seen_before=True)
        now = self._clock.home_now()
        boot = int.from_bytes(digest[:6], "big")
        count: Counter[str] = Counter()
        refused: list[CallRow] = []
        new: set[str] = set()
        rows = matched = 0
        read = (_read(row, self._sealer, now) for row in read_rows(path, COLUMNS))
        while batch := list(islice(read, AT_ONCE)):
            rows += len(batch)
            refused += [row for row in batch if isinstance(row, CallRow)]
            records = [row for row in batch if isinstance(row, _Record)]
            with self._engine.begin() as connection:
                for record, home in _matched(connection, records, refused):
                    matched += 1
                    seq = count[home.id]
                    count[home.id] += 1
                    self._queue(connection, record, home, boot, seq, now, new)
                if dry_run:
                    connection.rollback()
            if progress is not None:
                progress(rows)
        if not dry_run and known is None:
            with self._engine.begin() as connection:
                connection.execute(insert(tables.calls_file).values(digest=digest, imported_at=now, records=matched))
        refused.sort(key=lambda row: row.line)
        return CallsReport(rows=rows, matched=matched, new_homes=len(new), refused=tuple(refused), dry_run=dry_run)

    def _queue(
        self, connection: Connection, record: _Record, home: _Home, boot: int, seq: int, now: Millis, new: set[str]
    ) -> None:
        device_id = calls_device(home.id)
        standing = select(tables.device.c.household_id).where(tables.device.c.id == device_id)
        if home.id not in new and connection.execute(standing).scalar() != home.id:
            new.add(home.id)
            # Its silence is counted from the last call that is known of, not from a day on which nobody listened.
            since = max(home.enrolled_at, min(record.last_at or now, now))
            device = Device(
                id=device_id,
                household_id=home.id,
                dong_code=home.dong_code,
                model=MODEL,
                signals=(Signal.CALL.value,),
                report_interval_s=0,
                enrolled_at=since,
            )
            place(connection, device, at=now, by=self._by)
        topic = str(Topic(home.dong_code, home.id, device_id, Signal.CALL.value))
        payload = encode(msgspec.structs.replace(record.payload, boot=boot, seq=seq))
        queue_message(connection, source="calls", topic=topic, payload=payload)


def _matched(connection: Connection, records: Sequence[_Record], refused: list[CallRow]) -> Iterator[tuple[_Record, _Home]]:
    """Each record with the one home whose resident has its number; those without go to `refused`."""
    household, resident = tables.household.c, tables.resident.c
    wanted = select(resident.phone_hash, household.id, household.dong_code, household.enrolled_at)
    wanted = wanted.join(tables.household).where(household.ended_at.is_(None))
    hashes = {record.found_by for record in records}
    homes: dict[bytes, list[_Home]] = {}
    for row in connection.execute(wanted.where(resident.phone_hash.in_(hashes))).all():
        homes.setdefault(row.phone_hash, []).append(_Home(row.id, row.dong_code, row.enrolled_at))
    for record in records:
        found = homes.get(record.found_by, [])
        if len(found) == 1:
            yield record, found[0]
        else:
            outcome = Outcome.SEVERAL_HOUSEHOLDS if found else Outcome.NO_HOUSEHOLD
            refused.append(CallRow(line=record.line, outcome=outcome, tail=record.tail))


def _read(row: SheetRow, sealer: Sealer, now: Millis) -> _Record | CallRow:
    cells = row.cells
    number, given = cells.get("phone"), cells.get("phone_hash")
    digits = normal_phone(number) if number is not None else None
    tail = digits[-2:] if digits is not None else ""
    if number is not None:
        found_by = phone_hash(sealer, number) if given is None else None
    else:
        found_by = bytes.fromhex(given) if given is not None and re.fullmatch("[0-9a-fA-F]{64}", given) else None
    if found_by is None:
        return CallRow(line=row.line, outcome=Outcome.BAD_PHONE, tail=tail)
    counts = [cells.get(name) for name in ("in", "out", "missed")]
    if counts == [None, None, None] or not all(count is None or _is_count(count) for count in counts):
        return CallRow(line=row.line, outcome=Outcome.BAD_COUNT, tail=tail)
    answered, dialled, missed = (None if count is None else int(count) for count in counts)
    try:
        last_at = parse_local(cells["last_at"]) if "last_at" in cells else None
    except ValueError:
        return CallRow(line=row.line, outcome=Outcome.BAD_TIME, tail=tail)
    if last_at is not None and not 0 < last_at <= now + FUTURE_LIMIT:
        return CallRow(line=row.line, outcome=Outcome.BAD_TIME, tail=tail)
    if last_at is None and (answered or dialled):
        return CallRow(line=row.line, outcome=Outcome.NO_TIME, tail=tail)
    t = None if last_at is None else last_at / SECOND
    return _Record(row.line, found_by, tail, Payload(t=t, in_=answered, out=dialled, missed=missed), last_at)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= MOST_CALLS
