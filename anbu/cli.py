"""The command `anbu`: which commands there are. What they do is imported when they run (docs/adr/0002-lazy-commands.md)."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated

import typer

from anbu.commands import (
    backtest,
    backup,
    bench,
    broker,
    channel,
    device,
    feeds,
    history,
    init,
    journal,
    makers,
    register,
    roster,
    rules,
    show,
    site,
    why,
)
from anbu.language import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # Plain help is drawn without rich, which would cost as much as all the rest; tracebacks must not show variables.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=say(
        "안부: 혼자 사는 이웃의 센서 신호에서 안부확인까지. English: ANBU_LANG=en",
        "anbu: from a sensor message to a check on people who live alone. 한국어: ANBU_LANG=ko",
    ),
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("anbu"))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help=say("버전을 보여 줌", "show the version"))
    ] = False,
) -> None:
    """Options of no command in particular; each acts by its callback."""


app.command("demo", help=say("가상의 동 하나를 실행합니다", "run a simulated dong"))(show.demo)
app.command("replay", help=say("기록된 집을 다시 재생합니다", "play recorded homes"))(show.replay)
app.command("backtest", help=say("기록된 날들에 기준을 시험합니다", "try rules on recorded days"))(backtest.backtest)
app.command(
    "init", help=say("새 사이트를 만듭니다: 설정, 열쇠, 첫 동과 계정", "make a new site: settings, key, first dong and account")
)(init.init)
app.command("check", help=say("설정, 저장소, 브로커, 시계를 점검합니다", "check settings, stores, broker and clock"))(site.check)
app.command("migrate", help=say("저장소를 최신 구조로 바꿉니다", "bring the store to the newest schema"))(site.migrate)
app.command("backup", help=say("실행 중에도 사이트를 파일 하나로 백업합니다", "back the site up into one file, running or not"))(
    backup.backup
)
app.command("restore", help=say("백업에서 새 사이트를 만듭니다", "make a new site of a backup"))(backup.restore)
app.command("serve", help=say("사이트를 실행합니다", "run the site"))(site.serve)
app.add_typer(history.history, name="history")
app.add_typer(bench.bench, name="bench")
app.add_typer(broker.broker, name="broker")
app.add_typer(register.user, name="user")
app.add_typer(register.dong, name="dong")
app.add_typer(register.household, name="household")
device.device.command("check", help=say("이 메시지를 어떻게 읽을지 봅니다", "what we would make of this message"))(
    makers.check_device
)
device.device.command("asyncapi", help=say("토픽과 내용의 AsyncAPI 3 문서", "AsyncAPI 3 document of topics and payloads"))(
    makers.print_asyncapi
)
app.add_typer(device.device, name="device")
app.add_typer(feeds.rejections, name="rejections")
app.add_typer(feeds.calls, name="calls")
app.add_typer(feeds.token, name="token")
app.add_typer(channel.channel, name="channel")
app.add_typer(channel.canary, name="canary")
app.add_typer(journal.app, name="journal")
app.add_typer(rules.rules, name="rules")
app.command("why", help=say("그때 규칙이 이 가구에서 무엇을 보았는지", "what the rules saw of a home at a moment"))(why.why)
app.add_typer(roster.roster, name="roster")


def main() -> None:
    """Run the command that was typed; what it makes (stores, journal, logs) is for its own account alone."""
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show Hangul shows escapes; it must not end the command.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()
