"""What nobody could take yet: devices that no household has, messages that could not be read; and how each is put right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, or_, select, update

from ingest.clock import Millis
from ingest.reading import DeviceId, Reason, Signal
from ingest.register import tables
from ingest.register.dialect import heard_signals
from ingest.register.homes import Device, EntryWrong, NotRegistered
from ingest.register.placing import living_household, new_device, place
from ingest.rereading import ask_for_offset
from ingest.store import reading
from ingest.wire import ROOT, parse_topic

MOST_RETRIED = 10_000
"""Rejections that one call may ask to have read again."""


class Stranger(msgspec.Struct, frozen=True, kw_only=True):
    """A device that publishes without being enrolled, with the last it said."""

    device_id: DeviceId
    dialect: str  # as its topic tells
    address: str | None  # `dialect/vendor id`; None: it speaks native
    dong_code: str | None  # what its topic claims, where it claims anything
    household_id: str | None
    signals: tuple[str, ...]  # heard of it so far, as far as topics tell
    topic: str
    payload: bytes  # cut to 4 KiB
    messages: int
    last_received_at: Millis


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A kept rejection."""

    offset: int
    index: int
    received_at: Millis
    reason: Reason
    detail: str
    topic: str
    device_id: str | None
    payload: bytes  # cut to 4 KiB; whole in the journal
    retried_at: Millis | None


class Strangers:
    """Unclaimed devices and kept rejections. Safe to use from several threads. Times are home time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unclaimed(self, *, dong: str | None = None, limit: int = 500) -> list[Stranger]:
        """Devices nobody has claimed, the last heard first; with `dong` those alone whose topic names it."""
        wanted = select(tables.unclaimed).order_by(tables.unclaimed.c.last_received_at.desc(), tables.unclaimed.c.device_id)
        if dong is not None:
            wanted = wanted.where(tables.unclaimed.c.topic.like(f"{ROOT}/{dong}/%"))
        with reading(self._engine).begin() as connection:
            return [_stranger(connection, row) for row in connection.execute(wanted.limit(limit)).all()]

    def claim(
        self,
        device_id: str,
        household_id: str,
        *,
        at: Millis,
        by: str,
        dong: str | None = None,
        model: str = "unknown",
        signals: Sequence[str] = (),
        report_interval_s: int = 0,
        since: Millis | None = None,
    ) -> Device:
        """Put an unclaimed device into this household; what it had sent is read again.

        What it observed before it was enrolled is kept for charts and is no sign of life. It is enrolled now (`at`), or
        since the moment given, from which on somebody knows it to have stood there. With `dong` neither a home nor a
        device of another dong is found. Raises NotRegistered, EntryWrong.
        """
        if since is not None and since > at:
            raise EntryWrong("since: must not lie in the future")
        with self._engine.begin() as connection:
            row = connection.execute(select(tables.unclaimed).where(tables.unclaimed.c.device_id == device_id)).first()
            stranger = None if row is None else _stranger(connection, row)
            if stranger is None or dong not in (None, stranger.dong_code):
                raise NotRegistered("unclaimed device", device_id)
            household = living_household(connection, household_id)
            if dong not in (None, household.dong_code):
                raise NotRegistered("household", household_id)
            device = new_device(
                device_id,
                household,
                model=model,
                signals=signals or stranger.signals,
                report_interval_s=report_interval_s,
                at=at if since is None else since,
                address=stranger.address,
            )
            place(connection, device, at=at, by=by)
        return device

    def rejections(
        self, *, device: str | None = None, reason: str | None = None, retried: bool = False, limit: int = 100
    ) -> list[Refused]:
        """Kept rejections, newest first; those already asked for again only with `retried`."""
        wanted = select(tables.rejection).order_by(tables.rejection.c.offset.desc(), tables.rejection.c.index)
        with reading(self._engine).begin() as connection:
            rows = connection.execute(wanted.where(*_which(device, reason, retried)).limit(limit)).all()
        return [_refused(row) for row in rows]

    def rejections_at(self, offset: int) -> list[Refused]:
        """What was refused of the message at this offset."""
        wanted = select(tables.rejection).where(tables.rejection.c.offset == offset).order_by(tables.rejection.c.index)
        with reading(self._engine).begin() as connection:
            return [_refused(row) for row in connection.execute(wanted).all()]

    def retry(
        self, offsets: Sequence[int] = (), *, device: str | None = None, reason: str | None = None, at: Millis, by: str
    ) -> int:
        """Have these rejected messages read again by what is known now; how many values or messages that is.

        What still cannot be taken is rejected anew, at its new place in the journal.
        """
        which = _which(device, reason, retried=False)
        if offsets:
            which.append(tables.rejection.c.offset.in_(offsets))
        wanted = select(tables.rejection).where(*which).order_by(tables.rejection.c.offset, tables.rejection.c.index)
        with self._engine.begin() as connection:
            rows = connection.execute(wanted.limit(MOST_RETRIED)).all()
            for row in rows:
                index: int = row._mapping["index"]  # a row is a tuple, which has a method of this name
                stranger = row.reason == Reason.UNKNOWN_DEVICE
                ask_for_offset(
                    connection,
                    row.offset,
                    index=index,
                    device_id=row.device_id if stranger else None,
                    # The number of whoever nobody had enrolled was not noted; that of a pack was, for its gateway.
                    numbered=not stranger or index > 0,
                    at=at,
                    by=by,
                )
                same = (tables.rejection.c.offset == row.offset) & (tables.rejection.c.index == index)
                connection.execute(update(tables.rejection).where(same).values(retried_at=at))
        return len(rows)


def _which(device: str | None, reason: str | None, retried: bool) -> list[ColumnElement[bool]]:
    column = tables.rejection.c
    which: list[ColumnElement[bool]] = [] if retried else [column.retried_at.is_(None)]
    if device is not None:
        which.append(or_(column.device_id == device, column.topic.like(f"{ROOT}/%/%/{device}/%")))
    if reason is not None:
        which.append(column.reason == reason)
    return which


def _stranger(connection: Connection, row: Row[Any]) -> Stranger:
    claimed = parse_topic(row.topic)
    topics = select(tables.rejection.c.topic).where(tables.rejection.c.device_id == row.device_id).distinct()
    heard = {row.topic, *connection.execute(topics).scalars()}
    parts = [parsed for parsed in map(parse_topic, heard) if parsed is not None]
    said = heard_signals(row.topic, row.payload) if row.address is not None else frozenset[Signal]()
    return Stranger(
        device_id=DeviceId(row.device_id),
        dialect=row.dialect,
        address=row.address,
        dong_code=claimed.dong_code if claimed else None,
        household_id=claimed.household_id if claimed else None,
        signals=tuple(signal.value for signal in Signal if signal in said or any(signal.value == part.signal for part in parts)),
        topic=row.topic,
        payload=row.payload,
        messages=row.messages,
        last_received_at=row.last_received_at,
    )


def _refused(row: Row[Any]) -> Refused:
    return Refused(
        offset=row.offset,
        index=row._mapping["index"],
        received_at=row.received_at,
        reason=Reason(row.reason),
        detail=row.detail,
        topic=row.topic,
        device_id=row.device_id,
        payload=row.payload,
        retried_at=row.retried_at,
    )
