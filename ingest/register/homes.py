"""The nouns of the register that are no personal data: dongs, households, devices, and what it refuses."""

from __future__ import annotations

import re
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ingest.clock import Millis
from ingest.reading import DeviceId, DongCode, HouseholdId


class Grade(StrEnum):
    """Risk grade (위험군); a higher one may shorten limits, never lengthen them."""

    HIGH = "high"
    ELEVATED = "elevated"
    ORDINARY = "ordinary"


class Dong(msgspec.Struct, frozen=True, kw_only=True):
    """A neighbourhood with its community centre."""

    code: DongCode
    name: str


class Household(msgspec.Struct, frozen=True, kw_only=True):
    """One home that is looked after from `enrolled_at` (home time) until `ended_at`."""

    id: HouseholdId
    dong_code: DongCode
    grade: Grade
    enrolled_at: Millis
    ended_at: Millis | None = None
    carrier: str | None = None  # whose network its gateway speaks by
    building: str | None = None  # a name of the office's own for the building, never an address
    synthetic: bool = False  # nobody lives there: it proves the path, and is left out of lists, queues and figures


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A sensor, button, phone or gateway that stands in a household since `enrolled_at` (home time)."""

    id: DeviceId
    household_id: HouseholdId
    dong_code: DongCode
    model: str
    signals: tuple[str, ...]  # values of `ingest.reading.Signal`
    report_interval_s: int  # 0: speaks only when something happens
    enrolled_at: Millis
    address: str | None = None  # `dialect/vendor id` by which a vendor's device is known; None: speaks native
    zone: str = "Asia/Seoul"  # of its own clock, where its dialect gives local time


class NotRegistered(LookupError):
    """The register knows no such dong, household or device, or looks after the household no longer (`ended`)."""

    def __init__(self, kind: str, key: str, *, ended: bool = False) -> None:
        super().__init__(f"the {kind} {key} is looked after no longer" if ended else f"the register knows no {kind} {key}")
        self.kind = kind
        self.key = key
        self.ended = ended


class AlreadyRegistered(ValueError):
    """The register holds this dong or household already."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"the register already holds the {kind} {key}")
        self.kind = kind
        self.key = key


class EntryWrong(ValueError):
    """A field that cannot be entered; the text says which and what would be right."""


def check_address(address: str | None, zone: str) -> None:
    """Raise EntryWrong where a vendor's device cannot have this address, or a clock this zone."""
    if address is not None and not re.match(r"[a-z0-9]{1,16}/[^\x00-\x1f+#]{1,200}\Z", address):
        raise EntryWrong("address: must be a dialect, a slash and the vendor's name of the device, such as zigbee2mqtt/hall pir")
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise EntryWrong(f"zone: {zone!r} is no time zone; such as Asia/Seoul") from error
