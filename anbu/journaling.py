"""What `anbu journal` does with the journal of a site: look, export, set back, prune, mend."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from anbu.ending import Refusal
from anbu.language import say
from anbu.settings import Settings, load_settings
from ingest.clock import DAY, Clock, Millis, parse_local
from ingest.journal.cursors import SqliteCursors
from ingest.journal.export import export
from ingest.journal.port import JournalDamaged, JournalFull
from ingest.journal.retention import Pruned, prune
from ingest.journal.rewind import RewindRefused, Rewound, rewind
from ingest.journal.skip import NothingToSkip, skip
from ingest.journal.sqlite import JournalInUse, SqliteJournal
from ingest.journal.verify import Verdict, verify
from ingest.journal.view import JournalView, Summary


def summarise(config: Path | None) -> Summary:
    """What the journal of this site holds; beside a running site."""
    with _beside(load_settings(config)) as (view, cursors):
        return view.summary(cursors)


def check(config: Path | None) -> Verdict:
    """Read everything once and say what is wrong; beside a running site."""
    with _beside(load_settings(config)) as (view, cursors):
        return verify(view, cursors, tell)


def write_export(config: Path | None, target: Path | None, since: str | None, until: str | None) -> int:
    """Entries received in [since, until) as JSON lines; how many. Beside a running site."""
    with _beside(load_settings(config)) as (view, _):
        after = view.offset_before(_instant(since)) if since else 0
        upto = view.offset_before(_instant(until)) if until else view.head
        try:
            return export(view, target, after, upto, tell)
        except OSError as error:
            raise Refusal(say(f"쓸 수 없습니다: {error}", f"cannot be written: {error}")) from error


def set_back(config: Path | None, cursor: str, *, to: str | None, offset: int | None) -> Rewound:
    """Set a consumer back; the site must be stopped."""
    if (to is None) == (offset is None):
        raise Refusal(say("--to 와 --to-offset 가운데 하나를 주십시오", "give one of --to and --to-offset"))
    with _alone(load_settings(config)) as (journal, cursors):
        asked = journal.offset_before(_instant(to)) if to is not None else offset or 0
        try:
            return rewind(journal, cursors, cursor, asked=asked)
        except RewindRefused as error:
            raise Refusal(str(error)) from error


def cut_off(config: Path | None, clock: Clock, *, keep_days: int | None, dry_run: bool) -> Pruned:
    """Prune by age; the site must be stopped (a running one does it by itself)."""
    settings = load_settings(config)
    days = settings.journal.keep_days if keep_days is None else keep_days
    if days == 0:
        raise Refusal(
            say("journal.keep_days 가 0 입니다: 모두 보관합니다", "journal.keep_days is 0: everything is kept"),
            say("--keep-days 로 일수를 주십시오", "give a number of days with --keep-days"),
        )
    with _alone(settings) as (journal, cursors):
        return prune(journal, cursors, clock.home_now() - days * DAY, dry_run=dry_run, say=tell)


def let_go(config: Path | None, first: int, last: int | None) -> Path:
    """Put facts in the place of unreadable entries; the site must be stopped."""
    settings = load_settings(config)
    _refuse_without(settings)
    try:
        return skip(settings.journal_folder, first, first if last is None else last)
    except NothingToSkip as error:
        raise Refusal(str(error), "anbu journal verify") from error
    except JournalInUse as error:
        raise Refusal(str(error), _to_stop()) from error


def remove_cursor(config: Path | None, cursor: str) -> None:
    """Forget a consumer that will never run again; the site must be stopped."""
    with _alone(load_settings(config)) as (_, cursors):
        if cursor not in cursors.names():
            raise Refusal(say(f"커서 {cursor} 이(가) 없습니다", f"there is no cursor {cursor}"))
        cursors.remove(cursor)


def tell(text: str) -> None:
    """A word of progress on standard error."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _beside(settings: Settings) -> Iterator[tuple[JournalView, SqliteCursors | None]]:
    _refuse_without(settings)
    try:
        with closing(JournalView(settings.journal_folder)) as view:
            if not settings.cursors_file.exists():
                yield view, None
                return
            with closing(SqliteCursors(settings.cursors_file)) as cursors:
                yield view, cursors
    except (JournalDamaged, sqlite3.DatabaseError) as error:
        raise Refusal(str(error), "anbu journal verify") from error


@contextmanager
def _alone(settings: Settings) -> Iterator[tuple[SqliteJournal, SqliteCursors]]:
    _refuse_without(settings)
    try:
        with (
            closing(SqliteJournal(settings.journal_folder, segment_bytes=settings.journal.segment_bytes)) as journal,
            closing(SqliteCursors(settings.cursors_file)) as cursors,
        ):
            yield journal, cursors
    except JournalInUse as error:
        raise Refusal(str(error), _to_stop()) from error
    except (JournalDamaged, JournalFull, sqlite3.DatabaseError) as error:
        raise Refusal(str(error), "anbu journal verify") from error


def _refuse_without(settings: Settings) -> None:
    folder = settings.journal_folder
    if not folder.is_dir() or not any(path.stem.isdigit() for path in folder.glob("*.db")):
        raise Refusal(say(f"{folder} 에 저널이 없습니다", f"there is no journal in {folder}"))


def _instant(text: str) -> Millis:
    try:
        return parse_local(text)
    except ValueError as error:
        raise Refusal(
            say(f"{text} 은(는) 시각이 아닙니다", f"{text} is no time"), "2026-01-01T00:00, 2026-01-01T00:00+09:00"
        ) from error


def _to_stop() -> str:
    return say("이 명령은 anbu serve 를 멈춘 뒤에 실행하십시오", "this command needs the site stopped: end anbu serve first")
