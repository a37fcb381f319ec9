"""By which numbers, boot and seq, a device is told that its message is durable."""

from __future__ import annotations

import msgspec
import numpy as np

from ingest.decoding import Decoded
from ingest.journal.port import Message
from ingest.window import MAX_BOOT, MAX_SEQ
from ingest.wire import MAX_PAYLOAD_BYTES, PACK, PackRecord


class _Numbers(msgspec.Struct):
    boot: int | None = None
    seq: int | None = None


_decode_numbers = msgspec.json.Decoder(_Numbers).decode
_decode_records = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_record = msgspec.json.Decoder(PackRecord).decode


def numbers_of(decoded: Decoded) -> list[tuple[int, int] | None]:
    """Boot and seq of the first reading of each entry; None where there is no reading."""
    readings = decoded.readings
    if not len(readings):
        return [None] * len(decoded.entries)
    offsets = [entry.offset for entry in decoded.entries]
    first = np.minimum(np.searchsorted(readings.offset, offsets), len(readings) - 1)
    found = zip(readings.offset[first].tolist(), readings.boot[first].tolist(), readings.seq[first].tolist(), strict=True)
    return [(boot, seq) if of == offset else None for offset, (of, boot, seq) in zip(offsets, found, strict=True)]


def numbers_in(message: Message) -> tuple[int | None, int | None]:
    """Boot and seq of a native message of which nothing, or not everything, could be taken; None where they cannot be read."""
    try:
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            return None, None
        if message.topic.endswith("/" + PACK):
            boot, seq = _pack_numbers(message.payload)
        else:
            numbers = _decode_numbers(message.payload)
            boot, seq = numbers.boot, numbers.seq
    except (ValueError, RecursionError):
        return None, None
    if boot is None or seq is None or not 0 <= boot <= MAX_BOOT or not 0 <= seq <= MAX_SEQ:
        return None, None
    return boot, seq


def _pack_numbers(payload: bytes) -> tuple[int | None, int | None]:
    head = [_decode_record(raw) for raw in _decode_records(payload)[:2]]
    if [record.n for record in head] != ["boot", "seq"]:
        return None, None
    boot, seq = (record.v for record in head)
    if boot is None or seq is None or not boot.is_integer() or not seq.is_integer():
        return None, None
    return int(boot), int(seq)
