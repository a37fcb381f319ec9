"""The stage that keeps what could not be taken, for the installer: rejections with their reason, devices nobody claimed."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
from sqlalchemy import Connection, Engine, delete, func, insert, or_, select, update

from ingest import metrics
from ingest.clock import HOUR, Millis
from ingest.decoding import Decoded, Decoding, offset_of_entry
from ingest.facts import DeviceEnrolled, MessageReread, MessagesLeftOut
from ingest.journal.port import Entry, Message
from ingest.reading import DeviceId, Reading, Reason, Rejection
from ingest.readings import SIGNALS, Readings
from ingest.register.dialect import guess_dialect
from ingest.register.tables import rejection, unclaimed
from ingest.vendors import stand_in
from ingest.wire import parse_topic

KEPT_PAYLOAD_BYTES = 4_096
KEPT_TEXT = 255
KEPT_PER_HOUR = 1_000
"""Rejections kept of one device in an hour of receive time; whoever is not enrolled shares one count."""

UNCLAIMED_DEVICES = 10_000
"""Unclaimed devices kept; once as many wait, new ones are only counted."""


class _State(msgspec.Struct, array_like=True):
    decoder: bytes
    hour: int
    kept: list[tuple[str, int]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_State)


class _Sighting(msgspec.Struct):
    """Messages of one unclaimed device in one batch."""

    offsets: list[int]
    received_at: Millis
    topic: str
    payload: bytes
    address: str | None  # `dialect/vendor id`; None: it speaks native


class IntakeConsumer:
    """Implements Consumer. Each batch is one transaction, and taking it again leaves the same rows.

    A duplicate is counted, not kept. Counting in metrics is by entry, however often it is read in one process.
    """

    def __init__(self, engine: Engine, decoder: Decoding) -> None:
        self._engine = engine
        self._decoder = decoder
        self._hour = 0
        self._kept: Counter[str] = Counter()
        self._counted = 0  # the last offset in the metrics

    @property
    def name(self) -> str:
        """The cursor's name."""
        return "intake"

    def restore(self, state: bytes | None) -> None:
        """Begin from this committed state."""
        past = _decoder.decode(state) if state is not None else None
        self._decoder.restore(past.decoder if past else None)
        self._hour = past.hour if past else 0
        self._kept = Counter(dict(past.kept)) if past else Counter()

    def take(self, entries: Sequence[Entry]) -> None:
        """Keep what these entries bring to the installer's eyes; an error of the store goes up."""
        if not entries:
            return
        rows: list[dict[str, object]] = []
        sightings: dict[DeviceId, _Sighting] = {}
        enrolled: list[DeviceEnrolled] = []
        decoded = self._decoder.read(entries)
        for offset, item in decoded.others:
            if isinstance(item, Rejection):
                self._note(entries[bisect_left(entries, offset, key=offset_of_entry)], item, rows, sightings)
            elif isinstance(item, DeviceEnrolled):
                enrolled.append(item)
                sightings.pop(item.device_id, None)
                if item.address is not None:
                    sightings.pop(stand_in(item.address), None)
        if rows or sightings or enrolled:
            with self._engine.begin() as connection:
                _keep_rejections(connection, entries, rows)
                _claim(connection, enrolled)
                _keep_unclaimed(connection, sightings)
        self._count(decoded)

    def at_head(self, now: Millis) -> None:
        """Nothing to do: every batch is kept as it is taken."""

    def state(self) -> bytes | None:
        """The decoder's state and how many rejections of this hour are kept; the rows are durable already."""
        return _encoder.encode(_State(self._decoder.snapshot(), self._hour, sorted(self._kept.items())))

    def _note(
        self, entry: Entry, refused: Rejection, rows: list[dict[str, object]], sightings: dict[DeviceId, _Sighting]
    ) -> None:
        message = entry.body
        if refused.reason is Reason.DUPLICATE or not isinstance(message, (Message, MessageReread, MessagesLeftOut)):
            return
        topic = storable(message.topic)
        payload = b"" if isinstance(message, MessagesLeftOut) else message.payload[:KEPT_PAYLOAD_BYTES]
        if refused.reason is Reason.UNKNOWN_DEVICE and refused.device_id is not None and isinstance(message, Message):
            seen = sightings.setdefault(refused.device_id, _Sighting([], 0, "", b"", refused.address))
            if seen.offsets[-1:] != [entry.offset]:
                seen.offsets.append(entry.offset)
            seen.received_at, seen.topic, seen.payload = entry.received_at, topic, payload
        if self._is_kept(refused):
            rows.append(
                {
                    "offset": refused.offset,
                    "index": refused.index,
                    "received_at": refused.received_at,
                    "reason": refused.reason.value,
                    "detail": storable(refused.detail),
                    "topic": topic,
                    "device_id": refused.device_id,
                    "payload": payload,
                }
            )

    def _is_kept(self, refused: Rejection) -> bool:
        """Count the rejection against its device's hour; False once that is full. The same on every reading."""
        hour = refused.received_at // HOUR
        if hour != self._hour:
            self._hour = hour
            self._kept.clear()
        key = _sender(refused)
        self._kept[key] = min(self._kept[key] + 1, KEPT_PER_HOUR + 1)
        if self._kept[key] <= KEPT_PER_HOUR:
            return True
        if refused.offset > self._counted:
            metrics.NOT_KEPT.inc()
        return False

    def _count(self, decoded: Decoded) -> None:
        last = decoded.entries[-1].offset
        fresh = decoded.between(self._counted, last)
        if not fresh.entries:
            return
        self._counted = last
        metrics.MESSAGES.inc(sum(isinstance(entry.body, Message) for entry in fresh.entries))
        strangers = Readings.of(one for _, one in fresh.others if isinstance(one, Reading))
        for readings in (fresh.readings, strangers):
            for metric, chosen in (
                (metrics.READINGS, readings.signal),
                (metrics.DOUBTFUL, readings.signal[~readings.credible]),
                (metrics.SKEWED, readings.signal[readings.skewed]),
            ):
                counts = np.bincount(chosen)
                for code in np.flatnonzero(counts).tolist():
                    metric.labels(SIGNALS[code].value).inc(int(counts[code]))
        rejections = Counter(refused.reason for _, refused in fresh.others if isinstance(refused, Rejection))
        for reason, count in rejections.items():
            metrics.REJECTIONS.labels(reason.value).inc(count)


def _sender(refused: Rejection) -> str:
    """The enrolled device that sent it; of a pack the gateway, not the device the record names. Empty for strangers."""
    if refused.reason is Reason.UNKNOWN_DEVICE:
        return ""
    if refused.address is not None:
        return refused.device_id or ""
    topic = parse_topic(refused.topic)
    return topic.device_id if topic is not None else ""


def storable(text: str) -> str:
    """The text as any store takes it: lone surrogates and NUL written out, cut to 255 characters."""
    return text.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")[:KEPT_TEXT]


def forget_rejections(engine: Engine, before: Millis) -> int:
    """Delete kept rejections received before this home time, and unclaimed devices last heard before it; how many rows."""
    with engine.begin() as connection:
        gone = connection.execute(delete(rejection).where(rejection.c.received_at < before)).rowcount
        return gone + connection.execute(delete(unclaimed).where(unclaimed.c.last_received_at < before)).rowcount


def _keep_rejections(connection: Connection, entries: Sequence[Entry], rows: list[dict[str, object]]) -> None:
    """Put the rows of this stretch of the journal in place of whatever was kept of it before."""
    first, last = entries[0].offset, entries[-1].offset
    # What the history refused is its to keep.
    ours = rejection.c.offset.between(first, last) & (rejection.c.reason != Reason.HISTORY_REFUSED.value)
    asked = select(rejection.c.offset, rejection.c.index, rejection.c.retried_at).where(ours, rejection.c.retried_at.is_not(None))
    retried = {(offset, index): at for offset, index, at in connection.execute(asked)}
    connection.execute(delete(rejection).where(ours))
    if rows:
        # What somebody had read again is not to be asked for a second time: a vendor's message would be counted twice.
        at = [retried.get((row["offset"], row["index"])) for row in rows]
        connection.execute(insert(rejection), [row | {"retried_at": one} for row, one in zip(rows, at, strict=True)])


def _claim(connection: Connection, enrolled: Sequence[DeviceEnrolled]) -> None:
    device_ids = [fact.device_id for fact in enrolled]
    if device_ids:
        addresses = [fact.address for fact in enrolled if fact.address is not None]
        ours = or_(unclaimed.c.device_id.in_(device_ids), unclaimed.c.address.in_(addresses))
        connection.execute(delete(unclaimed).where(ours))


def _keep_unclaimed(connection: Connection, sightings: dict[DeviceId, _Sighting]) -> None:
    if not sightings:
        return
    room = UNCLAIMED_DEVICES - (connection.execute(select(func.count()).select_from(unclaimed)).scalar() or 0)
    for device_id, seen in sightings.items():
        known = connection.execute(select(unclaimed.c.last_offset).where(unclaimed.c.device_id == device_id)).scalar()
        new = [offset for offset in seen.offsets if known is None or offset > known]
        if not new or (known is None and room <= 0):
            continue
        latest = {
            "last_offset": new[-1],
            "last_received_at": seen.received_at,
            "topic": seen.topic,
            "payload": seen.payload,
        }
        if known is None:
            room -= 1
            known_by = {"device_id": device_id, "dialect": guess_dialect(seen.topic, seen.payload), "address": seen.address}
            connection.execute(insert(unclaimed).values(**known_by, first_offset=new[0], messages=len(new), **latest))
        else:
            changed = update(unclaimed).where(unclaimed.c.device_id == device_id)
            connection.execute(changed.values(messages=unclaimed.c.messages + len(new), **latest))
