"""How a table of households gets into the register: each household whole or not at all, and a report by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine, select

from ingest.clock import SEOUL, Clock, Millis, to_datetime
from ingest.reading import DongCode, HouseholdId
from ingest.register import tables
from ingest.register.home_file import COLUMNS, NEEDED, CellFault, Fault, HomeEntry, read_home
from ingest.register.homes import Household
from ingest.register.placing import HOUSEHOLDS, enter_household, new_device, place
from ingest.seal import Sealer
from ingest.sheet import SheetRow, read_rows


class RowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row: no faults, and its household is in the register with all its devices."""

    line: int
    devices: int
    faults: tuple[CellFault, ...] = ()


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file. Nothing in it says who lives anywhere."""

    rows: tuple[RowReport, ...]
    dry_run: bool

    @property
    def entered(self) -> int:
        """How many households were entered, or would have been."""
        return sum(not row.faults for row in self.rows)


class HomesImport:
    """Takes tables of households."""

    def __init__(self, engine: Engine, sealer: Sealer, clock: Clock, *, by: str) -> None:
        self._engine = engine
        self._sealer = sealer
        self._clock = clock
        self._by = by

    def take(self, path: Path, *, dry_run: bool = False, progress: Callable[[int], None] | None = None) -> ImportReport:
        """Enter every household of the file that is right, as of now; with `dry_run` only say what would be.

        Raises SheetWrong, OSError; nothing is written then.
        """
        now = self._clock.home_now()
        rows = list(read_rows(path, COLUMNS, needed=NEEDED))
        seen: set[tuple[str, str]] = set()
        reports: list[RowReport] = []
        for row in rows:
            reports.append(self._take_row(row, now, seen, dry_run=dry_run))
            if progress is not None:
                progress(len(reports))
        return ImportReport(rows=tuple(reports), dry_run=dry_run)

    def _take_row(self, row: SheetRow, now: Millis, seen: set[tuple[str, str]], *, dry_run: bool) -> RowReport:
        entry = read_home(row, this_year=to_datetime(now).astimezone(SEOUL).year)
        if not isinstance(entry, HomeEntry):
            return RowReport(line=row.line, devices=0, faults=tuple(entry))
        faults = _twice(entry, seen)
        if not faults:
            with self._engine.begin() as connection:
                faults = self._enter(connection, entry, now)
                if faults or dry_run:
                    connection.rollback()
        return RowReport(line=row.line, devices=0 if faults else len(entry.devices), faults=tuple(faults))

    def _enter(self, connection: Connection, entry: HomeEntry, now: Millis) -> list[CellFault]:
        """Write the household with everything of it; what speaks against it, and then the caller takes all of it back."""
        dong = tables.dong.c
        codes = connection.execute(select(dong.code).where((dong.code == entry.dong) | (dong.name == entry.dong))).scalars().all()
        if len(codes) != 1:
            return [CellFault(column="dong", fault=Fault.UNKNOWN_DONG)]
        if connection.execute(HOUSEHOLDS.where(tables.household.c.id == entry.household_id)).first():
            return [CellFault(column="household", fault=Fault.ALREADY_THERE)]
        household = Household(
            id=HouseholdId(entry.household_id),
            dong_code=DongCode(codes[0]),
            grade=entry.grade,
            enrolled_at=now,
            carrier=entry.carrier,
            building=entry.building,
        )
        enter_household(connection, self._sealer, household, entry.resident, entry.guardians)
        faults: list[CellFault] = []
        for device in entry.devices:
            stands = select(tables.device.c.household_id).where(tables.device.c.id == device.id)
            if connection.execute(stands).scalar() is not None:
                faults.append(CellFault(column=device.column, fault=Fault.STANDS_ELSEWHERE))
                continue
            made = new_device(
                device.id,
                household,
                model=device.model,
                signals=device.signals,
                report_interval_s=device.report_interval_s,
                at=now,
            )
            place(connection, made, at=now, by=self._by)
        return faults


def _twice(entry: HomeEntry, seen: set[tuple[str, str]]) -> list[CellFault]:
    """What an earlier row of the file, or this one, names already."""
    faults: list[CellFault] = []
    named = [("household", "household", entry.household_id), *(("device", device.column, device.id) for device in entry.devices)]
    for kind, column, key in named:
        if (kind, key) in seen:
            faults.append(CellFault(column=column, fault=Fault.TWICE_IN_FILE))
        seen.add((kind, key))
    return faults
