"""Tables that offices and carriers hand over: CSV (UTF-8 or CP949) or XLSX, with their columns under Korean or English names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from zipfile import BadZipFile

import msgspec
from openpyxl import Workbook, load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

LONGEST_CELL = 500
MOST_ROWS = 200_000


class SheetWrong(ValueError):
    """The file as a whole cannot be read; the text says why and names columns, never what is in them."""


class SheetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: its line in the file (the heading is 1) and its cells by column, empty ones left out."""

    line: int
    cells: Mapping[str, str]

    def __repr__(self) -> str:
        return f"SheetRow(line={self.line})"


def read_rows(path: Path, aliases: Mapping[str, Sequence[str]], *, needed: Sequence[str] = ()) -> Iterator[SheetRow]:
    """The rows of the file with anything in them; `aliases` gives each column the names its heading may have.

    Raises SheetWrong: unreadable, a column unknown, twice there or missing that is needed.
    """
    lines = _xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path)
    heading = next(lines, None)
    if heading is None:
        raise SheetWrong("the file is empty")
    columns = _columns(heading, aliases)
    missing = [name for name in needed if name not in columns]
    if missing:
        raise SheetWrong(f"missing columns: {', '.join('/'.join(aliases[name]) for name in missing)}")
    for line, cells in enumerate(lines, start=2):
        if line > MOST_ROWS:
            raise SheetWrong(f"more than {MOST_ROWS} rows; divide the file")
        filled = {name: cell.strip()[:LONGEST_CELL] for name, cell in zip(columns, cells, strict=False) if name and cell.strip()}
        if filled:
            yield SheetRow(line=line, cells=filled)


def write_columns(path: Path, aliases: Mapping[str, Sequence[str]], *, needed: Sequence[str]) -> None:
    """An empty table with these columns; in XLSX a second sheet says which must be filled and how else they may be named."""
    titles = [known[0] if known else name for name, known in aliases.items()]
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        path.write_text(",".join(titles) + "\n", encoding="utf-8-sig")
        return
    book = Workbook()
    book.worksheets[0].title = "대상자"
    book.worksheets[0].append(titles)
    notes = book.create_sheet("설명")
    notes.append(["열", "다른 이름", "꼭 필요"])
    for title, (name, known) in zip(titles, aliases.items(), strict=True):
        notes.append([title, ", ".join((name, *known[1:])), "O" if name in needed else ""])
    for sheet in book.worksheets:
        sheet.freeze_panes = "A2"
        for place in range(1, len(titles) + 1):
            sheet.column_dimensions[get_column_letter(place)].width = 16
            for row in range(1, 3):
                sheet.cell(row=row, column=place).number_format = "@"  # text: a leading 0 of a phone number stays
    book.save(path)


def _columns(heading: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> list[str]:
    names = {_plain(alias): name for name, known in aliases.items() for alias in (name, *known)}
    columns: list[str] = []
    for place, title in enumerate(heading, start=1):
        name = names.get(_plain(title), "")
        if title.strip() and not name:
            raise SheetWrong(f"column {place} has a heading that is not known; see the template")
        if name and name in columns:
            raise SheetWrong(f"column {place} is there twice")
        columns.append(name)
    return columns


def _plain(title: str) -> str:
    return title.strip().lower().replace(" ", "").replace("_", "")


def _csv(path: Path) -> Iterator[Sequence[str]]:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp949")  # what spreadsheets write on a Korean desktop
        except UnicodeDecodeError as error:
            raise SheetWrong("the file is neither UTF-8 nor CP949") from error
    try:
        yield from csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise SheetWrong(f"the file is no CSV: {error}") from error


def _xlsx(path: Path) -> Iterator[Sequence[str]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as error:
        raise SheetWrong("the file is no XLSX") from error
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_text(cell) for cell in row]
    finally:
        book.close()


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, (datetime, date)):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
