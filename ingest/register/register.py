"""The one way into the register: a change queues its fact, a look at a personal field is logged, each in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, select, update

from ingest.clock import SEOUL, Clock, Millis
from ingest.fact_outbox import queue_fact
from ingest.facts import HouseholdEnded, HouseholdGraded
from ingest.reading import DongCode, HouseholdId
from ingest.register import tables
from ingest.register.homes import AlreadyRegistered, Device, Dong, Grade, Household
from ingest.register.people import Guardian, People, Resident, mask, shown_fields
from ingest.register.placing import (
    DEVICES,
    HOUSEHOLDS,
    device_in,
    enter_household,
    filled,
    household_in,
    known_household,
    living_household,
    new_device,
    place,
    revoke_credential,
    standing_device,
    take_out,
    valid_grade,
    valid_id,
)
from ingest.register.vault import log_view, open_people, write_guardians, write_resident
from ingest.seal import Sealer
from ingest.store import reading


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
        dong = Dong(code=DongCode(valid_id("dong code", code)), name=filled("dong name", name, 64))
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
        carrier: str | None = None,
        building: str | None = None,
        synthetic: bool = False,
    ) -> Household:
        """Look after this household from `at` on; a synthetic one is nobody's home and stands in no list.

        `carrier` and `building` tell which homes go silent together (`site_household` changes them).
        """
        household = Household(
            id=HouseholdId(valid_id("household id", household_id)),
            dong_code=DongCode(dong_code),
            grade=valid_grade(grade),
            enrolled_at=at,
            carrier=carrier and filled("carrier", carrier, 32),
            building=building and filled("building", building, 64),
            synthetic=synthetic,
        )
        with self._engine.begin() as connection:
            enter_household(connection, self._sealer, household, resident, guardians)
        return household

    def site_household(self, household_id: str, *, carrier: str | None, building: str | None) -> Household:
        """Say by whose network, and in which building, the home is; None: not known."""
        values = {
            "carrier": carrier and filled("carrier", carrier, 32),
            "building": building and filled("building", building, 64),
        }
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            connection.execute(update(tables.household).where(tables.household.c.id == household.id).values(values))
        return msgspec.structs.replace(household, **values)

    def set_grade(self, household_id: str, grade: str, *, at: Millis) -> Household:
        """Change the risk grade; the grade it already has changes nothing."""
        wanted = valid_grade(grade)
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            if household.grade == wanted:
                return household
            connection.execute(update(tables.household).where(tables.household.c.id == household.id).values(grade=wanted))
            fact_id = f"household_graded:{uuid4().hex}"
            queue_fact(connection, HouseholdGraded(fact_id=fact_id, at=at, household_id=household.id, grade=wanted))
        return msgspec.structs.replace(household, grade=wanted)

    def end_household(self, household_id: str, *, at: Millis) -> None:
        """Stop looking after this household; its devices stand nowhere from `at` on."""
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            connection.execute(update(tables.household).where(tables.household.c.id == household.id).values(ended_at=at))
            for row in connection.execute(DEVICES.where(tables.device.c.household_id == household.id)).all():
                revoke_credential(connection, row.id, at)
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

        `address` is the `dialect/vendor id` a vendor's device is known by, `zone` that of its own clock.
        AlreadyRegistered where another device has the address.
        """
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            device = new_device(
                device_id,
                household,
                model=model,
                signals=signals,
                report_interval_s=report_interval_s,
                at=at,
                address=address,
                zone=zone,
            )
            place(connection, device)
        return device

    def move_device(self, device_id: str, household_id: str, *, at: Millis) -> Device:
        """Put a device that stands in one household into another from `at` on."""
        with self._engine.begin() as connection:
            device = standing_device(connection, device_id)
            household = living_household(connection, household_id)
            moved = msgspec.structs.replace(device, household_id=household.id, dong_code=household.dong_code, enrolled_at=at)
            place(connection, moved)
        return moved

    def remove_device(self, device_id: str, *, at: Millis) -> None:
        """The device stands in no household from `at` on."""
        with self._engine.begin() as connection:
            device = standing_device(connection, device_id)
            take_out(connection, device.id, at)

    def dongs(self) -> list[Dong]:
        """All dongs by code."""
        with reading(self._engine).begin() as connection:
            rows = connection.execute(select(tables.dong).order_by(tables.dong.c.code)).all()
        return [Dong(code=row.code, name=row.name) for row in rows]

    def households(self, dong: str | None = None, *, ended: bool = False) -> list[Household]:
        """Households of the dong by id: those looked after, or with `ended` those no longer."""
        over = tables.household.c.ended_at.is_not(None) if ended else tables.household.c.ended_at.is_(None)
        real = tables.household.c.synthetic.is_(False)
        wanted = HOUSEHOLDS.where(over, real).order_by(tables.household.c.id)
        if dong is not None:
            wanted = wanted.where(tables.household.c.dong_code == dong)
        with reading(self._engine).begin() as connection:
            return [household_in(row) for row in connection.execute(wanted)]

    def household(self, household_id: str, dong: str | None = None) -> Household | None:
        """This household, ended or not; None where there is none, or where it is another dong's."""
        wanted = HOUSEHOLDS.where(tables.household.c.id == household_id)
        with reading(self._engine).begin() as connection:
            row = connection.execute(wanted).first()
        return None if row is None or dong not in (None, row.dong_code) else household_in(row)

    def devices(self, *, dong: str | None = None, household: str | None = None) -> list[Device]:
        """Devices that stand in a household, by id; of a synthetic one only where it is asked for by name."""
        wanted = DEVICES.order_by(tables.device.c.id)
        if household is None:
            wanted = wanted.where(tables.household.c.synthetic.is_(False))
        if dong is not None:
            wanted = wanted.where(tables.household.c.dong_code == dong)
        if household is not None:
            wanted = wanted.where(tables.household.c.id == household)
        with reading(self._engine).begin() as connection:
            return [device_in(row) for row in connection.execute(wanted)]

    def put_resident(self, household_id: str, resident: Resident) -> None:
        """Enter or replace the resident."""
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            connection.execute(delete(tables.resident).where(tables.resident.c.household_id == household.id))
            write_resident(connection, self._sealer, household.id, resident)

    def put_guardians(self, household_id: str, guardians: Sequence[Guardian]) -> None:
        """Enter or replace those to call for the resident, in the order of calling."""
        with self._engine.begin() as connection:
            household = living_household(connection, household_id)
            connection.execute(delete(tables.guardian).where(tables.guardian.c.household_id == household.id))
            write_guardians(connection, self._sealer, household.id, guardians)

    def view_people(self, household_id: str, *, login: str, purpose: str) -> People:
        """The people of this household in clear; the look is logged in the same transaction. Raises SealBroken."""
        with self._engine.begin() as connection:
            known_household(connection, household_id)
            people = open_people(connection, self._sealer, household_id)
            self._look(connection, household_id, login, purpose, ",".join(shown_fields(people)))
        return people

    def masked_people(self, household_id: str, *, login: str, purpose: str) -> People:
        """The people as `mask` shows them; opening the seal for it is logged too. Raises SealBroken."""
        with self._engine.begin() as connection:
            known_household(connection, household_id)
            people = mask(open_people(connection, self._sealer, household_id))
            self._look(connection, household_id, login, purpose, "masked:" + ",".join(shown_fields(people)))
        return people

    def note_view(self, household_id: str, *, login: str, purpose: str, fields: str) -> None:
        """Log that somebody looked at what is known of this home. NotRegistered."""
        with self._engine.begin() as connection:
            known_household(connection, household_id)
            self._look(connection, household_id, login, purpose, fields)

    def _look(self, connection: Connection, household_id: str, login: str, purpose: str, fields: str) -> None:
        at = self._clock.machine_now()
        log_view(connection, at=at, household_id=household_id, login=login, fields=fields, purpose=purpose)
