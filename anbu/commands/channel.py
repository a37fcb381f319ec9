"""`anbu channel` and `anbu canary`: how people are reached, a test of it, and the account that proves the path."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import Refusal, orderly
from anbu.language import say

channel = typer.Typer(no_args_is_help=True, help=say("연락처와 알림 채널", "contact points and channels"))
canary = typer.Typer(no_args_is_help=True, help=say("알림 경로의 자동 점검", "the proof of the path"))

_Person = Annotated[str, typer.Argument(metavar="LOGIN", help=say("아이디, 경로 점검은 canary", "a login, or canary"))]

_Only = Annotated[list[str] | None, typer.Option("--channel", metavar="NAME", help=say("이 채널만", "this channel alone"))]


@channel.command("add", help=say("연락처를 표준 입력에서 읽어 더합니다", "add a contact point, its address from standard input"))
@orderly
def add(
    person: _Person,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="email, phone, push, webhook, apprise")],
    config: Config = None,
) -> None:
    """Keep an address; it never stands on a command line, which others on the machine can read."""
    from alerts.contacts import ContactRefused, Kind
    from anbu.reaching import open_contacts

    if kind not in set(Kind):
        raise Refusal(say(f"모르는 종류입니다: {kind}", f"no such kind: {kind}"), ", ".join(Kind))
    with open_contacts(config) as book:
        try:
            added = book.add(person, Kind(kind), sys.stdin.readline())
        except ContactRefused as error:
            raise Refusal(str(error)) from error
    print(f"{added.id}  {added.person}  {added.kind}  {added.shown}")


@channel.command("list", help=say("연락처를 가려서 보여 줍니다", "show contact points, masked"))
@orderly
def list_points(as_json: AsJson = False, config: Config = None) -> None:
    """Everybody's, in the order they are tried."""
    import msgspec

    from anbu.reaching import open_contacts

    with open_contacts(config) as book:
        found = [point for person in book.people() for point in book.of(person)]
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for point in found:
        print(f"{point.id}  {point.person}  {point.kind}  {point.shown}")


@channel.command("remove", help=say("연락처를 지웁니다", "forget a contact point"))
@orderly
def remove(person: _Person, number: int, config: Config = None) -> None:
    """Forget one."""
    from anbu.reaching import open_contacts

    with open_contacts(config) as book:
        if not book.remove(person, number):
            raise Refusal(say(f"{person} 의 연락처 {number} 이(가) 없습니다", f"{person} has no contact point {number}"))


@channel.command("test", help=say("시험 알림을 실제로 보냅니다", "send somebody a real test message"))
@orderly
def test(
    person: _Person,
    only: Annotated[
        list[str] | None, typer.Option("--channel", metavar="NAME", help=say("이 채널만", "this channel alone"))
    ] = None,
    config: Config = None,
) -> None:
    """By each of their channels; exit code 1 when one did not take it, or when there is none."""
    from anbu.reaching import test_person

    found = test_person(config, person, only or ())
    if not found:
        raise Refusal(
            say(f"{person} 에게 쓸 수 있는 연락처가 없습니다", f"{person} has no contact point this site can use"),
            f"anbu channel add {person} email",
        )
    for one in found:
        print(f"{one.channel:<9} {one.error or say('보냈습니다', 'sent')}")
    if any(one.error for one in found):
        raise typer.Exit(1)


@canary.command("init", help=say("점검용 브로커 계정과 권한을 만듭니다", "make the canary's account and topics at the broker"))
@orderly
def init(config: Config = None) -> None:
    """Make or renew the account in the site's own broker folder; its password is shown once. Again after a new dong."""
    from anbu.reaching import make_canary

    account, password, dongs = make_canary(config)
    print(say(f"계정     {account} (동 {dongs}개)", f"account   {account} ({dongs} dongs)"))
    print(say(f"비밀번호 {password}  (한 번만 보여 드립니다)", f"password  {password}  (shown this once)"))
    print(f'          [canary] on = true, username = "{account}", ANBU_CANARY__PASSWORD')
    print(say("다음: systemctl reload mosquitto", "next: systemctl reload mosquitto"))
