"""Sparkplug B: protobuf metrics that are named at birth and go by alias afterwards, numbered per edge node.

A birth says everything again, so nothing in it is an event. After a gap in the numbers a birth may have been missed:
until the next one aliases mean nothing, save for alarms, and the node is to be asked for a rebirth. A death counts
only when it is of the birth we know: a last will may come late.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from ingest.dialects.native import Fault
from ingest.dialects.port import Route, pass_by
from ingest.dialects.sparkplug_wire import parse, value_of
from ingest.dialects.values import Hearing, faulty, signal_of
from ingest.heard import Heard
from ingest.reading import URGENT, Reason, Signal
from ingest.wire import MAX_PAYLOAD_BYTES

NODES = 1_000
"""Edge nodes remembered; of one forgotten the next message asks for a rebirth."""

METRICS = 500
"""Metrics remembered of one birth."""

_ROOT = "spBv1.0"
_NODE = ("NBIRTH", "NDATA", "NDEATH")
_DEVICE = ("DBIRTH", "DDATA", "DDEATH")


class _Metric(msgspec.Struct, array_like=True):
    name: str
    datatype: int


class _Node(msgspec.Struct, array_like=True):
    """What is known of one edge node."""

    seq: int | None = None  # of the newest message in order
    bd_seq: int | None = None  # of the newest birth
    lost: bool = True  # a birth is needed before aliases mean anything
    births: dict[str, dict[int, _Metric]] = {}  # device, or "" for the node itself: its metrics by alias


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(dict[str, _Node])


def command_topic(node: str) -> str:
    """Where a node (`{group}/{node}`) listens for commands."""
    group, _, name = node.partition("/")
    return f"{_ROOT}/{group}/NCMD/{name}"


class Sparkplug:
    """The address is `{group}/{node}` or `{group}/{node}/{device}`."""

    name = "sparkplug"
    filters = (f"{_ROOT}/+/+/+", f"{_ROOT}/+/+/+/+")
    lasting = frozenset((Signal.MOTION, Signal.DOOR))

    def __init__(self) -> None:
        self._nodes: dict[str, _Node] = {}

    def route(self, topic: str) -> Route | None:
        """Births, data and deaths; commands are not a device's word."""
        parts = topic.split("/")
        if parts[0] != _ROOT or len(parts) not in (4, 5) or not all(parts):
            return None
        _, group, kind, node, *device = parts
        if kind not in (_DEVICE if device else _NODE):
            return pass_by(self.name)
        return Route(self.name, "/".join((group, node, *device)), partial(self._hear, f"{group}/{node}", kind, "".join(device)))

    def lost(self) -> Iterator[str]:
        """Nodes, as `{group}/{node}`, whose births are needed anew."""
        return (name for name, node in self._nodes.items() if node.lost)

    def snapshot(self) -> bytes:
        """The births and numbers of all nodes, the longest unheard first."""
        return _encoder.encode(self._nodes)

    def restore(self, state: bytes | None) -> None:
        """Begin from a snapshot, or from nothing; msgspec.ValidationError for bytes that are no snapshot."""
        self._nodes = _decoder.decode(state) if state is not None else {}

    def _hear(self, name: str, kind: str, device: str, payload: bytes) -> Heard:
        if len(payload) > MAX_PAYLOAD_BYTES:
            return faulty(Fault(Reason.TOO_LARGE, f"{len(payload)} bytes, more than {MAX_PAYLOAD_BYTES}"))
        body = parse(payload)
        if body is None:
            return faulty(Fault(Reason.UNPARSABLE, "no Sparkplug B payload"))
        node = self._nodes.pop(name, None) or _Node()
        self._nodes[name] = node
        if len(self._nodes) > NODES:
            del self._nodes[next(iter(self._nodes))]
        if kind == "NDEATH":
            return _hear_node_death(name, node, body)
        if not body.HasField("seq") or body.seq > 255:
            return faulty(Fault(Reason.MISSING_FIELD, "seq is missing, or above 255"))
        _number(node, kind, body)
        if kind in ("NBIRTH", "DBIRTH"):
            _note_birth(node, device, body)
        hearing = Hearing()
        if kind == "DDEATH":
            node.births.pop(device, None)
        if kind != "NDATA" and kind != "DDATA":
            hearing.say(Signal.STATUS, kind != "DDEATH")
        _say_metrics(hearing, node, device, body)
        return hearing.heard(restated=kind in ("NBIRTH", "DBIRTH"))


def _number(node: _Node, kind: str, body: Any) -> None:
    """Follow the numbers: a birth of the node begins them, the one before again is a repeat, any other is a gap."""
    if kind == "NBIRTH":
        node.lost = False
        node.births = {}
    elif node.seq is None or body.seq not in (node.seq, (node.seq + 1) % 256):
        node.lost = True
    node.seq = int(body.seq)


def _note_birth(node: _Node, device: str, body: Any) -> None:
    if len(node.births) >= METRICS:
        node.births.clear()
        node.lost = True
    born: dict[int, _Metric] = {}
    for metric in body.metrics:
        if metric.name == "bdSeq" and not device:
            node.bd_seq = _bd_seq(body)
        elif metric.HasField("alias") and len(born) < METRICS:
            born[metric.alias] = _Metric(metric.name[-100:], metric.datatype)
    node.births[device] = born


def _bd_seq(body: Any) -> int | None:
    for metric in body.metrics:
        if metric.name == "bdSeq":
            value = value_of(metric, metric.datatype)
            return int(value) if isinstance(value, (int, float)) and value == value and abs(value) < 2**63 else None
    return None


def _hear_node_death(name: str, node: _Node, body: Any) -> Heard:
    """The node and all its devices are offline, unless the will is of an earlier birth."""
    hearing = Hearing()
    told = _bd_seq(body)
    if told is not None and node.bd_seq is not None and told != node.bd_seq:
        return hearing.heard()
    hearing.say(Signal.STATUS, 0)
    for device in node.births:
        if device:
            hearing.say_of(f"{name}/{device}", Signal.STATUS, 0.0)
    node.births, node.seq, node.bd_seq = {}, None, None
    node.lost = False  # nobody is there to ask; its next birth, or its next word, decides
    return hearing.heard()


def _say_metrics(hearing: Hearing, node: _Node, device: str, body: Any) -> None:
    born = node.births.get(device, {})
    for metric in body.metrics:
        known = born.get(metric.alias) if metric.HasField("alias") else None
        name = metric.name or (known.name if known else "")
        if not name:
            node.lost = True
            hearing.wrong(Reason.MISSING_FIELD, f"alias {metric.alias} is of no birth that was heard")
            continue
        signal = signal_of(name)
        if signal is None or metric.is_null:
            continue
        if not metric.name and node.lost and signal not in URGENT:
            hearing.wrong(Reason.BAD_FIELD, f"alias {metric.alias} may have changed: the numbers have a gap, a rebirth is needed")
            continue
        at = metric.timestamp if metric.HasField("timestamp") else body.timestamp if body.HasField("timestamp") else None
        value = value_of(metric, metric.datatype or (known.datatype if known else 0))
        hearing.say(signal, value, t=None if at is None else at / 1_000, channel=name[-32:])
