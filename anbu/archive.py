"""The file a backup is: a zip of parts and, last, a manifest that names each part with its size, rows and checksum.

Parts: `settings.toml`, `broker/...`, `cursors.sqlite3`, `store/<table>.jsonl`, `history.sqlite3`, `journal/...`, and `key`
where it was asked for. A table is JSON lines: first its column names, then a list of values for each row, bytes as base64;
so it goes into any database, whatever it came from.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

MANIFEST = "manifest.json"
FORMAT = 1

_CHUNK = 1024 * 1024


class ArchiveBroken(Exception):
    """The file is no whole backup; the text says which part is wrong."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the backup."""

    name: str
    size: int
    sha256: str
    rows: int | None = None  # of a table


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the backup is of."""

    format: int
    anbu: str  # version that made it
    made_at: str  # machine time, ISO 8601
    site: str
    database: str  # sqlite or postgresql
    schema: str  # revision of the tables
    key_id: str  # of the key that personal fields are sealed under, hex
    key_included: bool
    journal_head: int
    history_included: bool
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part | None:
        """The part of this name."""
        return next((part for part in self.parts if part.name == name), None)

    def within(self, folder: str) -> list[Part]:
        """The parts under `folder/`."""
        return [part for part in self.parts if part.name.startswith(f"{folder}/")]


class ArchiveWriter:
    """Writes parts one after another, each in a stream."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.parts: list[Part] = []

    def add(self, name: str, chunks: Iterable[bytes], rows: int | None = None) -> None:
        """Write a part."""
        digest, size = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as stream:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                stream.write(chunk)
        self.parts.append(Part(name=name, size=size, sha256=digest.hexdigest(), rows=rows))

    def add_table(self, name: str, columns: list[str], rows: Iterable[Iterable[object]]) -> None:
        """Write a table as `store/<name>.jsonl`."""
        count = [0]

        def lines() -> Iterator[bytes]:
            yield msgspec.json.encode(columns) + b"\n"
            for row in rows:
                count[0] += 1
                yield msgspec.json.encode(list(row)) + b"\n"

        self.add(f"store/{name}.jsonl", lines())
        self.parts[-1] = msgspec.structs.replace(self.parts[-1], rows=count[0])

    def add_file(self, name: str, path: Path) -> None:
        """Write a file that nobody changes meanwhile."""
        with path.open("rb") as stream:
            self.add(name, iter(lambda: stream.read(_CHUNK), b""))


@contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """A backup at `path`, for its owner alone, which is there whole and durable after the block, or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                yield ArchiveWriter(archive)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Archive:
    """A backup that is read. Raises ArchiveBroken."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest = msgspec.json.decode(self._zip.read(MANIFEST), type=Manifest)
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, NotImplementedError, ValueError) as error:
            raise ArchiveBroken(f"{path} is no whole backup: {error}") from error

    def verify(self) -> None:
        """Read every part to its end and hold it against the manifest."""
        listed = {part.name for part in self.manifest.parts} | {MANIFEST}
        for name in set(self._zip.namelist()) ^ listed:
            raise ArchiveBroken(f"{name} is in the file or in its manifest, but not in both")
        for part in self.manifest.parts:
            for _chunk in self.chunks(part):
                pass

    def chunks(self, part: Part) -> Iterator[bytes]:
        """The bytes of a part; ArchiveBroken at their end where they are not what was written."""
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(part.name) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    yield chunk
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
            raise ArchiveBroken(f"{part.name}: {error}") from error
        if (size, digest.hexdigest()) != (part.size, part.sha256):
            raise ArchiveBroken(f"{part.name}: not what was written (checksum)")

    def read(self, part: Part) -> bytes:
        """A small part whole."""
        return b"".join(self.chunks(part))

    def extract(self, part: Part, path: Path) -> None:
        """Write the part to a new file, for its owner alone, durable on return; FileExistsError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in self.chunks(part):
                file.write(chunk)
            file.flush()
            os.fsync(descriptor)

    @contextmanager
    def table(self, part: Part) -> Iterator[tuple[list[str], Iterator[list[object]]]]:
        """The column names of a table, and its rows."""
        with self._zip.open(part.name) as stream:
            columns = msgspec.json.decode(stream.readline(), type=list[str])
            yield columns, _rows(stream)

    def close(self) -> None:
        """Let the file go."""
        self._zip.close()


def _rows(stream: IO[bytes]) -> Iterator[list[object]]:
    decoder = msgspec.json.Decoder(list[object])
    for line in stream:
        yield decoder.decode(line)
