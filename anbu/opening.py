"""How a command opens the site it is to work on: settings, key, migrated store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from anbu.ending import Refusal
from anbu.language import say
from anbu.schema import SchemaNewer, pending
from anbu.settings import Settings, load_settings
from ingest.clock import Clock, SystemClock
from ingest.seal import KeyUnusable, Sealer, load_key
from ingest.store import open_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A site whose store is open and migrated."""

    settings: Settings
    engine: Engine
    sealer: Sealer
    clock: Clock


@contextmanager
def open_site(config: Path | None) -> Iterator[Opened]:
    """The site of this settings file, closed again at the end; Refusal with the next step where it is not ready."""
    settings = load_settings(config)
    sealer = open_key(settings)
    with opened_store(settings) as engine:
        refuse_unmigrated(engine)
        yield Opened(settings=settings, engine=engine, sealer=sealer, clock=SystemClock())


def open_key(settings: Settings) -> Sealer:
    """The sealer of this site; Refusal when the key cannot be used."""
    try:
        return Sealer(load_key(settings.key_source))
    except KeyUnusable as error:
        raise Refusal(say(f"열쇠를 쓸 수 없습니다: {error}", f"the key cannot be used: {error}")) from error


@contextmanager
def opened_store(settings: Settings, *, create: bool = False) -> Iterator[Engine]:
    """The relational store; Refusal where there is none (with `create` an SQLite file is made) or none answers."""
    file = sqlite_file(settings.store_url)
    if file is not None and not file.exists() and not create:
        raise Refusal(say(f"저장소 {file} 이(가) 없습니다", f"there is no store {file}"), _to_migrate())
    if file is not None and create:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        engine = open_store(settings.store_url)
    except (SQLAlchemyError, ImportError) as error:
        raise Refusal(_unreachable(error)) from error
    try:
        yield engine
    except SQLAlchemyError as error:
        raise Refusal(_unreachable(error)) from error
    finally:
        engine.dispose()


def refuse_unmigrated(engine: Engine) -> None:
    """Refusal unless the store has the newest schema."""
    try:
        missing = pending(engine)
    except SchemaNewer as error:
        raise Refusal(
            say(f"저장소가 더 새로운 버전({error.revision})입니다", f"the store belongs to a newer version ({error.revision})"),
            say("더 새로운 anbu 를 설치하십시오", "install the newer anbu"),
        ) from error
    if missing:
        count = len(missing)
        raise Refusal(
            say(f"저장소에 적용하지 않은 변경이 {count}개 있습니다", f"{count} migrations of the store are waiting"),
            _to_migrate(),
        )


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite store; None for one on a server."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _to_migrate() -> str:
    return say("anbu migrate 를 실행하십시오", "run anbu migrate")


def _unreachable(error: Exception) -> str:
    # The first line alone: what follows repeats the statement with its values.
    cause = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return say("저장소를 쓸 수 없습니다: ", "the store cannot be used: ") + cause.splitlines()[0]
