"""`anbu user`, `anbu dong` and `anbu household`: who logs in, and who is looked after."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson, By, Config, DryRun, PasswordFromInput
from anbu.ending import Refusal, orderly
from anbu.language import say

user = typer.Typer(no_args_is_help=True, help=say("직원 계정", "staff accounts"))
dong = typer.Typer(no_args_is_help=True, help=say("동", "dongs"))
household = typer.Typer(no_args_is_help=True, help=say("대상 가구", "households"))


@user.command("add", help=say("계정을 만듭니다", "make an account"))
@orderly
def add_user(
    login: Annotated[str, typer.Argument(help=say("아이디", "login"))],
    role: Annotated[str, typer.Option(help="officer, supervisor, operator")] = "officer",
    dong: Annotated[str | None, typer.Option(metavar="CODE", help=say("officer의 동", "the dong of an officer"))] = None,
    password_stdin: PasswordFromInput = False,
    config: Config = None,
) -> None:
    """Make an account; a password that was not given is made and shown once."""
    import secrets

    from anbu.opening import open_site
    from dashboard_api.accounts import AccountRefused, Accounts

    password = sys.stdin.readline().rstrip("\n") if password_stdin else secrets.token_urlsafe(12)
    with open_site(config) as site:
        try:
            Accounts(site.engine, site.clock).add(login, password, role, dong)
        except AccountRefused as error:
            raise Refusal(str(error)) from error
    print(say(f"계정   {login} ({role})", f"account   {login} ({role})"))
    if not password_stdin:
        print(say(f"비밀번호 {password}  (한 번만 보여 드립니다)", f"password  {password}  (shown this once)"))


@dong.command("add", help=say("동을 등록합니다", "enter a dong"))
@orderly
def add_dong(code: str, name: str, config: Config = None) -> None:
    """Enter a dong."""
    from anbu.enrolling import open_register

    with open_register(config) as register:
        register.add_dong(code, name)
    print(f"{code} {name}")


@household.command("add", help=say("가구를 등록합니다", "enrol a household"))
@orderly
def add_household(
    household_id: Annotated[str, typer.Argument(metavar="ID", help="[a-z0-9-]{1,32}")],
    dong: Annotated[str, typer.Option(metavar="CODE", help=say("동", "its dong"))],
    grade: Annotated[str, typer.Option(help="high, elevated, ordinary")] = "ordinary",
    people: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=say(
                "대상자와 보호자 JSON, - 는 표준 입력 (명령줄에는 이름을 쓰지 마십시오)",
                "JSON of resident and guardians, - for standard input (names never belong on a command line)",
            ),
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Look after this household from now on."""
    from anbu.enrolling import enrol_household

    enrol_household(config, household_id, dong=dong, grade=grade, people=None if people is None else _read(people))
    print(f"{household_id} {dong} {grade}")


@household.command("end", help=say("가구의 돌봄을 마칩니다", "look after a household no longer"))
@orderly
def end_household(household_id: Annotated[str, typer.Argument(metavar="ID")], config: Config = None) -> None:
    """Look after this household no longer."""
    from anbu.enrolling import now, open_register

    with open_register(config) as register:
        register.end_household(household_id, at=now())
    print(household_id)


@household.command("import", help=say("표(XLSX, CSV)에서 가구를 들입니다", "bring in households from a table (XLSX, CSV)"))
@orderly
def import_households(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, CSV")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    by: By = "console",
    config: Config = None,
) -> None:
    """Each household whole or not at all; exit code 1 when any row was refused."""
    import msgspec

    from anbu.enrolling import import_homes
    from anbu.row_faults import wrong_cell

    report = import_homes(config, file, dry_run=dry_run, by=by)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        for row in report.rows:
            wrong = "; ".join(map(wrong_cell, row.faults))
            print(f"{say('행', 'line')} {row.line:>6}  {wrong or 'ok'}")
        done = say("들일 가구", "households would be entered") if dry_run else say("들인 가구", "households entered")
        print(f"{done} {report.entered}/{len(report.rows)}")
    if report.entered < len(report.rows):
        raise typer.Exit(1)


@household.command("template", help=say("빈 표를 만듭니다", "make an empty table"))
@orderly
def make_template(file: Annotated[Path, typer.Argument(metavar="FILE", help="XLSX, CSV")]) -> None:
    """Every column that `import` knows."""
    from anbu.enrolling import write_template

    write_template(file)
    print(file)


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Refusal(f"--people {file}: {error.strerror}") from error
