"""How a backup becomes a site: verified first, into an empty place alone, whole or not at all."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from anbu.archive import FORMAT, Archive, ArchiveBroken, Manifest, sync_folder
from anbu.broker_site import BrokerFolder
from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import opened_store, sqlite_file
from anbu.schema import SchemaNewer, migrate, migrate_to
from anbu.settings import Settings, load_settings
from anbu.table_copy import is_empty, load_tables
from ingest.seal import KeyUnusable, Sealer, load_key
from ingest.store import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A site that can be served, once `key_missing` (where the key belongs) is None."""

    manifest: Manifest
    settings: Settings
    rows: int
    key_missing: Path | str | None


def look_at(file: Path) -> Manifest:
    """What the backup is of, after every part was read and held against its checksum. Refusal where one is wrong."""
    with closing(_opened(file)) as archive:
        return archive.manifest


def restore(file: Path, settings_file: Path) -> Restored:
    """Make the site of this backup where `settings_file` says; without such a file, with the settings of the backup beside it.

    Refusal, with nothing left behind, when the backup is not whole or not of this version, when the site holds anything
    already, or when its key is another.
    """
    with closing(_opened(file)) as archive, ExitStack() as undo:
        settings = _settle(archive, settings_file, undo)
        _refuse_inhabited(settings)
        key_missing = _put_key(archive, settings, undo)
        try:
            _put_files(archive, settings, undo)
            _put_broker(archive, BrokerFolder(settings.broker_folder), undo)
            rows = _put_store(archive, settings, undo)
        except ArchiveBroken as error:
            raise _not_whole(error) from error
        except OSError as error:
            raise Refusal(f"{error.filename}: {error.strerror}") from error
        undo.pop_all()
        return Restored(manifest=archive.manifest, settings=settings, rows=rows, key_missing=key_missing)


def _opened(file: Path) -> Archive:
    if not file.is_file():
        raise Refusal(say(f"{file} 이(가) 없습니다", f"there is no {file}"))
    try:
        archive = Archive(file)
        if archive.manifest.format > FORMAT:
            raise Refusal(
                say(f"더 새로운 anbu({archive.manifest.anbu})의 백업입니다", f"made by a newer anbu ({archive.manifest.anbu})"),
                say("그 버전을 설치하십시오", "install that version"),
            )
        archive.verify()
    except ArchiveBroken as error:
        raise _not_whole(error) from error
    return archive


def _not_whole(error: ArchiveBroken) -> Refusal:
    return Refusal(
        say(f"온전한 백업이 아닙니다: {error}", f"not a whole backup: {error}"),
        say("다른 백업을 쓰십시오", "take another backup"),
    )


def _settle(archive: Archive, settings_file: Path, undo: ExitStack) -> Settings:
    part = archive.manifest.part("settings.toml")
    if not settings_file.exists() and part is not None:
        settings_file.parent.mkdir(parents=True, exist_ok=True)
        undo.callback(settings_file.unlink, missing_ok=True)
        archive.extract(part, settings_file)
    return load_settings(settings_file if settings_file.exists() else None)


def _refuse_inhabited(settings: Settings) -> None:
    """Whatever a site would lose by being written over."""
    files = [settings.cursors_file, settings.history_file, sqlite_file(settings.store_url)]
    found = [file for file in files if file is not None and file.exists()]
    found += sorted(settings.journal_folder.glob("*.db"))[:1]
    found += sorted(settings.broker_folder.glob("*"))[:1]
    if found:
        raise Refusal(
            say(f"비어 있지 않은 사이트입니다: {found[0]}", f"the site is not empty: {found[0]}"),
            say("빈 폴더로 복원하십시오. 아무것도 덮어쓰지 않습니다", "restore into an empty folder; nothing is overwritten"),
        )
    if sqlite_file(settings.store_url) is None:
        with opened_store(settings) as engine, reading(engine).begin() as connection:
            if not is_empty(connection):
                raise Refusal(
                    say("데이터베이스가 비어 있지 않습니다", "the database is not empty"),
                    say("빈 데이터베이스를 store.url 에 쓰십시오", "name an empty database in store.url"),
                )


def _put_key(archive: Archive, settings: Settings, undo: ExitStack) -> Path | str | None:
    """Where the key is still to be put; None where the right one is there now."""
    source, part = settings.key_source, archive.manifest.part("key")
    if isinstance(source, Path) and not source.exists():
        if part is None:
            return source
        source.parent.mkdir(parents=True, exist_ok=True)
        undo.callback(source.unlink, missing_ok=True)
        archive.extract(part, source)
    try:
        key_id = Sealer(load_key(source)).key_id.hex()
    except KeyUnusable as error:
        if isinstance(source, str):
            return source
        raise Refusal(say(f"열쇠를 쓸 수 없습니다: {error}", f"the key cannot be used: {error}")) from error
    if key_id != archive.manifest.key_id:
        raise Refusal(
            say(f"{source} 은(는) 이 백업의 열쇠가 아닙니다", f"{source} is not the key of this backup"),
            say(f"열쇠 {archive.manifest.key_id} 을(를) 거기 두십시오", f"put key {archive.manifest.key_id} there"),
        )
    return None


def _put_files(archive: Archive, settings: Settings, undo: ExitStack) -> None:
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = {"cursors.sqlite3": settings.cursors_file, "history.sqlite3": settings.history_file}
    folders = set()
    for part in archive.manifest.parts:
        if part.name.startswith("journal/"):
            # The name alone: a backup somebody tampered with must not write elsewhere.
            path = settings.journal_folder / Path(part.name).name
        elif part.name in places:
            path = places[part.name]
        else:
            continue
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        undo.callback(path.unlink, missing_ok=True)
        archive.extract(part, path)
        folders.add(path.parent)
    for folder in folders:
        sync_folder(folder)


def _put_broker(archive: Archive, folder: BrokerFolder, undo: ExitStack) -> None:
    """The broker's own files, with the rights its group needs."""
    parts = archive.manifest.within("broker")
    if not parts:
        return
    undo.callback(shutil.rmtree, folder.folder, ignore_errors=True)
    folder.make()
    for part in parts:
        file = folder.folder / Path(part.name).name
        folder.write(file, archive.read(part), private=file == folder.ca_key)


def _put_store(archive: Archive, settings: Settings, undo: ExitStack) -> int:
    """Last of all, in one transaction: until it ends there is no store that `anbu serve` would run on."""
    if store_file := sqlite_file(settings.store_url):
        for suffix in ("", "-wal", "-shm"):
            undo.callback(store_file.with_name(store_file.name + suffix).unlink, missing_ok=True)
    with opened_store(settings, create=True) as engine:
        try:
            with engine.begin() as connection:
                migrate_to(connection, archive.manifest.schema)
                rows = load_tables(connection, archive)
        except SchemaNewer as error:
            raise Refusal(str(error), say("더 새로운 anbu 를 설치하십시오", "install the newer anbu")) from error
        migrate(engine)
    return rows
