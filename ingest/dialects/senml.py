"""SenML: how a gateway's pack reads, an array (RFC 8428) whose first two records number it.

A `call` record is the number of calls answered or dialled.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec

from ingest.dating import RELATIVE_BELOW_S
from ingest.dialects.even_pack import hear_even_pack
from ingest.dialects.native import NOT_SENT, Fault, explain, is_plain_zero, number_fault, plain_number, read_value
from ingest.dialects.port import Route
from ingest.dialects.senml_names import MAX_RECORDS, UNITS, read_name
from ingest.heard import Heard, Said, Wrong
from ingest.reading import URGENT, Reason, Signal
from ingest.wire import MAX_PAYLOAD_BYTES, PACK, ROOT, PackRecord, parse_topic


class _Ill(msgspec.Struct):
    """What can be read of a record that is not well: enough to keep the names and times of those after it right."""

    bn: str | None = None
    bt: float | None = None
    n: str | None = None
    v: msgspec.Raw = NOT_SENT
    vb: msgspec.Raw = NOT_SENT
    t: msgspec.Raw = NOT_SENT


class _Broken(NamedTuple):
    """A record whose value cannot be read; `ill` is None where its base name and time cannot either."""

    fault: Fault
    ill: _Ill | None


class _Numbers(NamedTuple):
    boot: int | None
    seq: int | None
    fault: Fault | None


class Senml:
    """Packs of our own gateways, numbered and named as native topics are."""

    name = "senml"
    filters = (f"{ROOT}/+/+/+/{PACK}",)
    lasting: frozenset[Signal] = frozenset()

    def route(self, topic: str) -> Route | None:
        """The gateway whose pack it is."""
        parts = parse_topic(topic)
        if parts is None or parts.signal != PACK:
            return None
        return Route(self.name, parts.device_id, hear_pack, parts, hear_even_pack)


_decode = msgspec.json.Decoder(list[PackRecord]).decode
_decode_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_record = msgspec.json.Decoder(PackRecord).decode
_decode_ill = msgspec.json.Decoder(_Ill).decode

_Record: TypeAlias = PackRecord | _Broken


def hear_pack(payload: bytes) -> Heard:
    """What a pack says; never raises. Index of a value: its record's place in the array.

    A record that is not well is wrong by itself; only one whose base name or base time cannot be read ends the pack,
    since nobody can tell any more whose the rest is. Of a pack without its numbers, or with too many records, the
    urgent values alone are heard.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        return Heard([], [Wrong(Reason.TOO_LARGE, f"{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}")])
    try:
        if not payload.isascii():
            payload.decode()
        records = _read_records(payload)
    except (ValueError, RecursionError) as error:
        return Heard([], [Wrong(*explain(error))])
    numbers = _read_numbers(records)
    heard = Heard([], [], numbers.boot, numbers.seq)
    _hear_records(records, heard.said, heard.wrong)
    if numbers.fault is None:
        return heard
    return Heard([one for one in heard.said if one.signal in URGENT], [Wrong(*numbers.fault)])


def _read_records(payload: bytes) -> list[_Record]:
    try:
        return list(_decode(payload))
    except msgspec.ValidationError:  # JSON, but not every record of the right kinds: take them one by one
        return [_read_record(raw) for raw in _decode_raw(payload)]


def _read_record(raw: msgspec.Raw) -> _Record:
    try:
        return _decode_record(raw)
    except (ValueError, RecursionError) as error:
        fault = explain(error)
    try:
        return _Broken(fault, _decode_ill(raw))
    except (ValueError, RecursionError):
        return _Broken(Fault(fault.reason, f"{fault.detail}; whose the records after it are cannot be told"[:250]), None)


def _read_numbers(records: list[_Record]) -> _Numbers:
    """The pack's boot and seq out of its first two records."""
    found: list[int] = []
    for position, name in enumerate(("boot", "seq")):
        record = records[position] if position < len(records) else None
        if not isinstance(record, PackRecord) or record.n != name or record.v is None:
            return _Numbers(None, None, Fault(Reason.MISSING_FIELD, f"record {position} must be {name} with a number"))
        if not record.v.is_integer():
            return _Numbers(None, None, Fault(Reason.BAD_FIELD, f"{name} must be a whole number"))
        found.append(int(record.v))
    boot, seq = found
    fault = number_fault(boot, seq)
    if fault is None and len(records) > MAX_RECORDS + 2:
        fault = Fault(Reason.TOO_LARGE, f"{len(records) - 2} records, more than {MAX_RECORDS}")
    return _Numbers(None, None, fault) if fault is not None else _Numbers(boot, seq, None)


def _hear_records(records: list[_Record], said: list[Said], wrong: list[Wrong]) -> None:
    base_name = ""
    base_time: float | None = None
    for index, record in enumerate(records):
        body = record.ill if isinstance(record, _Broken) else record
        if body is None:
            assert isinstance(record, _Broken)
            wrong.append(Wrong(record.fault.reason, record.fault.detail, index))
            return
        base_name = base_name if body.bn is None else body.bn
        base_time = base_time if body.bt is None else body.bt
        if index < 2:
            continue
        named = read_name(base_name, body.n)
        if isinstance(named, Fault):
            wrong.append(Wrong(named.reason, named.detail, index))
            continue
        device_id, signal = named
        value = record.fault if isinstance(record, _Broken) else _read_record_value(signal, record)
        if isinstance(value, Fault):
            wrong.append(Wrong(value.reason, value.detail, index, device_id))
            if signal not in URGENT:
                continue
            value = 0.0 if isinstance(body, _Ill) and (is_plain_zero(body.v) or is_plain_zero(body.vb)) else 1.0
        t = body.t if isinstance(body, PackRecord) else plain_number(body.t)
        if t is None and base_time is None:
            said.append(Said(index, device_id, signal, value))
        else:
            t = (t or 0.0) + (base_time or 0.0)
            said.append(Said(index, device_id, signal, value, t, abs(t) < RELATIVE_BELOW_S))


def _read_record_value(signal: Signal, record: PackRecord) -> float | Fault:
    if record.v is not None and record.u is None and record.vb is None and record.vs is None:
        return read_value(signal, record.v)  # as nearly every record is
    units = UNITS.get(signal)
    if record.u is not None and units is not None and record.u not in units:
        return Fault(Reason.BAD_FIELD, f"u of {signal} must be {' or '.join(sorted(units))}")
    given = [value for value in (record.v, record.vb, record.vs) if value is not None]
    if len(given) > 1:
        return Fault(Reason.BAD_FIELD, "a record has one of v, vb and vs")
    return read_value(signal, given[0] if given else None)
