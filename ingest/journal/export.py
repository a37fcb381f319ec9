"""The journal as JSON lines that a back-test, another site or any other program can read, and back again.

One line an entry, in order: `offset`, `received_at` (ms UTC, never going down) and either `fact` (the fact with its kind
in its field `fact`) or `message`: `topic`, `source`, `received_at` (the message's own), `retain`, `dup`, `catching_up`, and
its bytes as `text` where they are UTF-8, else as `base64`. A first line names the form: {"anbu_journal": 1, ...}.
"""

from __future__ import annotations

import base64
import gzip
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from ingest.clock import Millis
from ingest.facts import Fact
from ingest.journal.port import Entry, Message
from ingest.journal.view import JournalView

FORM = 1
_BATCH = 2_000
_SAY_EVERY = 100_000


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    anbu_journal: int
    first: int  # the first offset asked for
    last: int


class _Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    topic: str
    source: str
    received_at: Millis
    text: str | None = None
    base64: str | None = None
    retain: bool = False
    dup: bool = False
    catching_up: bool = False


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    offset: int
    received_at: Millis
    message: _Message | None = None
    fact: Fact | None = None


class NotAnExport(Exception):
    """The file is no export of a journal, or of a form this version does not know; the text names the line."""


def export(view: JournalView, target: Path | None, after: int, upto: int, progress: Callable[[str], None]) -> int:
    """Write the entries above `after` up to `upto` to `target` (None: standard output); how many.

    A name ending in .gz is compressed. The file appears under its name when it is whole. JournalDamaged, OSError.
    """
    count = 0
    encoder = msgspec.json.Encoder()
    with _opened(target) as out:
        out.write(encoder.encode(_Head(anbu_journal=FORM, first=after + 1, last=upto)) + b"\n")
        while after < upto and (entries := view.read(after, _BATCH)):
            chosen = [entry for entry in entries if entry.offset <= upto]
            out.writelines(encoder.encode(_to_line(entry)) + b"\n" for entry in chosen)
            after = entries[-1].offset
            if count // _SAY_EVERY != (count + len(chosen)) // _SAY_EVERY:
                progress(f"{count + len(chosen)} entries, at offset {after} of {upto}")
            count += len(chosen)
    return count


def read_export(path: Path) -> Iterator[Entry]:
    """The entries of an exported file in their order. Raises NotAnExport, OSError."""
    decoder = msgspec.json.Decoder(_Line)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                if number == 1:
                    if msgspec.json.decode(line, type=_Head).anbu_journal != FORM:
                        raise NotAnExport(f"{path} is of a form this version does not know")
                    continue
                yield _to_entry(decoder.decode(line))
            except (msgspec.MsgspecError, ValueError) as error:
                raise NotAnExport(f"{path}, line {number}: {error}") from error


def _to_line(entry: Entry) -> _Line:
    body = entry.body
    if not isinstance(body, Message):
        return _Line(offset=entry.offset, received_at=entry.received_at, fact=body)
    try:
        text, packed = body.payload.decode(), None
    except UnicodeDecodeError:
        text, packed = None, base64.b64encode(body.payload).decode()
    message = _Message(
        topic=body.topic,
        source=body.source,
        received_at=body.received_at,
        text=text,
        base64=packed,
        retain=body.retain,
        dup=body.dup,
        catching_up=body.catching_up,
    )
    return _Line(offset=entry.offset, received_at=entry.received_at, message=message)


def _to_entry(line: _Line) -> Entry:
    if line.fact is not None:
        return Entry(offset=line.offset, received_at=line.received_at, body=line.fact)
    said = line.message
    if said is None:
        raise ValueError("neither a message nor a fact")
    message = Message(
        received_at=said.received_at,
        source=said.source,
        topic=said.topic,
        payload=said.text.encode() if said.text is not None else base64.b64decode(said.base64 or "", validate=True),
        retain=said.retain,
        dup=said.dup,
        catching_up=said.catching_up,
    )
    return Entry(offset=line.offset, received_at=line.received_at, body=message)


@contextmanager
def _opened(target: Path | None) -> Iterator[IO[bytes] | gzip.GzipFile]:
    if target is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = target.with_name(f"{target.name}.part")
    try:
        # Payloads say when somebody moved in which home: for the one who asked, nobody else.
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if target.suffix == ".gz":
                with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6, mtime=0) as packed:
                    yield packed
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
