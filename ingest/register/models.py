"""What common models of devices send, so that nobody has to type it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.reading import Signal


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """The signals of a model and how often it reports, in seconds (0: when something happens)."""

    signals: tuple[Signal, ...]
    report_interval_s: int = 0


MODELS: Mapping[str, Model] = {
    "motion": Model(signals=(Signal.MOTION, Signal.BATTERY)),
    "door": Model(signals=(Signal.DOOR, Signal.BATTERY)),
    "climate": Model(signals=(Signal.TEMPERATURE, Signal.HUMIDITY, Signal.BATTERY), report_interval_s=600),
    "multi": Model(signals=(Signal.MOTION, Signal.TEMPERATURE, Signal.HUMIDITY, Signal.LIGHT), report_interval_s=600),
    "phone": Model(signals=(Signal.CALL, Signal.PHONE, Signal.STEPS, Signal.SIM, Signal.BATTERY), report_interval_s=3_600),
    "plug": Model(signals=(Signal.POWER,), report_interval_s=600),
    "sos": Model(signals=(Signal.SOS, Signal.BATTERY)),
    "smoke": Model(signals=(Signal.SMOKE, Signal.BATTERY)),
    "gas": Model(signals=(Signal.GAS,)),
    "gateway": Model(signals=(Signal.STATUS,)),
}
"""Any other model can be enrolled with its signals named."""
