"""A pack as nearly every pack is, read as columns: every record well and dated, nothing urgent among them.

What is not of that kind is not ours to judge: `hear_pack` reads such a pack record by record, and says of each what is
wrong with it. Both say the same of an even pack (tests/ingest/test_even_pack.py).
"""

from __future__ import annotations

import msgspec
import numpy as np

from ingest.dating import RELATIVE_BELOW_S
from ingest.dialects.native import POWER_ON_CELSIUS, Fault, number_fault, span_of
from ingest.dialects.senml_names import MAX_RECORDS, UNITS, read_name
from ingest.heard import EvenPack
from ingest.reading import URGENT, Signal
from ingest.readings import SIGNALS, Floats, Ints
from ingest.wire import MAX_PAYLOAD_BYTES

_FIRST = 2
"""Index of the first value: boot and seq come before it."""

_HEAD = _FIRST + 1
"""Records that may set a base name or time for all values."""


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    v: float
    n: str = ""
    t: float = 0.0
    u: str | None = None
    bn: str | None = None
    bt: float | None = None


_decode = msgspec.json.Decoder(list[_Record]).decode
_spans = [None if signal in URGENT else span_of(signal) for signal in SIGNALS]
_LOW = np.array([np.inf if one is None else one.low for one in _spans])
_HIGH = np.array([-np.inf if one is None else one.high for one in _spans])
_WHOLE = np.array([one is not None and one.whole for one in _spans])


def hear_even_pack(payload: bytes) -> EvenPack | None:
    """The values of the pack, or None for one to be read record by record; never raises."""
    if len(payload) > MAX_PAYLOAD_BYTES or not payload.isascii() or b"\\" in payload:
        return None  # an escape could hide a field from the counts below
    try:
        records = _decode(payload)
    except (ValueError, RecursionError):
        return None
    if not _FIRST < len(records) <= MAX_RECORDS + _FIRST or (records[0].n, records[1].n) != ("boot", "seq"):
        return None
    boot, seq = records[0].v, records[1].v
    if not (boot.is_integer() and seq.is_integer()) or number_fault(int(boot), int(seq)) is not None:
        return None
    names = [one.bn for one in records[:_HEAD] if one.bn is not None]
    times = [one.bt for one in records[:_HEAD] if one.bt is not None]
    if payload.count(b'"bn"') != len(names) or payload.count(b'"bt"') != len(times):
        return None  # one further on holds for the records after it alone
    base_name, base_time = names[-1] if names else "", times[-1] if times else 0.0
    values = records[_FIRST:]
    units: list[str | None] = [one.u for one in values] if b'"u"' in payload else [None] * len(values)
    return _hear(int(boot), int(seq), base_name, base_time, values, units)


def _hear(
    boot: int, seq: int, base_name: str, base_time: float, values: list[_Record], units: list[str | None]
) -> EvenPack | None:
    named = list(zip([one.n for one in values], units, strict=True))
    kinds = dict.fromkeys(named)
    devices: dict[str, int] = {}
    sensors, codes = [], []
    for place, (name, unit) in enumerate(kinds):
        kinds[name, unit] = place
        said_by = read_name(base_name, name)
        if isinstance(said_by, Fault) or (unit is not None and unit not in UNITS.get(said_by[1], (unit,))):
            return None
        sensors.append(devices.setdefault(said_by[0], len(devices)))
        codes.append(said_by[1].code)
    kind = np.array([kinds[one] for one in named], dtype=np.int64)
    signal = np.array(codes, dtype=np.int64)[kind]
    value = np.array([one.v for one in values])
    t = np.array([one.t for one in values]) + base_time
    if not _are_well(signal, value) or not (t >= RELATIVE_BELOW_S).all():
        return None
    return EvenPack(boot, seq, _FIRST, list(devices), np.array(sensors, dtype=np.int64)[kind], signal, value, t)


def _are_well(signal: Ints, value: Floats) -> bool:
    """Whether each value is one that `read_value` takes."""
    well = (value >= _LOW[signal]) & (value <= _HIGH[signal]) & (~_WHOLE[signal] | (value == np.floor(value)))
    well &= (signal != Signal.TEMPERATURE.code) | (value != POWER_ON_CELSIUS)
    return bool(well.all())
