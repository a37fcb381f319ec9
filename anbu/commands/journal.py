"""`anbu journal`: the record of everything that was received, and those who read it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import Refusal, orderly
from anbu.language import say

_STOPPED = say(" (사이트를 멈춘 뒤에)", " (with the site stopped)")
_Cursor: TypeAlias = Annotated[
    str, typer.Argument(metavar="CURSOR", help=say("rules, history, intake …", "rules, history, intake ..."))
]

app = typer.Typer(no_args_is_help=True, help=say("저널: 받은 모든 것의 기록", "the journal: everything that was ever received"))


@app.command("stats", help=say("무엇이 얼마나 있고 누가 어디까지 읽었는지", "what it holds, and how far each consumer has read"))
@orderly
def stats(config: Config = None, as_json: AsJson = False) -> None:
    """Beside a running site."""
    import msgspec

    from anbu.journaling import summarise
    from ingest.clock import to_iso

    found = summarise(config)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    entries = say(f"항목 {found.head - found.cut}개", f"{found.head - found.cut} entries")
    print(f"{entries}, {found.size / 1024**2:.1f} MiB, {found.cut + 1}..{found.head}")
    if found.cut:
        print(
            say(
                f"{found.cut} 까지 정리됨, 사실 {found.kept_facts}개 보관",
                f"pruned up to {found.cut}, {found.kept_facts} facts kept",
            )
        )
    for one in found.segments:
        span = (
            f"{to_iso(one.begun_at)} .. {to_iso(one.ended_at)}" if one.begun_at is not None and one.ended_at is not None else "-"
        )
        print(f"  {one.name}  {one.first}..{one.last}  {one.size / 1024**2:.1f} MiB  {span}")
    for reader in found.cursors:
        where = to_iso(reader.at) if reader.at else "-"
        print(
            say("커서", "cursor") + f" {reader.name:<10} {reader.offset} ({where}), -{reader.lag}, {reader.snapshots} snapshots"
        )


@app.command("verify", help=say("모든 항목을 읽어 검사합니다", "read and check every entry"))
@orderly
def verify(config: Config = None, as_json: AsJson = False) -> None:
    """Beside a running site; exit code 1 when anything is wrong."""
    import msgspec

    from anbu.journaling import check

    verdict = check(config)
    if as_json:
        print(msgspec.json.encode(verdict).decode())
    else:
        for one in verdict.damages:
            print(f"{one.place}: {one.first}..{one.last}: {one.what}" if one.last else f"{one.place}: {one.what}")
        print(
            say(
                f"항목 {verdict.entries}개 정상, 문제 {len(verdict.damages)}건",
                f"{verdict.entries} entries are what was written, {len(verdict.damages)} problems",
            )
        )
        if verdict.damages:
            print("→ docs/journal.md")
    if verdict.damages:
        raise typer.Exit(1)


@app.command("export", help=say("JSON 줄로 내보냅니다 (.gz 는 압축)", "write it out as JSON lines (.gz: compressed)"))
@orderly
def export(
    target: Annotated[Path, typer.Argument(metavar="FILE", help=say("- 는 표준 출력", "- is standard output"))],
    config: Config = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=say("이 시각부터 받은 것", "received from then on"))
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help=say("이 시각 전에 받은 것", "received before then"))
    ] = None,
) -> None:
    """Beside a running site."""
    from anbu.journaling import tell, write_export

    count = write_export(config, None if str(target) == "-" else target, since, until)
    tell(say(f"{count}개를 썼습니다", f"{count} entries written"))


@app.command("rewind", help=say("커서를 되돌립니다", "set a cursor back") + _STOPPED)
@orderly
def rewind(
    cursor: _Cursor,
    config: Config = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help=say("이 시각부터 다시", "take again from then on"))
    ] = None,
    offset: Annotated[
        int | None, typer.Option("--to-offset", metavar="N", min=0, help=say("N 다음부터", "what follows N"))
    ] = None,
) -> None:
    """What is found again is recorded, never delivered."""
    from anbu.journaling import set_back
    from ingest.clock import to_iso

    done = set_back(config, cursor, to=to, offset=offset)
    where = to_iso(done.at) if done.at else say("처음", "the beginning")
    print(
        say(
            f"{cursor}: {done.stood} → {done.offset} ({where}), 다음 시작 때 {done.stood - done.offset}개를 다시 읽습니다",
            f"{cursor}: {done.stood} → {done.offset} ({where}), {done.stood - done.offset} entries to take again",
        )
    )


@app.command("prune", help=say("오래된 것을 지웁니다", "delete what is old") + _STOPPED)
@orderly
def prune(
    config: Config = None,
    keep_days: Annotated[
        int | None,
        typer.Option(
            "--keep-days", min=1, help=say("남길 일수 (기본: journal.keep_days)", "days to keep (else journal.keep_days)")
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("지우지 않고 보여만 줌", "say what would go, delete nothing"))
    ] = False,
) -> None:
    """A running site does this by itself every hour."""
    from anbu.journaling import cut_off
    from ingest.clock import SystemClock

    done = cut_off(config, SystemClock(), keep_days=keep_days, dry_run=dry_run)
    print(say(f"파일 {done.segments}개, {done.cut} 까지", f"{done.segments} segments, up to offset {done.cut}"))
    if done.held_by:
        print(say("아직 필요로 하는 커서: ", "still needed by: ") + ", ".join(done.held_by))


@app.command("skip", help=say("읽을 수 없는 항목을 포기하고 기록합니다", "let unreadable entries go, and record it") + _STOPPED)
@orderly
def skip(
    offset: Annotated[int, typer.Argument(metavar="OFFSET", min=1)],
    through: Annotated[
        int | None, typer.Option("--through", metavar="OFFSET", min=1, help=say("여기까지", "up to this one"))
    ] = None,
    config: Config = None,
) -> None:
    """The damaged file stays beside the new one."""
    from anbu.journaling import let_go

    kept = let_go(config, offset, through)
    print(say(f"기록했습니다. 손상된 파일: {kept}", f"recorded. The damaged file: {kept}"))


@app.command("forget", help=say("다시 쓰지 않을 커서를 지웁니다", "delete a cursor that nobody will use again") + _STOPPED)
@orderly
def forget(
    cursor: _Cursor,
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help=say("확인함", "meant so"))] = False,
) -> None:
    """Its consumer, should it come back, begins from the journal's base."""
    from anbu.journaling import remove_cursor

    if not yes:
        raise Refusal(say(f"{cursor} 의 위치와 상태가 사라집니다", f"the position and states of {cursor} will be gone"), "--yes")
    remove_cursor(config, cursor)
