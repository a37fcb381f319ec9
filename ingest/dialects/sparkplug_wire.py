"""The few messages of Sparkplug B's protobuf schema (Eclipse Tahu) that we read and write, described in code."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_PACKAGE = "org.eclipse.tahu.protobuf"
_FIELD = descriptor_pb2.FieldDescriptorProto

_METRIC = (
    ("name", 1, _FIELD.TYPE_STRING),
    ("alias", 2, _FIELD.TYPE_UINT64),
    ("timestamp", 3, _FIELD.TYPE_UINT64),
    ("datatype", 4, _FIELD.TYPE_UINT32),
    ("is_historical", 5, _FIELD.TYPE_BOOL),
    ("is_null", 7, _FIELD.TYPE_BOOL),
)
_VALUES = (
    ("int_value", 10, _FIELD.TYPE_UINT32),
    ("long_value", 11, _FIELD.TYPE_UINT64),
    ("float_value", 12, _FIELD.TYPE_FLOAT),
    ("double_value", 13, _FIELD.TYPE_DOUBLE),
    ("boolean_value", 14, _FIELD.TYPE_BOOL),
    ("string_value", 15, _FIELD.TYPE_STRING),
)
_SIGNED = {1: 8, 2: 16, 3: 32, 4: 64}
"""Data types Int8 to Int64 and their bits: they travel as unsigned."""

BOOLEAN = 11


def _describe() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="anbu/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    payload = file.message_type.add(name="Payload")
    metric = payload.nested_type.add(name="Metric")
    metric.oneof_decl.add(name="value")
    for name, number, kind in _METRIC:
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL)
    for name, number, kind in _VALUES:
        metric.field.add(name=name, number=number, type=kind, label=_FIELD.LABEL_OPTIONAL, oneof_index=0)
    payload.field.add(name="timestamp", number=1, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    payload.field.add(
        name="metrics",
        number=2,
        type=_FIELD.TYPE_MESSAGE,
        type_name=f".{_PACKAGE}.Payload.Metric",
        label=_FIELD.LABEL_REPEATED,
    )
    payload.field.add(name="seq", number=3, type=_FIELD.TYPE_UINT64, label=_FIELD.LABEL_OPTIONAL)
    return file


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_describe())
Payload: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
"""The generated class; protobuf makes it while running, so no type checker knows its fields."""


def parse(payload: bytes) -> Any:
    """The payload; None for bytes that are none."""
    try:
        return Payload.FromString(payload)
    except DecodeError:
        return None


def value_of(metric: Any, datatype: int) -> bool | float | str | None:
    """The metric's value; None where it has none, or one of a kind we do not read."""
    kind = metric.WhichOneof("value")
    if kind is None or metric.is_null:
        return None
    value: bool | int | float | str = getattr(metric, kind)
    bits = _SIGNED.get(datatype)
    if bits is not None and kind in ("int_value", "long_value") and isinstance(value, int):
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value
    return value


def rebirth_command(at_ms: int) -> bytes:
    """What asks an edge node for its births anew."""
    command = Payload(timestamp=at_ms)
    command.metrics.add(name="Node Control/Rebirth", timestamp=at_ms, datatype=BOOLEAN, boolean_value=True)
    encoded: bytes = command.SerializeToString()
    return encoded
