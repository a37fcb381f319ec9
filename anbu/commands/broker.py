"""`anbu broker`: the accounts, topics and certificates of a Mosquitto of the site's own."""

from __future__ import annotations

from typing import Annotated

import typer

from anbu.commands.options import AsJson, Config
from anbu.ending import orderly
from anbu.language import say

broker = typer.Typer(no_args_is_help=True, help=say("자체 브로커(Mosquitto)", "a Mosquitto of the site's own"))

_Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="NAME",
        help=say(
            "기기가 브로커를 찾는 이름이나 주소, 여러 번 쓸 수 있음", "name or address by which devices find it; may be repeated"
        ),
    ),
]


@broker.command(
    "init", help=say("인증서, 계정, 권한, 설정 파일을 만듭니다", "make certificates, accounts, topics and configuration")
)
@orderly
def make(host: _Hosts = None, config: Config = None) -> None:
    """Make the folder Mosquitto reads; a password that was not set is shown once."""
    from anbu.broker_making import make_broker
    from anbu.settings import load_settings
    from ingest.clock import SystemClock

    made = make_broker(load_settings(config), host or (), SystemClock().machine_now())
    listener, acks = made.accounts
    print(say(f"폴더     {made.folder.folder}", f"folder    {made.folder.folder}"))
    print(say(f"인증서   {', '.join(made.hosts)}", f"valid for {', '.join(made.hosts)}"))
    print(say(f"계정     {listener}, {acks}", f"accounts  {listener}, {acks}"))
    if made.password:
        print(say(f"비밀번호 {made.password}  (한 번만 보여 드립니다)", f"password  {made.password}  (shown this once)"))
        print(
            say(
                f'         anbu.toml [broker] username = "{listener}", 환경 변수 ANBU_BROKER__PASSWORD',
                f'          [broker] username = "{listener}" in anbu.toml, the variable ANBU_BROKER__PASSWORD',
            )
        )
    if not made.readable:
        print(
            say(
                "mosquitto 그룹이 아직 읽을 수 없습니다. root 로: ",
                "the group mosquitto cannot read it yet. As root: ",
            )
            + f"chgrp -R mosquitto {made.folder.folder} && chgrp mosquitto {made.folder.folder.parent} "
            f"&& chmod g+x {made.folder.folder.parent}"
        )
        for above in made.folder.closed():
            if above != made.folder.folder.parent:
                print(f"          chmod o+x {above}")
    print(say(f"다음: mosquitto -c {made.folder.conf}", f"next: mosquitto -c {made.folder.conf}"))


@broker.command("renew", help=say("브로커의 인증서를 갱신합니다", "renew the broker's certificate"))
@orderly
def renew(host: _Hosts = None, config: Config = None) -> None:
    """Sign a new certificate for the broker with the site's authority."""
    from anbu.broker_making import renew_server
    from anbu.settings import load_settings
    from ingest.clock import SystemClock

    names = renew_server(load_settings(config), host or (), SystemClock().machine_now())
    print(", ".join(names))
    print(say("다음: systemctl reload mosquitto", "next: systemctl reload mosquitto"))


@broker.command("check", help=say("브로커에 무엇이 모자라는지 봅니다", "see what the broker lacks"))
@orderly
def check(
    wait: Annotated[
        float, typer.Option(min=0.1, max=60.0, help=say("답을 기다리는 시간(초)", "seconds to wait for each answer"))
    ] = 5.0,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Use the broker as a running site would; exit code 1 where it lacks something."""
    import msgspec

    from anbu.broker_check import check_broker
    from anbu.serving import acks_broker, listening_broker
    from anbu.settings import load_settings
    from ingest.dialects.registry import subscriptions

    settings = load_settings(config)
    topics = subscriptions(settings.ingest.dialects)
    lines = check_broker(settings.broker, listening_broker(settings), acks_broker(settings), topics, answer_s=wait)
    if as_json:
        print(msgspec.json.encode(lines).decode())
    else:
        for line in lines:
            print(f"{'ok ' if line.ok else '!! '} {line.name:<14} {line.detail}")
            if line.next_step:
                print(f"    {'':<14} -> {line.next_step}")
    raise typer.Exit(0 if all(line.ok for line in lines) else 1)
