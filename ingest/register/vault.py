"""How people lie sealed in the register's tables, and how a look at them is written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, insert, select

from ingest.clock import Millis
from ingest.register import tables
from ingest.register.addresses import address_hash
from ingest.register.people import Guardian, People, Resident
from ingest.register.phones import phone_hash
from ingest.seal import SealBroken, Sealer

_Person = TypeVar("_Person", Resident, Guardian)
_encode = msgspec.json.Encoder().encode


def write_resident(connection: Connection, sealer: Sealer, household_id: str, resident: Resident) -> None:
    """Seal the resident into the household's row, which must not be there yet."""
    sealed = sealer.seal(_encode(resident), about=_about_resident(household_id))
    found_by = {"phone_hash": phone_hash(sealer, resident.phone), "address_hash": address_hash(sealer, resident.address)}
    connection.execute(insert(tables.resident).values(household_id=household_id, sealed=sealed, **found_by))


def write_guardians(connection: Connection, sealer: Sealer, household_id: str, guardians: Sequence[Guardian]) -> None:
    """Seal the guardians, in this order, into rows of the household, which must have none yet."""
    for position, guardian in enumerate(guardians):
        sealed = sealer.seal(_encode(guardian), about=_about_guardian(household_id, position))
        connection.execute(insert(tables.guardian).values(household_id=household_id, position=position, sealed=sealed))


def open_people(connection: Connection, sealer: Sealer, household_id: str) -> People:
    """The people of the household in clear; SealBroken names the one who cannot be opened. The caller logs the look."""
    resident = connection.execute(select(tables.resident).where(tables.resident.c.household_id == household_id)).first()
    guardians = connection.execute(
        select(tables.guardian).where(tables.guardian.c.household_id == household_id).order_by(tables.guardian.c.position)
    ).all()
    return People(
        resident=None if resident is None else _opened(sealer, resident.sealed, _about_resident(household_id), Resident),
        guardians=tuple(_opened(sealer, row.sealed, _about_guardian(household_id, row.position), Guardian) for row in guardians),
    )


def log_view(connection: Connection, *, at: Millis, household_id: str, login: str, fields: str, purpose: str) -> None:
    """Write down who saw which fields of whom, and for what, at machine time `at`."""
    row = {"at": at, "household_id": household_id, "login": login, "fields": fields, "purpose": purpose}
    connection.execute(insert(tables.view_log).values(row))


def _opened(sealer: Sealer, sealed: bytes, about: str, kind: type[_Person]) -> _Person:
    try:
        return msgspec.json.decode(sealer.open(sealed, about=about), type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SealBroken(about, "the seal holds, what is in it cannot be read") from error


def _about_resident(household_id: str) -> str:
    return f"resident:{household_id}"


def _about_guardian(household_id: str, position: int) -> str:
    return f"guardian:{household_id}:{position}"
