"""The nouns of what a device said: a reading, or a rejection with its reason."""

from __future__ import annotations

from enum import StrEnum
from typing import NewType, TypeAlias

import msgspec

from ingest.clock import Millis

DongCode = NewType("DongCode", str)
HouseholdId = NewType("HouseholdId", str)
DeviceId = NewType("DeviceId", str)


class Signal(StrEnum):
    """What was measured; the unit of `Reading.value` stands behind each."""

    code: int  # its place among all of them: an attribute is found in a third of the time an enum takes as a key

    MOTION = "motion"  # 1 seen, 0 the sensor's timer ran out (never life)
    DOOR = "door"  # 1 opened, 0 closed, 2 the resident left, 3 the resident came home (where a device can tell)
    TEMPERATURE = "temperature"  # degrees Celsius
    HUMIDITY = "humidity"  # percent relative humidity
    CALL = "call"  # calls answered or dialled since the last report
    CALL_MISSED = "call_missed"  # calls that came in and were not answered; never life
    PHONE = "phone"  # 1 on, 0 off, -1 unreachable; never life
    SIM = "sim"  # which SIM card is in the phone: a number the phone makes of it, up to 1e15; never life
    STEPS = "steps"  # steps since the last report
    POWER = "power"  # watts
    LIGHT = "light"  # lux
    SOS = "sos"  # 1 pressed
    SMOKE = "smoke"  # 1 smoke
    GAS = "gas"  # 1 gas
    BATTERY = "battery"  # percent
    LINK = "link"  # percent: how well the device's radio is heard; below 8 is weak; never life
    HEARTBEAT = "heartbeat"  # 1; never life
    STATUS = "status"  # gateway: 1 online, 0 offline (last will)


for _code, _signal in enumerate(Signal):
    _signal.code = _code

URGENT = frozenset({Signal.SOS, Signal.SMOKE, Signal.GAS})
"""Passed on at once whatever else is wrong with the message; they never prove life."""

PHONE_STATES = {"on": 1.0, "off": 0.0, "unreachable": -1.0}


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One value of one signal of one device, as the register knew it at that offset of the journal.

    `household_id` is None only for an urgent signal of a device nobody has claimed: its topic's dong is told.
    """

    offset: int  # journal offset of the message it came in
    index: int = 0  # which reading of that message
    dong_code: DongCode
    household_id: HouseholdId | None
    device_id: DeviceId
    signal: Signal
    value: float
    observed_at: Millis  # by the device, corrected as the payload rules say
    received_at: Millis  # by us
    boot: int | None = None
    seq: int | None = None
    credible: bool = True  # False: retained, observed before 2020 or before enrolment; stored, never life
    skewed: bool = False  # the device's clock was over 5 min ahead: observed_at is received_at
    again: bool = False  # of a message that had come before: when it is read once more says nothing of its device


class Reason(StrEnum):
    """Why a message did not become a reading."""

    UNKNOWN_TOPIC = "unknown_topic"
    UNPARSABLE = "unparsable"
    INVALID_UTF8 = "invalid_utf8"
    TOO_LARGE = "too_large"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    UNKNOWN_SIGNAL = "unknown_signal"
    UNKNOWN_DEVICE = "unknown_device"
    REGISTER_MISMATCH = "register_mismatch"  # dong or household of the topic is not the register's
    OUT_OF_RANGE = "out_of_range"
    DUPLICATE = "duplicate"  # counted, changes nothing, not kept
    RETAINED = "retained"  # state of a kind that means nothing when retained (a retained motion, door or call)
    FLOODED = "flooded"  # messages above the device's rate were left out; one rejection stands for many
    SET_ASIDE = "set_aside"  # too much of this device could not be taken: nothing but its alarms is, for a while
    HISTORY_REFUSED = "history_refused"  # it became a reading; the history alone would not keep it


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A message, or one record of it, that could not be taken; the raw bytes stay in the journal at `offset`."""

    offset: int
    index: int = 0
    received_at: Millis
    reason: Reason
    detail: str  # for the installer: which field, what was expected; never a personal detail
    topic: str
    device_id: DeviceId | None = None  # of a stranger's vendor address the id proposed for it (`ingest.vendors.stand_in`)
    address: str | None = None  # `dialect/address` of a vendor's device, the register's way to write it
    messages: int = 1  # how many it stands for: more where a flood was left out, none where it had been read before


Outcome: TypeAlias = Reading | Rejection
