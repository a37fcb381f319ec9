"""Proves that call records find their household by hash alone, are counted once, and that no number is ever repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select

from ingest.calls import CallsImport, CallsReport, Outcome, calls_device
from ingest.clock import DAY, HOUR, Millis, VirtualClock, parse_local, to_iso
from ingest.decode import Decoder
from ingest.fact_outbox import carry_facts
from ingest.journal.memory import MemoryJournal
from ingest.message_outbox import carry_messages
from ingest.reading import Reading, Signal
from ingest.register import tables
from ingest.register.people import Resident
from ingest.register.phones import USE, normal_phone, phone_hash
from ingest.register.register import Register
from ingest.seal import Sealer
from ingest.sheet import SheetWrong
from ingest.store import metadata, open_store

NOW: Millis = parse_local("2026-01-05T09:00:00")
SEALER = Sealer(bytes(range(32)))


@dataclass
class Office:
    """A register with two residents, and a folder for files."""

    engine: Engine
    folder: Path
    journal: MemoryJournal = field(default_factory=MemoryJournal)

    def take(self, text: str | bytes, **how: bool) -> CallsReport:
        """Import a file of this content."""
        path = self.folder / "calls.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return CallsImport(self.engine, SEALER, VirtualClock(NOW), by="ops").take(path, **how)

    def heard(self) -> list[Reading]:
        """What the journal makes of everything queued so far."""
        carry_facts(self.engine, self.journal, NOW)
        carry_messages(self.engine, self.journal, NOW)
        decoded = Decoder().read(self.journal.read(0, 10_000))
        return [item for _entry, items in decoded for item in items if isinstance(item, Reading)]

    def rows(self) -> int:
        """Everything that an import may write."""
        with self.engine.connect() as connection:
            counted = [tables.device, tables.message_outbox, tables.calls_file]
            return sum(connection.execute(select(func.count()).select_from(table)).scalar_one() for table in counted)


@pytest.fixture
def office(tmp_path: Path, store_url: str) -> Iterator[Office]:
    engine = open_store(store_url)
    metadata.create_all(engine)
    register = Register(engine, SEALER, VirtualClock(NOW))
    register.add_dong("dong-1", "바람동")
    for number in (1, 2):
        person = Resident(name="김하늘", phone=f"010-0000-000{number}")
        register.enrol_household(f"hh-{number}", "dong-1", at=NOW - 30 * DAY, resident=person)
    yield Office(engine, tmp_path)
    engine.dispose()


HEAD = "phone,in,out,missed,last_at\n"


def test_call_record_becomes_readings_of_the_household_that_has_the_number(office: Office) -> None:
    report = office.take(HEAD + "010-0000-0001,1,2,3,2026-01-04T18:30:00\n+82 10 0000 0002,0,0,1,\n")
    assert (report.rows, report.matched, report.new_homes, report.refused) == (2, 2, 2, ())
    first, second, third, fourth = office.heard()
    assert (first.household_id, first.signal, first.value) == ("hh-1", Signal.CALL, 3)
    assert first.credible and to_iso(first.observed_at) == "2026-01-04T18:30:00+09:00"
    assert (second.signal, second.value) == (Signal.CALL_MISSED, 3)
    assert (third.household_id, third.signal, third.value) == ("hh-2", Signal.CALL, 0)
    assert (fourth.signal, fourth.value) == (Signal.CALL_MISSED, 1)


def test_hashes_do_as_well_as_numbers(office: Office) -> None:
    found_by = phone_hash(SEALER, "01000000001")
    assert found_by is not None
    report = office.take(f"전화해시,수신,발신,부재중,마지막통화\n{found_by.hex()},1,0,0,2026-01-04 18:30\n")
    assert report.matched == 1 and [reading.household_id for reading in office.heard()] == ["hh-1"]


def test_key_handed_to_a_carrier_is_not_the_sites_key() -> None:
    assert SEALER.derived_key(USE) != bytes(range(32)) and SEALER.derived_key(USE) != SEALER.derived_key("other")


def test_file_of_a_korean_spreadsheet_is_read(office: Office) -> None:
    assert office.take("전화번호,수신,마지막통화\n010-0000-0001,1,2026-01-04 18:30\n".encode("cp949")).matched == 1


def test_same_file_again_does_nothing_and_counts_nothing_twice_even_when_told_to(office: Office) -> None:
    text = HEAD + "010-0000-0001,1,2,0,2026-01-04T18:30:00\n"
    office.take(text)
    assert office.take(text).seen_before and len(office.heard()) == 1
    assert office.take(text, again=True).matched == 1
    assert len(office.heard()) == 1


def test_crash_between_the_journal_and_our_note_counts_calls_once(office: Office) -> None:
    office.take(HEAD + "010-0000-0001,1,2,0,2026-01-04T18:30:00\n")
    with office.engine.connect() as connection:
        queued = [dict(row._mapping) for row in connection.execute(select(tables.message_outbox))]
    assert len(office.heard()) == 1
    with office.engine.begin() as connection:
        connection.execute(tables.message_outbox.insert(), queued)
    assert len(office.heard()) == 1


def test_dry_run_reports_the_same_and_writes_nothing(office: Office) -> None:
    text = HEAD + "010-0000-0001,1,2,0,2026-01-04T18:30:00\n010-0000-0009,1,2,0,2026-01-04T18:30:00\n"
    before = office.rows()
    dry = office.take(text, dry_run=True)
    assert office.rows() == before and dry.dry_run
    real = office.take(text)
    assert (dry.rows, dry.matched, dry.new_homes, dry.refused) == (real.rows, real.matched, real.new_homes, real.refused)


def test_rows_that_cannot_be_taken_are_told_by_line_with_two_digits_at_most(office: Office) -> None:
    lines = [
        ("010-0000-0099,1,0,0,2026-01-04T18:30:00", Outcome.NO_HOUSEHOLD, "99"),
        ("hello,1,0,0,2026-01-04T18:30:00", Outcome.BAD_PHONE, ""),
        ("010-0000-0001,one,0,0,2026-01-04T18:30:00", Outcome.BAD_COUNT, "01"),
        ("010-0000-0001,,,,2026-01-04T18:30:00", Outcome.BAD_COUNT, "01"),
        ("010-0000-0001,1,0,0,yesterday", Outcome.BAD_TIME, "01"),
        ("010-0000-0001,1,0,0,2026-02-04T18:30:00", Outcome.BAD_TIME, "01"),
        ("010-0000-0001,1,0,0,", Outcome.NO_TIME, "01"),
    ]
    report = office.take(HEAD + "".join(f"{text}\n" for text, _, _ in lines))
    assert [(row.line, row.outcome, row.tail) for row in report.refused] == [
        (line, outcome, tail) for line, (_, outcome, tail) in enumerate(lines, start=2)
    ]
    assert "0000" not in repr(report) and report.matched == 0


def test_number_that_two_households_share_is_nobodys(office: Office) -> None:
    register = Register(office.engine, SEALER, VirtualClock(NOW))
    register.put_resident("hh-2", Resident(name="김바다", phone="01000000001"))
    report = office.take(HEAD + "010-0000-0001,1,0,0,2026-01-04T18:30:00\n")
    assert [row.outcome for row in report.refused] == [Outcome.SEVERAL_HOUSEHOLDS] and office.heard() == []


def test_household_no_longer_looked_after_is_not_found(office: Office) -> None:
    Register(office.engine, SEALER, VirtualClock(NOW)).end_household("hh-1", at=NOW - HOUR)
    report = office.take(HEAD + "010-0000-0001,1,0,0,2026-01-04T18:30:00\n")
    assert [row.outcome for row in report.refused] == [Outcome.NO_HOUSEHOLD]


def test_first_file_counts_silence_from_the_last_call_known(office: Office) -> None:
    office.take(HEAD + "010-0000-0001,1,0,0,2026-01-04T18:30:00\n")
    with office.engine.connect() as connection:
        device = connection.execute(select(tables.device)).one()
    assert (device.id, device.enrolled_at) == (calls_device("hh-1"), parse_local("2026-01-04T18:30:00"))


def test_no_number_stands_in_the_store_or_the_journal(office: Office) -> None:
    office.take(HEAD + "010-0000-0001,1,2,0,2026-01-04T18:30:00\n")
    office.heard()
    office.engine.dispose()
    stored = b"".join(path.read_bytes() for path in office.folder.glob("store.db*"))
    journalled = repr(office.journal.read(0, 100)).encode()
    for text in (b"010-0000-0001", b"01000000001"):
        assert text not in stored and text not in journalled


@pytest.mark.parametrize("text", [b"", b"who,in\nx,1\n", b"phone,phone\n1,2\n", b"\xff\xfe\xff"])
def test_file_that_is_no_such_table_is_refused_whole(office: Office, text: bytes) -> None:
    with pytest.raises(SheetWrong):
        office.take(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("010-0000-1234", "01000001234"),
        ("+82 10-0000-1234", "01000001234"),
        ("+82 (0)10 0000 1234", "01000001234"),
        ("02-000-1234", "020001234"),
        ("031 000 1234", "0310001234"),
        ("070-0000-1234", "07000001234"),
        ("1000001234", None),
        ("+1 212 000 1234", None),
        ("010-0000-12", None),
        ("010-0000-1234 ext 5", None),
        ("٠١٠-0000-1234", None),
        ("", None),
    ],
)
def test_korean_numbers_are_written_in_one_way(written: str, meant: str | None) -> None:
    assert normal_phone(written) == meant
