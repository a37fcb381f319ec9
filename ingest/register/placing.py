"""How a device is put into a home within somebody's transaction, and what the register checks before it writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from ingest.clock import SEOUL, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import DeviceEnrolled, DeviceRemoved, HouseholdEnrolled
from ingest.reading import DeviceId, Reason, Signal
from ingest.register import tables
from ingest.register.homes import AlreadyRegistered, Device, EntryWrong, Grade, Household, NotRegistered, check_address
from ingest.register.people import Guardian, Resident
from ingest.register.vault import write_guardians, write_resident
from ingest.rereading import ask_for_device
from ingest.seal import Sealer
from ingest.vendors import stand_in
from ingest.wire import ID

HOUSEHOLDS = select(tables.household)
DEVICES = select(tables.device, tables.household.c.dong_code).join(tables.household)


def new_device(
    device_id: str,
    household: Household,
    *,
    model: str,
    signals: Sequence[str],
    report_interval_s: int,
    at: Millis,
    address: str | None = None,
    zone: str = SEOUL.key,
) -> Device:
    """A device as it is to stand in this household; EntryWrong for a field that cannot be."""
    valid_id("device id", device_id)
    filled("model", model, 64)
    check_address(address, zone)
    unknown = [signal for signal in signals if signal not in set(Signal)]
    if unknown:
        raise EntryWrong(f"signals: {', '.join(unknown)} unknown; there are {', '.join(Signal)}")
    if report_interval_s < 0:
        raise EntryWrong(f"report_interval_s: {report_interval_s} is below 0 (0: speaks only when something happens)")
    return Device(
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


def enter_household(
    connection: Connection, sealer: Sealer, household: Household, resident: Resident | None, guardians: Sequence[Guardian]
) -> None:
    """Look after this household from its `enrolled_at` on; NotRegistered for its dong, AlreadyRegistered where it is there."""
    if not connection.execute(select(tables.dong.c.code).where(tables.dong.c.code == household.dong_code)).first():
        raise NotRegistered("dong", household.dong_code)
    if connection.execute(HOUSEHOLDS.where(tables.household.c.id == household.id)).first():
        raise AlreadyRegistered("household", household.id)
    connection.execute(insert(tables.household).values(msgspec.structs.asdict(household)))
    if resident is not None:
        write_resident(connection, sealer, household.id, resident)
    write_guardians(connection, sealer, household.id, guardians)
    fact = HouseholdEnrolled(
        fact_id=f"household_enrolled:{household.id}",
        at=household.enrolled_at,
        household_id=household.id,
        dong_code=household.dong_code,
        grade=household.grade,
    )
    queue_fact(connection, fact)


def place(connection: Connection, device: Device, *, at: Millis | None = None, by: str = "register") -> None:
    """Put the device where it says, out of where it stood; what it sent while nobody had enrolled it is read again.

    `at` is home time now where the device has stood there for longer.
    """
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
    _check_free(connection, device)
    if not connection.execute(update(tables.device).where(tables.device.c.id == device.id).values(row)).rowcount:
        connection.execute(insert(tables.device).values(row))
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
    known_as = device.id if device.address is None else stand_in(device.address)
    stranger = tables.unclaimed.c.device_id == known_as
    first = connection.execute(select(tables.unclaimed.c.first_offset).where(stranger)).scalar()
    if first is not None:
        stands = (device.dong_code, device.household_id)
        now = device.enrolled_at if at is None else at
        ask_for_device(connection, known_as, first_offset=first, until_fact=fact.fact_id, place=stands, at=now, by=by)
        connection.execute(delete(tables.unclaimed).where(stranger))
        refused = (tables.rejection.c.device_id == known_as) & (tables.rejection.c.reason == Reason.UNKNOWN_DEVICE)
        connection.execute(update(tables.rejection).where(refused).values(retried_at=now))


def _check_free(connection: Connection, device: Device) -> None:
    if device.address is None:
        return
    other = (tables.device.c.address == device.address) & (tables.device.c.id != device.id)
    if connection.execute(select(tables.device.c.id).where(other)).first():
        raise AlreadyRegistered("address", device.address)


def take_out(connection: Connection, device_id: DeviceId, at: Millis) -> None:
    """The device stands in no household from `at` on, and its credential ends."""
    row = update(tables.device).where(tables.device.c.id == device_id)
    connection.execute(row.values(household_id=None, removed_at=at, address=None))
    revoke_credential(connection, device_id, at)
    queue_fact(connection, DeviceRemoved(fact_id=f"device_removed:{uuid4().hex}", at=at, device_id=device_id))


def revoke_credential(connection: Connection, device_id: str, at: Millis) -> bool:
    """End the device's credential; False where it has none that holds. The broker learns of it from its files."""
    holds = (tables.credential.c.device_id == device_id) & tables.credential.c.revoked_at.is_(None)
    return connection.execute(update(tables.credential).where(holds).values(revoked_at=at)).rowcount > 0


def known_household(connection: Connection, household_id: str) -> Household:
    """The household, ended or not; NotRegistered where there is none."""
    row = connection.execute(HOUSEHOLDS.where(tables.household.c.id == household_id)).first()
    if row is None:
        raise NotRegistered("household", household_id)
    return household_in(row)


def living_household(connection: Connection, household_id: str) -> Household:
    """The household that is looked after; NotRegistered where there is none or no longer."""
    household = known_household(connection, household_id)
    if household.ended_at is not None:
        raise NotRegistered("household", household_id, ended=True)
    return household


def standing_device(connection: Connection, device_id: str) -> Device:
    """The device that stands in a household; NotRegistered where it stands in none."""
    device = standing_or_none(connection, device_id)
    if device is None:
        raise NotRegistered("device", device_id)
    return device


def standing_or_none(connection: Connection, device_id: str) -> Device | None:
    """The device where it stands in a household; None for one that stands in none."""
    row = connection.execute(DEVICES.where(tables.device.c.id == device_id)).first()
    return None if row is None else device_in(row)


def household_in(row: Row[Any]) -> Household:
    """The household of a row of HOUSEHOLDS."""
    return Household(
        id=row.id,
        dong_code=row.dong_code,
        grade=Grade(row.grade),
        enrolled_at=row.enrolled_at,
        ended_at=row.ended_at,
        carrier=row.carrier,
        building=row.building,
        synthetic=row.synthetic,
    )


def device_in(row: Row[Any]) -> Device:
    """The device of a row of DEVICES."""
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


def valid_id(what: str, text: str) -> str:
    """The id; EntryWrong where it is none."""
    if not ID.match(text):
        raise EntryWrong(f"{what}: {text!r} must be 1 to 32 of a-z, 0-9 and -")
    return text


def valid_grade(text: str) -> Grade:
    """The risk grade; EntryWrong where it is none."""
    try:
        return Grade(text)
    except ValueError as error:
        raise EntryWrong(f"grade: {text!r} must be one of {', '.join(Grade)}") from error


def filled(what: str, text: str, limit: int) -> str:
    """The text; EntryWrong where it is empty or too long."""
    if not 0 < len(text.strip()) <= limit:
        raise EntryWrong(f"{what}: must have 1 to {limit} characters")
    return text
