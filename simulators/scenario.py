"""What can be made to go wrong in a simulated home, and since when it has."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from ingest.clock import Millis

NEVER: Millis = 1 << 62
"""Later than every instant: the scenario was not injected."""


class Scenario(StrEnum):
    """One misfortune; all but `SOS` last from their instant on."""

    COLLAPSE = "collapse"  # no movement, door or call any more; the devices go on reporting
    FALL = "fall"  # is seen to move once more, falls, and does not get up again
    HEAT = "heat"  # 36 C and more outside, windows open, no cooling
    COLD = "cold"  # the heating fails in a frost
    PHONE_OFF = "phone_off"  # the carrier's feed tells `off` each hour, calls go unanswered
    GATEWAY_OFF = "gateway_off"  # the last will is told, then nothing more from the whole home
    FROZEN = "frozen"  # a window stands open in a frost: the air falls fast, and below 5 C within a few hours
    PIR_STUCK = "pir_stuck"  # a motion sensor tells motion every 50 s and never pauses, whatever the resident does
    BATTERY_LOW = "battery_low"  # the climate sensor's battery shows 18 %, then 1 % less an hour down to 3 %
    SOS = "sos"  # the button is pressed once


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """This scenario from this instant of home time on."""

    scenario: Scenario
    at: Millis


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Everything injected into one home, as the instants from which it holds (`NEVER` where it does not)."""

    collapse: Millis = NEVER
    fall: Millis = NEVER
    heat: Millis = NEVER
    cold: Millis = NEVER
    phone_off: Millis = NEVER
    gateway_off: Millis = NEVER
    frozen: Millis = NEVER
    pir_stuck: Millis = NEVER
    battery_low: Millis = NEVER
    sos: tuple[Millis, ...] = ()  # each press


def course_of(injections: Iterable[Injection]) -> Course:
    """The injections as one course: of a lasting scenario the earliest counts, of SOS each."""
    since: dict[Scenario, Millis] = {}
    presses: list[Millis] = []
    for injection in injections:
        if injection.scenario is Scenario.SOS:
            presses.append(injection.at)
        else:
            since[injection.scenario] = min(injection.at, since.get(injection.scenario, NEVER))
    return Course(
        collapse=min(since.get(Scenario.COLLAPSE, NEVER), since.get(Scenario.FALL, NEVER)),
        fall=since.get(Scenario.FALL, NEVER),
        heat=since.get(Scenario.HEAT, NEVER),
        cold=since.get(Scenario.COLD, NEVER),
        phone_off=since.get(Scenario.PHONE_OFF, NEVER),
        gateway_off=since.get(Scenario.GATEWAY_OFF, NEVER),
        frozen=since.get(Scenario.FROZEN, NEVER),
        pir_stuck=since.get(Scenario.PIR_STUCK, NEVER),
        battery_low=since.get(Scenario.BATTERY_LOW, NEVER),
        sos=tuple(sorted(presses)),
    )
