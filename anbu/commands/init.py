"""`anbu init`: a new site."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import PasswordFromInput
from anbu.ending import Refusal, orderly
from anbu.language import say


@orderly
def init(
    config: Annotated[
        Path, typer.Option("--config", "-c", metavar="FILE", help=say("만들 설정 파일", "settings file to make"))
    ] = Path("anbu.toml"),
    site: Annotated[str | None, typer.Option(help=say("설치 이름", "name of the installation"))] = None,
    dong: Annotated[
        list[str] | None, typer.Option(metavar="CODE=NAME", help=say("동, 여러 번 쓸 수 있음", "a dong; may be repeated"))
    ] = None,
    login: Annotated[str | None, typer.Option(help=say("첫 계정의 아이디", "login of the first account"))] = None,
    role: Annotated[str, typer.Option(help="supervisor, operator, officer")] = "supervisor",
    user_dong: Annotated[str | None, typer.Option(metavar="CODE", help=say("officer의 동", "the dong of an officer"))] = None,
    password_stdin: PasswordFromInput = False,
    broker: Annotated[str, typer.Option(metavar="HOST:PORT", help=say("MQTT 브로커", "MQTT broker"))] = "127.0.0.1:1883",
    embedded: Annotated[bool, typer.Option(help=say("내장 브로커를 함께 실행", "start a broker of our own"))] = False,
) -> None:
    """Ask what was not said, make the site, show the password once."""
    from anbu.founding import Plan, found

    asks = sys.stdin.isatty() and not password_stdin
    host, _, port = broker.rpartition(":")
    if not host or not port.isdigit():
        raise Refusal(f"--broker {broker}", "HOST:PORT")
    plan = Plan(
        config=config.expanduser().absolute(),
        site=site or _ask(asks, "설치 이름", "Name of the installation", "안부"),
        dongs=tuple(_dong(text) for text in dong or [_ask(asks, "첫 동 (코드=이름)", "First dong (code=name)", "dong-1=우리동")]),
        login=login or _ask(asks, "첫 계정의 아이디", "Login of the first account", "admin"),
        role=role,
        dong_code=user_dong,
        password=sys.stdin.readline().rstrip("\n") if password_stdin else None,
        broker_host=host,
        broker_port=int(port),
        embedded=embedded,
    )
    founded = found(plan)
    _tell(plan.config, founded.settings.key_source, founded.settings.data, plan.login)
    if not password_stdin:
        print(say(f"비밀번호 {founded.password}  (한 번만 보여 드립니다)", f"password  {founded.password}  (shown this once)"))
    print(say("다음: anbu check, 그리고 anbu serve", "next: anbu check, then anbu serve"))


def _tell(config: Path, key: Path | str, data: Path, login: str) -> None:
    lone = (
        "이 열쇠가 없으면 개인정보를 열 수 없습니다. 데이터와 다른 곳에 사본을 두십시오.",
        "Without it no name can be read. Keep a copy apart from the data.",
    )
    print(say(f"설정     {config}", f"settings  {config}"))
    print(say(f"열쇠     {key}", f"key       {key}"))
    print(say(f"         {lone[0]}", f"          {lone[1]}"))
    print(say(f"데이터   {data}", f"data      {data}"))
    print(say(f"계정     {login}", f"account   {login}"))


def _ask(asks: bool, korean: str, english: str, default: str) -> str:
    return str(typer.prompt(say(korean, english), default=default)) if asks else default


def _dong(text: str) -> tuple[str, str]:
    code, equals, name = text.partition("=")
    if not equals or not name.strip():
        raise Refusal(f"--dong {text}", say("코드=이름 (예: dong-1=우리동)", "code=name, such as dong-1=Uridong"))
    return code.strip(), name.strip()
