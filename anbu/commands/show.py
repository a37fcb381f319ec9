"""`anbu demo` and `anbu replay`: a site nobody lives in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson
from anbu.ending import Refusal, orderly
from anbu.language import say

_Level = Annotated[str, typer.Option("--log-level", help="debug, info, warning, error")]


@orderly
def demo(
    folder: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=say("데이터를 남길 빈 폴더 (기본: 끝나면 지움)", "empty folder to keep the data in")),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help=say("화면의 포트", "port of the page"))] = 8080,
    homes: Annotated[int, typer.Option(min=1, max=10_000, help=say("가구 수", "households"))] = 60,
    seed: Annotated[int, typer.Option(help=say("같은 수는 같은 동을 만듭니다", "the same number makes the same dong"))] = 1,
    until_check: Annotated[
        bool, typer.Option("--until-check", help=say("첫 안부확인이 뜨면 끝냄", "end at the first check"))
    ] = False,
    as_json: AsJson = False,
    log_level: _Level = "warning",
) -> None:
    """Run the demo; its own exit code is ours."""
    from anbu.demo import run_demo

    _logs(log_level)
    raise typer.Exit(run_demo(folder=folder, port=port, seed=seed, until_check=until_check, as_json=as_json, homes=homes))


@orderly
def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="timestamp,sensor,kind,value (.csv, .csv.gz)")],
    speed: Annotated[str, typer.Option(metavar="max|N", help=say("max, 또는 실제의 N배", "max, or N times real speed"))] = "max",
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help=say("기준표", "table of limits"))] = None,
    off: Annotated[
        str, typer.Option(help=say("동작 센서의 OFF: auto, life, timer", "what OFF of a motion sensor is: auto, life, timer"))
    ] = "auto",
    as_json: AsJson = False,
    log_level: _Level = "warning",
) -> None:
    """Play recorded homes; the replay's own exit code is ours."""
    from anbu.replay import run_replay
    from rules.reader import RulesWrong

    if off not in ("auto", "life", "timer"):
        raise Refusal(f"--off {off}", "auto, life, timer")
    if speed != "max" and not _is_rate(speed):
        raise Refusal(f"--speed {speed}", say("max 또는 0보다 큰 수", "max, or a number above 0"))
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        raise Refusal(say(f"파일이 없습니다: {', '.join(missing)}", f"no such file: {', '.join(missing)}"))
    _logs(log_level)
    try:
        raise typer.Exit(run_replay(files, speed=speed, rules=rules, as_json=as_json, off=off))
    except RulesWrong as error:
        raise Refusal(error.said(say("ko", "en"))) from error


def _is_rate(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False


def _logs(level: str) -> None:
    from anbu.logs import set_up_logs
    from ingest.clock import SystemClock

    if level not in ("debug", "info", "warning", "error"):
        raise Refusal(f"--log-level {level}", "debug, info, warning, error")
    set_up_logs(level, "console", SystemClock())
