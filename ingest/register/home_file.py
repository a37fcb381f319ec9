"""The table in which an office hands over its households: its columns, and what each row of it says or gets wrong.

What is wrong is told by row and column; what stood there is repeated nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

import msgspec

from ingest.reading import Signal
from ingest.register.homes import Grade
from ingest.register.models import MODELS
from ingest.register.people import Guardian, Resident
from ingest.register.phones import normal_phone
from ingest.sheet import SheetRow
from ingest.wire import ID

GUARDIANS = 3
DEVICES = 6

_ONCE: Mapping[str, Sequence[str]] = {
    "household": ("가구번호", "가구"),
    "dong": ("동코드", "동"),
    "grade": ("위험등급", "등급"),
    "name": ("이름", "성명"),
    "address": ("주소",),
    "phone": ("전화번호", "전화"),
    "birth_year": ("출생연도",),
    "note": ("비고",),
    "carrier": ("통신사",),
    "building": ("건물",),
}
_GUARDIAN = {"name": "이름", "phone": "전화", "relation": "관계"}
_DEVICE = {"id": "번호", "model": "모델", "signals": "신호", "interval": "간격초"}

COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        **_ONCE,
        **{f"guardian{n}_{key}": (f"보호자{n}{word}",) for n in range(1, GUARDIANS + 1) for key, word in _GUARDIAN.items()},
        **{f"device{n}_{key}": (f"기기{n}{word}",) for n in range(1, DEVICES + 1) for key, word in _DEVICE.items()},
    }
)
"""Each column with the Korean headings it may have; the template uses the first."""

NEEDED = ("household", "dong", "name")

_GRADES = {
    "고위험군": Grade.HIGH,
    "중위험군": Grade.ELEVATED,
    "일반군": Grade.ORDINARY,
    **{grade.value: grade for grade in Grade},
}
_SIGNALS = {
    "움직임": Signal.MOTION,
    "문": Signal.DOOR,
    "온도": Signal.TEMPERATURE,
    "습도": Signal.HUMIDITY,
    "통화": Signal.CALL,
    "전화기": Signal.PHONE,
    "걸음": Signal.STEPS,
    "전력": Signal.POWER,
    "조도": Signal.LIGHT,
    "응급": Signal.SOS,
    "연기": Signal.SMOKE,
    "가스": Signal.GAS,
    "배터리": Signal.BATTERY,
    **{signal.value: signal for signal in Signal},
}


class Fault(StrEnum):
    """What can be wrong with a cell, or with the household it belongs to."""

    MISSING = "missing"
    BAD_ID = "bad_id"
    UNKNOWN_DONG = "unknown_dong"
    BAD_GRADE = "bad_grade"
    BAD_PHONE = "bad_phone"
    BAD_YEAR = "bad_year"
    BAD_SIGNAL = "bad_signal"
    BAD_INTERVAL = "bad_interval"
    TOO_LONG = "too_long"
    TWICE_IN_FILE = "twice_in_file"
    ALREADY_THERE = "already_there"
    STANDS_ELSEWHERE = "stands_elsewhere"


class CellFault(msgspec.Struct, frozen=True, kw_only=True):
    """A column and what is wrong in it."""

    column: str
    fault: Fault


class DeviceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A device as the row names it."""

    id: str
    model: str
    signals: tuple[str, ...]
    report_interval_s: int
    column: str  # where its id stands


class HomeEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A household as its row has it."""

    line: int
    household_id: str
    dong: str  # code or name
    grade: Grade
    resident: Resident
    guardians: tuple[Guardian, ...]
    devices: tuple[DeviceEntry, ...]
    carrier: str | None
    building: str | None


def read_home(row: SheetRow, *, this_year: int) -> HomeEntry | list[CellFault]:
    """The household of this row, or everything that is wrong with it."""
    cells, faults = row.cells, [CellFault(column=name, fault=Fault.MISSING) for name in NEEDED if name not in row.cells]

    def refuse(column: str, fault: Fault) -> None:
        faults.append(CellFault(column=column, fault=fault))

    household = cells.get("household", "")
    if household and not ID.match(household):
        refuse("household", Fault.BAD_ID)
    grade = _GRADES.get(cells.get("grade", Grade.ORDINARY.value))
    if grade is None:
        refuse("grade", Fault.BAD_GRADE)
    if "phone" in cells and normal_phone(cells["phone"]) is None:
        refuse("phone", Fault.BAD_PHONE)
    year = cells.get("birth_year")
    if year is not None and not (re.fullmatch("[0-9]{4}", year) and 1900 <= int(year) <= this_year):
        refuse("birth_year", Fault.BAD_YEAR)
    for column, most in (("carrier", 32), ("building", 64)):
        if len(cells.get(column, "")) > most:
            refuse(column, Fault.TOO_LONG)
    guardians, devices = _guardians(cells, faults), _devices(cells, faults)
    if faults or grade is None:
        return faults
    resident = Resident(
        name=cells["name"],
        address=cells.get("address", ""),
        phone=cells.get("phone", ""),
        birth_year=int(year) if year is not None else None,
        note=cells.get("note", ""),
    )
    return HomeEntry(
        line=row.line,
        household_id=household,
        dong=cells["dong"],
        grade=grade,
        resident=resident,
        guardians=guardians,
        devices=devices,
        carrier=cells.get("carrier"),
        building=cells.get("building"),
    )


def _guardians(cells: Mapping[str, str], faults: list[CellFault]) -> tuple[Guardian, ...]:
    found: list[Guardian] = []
    for n in range(1, GUARDIANS + 1):
        name, phone, relation = (cells.get(f"guardian{n}_{key}", "") for key in _GUARDIAN)
        if not name and not phone and not relation:
            continue
        if not name:
            faults.append(CellFault(column=f"guardian{n}_name", fault=Fault.MISSING))
        if not phone:
            faults.append(CellFault(column=f"guardian{n}_phone", fault=Fault.MISSING))
        elif normal_phone(phone) is None:
            faults.append(CellFault(column=f"guardian{n}_phone", fault=Fault.BAD_PHONE))
        found.append(Guardian(name=name, phone=phone, relation=relation))
    return tuple(found)


def _devices(cells: Mapping[str, str], faults: list[CellFault]) -> tuple[DeviceEntry, ...]:
    found: list[DeviceEntry] = []
    for n in range(1, DEVICES + 1):
        column = f"device{n}_id"
        device_id, model, signals, interval = (cells.get(f"device{n}_{key}", "") for key in _DEVICE)
        if not device_id and not model and not signals:
            continue
        if not ID.match(device_id):
            faults.append(CellFault(column=column, fault=Fault.BAD_ID if device_id else Fault.MISSING))
        if len(model) > 64:
            faults.append(CellFault(column=f"device{n}_model", fault=Fault.TOO_LONG))
        known = MODELS.get(model)
        named = [_SIGNALS.get(part) for part in re.split(r"[\s,;/·]+", signals) if part]
        if None in named or (not named and known is None):
            faults.append(CellFault(column=f"device{n}_signals", fault=Fault.BAD_SIGNAL if named else Fault.MISSING))
        if interval and not re.fullmatch("[0-9]{1,6}", interval):
            faults.append(CellFault(column=f"device{n}_interval", fault=Fault.BAD_INTERVAL))
            interval = ""
        heard = tuple(signal.value for signal in named if signal) or (tuple(known.signals) if known else ())
        every = int(interval) if interval else known.report_interval_s if known and not named else 0
        found.append(DeviceEntry(id=device_id, model=model or "generic", signals=heard, report_interval_s=every, column=column))
    return tuple(found)
