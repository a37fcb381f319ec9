"""Whether backups are still being made: whoever makes them (cron, mostly) says nothing once it has stopped."""

from __future__ import annotations

from pathlib import Path

from anbu.chores import Chore
from anbu.sections import BackupSection
from ingest.clock import HOUR, SECOND, Clock, Millis


class NoBackup(Exception):
    """The folder holds none that is young enough; the text says since when."""


def backup_looked_for(backup: BackupSection, clock: Clock) -> list[Chore]:
    """The chore that looks for a backup in the folder of the settings; none where no folder is named."""
    folder = backup.folder
    if folder is None:
        return []
    limit = backup.every_hours * HOUR
    look = f"see what keeps anbu backup {folder} from running (cron), or run it"
    return [Chore("backup", lambda: look_for_backup(folder, limit, clock), look, clock)]


def look_for_backup(folder: Path, at_most: Millis, clock: Clock) -> None:
    """NoBackup where no file `*.zip` in the folder was written within the last `at_most` (machine time)."""
    written = [int(file.stat().st_mtime) * SECOND for file in folder.glob("*.zip")]
    if not written:
        raise NoBackup(f"{folder} holds no backup")
    age = clock.machine_now() - max(written)
    if age > at_most:
        raise NoBackup(f"the newest backup in {folder} is {age // HOUR} hours old")
