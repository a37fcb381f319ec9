"""Which dialect a device seems to speak, and what it said in it: hints for whoever claims it."""

from __future__ import annotations

from ingest.dialects.registry import DIALECTS, make_dialects
from ingest.reading import Signal
from ingest.vendors import Vendors

UNKNOWN = "unknown"


def guess_dialect(topic: str, payload: bytes) -> str:
    """The name of the dialect the topic is of, switched on or not; `unknown`. An array on a topic of ours is SenML."""
    route = Vendors(make_dialects(DIALECTS)).route(topic)
    if route is None:
        return UNKNOWN
    return "senml" if route.dialect == "native" and payload.lstrip()[:1] == b"[" else route.dialect


def heard_signals(topic: str, payload: bytes) -> frozenset[Signal]:
    """The signals this one message brings, as far as it can be read by itself."""
    route = Vendors(make_dialects(DIALECTS)).route(topic)
    return frozenset(said.signal for said in route.hear(payload).said) if route is not None else frozenset()
