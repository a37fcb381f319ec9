"""Why a home was, or was not, told of at a moment: the journal run again up to it, beside the running site."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from ingest.clock import Millis
from ingest.decoding import Decoding
from ingest.journal.cursors import SqliteCursors
from ingest.journal.port import JournalDamaged, Position
from ingest.journal.view import JournalView
from ingest.reading import HouseholdId
from rules.consumer import Player
from rules.engine import STEP, Engine
from rules.seen import CannotSay, HomeSeen
from rules.table import RuleTable

log = structlog.get_logger(__name__)

CURSOR = "rules"
_BATCH = 2_000


def look_back(
    journal: Path, cursors: Path, decoder: Decoding, initial: RuleTable, household: str, at: Millis, *, now: Millis
) -> HomeSeen:
    """What the rules saw of the home at the last grid point up to `at`, which is not after `now` (home time).

    CannotSay; nothing is written. `initial`: the table the site began with.
    """
    if at > now:  # silence of days that have not been would be taken for silence of the home
        raise CannotSay("아직 오지 않은 시각입니다", "that time is yet to come")
    try:
        with closing(JournalView(journal)) as view:
            upto = view.offset_before(at + 1)
            engine = Engine(initial)
            player = Player(engine, decoder)
            after = _begin(view, cursors, upto, at, player)
            while entries := [entry for entry in view.read(after, _BATCH) if entry.offset <= upto]:
                player.play(decoder.read(entries), engine.advance)
                after = entries[-1].offset
    except FileNotFoundError as error:
        raise CannotSay(f"저널이 없습니다: {journal}. 사이트를 실행하면(anbu serve) 생깁니다", str(error)) from error
    except (JournalDamaged, sqlite3.DatabaseError) as error:
        raise CannotSay(f"저널을 읽을 수 없습니다: {error}: anbu journal verify", f"{error}: anbu journal verify") from error
    engine.advance(at - at % STEP)
    try:
        return engine.explain(HouseholdId(household))
    except KeyError as error:
        raise CannotSay(f"그때는 돌보던 가구가 아닙니다: {household}", f"{household} was not looked after then") from error


def _begin(view: JournalView, cursors: Path, upto: int, at: Millis, player: Player) -> int:
    """Let the player stand at the nearest state kept at or before this offset; where that is."""
    if cursors.exists():
        with closing(SqliteCursors(cursors)) as kept:
            newest = kept.load(CURSOR)
            if 0 < newest.offset <= upto and _restored(player, newest, at):
                return newest.offset
            for offset in reversed(kept.snapshots(CURSOR)):
                if offset <= upto and _restored(player, kept.snapshot(CURSOR, offset), at):
                    return offset
    base = view.shelf.kept.base(CURSOR)
    if base.offset <= upto and _restored(player, base, at):
        return base.offset
    raise CannotSay(
        "저널의 그 부분은 보존 기간이 지나 지워졌고, 이 버전이 읽을 수 있는 그때의 상태도 없습니다",
        "the journal was pruned and no state of that time can be read by this version",
    )


def _restored(player: Player, position: Position, at: Millis) -> bool:
    """Whether the player now stands there; not where home time had gone past `at` by then."""
    try:
        player.restore(position.state)
    except ValueError as error:  # a snapshot of an earlier version; msgspec's errors are ValueErrors too
        log.info("a snapshot cannot be used, an earlier one is", offset=position.offset, reason=str(error))
        return False
    return player.engine.evaluated is None or player.engine.evaluated <= at
