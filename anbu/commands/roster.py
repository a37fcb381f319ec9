"""`anbu roster`: who has duty when (docs/duty.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson, By, Config, DryRun
from anbu.ending import orderly
from anbu.language import say

roster = typer.Typer(no_args_is_help=True, help=say("당직표", "the duty roster"))


@roster.command("show", help=say("지금 당직과 편성", "who has duty now, and the entries"))
@orderly
def show(as_json: AsJson = False, config: Config = None) -> None:
    """Every dong with those who are asked about it, then the entries of the roster."""
    import msgspec

    from anbu import rostering

    found = rostering.show(config)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for dong, logins in found.on_duty.items():
        print(f"{dong}  {', '.join(logins) or say('당직자 없음', 'nobody on duty')}")
    for line in found.entries:
        print(line)


@roster.command("import", help=say("표(XLSX, CSV)에서 편성을 들입니다", "bring in entries from a table (XLSX, CSV)"))
@orderly
def import_entries(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, CSV")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    by: By = "console",
    config: Config = None,
) -> None:
    """All entries or none; exit code 1 when any row is wrong."""
    import msgspec

    from anbu import rostering

    report = rostering.import_entries(config, file, dry_run=dry_run, by=by)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        for row in report.wrong:
            print(f"{say('행', 'line')} {row.line:>6}  {row.what}")
        done = say("들일 편성", "entries would be made") if dry_run else say("들인 편성", "entries made")
        print(f"{done} {report.entries}")
    if report.wrong:
        raise typer.Exit(1)


@roster.command("template", help=say("빈 표를 만듭니다", "make an empty table"))
@orderly
def make_template(file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, CSV")]) -> None:
    """Every column that `import` knows."""
    from anbu.rostering import write_template

    write_template(file)
    print(file)


@roster.command("day", help=say("임시공휴일 등 사이트가 정한 날", "a day of the site's own, such as a 임시공휴일"))
@orderly
def day(
    day: Annotated[str, typer.Argument(metavar="YYYY-MM-DD")],
    name: Annotated[str, typer.Argument(help=say("이름", "its name"))],
    worked: Annotated[bool, typer.Option("--worked", help=say("쉬지 않고 근무", "worked, although it is a day off"))] = False,
    by: By = "console",
    config: Config = None,
) -> None:
    """Say of a day that it is off, or worked."""
    from anbu.rostering import set_day

    print(set_day(config, day, name=name, off=not worked, by=by))
