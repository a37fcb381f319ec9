"""`anbu rules`: the table of limits, seasons and the limits of single households (docs/rules.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anbu.commands.options import AsJson, By, Config
from anbu.ending import orderly
from anbu.language import say

if TYPE_CHECKING:
    from rules.wording import Row

rules = typer.Typer(no_args_is_help=True, help=say("기준표: 언제 안부를 확인하는지", "the limits: when a home is worth a check"))

_File = Annotated[Path, typer.Argument(metavar="FILE", help="TOML")]
_Reason = Annotated[str, typer.Option(help=say("이유 (암호화해 보관)", "why (kept sealed)"))]


@rules.command("lint", help=say("기준표 파일이 맞는지 봅니다", "say whether a file of limits is right"))
@orderly
def lint(file: _File) -> None:
    """Exit code 1, and every wrong line, where it is not."""
    from anbu.ruling import read_file

    print(say("맞습니다", "right"), read_file(file).version)


@rules.command("show", help=say("지금 쓰는 기준", "the limits in force"))
@orderly
def show(
    grade: Annotated[str | None, typer.Option(help="high, elevated, ordinary")] = None,
    household: Annotated[str | None, typer.Option(metavar="ID", help=say("이 가구의 지금 기준", "of this home, now"))] = None,
    text: Annotated[bool, typer.Option("--text", help=say("파일 그대로", "as the file it came from"))] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Of everybody unless told; with --text something to edit and apply again."""
    import msgspec

    from anbu import ruling
    from ingest.clock import to_iso

    found = ruling.show(config, grade=grade, household=household)
    if as_json or text:
        print(msgspec.json.encode(found).decode() if as_json else found.text, end="\n" if as_json else "")
        return
    since = to_iso(found.since) if found.since else say("아직 실행한 적 없음", "not run yet")
    print(f"{found.version}  {since}  {found.actor}")
    for season, until in found.seasons.items():
        print(say(f"선포된 계절 {season}: {to_iso(until)} 까지", f"declared season {season}: until {to_iso(until)}"))
    _print_rows(found.rows)
    print("\n".join(found.others))


@rules.command("diff", help=say("파일이 지금 기준에서 무엇을 바꾸는지", "what a file would change of the limits in force"))
@orderly
def diff(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help=say("기본: rules.file", "else rules.file"))] = None,
    config: Config = None,
) -> None:
    """One line for each value that differs."""
    from anbu.ruling import compare

    before, after, lines = compare(config, file)
    print(f"{before.version} → {after.version}")
    print("\n".join(lines) or say("같습니다", "no difference"))


@rules.command("apply", help=say("이 파일의 기준을 씁니다", "put the limits of a file in force"))
@orderly
def apply(
    file: _File,
    reason: _Reason,
    yes: Annotated[bool, typer.Option("--yes", help=say("정말로 (없으면 보여만 줌)", "really (else only shown)"))] = False,
    by: By = "console",
    config: Config = None,
) -> None:
    """Without --yes nothing is written, and what would change is shown."""
    from anbu import ruling

    before, after, lines = ruling.compare(config, file)
    print(f"{before.version} → {after.version}")
    print("\n".join(lines) or say("같습니다", "no difference"))
    if not yes:
        print(say("바꾸지 않았습니다. --yes 로 적용합니다.", "Nothing was changed; --yes puts it in force."))
        return
    ruling.apply(config, file, by=by, reason=reason)
    print(say(f"{after.version} 을(를) 적용했습니다.", f"{after.version} is in force."))


@rules.command("season", help=say("폭염·한파를 선포하거나 마칩니다", "declare a heat or cold wave, or end it"))
@orderly
def season(
    name: Annotated[str, typer.Argument(metavar="SEASON", help="heatwave, coldwave")],
    reason: _Reason,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help=say("끝나는 때; 없으면 지금 끝냄", "its end; without it, it ends now"))
    ] = None,
    by: By = "console",
    config: Config = None,
) -> None:
    """Its limits hold from now until then."""
    from anbu import ruling

    ruling.season(config, name, until=until, by=by, reason=reason)
    print(f"{name} {until or say('끝', 'ended')}")


@rules.command("limit", help=say("한 가구의 기준을 짧게 합니다", "give one home a shorter limit"))
@orderly
def limit(
    household: Annotated[str, typer.Argument(metavar="HOUSEHOLD")],
    rule: Annotated[str, typer.Argument(metavar="RULE", help="motion, call, phone, cannot_verify, heat, cold ...")],
    level: Annotated[str, typer.Argument(metavar="LEVEL", help="caution, warning, danger")],
    value: Annotated[str, typer.Argument(metavar="LIMIT", help='"6 h", 30.5, none')],
    reason: _Reason,
    by: By = "console",
    config: Config = None,
) -> None:
    """Shorter than everybody's, or "none" to take it away."""
    from anbu import ruling

    ruling.limit(config, household, rule, level, value, by=by, reason=reason)
    print(f"{household} {rule} {level} {value}")


@rules.command("log", help=say("누가 언제 왜 바꿨는지", "who changed what, when and why"))
@orderly
def log(
    household: Annotated[str | None, typer.Option(metavar="ID", help=say("이 가구의 것만", "of this home alone"))] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Tables, seasons and limits of single households, the newest first."""
    import msgspec

    from anbu import ruling
    from anbu.ruling import limit_typed
    from anbu.showing import plain
    from ingest.clock import to_iso

    found = ruling.changes(config, household)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        what = one.version or one.season or f"{one.household_id} {limit_typed(one)}"
        until = f" .. {to_iso(one.until)}" if one.until else ""
        print(f"{to_iso(one.at)}  {one.actor:<12} {one.kind:<7} {what}{until}  {plain(one.reason or '')}")


def _print_rows(rows: list[Row]) -> None:
    heads = (say("규칙", "rule"), say("주의", "caution"), say("경보", "warning"), say("위험", "danger"), say("시간대", "hours"))
    lines = [heads, *((f"{one.name} [{one.rule}]", *one.levels, one.hours) for one in rows)]
    widths = [max(_width(line[place]) for line in lines) for place in range(5)]
    for line in lines:
        print("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)).rstrip())


def _width(text: str) -> int:
    """Columns of a terminal: Hangul takes two."""
    return sum(2 if "\u1100" <= letter <= "\uffdc" else 1 for letter in text)
