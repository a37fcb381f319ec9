"""How a running site becomes one file: in an order in which every part holds at least what the part before it relies on.

First where the consumers stand, then the store (which has all findings up to there), then the history (all readings up to
there), then the journal (everything they read from, and the facts the store has handed over). What is restored is the site
of one moment, whose consumers take some entries again, and that changes nothing.
"""

from __future__ import annotations

import base64
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from anbu.archive import FORMAT, MANIFEST, ArchiveWriter, Manifest, new_archive
from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import open_key, opened_store, refuse_unmigrated
from anbu.schema import revision
from anbu.settings import Settings
from anbu.table_copy import dump_tables
from ingest.clock import SystemClock, to_iso
from ingest.journal.kept import Kept
from ingest.seal import load_key
from ingest.store import reading

_DERIVED = frozenset({"lock", "name", "facts.index"})
"""Files of the journal that every journal makes for itself."""


def back_up(settings: Settings, settings_file: Path, target: Path, *, with_key: bool = False) -> tuple[Path, Manifest]:
    """Write a backup of the site, which may be running, to `target`: a new file, or a folder, where it gets a name.

    The key is in it only with `with_key`. Raises Refusal; nothing is left behind then.
    """
    now = SystemClock().machine_now()
    if target.is_dir():
        target = target / f"anbu-{to_iso(now)[:19].replace(':', '').replace('T', '-')}.zip"
    elif target.suffix != ".zip":  # or a folder that is missing would become a file, and the next backup be refused
        raise Refusal(say(f"{target} 폴더가 없습니다", f"there is no folder {target}"), f"mkdir -p {target}")
    if target.exists():
        raise Refusal(say(f"{target} 이(가) 이미 있습니다", f"{target} exists already"))
    sealer = open_key(settings)
    try:
        with new_archive(target) as archive, TemporaryDirectory(prefix=".anbu-backup-", dir=target.parent) as folder:
            if settings_file.exists():
                archive.add_file("settings.toml", settings_file)
            if with_key:
                archive.add("key", [base64.b64encode(load_key(settings.key_source)) + b"\n"])
            _add_broker(archive, settings.broker_folder, with_key=with_key)
            _add_sqlite(archive, "cursors.sqlite3", settings.cursors_file, Path(folder))
            with opened_store(settings) as engine:
                refuse_unmigrated(engine)
                with reading(engine).begin() as connection:
                    schema = revision(connection)
                    dump_tables(connection, archive)
                database = engine.dialect.name
            history = _add_sqlite(archive, "history.sqlite3", settings.history_file, Path(folder))
            head = _add_journal(archive, settings.journal_folder, Path(folder))
            manifest = Manifest(
                format=FORMAT,
                anbu=version("anbu"),
                made_at=to_iso(now),
                site=settings.site.name,
                database=database,
                schema=schema,
                key_id=sealer.key_id.hex(),
                key_included=with_key,
                journal_head=head,
                history_included=history,
                parts=tuple(archive.parts),
            )
            archive.add(MANIFEST, [msgspec.json.format(msgspec.json.encode(manifest))])
    except OSError as error:
        raise Refusal(f"{error.filename or target}: {error.strerror}") from error
    except sqlite3.Error as error:
        raise Refusal(say(f"읽을 수 없는 파일이 있습니다: {error}", f"a file cannot be read: {error}")) from error
    return target, manifest


def _add_broker(archive: ArchiveWriter, folder: Path, *, with_key: bool) -> None:
    """What the site's own broker reads: accounts, topics, certificates; private keys only with the key."""
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.is_file() and not file.name.startswith(".") and (with_key or file.suffix != ".key"):
            archive.add_file(f"broker/{file.name}", file)


def _add_sqlite(archive: ArchiveWriter, name: str, source: Path, folder: Path) -> bool:
    """Add the file as it is at one moment, whoever writes to it; False where there is none."""
    if not source.exists():
        return False
    copy = folder / "copy"
    _copy_sqlite(source, copy)
    archive.add_file(name, copy)
    copy.unlink()
    return True


def _copy_sqlite(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True)) as live,
        closing(sqlite3.connect(target)) as copy,
    ):
        copy.execute("PRAGMA synchronous = OFF")  # it is read once and deleted
        live.backup(copy)


def _add_journal(archive: ArchiveWriter, folder: Path, spare: Path) -> int:
    """Add the files of the journal, the newest segment last; its head. Refusal when it was pruned meanwhile."""
    if not folder.exists():
        return 0
    head, cut = 0, Kept(folder).cut()
    try:
        for file in _journal_files(folder):
            copy = spare / file.name
            if file.suffix == ".db":
                _copy_sqlite(file, copy)
                head = max(head, _last_offset(copy))
            archive.add_file(f"journal/{file.name}", copy if copy.exists() else file)
            copy.unlink(missing_ok=True)
    except (FileNotFoundError, sqlite3.OperationalError) as error:
        if Kept(folder).cut() == cut:
            raise
        raise _pruned() from error
    if Kept(folder).cut() != cut:
        raise _pruned()
    return head


def _pruned() -> Refusal:
    return Refusal(
        say("백업하는 동안 저널이 정리되었습니다", "the journal was pruned while it was copied"),
        say("다시 실행하십시오", "run it again"),
    )


def _journal_files(folder: Path) -> list[Path]:
    """The segments in their order, after all else."""
    files = (file for file in sorted(folder.iterdir()) if file.is_file() and file.name not in _DERIVED)
    return sorted((file for file in files if not file.name.endswith(("-wal", "-shm"))), key=lambda file: file.stem.isdigit())


def _last_offset(segment: Path) -> int:
    with closing(sqlite3.connect(segment)) as connection:
        return int(connection.execute("SELECT coalesce(max(offset), 0) FROM entry").fetchone()[0])
