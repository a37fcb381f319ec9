"""How all rows of the relational store go into a backup and come back, whichever database they come from or go to."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from itertools import islice

from sqlalchemy import Connection, Integer, LargeBinary, MetaData, Table, func, insert, select, text

from anbu.archive import Archive, ArchiveBroken, ArchiveWriter, Part
from anbu.schema import metadata

LEFT_OUT = frozenset({"session", "tick_lease", "fact_carrier"})
"""Who is logged in, which process ticks, which journal was told what: true of the running site alone."""

_AT_ONCE = 500


def dump_tables(connection: Connection, archive: ArchiveWriter) -> None:
    """Write every table as this transaction sees it."""
    streaming = {"stream_results": True, "yield_per": _AT_ONCE}
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # the disk we write to may be slow
    for table in metadata.sorted_tables:
        if table.name not in LEFT_OUT:
            columns = [str(column.name) for column in table.columns]
            order = list(table.primary_key.columns)
            rows = connection.execute(select(table).order_by(*order), execution_options=streaming)
            archive.add_table(table.name, columns, (tuple(row) for row in rows))


def load_tables(connection: Connection, archive: Archive) -> int:
    """Fill the empty tables of this transaction; how many rows. ArchiveBroken where the backup does not fit them."""
    found = MetaData()
    found.reflect(connection)  # the tables as they were then, which may not be those of today
    parts = {part.name: part for part in archive.manifest.within("store")}
    total = 0
    for table in found.sorted_tables:
        part = parts.pop(f"store/{table.name}.jsonl", None)
        if part is None:
            continue
        loaded = _load(connection, archive, table, part)
        held = connection.scalar(select(func.count()).select_from(table))
        if not loaded == held == part.rows:
            raise ArchiveBroken(f"{part.name}: {part.rows} rows were written, {loaded} read, {held} are in the table")
        _count_on(connection, table)
        total += loaded
    if parts:
        raise ArchiveBroken(f"there are no tables for {', '.join(sorted(parts))}")
    return total


def is_empty(connection: Connection) -> bool:
    """Whether none of our tables holds a row; tables that are not there hold none."""
    found = MetaData()
    found.reflect(connection, only=lambda name, _: name in metadata.tables)
    return not any(connection.execute(select(table).limit(1)).first() for table in found.sorted_tables)


def _load(connection: Connection, archive: Archive, table: Table, part: Part) -> int:
    count = 0
    with archive.table(part) as (columns, rows):
        unknown = [column for column in columns if column not in table.columns]
        if unknown:
            raise ArchiveBroken(f"{part.name}: the table has no column {', '.join(unknown)}")
        sealed = [column for column in columns if isinstance(table.columns[column].type, LargeBinary)]
        values = _values(columns, rows, frozenset(sealed))
        while some := list(islice(values, _AT_ONCE)):
            connection.execute(insert(table), some)
            count += len(some)
    return count


def _values(columns: list[str], rows: Iterator[list[object]], binary: frozenset[str]) -> Iterator[dict[str, object]]:
    for row in rows:
        values = dict(zip(columns, row, strict=True))
        for name in binary:
            value = values[name]
            values[name] = b64decode(value) if isinstance(value, str) else value
        yield values


def _count_on(connection: Connection, table: Table) -> None:
    """PostgreSQL numbers by a sequence, which knows nothing of rows that brought their number."""
    if connection.dialect.name != "postgresql" or "id" not in table.columns or not isinstance(table.c.id.type, Integer):
        return
    newest = connection.scalar(select(func.max(table.c.id)))
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": f'"{table.name}"'})
    if newest is not None and sequence is not None:
        connection.execute(text("SELECT setval(:sequence, :newest)"), {"sequence": sequence, "newest": newest})
