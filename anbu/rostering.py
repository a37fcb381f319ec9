"""What `anbu roster` does: the roster shown, and its entries brought in from a table, all of them or none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import msgspec

from alerts.duty.entry import RosterWrong, ShiftEntry
from alerts.duty.rota import Rota
from anbu.ending import Refusal
from anbu.opening import open_site
from ingest.register.register import Register
from ingest.sheet import SheetWrong, read_rows, write_columns

COLUMNS: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "desk": ("자리",),
        "dong": ("동코드", "동"),
        "login": ("아이디",),
        "position": ("순서",),
        "part": ("시간",),
        "weekdays": ("요일",),
        "from_day": ("첫날",),
        "until_day": ("마지막날",),
    }
)
NEEDED = ("desk", "login")

_DESKS = {"동": "dong", "동 주민센터": "dong", "야간": "night", "야간·휴일 관제": "night", "구": "supervisor"}
_PARTS = {"낮": "day", "밤": "night", "밤낮": ""}
_DAYS = dict(zip("월화수목금토일", "1234567", strict=True))


class WrongRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that cannot be taken, and what would be right."""

    line: int
    what: str


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """How many entries were made, or would be; none where a row is wrong."""

    entries: int
    wrong: tuple[WrongRow, ...]


class RosterShown(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked about each dong now, and the entries as lines."""

    on_duty: dict[str, tuple[str, ...]]
    entries: tuple[str, ...]


@contextmanager
def _open_rota(config: Path | None) -> Iterator[tuple[Rota, list[str]]]:
    with open_site(config) as site:
        dongs = [dong.code for dong in Register(site.engine, site.sealer, site.clock).dongs()]
        try:
            yield Rota(site.engine, site.clock), [str(code) for code in dongs]
        except RosterWrong as error:
            raise Refusal(str(error)) from error


def show(config: Path | None) -> RosterShown:
    """The roster now."""
    with _open_rota(config) as (rota, dongs):
        rows, now = rota.rows(), rota.now()
    return RosterShown(
        on_duty={dong: tuple(one.login for one in rows.on_duty(dong, now)) for dong in dongs},
        entries=tuple(
            f"{one.desk}  {one.dong_code or '*'}  {one.position}  {one.login}  {one.part or '*'}  {one.weekdays}  "
            f"{one.from_day} ~ {one.until_day or ''}"
            for one in rows.shifts
        ),
    )


def set_day(config: Path | None, day: str, *, name: str, off: bool, by: str) -> str:
    """Say of a day that it is off, or worked; Refusal for a day that cannot be read."""
    with _open_rota(config) as (rota, _):
        made = rota.set_day(day, off=off, name=name, by=by)
    return f"{made.day.isoformat()} {made.name}"


def write_template(file: Path) -> None:
    """An empty table with every column."""
    write_columns(file, COLUMNS, needed=NEEDED)


def import_entries(config: Path | None, file: Path, *, dry_run: bool, by: str) -> ImportReport:
    """Put every row of the table on the roster, or none where one is wrong; Refusal where the table cannot be read."""
    with _open_rota(config) as (rota, _):
        try:
            rows = list(read_rows(file, COLUMNS, needed=NEEDED))
        except SheetWrong as error:
            raise Refusal(f"{file}: {error}") from error
        except OSError as error:
            raise Refusal(f"{file}: {error.strerror}") from error
        entries = [(row.line, _entry(row.cells)) for row in rows]
        wrong: list[WrongRow] = []
        for line, entry in entries:
            try:
                rota.check(entry)
            except RosterWrong as error:
                wrong.append(WrongRow(line=line, what=str(error)))
        if not wrong and not dry_run:
            rota.add_shifts([entry for _, entry in entries], by=by)
    return ImportReport(entries=0 if wrong else len(entries), wrong=tuple(wrong))


def _entry(cells: Mapping[str, str]) -> ShiftEntry:
    position, days = cells.get("position", "1"), cells.get("weekdays", "1234567")
    return ShiftEntry(
        desk=_DESKS.get(cells.get("desk", ""), cells.get("desk", "")),
        login=cells.get("login", ""),
        dong=cells.get("dong"),
        position=int(position) if position.isdecimal() else 0,  # 0 is refused by its field
        part=_PARTS.get(cells.get("part", ""), cells.get("part")),
        weekdays="".join(_DAYS.get(day, day) for day in days),
        from_day=cells.get("from_day"),
        until_day=cells.get("until_day"),
    )
