"""Readings and histories for tests of those who keep them."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.clock import DAY, Millis, VirtualClock
from ingest.history.influx import InfluxHistory
from ingest.history.influx_wire import Address
from ingest.reading import DeviceId, HouseholdId, Reading, Signal
from tests.ingest.entry_parts import DONG, HOME, NOON


def influx_history(address: Address, *, now: Millis = NOON + DAY, raw_kept: Millis | None = None) -> InfluxHistory:
    """On that server, with a home time after all test data and no raw retention unless told."""
    return InfluxHistory(address, VirtualClock(now), refuse_nothing, raw_kept=raw_kept)


def refuse_nothing(refused: Sequence[object]) -> None:
    raise AssertionError(f"refused: {refused}")


def reading(
    offset: int,
    value: float,
    observed_at: Millis,
    *,
    index: int = 0,
    seq: int | None = None,
    household: HouseholdId | None = HOME,
    signal: Signal = Signal.TEMPERATURE,
    credible: bool = True,
) -> Reading:
    return Reading(
        offset=offset,
        index=index,
        seq=seq,
        dong_code=DONG,
        household_id=household,
        device_id=DeviceId("th-1"),
        signal=signal,
        value=value,
        observed_at=observed_at,
        received_at=observed_at,
        credible=credible,
    )
