"""A file system so small that a test can fill it."""

from __future__ import annotations

import contextlib
from pathlib import Path

SIZE = 6 * 1024 * 1024


class SmallDisk:
    """A file system of 6 MiB of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Until not one more page fits."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):  # that it is full ends it
            while file.write(b"\0" * 4096) == 4096:
                pass

    def make_room(self) -> None:
        self._ballast.unlink()
