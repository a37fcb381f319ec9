"""By what each device proves itself to the broker, as the register knows it; the secrets lie elsewhere."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from sqlalchemy import Connection, delete, insert, select

from ingest.clock import Millis
from ingest.reading import DeviceId
from ingest.register import tables


class CredentialKind(StrEnum):
    """How a device comes in."""

    PASSWORD = "password"
    CERTIFICATE = "certificate"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a device was last given; times are home time."""

    device_id: DeviceId
    kind: CredentialKind
    serial: int | None  # of the certificate
    created_at: Millis
    revoked_at: Millis | None


def note_credential(
    connection: Connection, device_id: str, kind: CredentialKind, *, serial: int | None, at: Millis
) -> Credential | None:
    """Write down what the device has from now on; returns what it had before, if that was not revoked."""
    before = [one for one in credentials(connection, device_id) if one.revoked_at is None]
    connection.execute(delete(tables.credential).where(tables.credential.c.device_id == device_id))
    row = {"device_id": device_id, "kind": kind.value, "serial": None if serial is None else f"{serial:x}", "created_at": at}
    connection.execute(insert(tables.credential).values(row))
    return before[0] if before else None


def credentials(connection: Connection, device_id: str | None = None) -> list[Credential]:
    """What every device, or this one, was last given, revoked or not."""
    wanted = select(tables.credential).order_by(tables.credential.c.device_id)
    if device_id is not None:
        wanted = wanted.where(tables.credential.c.device_id == device_id)
    return [
        Credential(
            device_id=DeviceId(row.device_id),
            kind=CredentialKind(row.kind),
            serial=None if row.serial is None else int(row.serial, 16),
            created_at=row.created_at,
            revoked_at=row.revoked_at,
        )
        for row in connection.execute(wanted)
    ]
