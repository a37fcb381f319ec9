"""The one way into the register: a change queues its fact, a look at a personal field is logged, each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from ingest.clock import SEOUL, Clock, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import DeviceEnrolled, DeviceRemoved, HouseholdEnded, HouseholdEnrolled, HouseholdGraded
from ingest.reading import DeviceId, DongCode, HouseholdId, Signal
from ingest.register import tables
from ingest.register.homes import AlreadyRegistered, Device, Dong, EntryWrong, Grade, Household, NotRegistered, check_address
from ingest.register.people import Guardian, People, Resident, mask, shown_fields
from ingest.register.vault import log_view, open_people, write_guardians, write_resident
from ingest.seal import Sealer
from ingest.wire import ID

_households = select(tables.household)
_devices = select(tables.device, tables.household.c.dong_code).join(tables.household)


class Register:
    """Dongs, households, devices and people. Safe to use from several threads.

    Raises NotRegistered for an id nobody entered, AlreadyRegistered for one entered twice, EntryWrong for a field
    that cannot be; nothing is written then. `at` is home time; a dong of None sees all dongs.
    """

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock) -> None:
        self._engine = engine
        self._sealer = sealer
        self._clock = clock

    def add_dong(self, code: str, name: str) -> Dong:
        """Enter a dong."""
        dong = Dong(code=DongCode(_valid_id("dong code", code)), name=_filled("dong name", name, 64))
        with self._engine.begin() as connection:
            if connection.execute(select(tables.dong.c.code).where(tables.dong.c.code == code)).first():
                raise AlreadyRegistered("dong", code)
            connection.execute(insert(tables.dong).values(msgspec.structs.asdict(dong)))
        return dong

    def enrol_household(
        self,
        household_id: str,
        dong_code: str,
        *,
        grade: str = Grade.ORDINARY,
        at: Millis,
        resident: Resident | None = None,
        guardians: Sequence[Guardian] = (),
    ) -> Household:
        """Look after this household from `at` on."""
        household = Household(
            id=HouseholdId(_valid_id("household id", household_id)),
            dong_code=DongCode(dong_code),
            grade=_valid_grade(grade),
            enrolled_at=at,
        )
        with self._engine.begin() as connection:
            if not connection.execute(select(tables.dong.c.code).where(tables.dong.c.code == dong_code)).first():
                raise NotRegistered("dong", dong_code)
            if connection.execute(_households.where(tables.household.c.id == household_id)).first():
                raise AlreadyRegistered("household", household_id)
            connection.execute(insert(tables.household).values(msgspec.structs.asdict(household)))
            if resident is not None:
                write_resident(connection, self._sealer, household.id, resident)
            write_guardians(connection, self._sealer, household.id, guardians)
            fact_id = f"household_enrolled:{household_id}"
            queue_fact(
                connection,
                HouseholdEnrolled(
                    fact_id=fact_id, at=at, household_id=household.id, dong_code=household.dong_code, grade=household.grade
                ),
            )
        return household

    def set_grade(self, household_id: str, grade: str, *, at: Millis) -> Household:
        """Change the risk grade; the grade it already has changes nothing."""
        wanted = _valid_grade(grade)
        with self._engine.begin() as connection:
            household = _living_household(connection, household_id)
            if household.grade == wanted:
                return household
            connection.execute(update(tables.household).where(tables.household.c.id == household.id).values(grade=wanted))
            fact_id = f"household_graded:{uuid4().hex}"
            queue_fact(connection, HouseholdGraded(fact_id=fact_id, at=at, household_id=household.id, grade=wanted))
        return msgspec.structs.replace(household, grade=wanted)

    def end_household(self, household_id: str, *, at: Millis) -> None:
        """Stop looking after this household; its devices stand nowhere from `at` on."""
        with self._engine.begin() as connection:
            household = _living_household(connection, household_id)
            connection.execute(update(tables.household).where(tables.household.c.id == household.id).values(ended_at=at))
            standing = update(tables.device).where(tables.device.c.household_id == household.id)
            connection.execute(standing.values(household_id=None, removed_at=at, address=None))
            fact_id = f"household_ended:{household.id}"
            queue_fact(connection, HouseholdEnded(fact_id=fact_id, at=at, household_id=household.id))

    def enrol_device(
        self,
        device_id: str,
        household_id: str,
        *,
        model: str,
        signals: Sequence[str],
        report_interval_s: int,
        at: Millis,
        address: str | None = None,
        zone: str = SEOUL.key,
    ) -> Device:
        """Put the device into this household from `at` on, out of the one it stood in before.

        `address` is the `dialect/vendor id` a vendor's device is known by; AlreadyRegistered where another one has it.
        """
        _valid_id("device id", device_id)
        check_address(address, zone)
        _filled("model", model, 64)
        unknown = [signal for signal in signals if signal not in set(Signal)]
        if unknown:
            raise EntryWrong(f"signals: {', '.join(unknown)} unknown; there are {', '.join(Signal)}")
        if report_interval_s < 0:
            raise EntryWrong(f"report_interval_s: {report_interval_s} is below 0 (0: speaks only when something happens)")
        with self._engine.begin() as connection:
            household = _living_household(connection, household_id)
            device = Device(
                id=DeviceId(device_id),
                household_id=household.id,
                dong_code=household.dong_code,
                model=model,
                signals=tuple(dict.fromkeys(str(signal) for signal in signals)),
                report_interval_s=report_interval_s,
                enrolled_at=at,
                address=address,
                zone=zone,
            )
            _place(connection, device)
        return device

    def move_device(self, device_id: str, household_id: str, *, at: Millis) -> Device:
        """Put a device that stands in one household into another from `at` on."""
        with self._engine.begin() as connection:
            device = _standing_device(connection, device_id)
            household = _living_household(connection, household_id)
            moved = msgspec.structs.replace(device, household_id=household.id, dong_code=household.dong_code, enrolled_at=at)
            _place(connection, moved)
        return moved

    def remove_device(self, device_id: str, *, at: Millis) -> None:
        """The device stands in no household from `at` on."""
        with self._engine.begin() as connection:
            device = _standing_device(connection, device_id)
            row = update(tables.device).where(tables.device.c.id == device.id)
            connection.execute(row.values(household_id=None, removed_at=at, address=None))
            queue_fact(connection, DeviceRemoved(fact_id=f"device_removed:{uuid4().hex}", at=at, device_id=device.id))

    def dongs(self) -> list[Dong]:
        """All dongs by code."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(tables.dong).order_by(tables.dong.c.code)).all()
        return [Dong(code=row.code, name=row.name) for row in rows]

    def households(self, dong: str | None = None, *, ended: bool = False) -> list[Household]:
        """Households of the dong by id: those looked after, or with `ended` those no longer."""
        over = tables.household.c.ended_at.is_not(None) if ended else tables.household.c.ended_at.is_(None)
        wanted = _households.where(over).order_by(tables.household.c.id)
        if dong is not None:
            wanted = wanted.where(tables.household.c.dong_code == dong)
        with self._engine.connect() as connection:
            return [_household(row) for row in connection.execute(wanted)]

    def household(self, household_id: str, dong: str | None = None) -> Household | None:
        """This household, ended or not; None where there is none, or where it is another dong's."""
        wanted = _households.where(tables.household.c.id == household_id)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        return None if row is None or dong not in (None, row.dong_code) else _household(row)

    def devices(self, *, dong: str | None = None, household: str | None = None) -> list[Device]:
        """Devices that stand in a household, by id."""
        wanted = _devices.order_by(tables.device.c.id)
        if dong is not None:
            wanted = wanted.where(tables.household.c.dong_code == dong)
        if household is not None:
            wanted = wanted.where(tables.household.c.id == household)
        with self._engine.connect() as connection:
            return [_device(row) for row in connection.execute(wanted)]

    def put_resident(self, household_id: str, resident: Resident) -> None:
        """Enter or replace the resident."""
        with self._engine.begin() as connection:
            household = _living_household(connection, household_id)
            connection.execute(delete(tables.resident).where(tables.resident.c.household_id == household.id))
            write_resident(connection, self._sealer, household.id, resident)

    def put_guardians(self, household_id: str, guardians: Sequence[Guardian]) -> None:
        """Enter or replace those to call for the resident, in the order of calling."""
        with self._engine.begin() as connection:
            household = _living_household(connection, household_id)
            connection.execute(delete(tables.guardian).where(tables.guardian.c.household_id == household.id))
            write_guardians(connection, self._sealer, household.id, guardians)

    def view_people(self, household_id: str, *, login: str, purpose: str) -> People:
        """The people of this household in clear; the look is logged in the same transaction. Raises SealBroken."""
        with self._engine.begin() as connection:
            _known_household(connection, household_id)
            people = open_people(connection, self._sealer, household_id)
            self._look(connection, household_id, login, purpose, ",".join(shown_fields(people)))
        return people

    def masked_people(self, household_id: str, *, login: str, purpose: str) -> People:
        """The people as `mask` shows them; opening the seal for it is logged too. Raises SealBroken."""
        with self._engine.begin() as connection:
            _known_household(connection, household_id)
            people = mask(open_people(connection, self._sealer, household_id))
            self._look(connection, household_id, login, purpose, "masked:" + ",".join(shown_fields(people)))
        return people

    def _look(self, connection: Connection, household_id: str, login: str, purpose: str, fields: str) -> None:
        at = self._clock.machine_now()
        log_view(connection, at=at, household_id=household_id, login=login, fields=fields, purpose=purpose)


def _place(connection: Connection, device: Device) -> None:
    row = {
        "id": device.id,
        "household_id": device.household_id,
        "model": device.model,
        "signals": ",".join(device.signals),
        "report_interval_s": device.report_interval_s,
        "enrolled_at": device.enrolled_at,
        "removed_at": None,
        "address": device.address,
        "zone": device.zone,
    }
    if device.address is not None:
        taken = select(tables.device.c.id).where(tables.device.c.address == device.address, tables.device.c.id != device.id)
        if connection.execute(taken).first():
            raise AlreadyRegistered("address", device.address)
    if not connection.execute(update(tables.device).where(tables.device.c.id == device.id).values(row)).rowcount:
        connection.execute(insert(tables.device).values(row))
    connection.execute(delete(tables.unclaimed).where(tables.unclaimed.c.device_id == device.id))
    if device.address is not None:
        connection.execute(delete(tables.unclaimed).where(tables.unclaimed.c.address == device.address))
    fact = DeviceEnrolled(
        fact_id=f"device_enrolled:{uuid4().hex}",
        at=device.enrolled_at,
        device_id=device.id,
        household_id=device.household_id,
        signals=device.signals,
        report_interval_s=device.report_interval_s,
        address=device.address,
        zone=device.zone,
    )
    queue_fact(connection, fact)


def _known_household(connection: Connection, household_id: str) -> Household:
    row = connection.execute(_households.where(tables.household.c.id == household_id)).first()
    if row is None:
        raise NotRegistered("household", household_id)
    return _household(row)


def _living_household(connection: Connection, household_id: str) -> Household:
    household = _known_household(connection, household_id)
    if household.ended_at is not None:
        raise NotRegistered("household", household_id, ended=True)
    return household


def _standing_device(connection: Connection, device_id: str) -> Device:
    row = connection.execute(_devices.where(tables.device.c.id == device_id)).first()
    if row is None:
        raise NotRegistered("device", device_id)
    return _device(row)


def _household(row: Row[Any]) -> Household:
    return Household(
        id=row.id, dong_code=row.dong_code, grade=Grade(row.grade), enrolled_at=row.enrolled_at, ended_at=row.ended_at
    )


def _device(row: Row[Any]) -> Device:
    return Device(
        id=row.id,
        household_id=row.household_id,
        dong_code=row.dong_code,
        model=row.model,
        signals=tuple(row.signals.split(",")) if row.signals else (),
        report_interval_s=row.report_interval_s,
        enrolled_at=row.enrolled_at,
        address=row.address,
        zone=row.zone or SEOUL.key,
    )


def _valid_id(what: str, text: str) -> str:
    if not ID.match(text):
        raise EntryWrong(f"{what}: {text!r} must be 1 to 32 of a-z, 0-9 and -")
    return text


def _valid_grade(text: str) -> Grade:
    try:
        return Grade(text)
    except ValueError as error:
        raise EntryWrong(f"grade: {text!r} must be one of {', '.join(Grade)}") from error


def _filled(what: str, text: str, limit: int) -> str:
    if not 0 < len(text.strip()) <= limit:
        raise EntryWrong(f"{what}: must have 1 to {limit} characters")
    return text
