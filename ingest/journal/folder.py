"""What the operating system keeps for a journal folder: its one lock, its durable names, its small promise file."""

from __future__ import annotations

import fcntl
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.clock import Millis


class JournalInUse(Exception):
    """Another journal object, here or in another process, has this folder open; the text names the folder."""


class Promise:
    """The latest frontier given out, in a file of twelve bytes: a wall clock set back during a restart must not break it."""

    _FORM = struct.Struct("<qI")

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        raw = os.pread(self._file, self._FORM.size, 0)
        self.at: Millis = 0
        if len(raw) == self._FORM.size:
            at, crc = self._FORM.unpack(raw)
            self.at = at if zlib.crc32(raw[:8]) == crc else 0  # torn by a power cut: the newest entry still holds
        else:
            self.keep(0)  # takes its room while there is some

    def keep(self, at: Millis) -> None:
        """Not synced: a killed process loses nothing of it, and this is asked for many times a second."""
        instant = at.to_bytes(8, "little", signed=True)
        os.pwrite(self._file, instant + zlib.crc32(instant).to_bytes(4, "little"), 0)

    def close(self) -> None:
        """Let the file go."""
        os.close(self._file)


def lock_folder(folder: Path) -> int:
    """The open lock file of this folder; closing it gives the folder back. Raises JournalInUse."""
    file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(file)
        raise JournalInUse(
            f"the journal in {folder} is open elsewhere; stop the other process, or choose another folder"
        ) from error
    except BaseException:
        os.close(file)
        raise
    return file


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody else writes this folder for the length of the block. Raises JournalInUse."""
    file = lock_folder(folder)
    try:
        yield
    finally:
        os.close(file)


def sync_folder(folder: Path) -> None:
    """Make the names of new files, and the absence of old ones, durable as their content is."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
