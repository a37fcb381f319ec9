"""Proves that a table of households is entered household by household, whole or not at all, and that its report names no one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import Engine, func, select

from ingest.clock import VirtualClock, parse_local
from ingest.fact_outbox import fact_outbox
from ingest.register import tables
from ingest.register.home_file import COLUMNS, Fault
from ingest.register.home_import import HomesImport, ImportReport
from ingest.register.people import Guardian, Resident
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.sheet import SheetWrong
from ingest.store import metadata, open_store

NOW = parse_local("2026-01-05T09:00:00")
SEALER = Sealer(bytes(range(32)))
FULL = {
    "가구번호": "home-1",
    "동": "바람동",
    "위험등급": "고위험군",
    "이름": "김하늘",
    "주소": "바람길 1",
    "전화번호": "010-0000-0001",
    "출생연도": "1941",
    "비고": "당뇨",
    "보호자1 이름": "김바다",
    "보호자1 전화": "010-0000-0002",
    "보호자1 관계": "딸",
    "기기1 번호": "pir-1",
    "기기1 모델": "motion",
    "기기2 번호": "th-1",
    "기기2 모델": "acme",
    "기기2 신호": "온도, 습도",
    "기기2 간격초": "600",
}
BARE = {"household": "home-2", "dong": "dong-1", "name": "이구름"}


@dataclass
class Office:
    """A register and a folder for files."""

    engine: Engine
    register: Register
    folder: Path

    def take(self, *rows: dict[str, str], dry_run: bool = False) -> ImportReport:
        """Import a table of these rows."""
        return self.take_file(self.csv(rows), dry_run=dry_run)

    def take_file(self, path: Path, *, dry_run: bool = False) -> ImportReport:
        """Import this file."""
        return HomesImport(self.engine, SEALER, VirtualClock(NOW), by="ops").take(path, dry_run=dry_run)

    def csv(self, rows: Sequence[dict[str, str]]) -> Path:
        """The rows as CSV."""
        heading = list(dict.fromkeys(key for row in rows for key in row))
        lines = [heading, *([row.get(key, "") for key in heading] for row in rows)]
        path = self.folder / "homes.csv"
        path.write_text("".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in lines))
        return path

    def counts(self) -> dict[str, int]:
        """How many rows stand in each table an import writes."""
        all_tables = [tables.household, tables.resident, tables.guardian, tables.device, fact_outbox]
        with self.engine.connect() as connection:
            return {table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in all_tables}


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Iterator[Office]:
    engine = open_store(store_url)
    metadata.create_all(engine)
    register = Register(engine, SEALER, VirtualClock(NOW))
    register.add_dong("dong-1", "바람동")
    yield Office(engine, register, tmp_path)
    engine.dispose()


def faults(report: ImportReport) -> list[tuple[int, str, Fault]]:
    return [(row.line, one.column, one.fault) for row in report.rows for one in row.faults]


def test_row_brings_resident_guardians_devices_and_grade(office: Office) -> None:
    report = office.take(FULL)
    assert [row.devices for row in report.rows] == [2]
    (household,) = office.register.households()
    assert (household.id, household.dong_code, household.grade, household.enrolled_at) == ("home-1", "dong-1", "high", NOW)
    people = office.register.view_people("home-1", login="o", purpose="test")
    assert people.resident == Resident(name="김하늘", address="바람길 1", phone="010-0000-0001", birth_year=1941, note="당뇨")
    assert people.guardians == (Guardian(name="김바다", phone="010-0000-0002", relation="딸"),)
    devices = office.register.devices(household="home-1")
    assert [(device.id, device.signals, device.report_interval_s) for device in devices] == [
        ("pir-1", ("motion", "battery"), 0),
        ("th-1", ("temperature", "humidity"), 600),
    ]


def test_english_headings_do_as_well(office: Office) -> None:
    assert office.take(BARE).entered == 1


def test_spreadsheet_is_read_like_a_csv(office: Office) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(FULL))
    sheet.append([int(cell) if cell.isdigit() else cell for cell in FULL.values()])
    book.save(office.folder / "homes.xlsx")
    assert office.take_file(office.folder / "homes.xlsx").entered == 1
    assert office.counts()["device"] == 2


def test_dry_run_reports_the_same_and_writes_nothing(office: Office) -> None:
    before = office.counts()
    rows = ({**FULL}, {**FULL, "가구번호": "home 2"})
    dry = office.take(*rows, dry_run=True)
    assert office.counts() == before and dry.entered == 1
    assert office.take(*rows).rows == dry.rows


def test_household_with_one_wrong_cell_leaves_nothing_and_holds_up_no_other(office: Office) -> None:
    office.register.enrol_household("home-9", "dong-1", at=NOW)
    office.register.enrol_device("th-9", "home-9", model="th", signals=(), report_interval_s=0, at=NOW)
    before = office.counts()
    assert faults(office.take({**FULL, "기기2 번호": "th-9"})) == [(2, "device2_id", Fault.STANDS_ELSEWHERE)]
    assert office.counts() == before
    report = office.take(
        {**FULL, "기기2 번호": "th-9"}, {**FULL, "가구번호": "home-3", "기기1 번호": "pir-3", "기기2 번호": "th-3"}
    )
    assert report.entered == 1
    assert [home.id for home in office.register.households()] == ["home-3", "home-9"]


@pytest.mark.parametrize(
    ("column", "cell", "where", "fault"),
    [
        ("가구번호", "Home 1", "household", Fault.BAD_ID),
        ("가구번호", "", "household", Fault.MISSING),
        ("동", "구름동", "dong", Fault.UNKNOWN_DONG),
        ("이름", " ", "name", Fault.MISSING),
        ("위험등급", "아주높음", "grade", Fault.BAD_GRADE),
        ("전화번호", "공일공", "phone", Fault.BAD_PHONE),
        ("출생연도", "41", "birth_year", Fault.BAD_YEAR),
        ("출생연도", "2027", "birth_year", Fault.BAD_YEAR),
        ("보호자1 전화", "", "guardian1_phone", Fault.MISSING),
        ("보호자1 이름", "", "guardian1_name", Fault.MISSING),
        ("보호자1 전화", "1", "guardian1_phone", Fault.BAD_PHONE),
        ("기기1 번호", "", "device1_id", Fault.MISSING),
        ("기기1 번호", "센서", "device1_id", Fault.BAD_ID),
        ("기기1 모델", "unheard-of", "device1_signals", Fault.MISSING),
        ("기기2 신호", "온도, 기분", "device2_signals", Fault.BAD_SIGNAL),
        ("기기2 간격초", "10분", "device2_interval", Fault.BAD_INTERVAL),
        ("기기2 번호", "pir-1", "device2_id", Fault.TWICE_IN_FILE),
    ],
)
def test_wrong_cell_is_named_by_row_and_column(office: Office, column: str, cell: str, where: str, fault: Fault) -> None:
    report = office.take({**FULL, column: cell})
    assert faults(report) == [(2, where, fault)] and office.counts()["household"] == 0


def test_household_that_is_there_or_stands_twice_in_the_file_is_refused(office: Office) -> None:
    assert faults(office.take(FULL, {**FULL, "기기1 번호": "pir-2", "기기2 번호": "th-2"})) == [
        (3, "household", Fault.TWICE_IN_FILE)
    ]
    assert faults(office.take(FULL)) == [(2, "household", Fault.ALREADY_THERE)]


def test_report_holds_nothing_personal(office: Office) -> None:
    report = office.take(FULL, {**FULL, "전화번호": "010-0000-zzzz", "위험등급": "김하늘"})
    for secret in ("김하늘", "바람길", "0000", "김바다", "당뇨", "home-1"):
        assert secret not in repr(report)


def test_people_of_a_file_lie_sealed(office: Office) -> None:
    office.take(FULL)
    (office.folder / "homes.csv").unlink()
    office.engine.dispose()
    stored = b"".join(path.read_bytes() for path in office.folder.iterdir())
    for secret in ("김하늘", "바람길", "010-0000", "김바다", "당뇨"):
        assert secret.encode() not in stored


@pytest.mark.parametrize("heading", [{}, {"가구번호": "x"}, {**FULL, "주민등록번호": "1"}])
def test_table_with_missing_or_unknown_columns_is_refused_whole(office: Office, heading: dict[str, str]) -> None:
    with pytest.raises(SheetWrong):
        office.take(heading)
    assert office.counts()["household"] == 0


def test_every_column_has_a_korean_heading() -> None:
    assert all(names and not names[0].isascii() for names in COLUMNS.values())
