"""`anbu user`, `anbu dong`, `anbu household` and `anbu device`: who logs in, and who is looked after with what."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson, By, Config, PasswordFromInput
from anbu.ending import Refusal, orderly
from anbu.language import say

user = typer.Typer(no_args_is_help=True, help=say("직원 계정", "staff accounts"))
dong = typer.Typer(no_args_is_help=True, help=say("동", "dongs"))
household = typer.Typer(no_args_is_help=True, help=say("대상 가구", "households"))
device = typer.Typer(no_args_is_help=True, help=say("기기", "devices"))


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


@device.command("add", help=say("기기를 가구에 등록하거나 옮깁니다", "put a device into a household, or move it there"))
@orderly
def add_device(
    device_id: Annotated[str, typer.Argument(metavar="ID", help="[a-z0-9-]{1,32}")],
    household: Annotated[str, typer.Option(metavar="ID", help=say("가구", "its household"))],
    signal: Annotated[list[str], typer.Option(help=say("보내는 신호, 여러 번 쓸 수 있음", "a signal it sends; may be repeated"))],
    model: Annotated[str, typer.Option(help=say("모델", "model"))] = "generic",
    every: Annotated[
        int,
        typer.Option(
            metavar="SECONDS", help=say("보고 간격, 0: 일이 있을 때만", "report interval, 0: only when something happens")
        ),
    ] = 0,
    config: Config = None,
) -> None:
    """Put the device into the household from now on."""
    from anbu.enrolling import now, open_register

    with open_register(config) as register:
        register.enrol_device(device_id, household, model=model, signals=signal, report_interval_s=every, at=now())
    print(f"{device_id} {household} {','.join(signal)}")


@device.command("remove", help=say("기기를 뺍니다", "take a device out of its household"))
@orderly
def remove_device(device_id: Annotated[str, typer.Argument(metavar="ID")], config: Config = None) -> None:
    """The device stands in no household from now on."""
    from anbu.enrolling import now, open_register

    with open_register(config) as register:
        register.remove_device(device_id, at=now())
    print(device_id)


@device.command("unclaimed", help=say("등록되지 않은 채 신호를 보내는 기기", "devices that publish without being enrolled"))
@orderly
def list_unclaimed(as_json: AsJson = False, config: Config = None) -> None:
    """The last heard first, each with its last payload and what it seems to speak."""
    import msgspec

    from anbu import feeding
    from anbu.showing import plain
    from ingest.clock import to_iso

    found = feeding.unclaimed(config)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        print(f"{one.device_id:<32}  {one.dialect:<11} {one.messages:>6}  {to_iso(one.last_received_at)}  {plain(one.topic)}")
        print(f"    {plain(one.payload[:200])}")


@device.command("claim", help=say("등록되지 않은 기기를 가구에 넣습니다", "put an unclaimed device into a household"))
@orderly
def claim_device(
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    household: Annotated[str, typer.Option(metavar="ID", help=say("가구", "its household"))],
    model: Annotated[str, typer.Option(help=say("모델", "model"))] = "unknown",
    signal: Annotated[
        list[str] | None, typer.Option(help=say("신호 (기본: 지금까지 들은 것)", "its signals (else those heard so far)"))
    ] = None,
    every: Annotated[int, typer.Option(metavar="SECONDS", help=say("보고 간격", "report interval"))] = 0,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help=say(
                "이때부터 이 집에 있었음을 압니다 (그 뒤의 움직임은 생활신호)",
                "known to stand there since (what it saw since is life)",
            ),
        ),
    ] = None,
    by: By = "console",
    config: Config = None,
) -> None:
    """From now on it belongs there; what it had sent is read again by `anbu serve`."""
    from anbu import feeding

    made, before = feeding.claim(config, device_id, household, model=model, signals=signal or (), every=every, since=since, by=by)
    print(f"{made.id} {made.household_id} {','.join(made.signals)}")
    if before is not None and before.household_id not in (None, "unassigned", made.household_id):
        print(
            say(
                "주의: 기기의 토픽은 다른 가구를 가리킵니다. 기기 설정을 바꾸기 전까지 그 신호는 거절됩니다.",
                "note: its topics name another household; until the device is set right its messages are refused.",
            )
        )


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Refusal(f"--people {file}: {error.strerror}") from error
