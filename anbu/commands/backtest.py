"""`anbu backtest`: what a rule table would have said of recorded days."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson
from anbu.ending import Refusal, orderly
from anbu.language import say


@orderly
def backtest(
    logs: Annotated[
        list[Path],
        typer.Argument(
            metavar="LOG...",
            help=say("anbu journal export 의 파일, 또는", "files of anbu journal export, or")
            + " timestamp,sensor,kind,value (.csv, .csv.gz)",
        ),
    ],
    rules: Annotated[Path | None, typer.Option(metavar="FILE", help=say("기준표", "table of limits"))] = None,
    train_days: Annotated[
        int,
        typer.Option("--train-days", min=0, help=say("배우기만 하는 처음 며칠", "first days: learnt from, not judged")),
    ] = 14,
    injections: Annotated[
        int, typer.Option(min=0, help=say("가구마다 넣어 보는 응급 상황 수", "emergencies put into each home"))
    ] = 0,
    seed: Annotated[int, typer.Option(help=say("같은 수는 같은 응급 상황", "the same number gives the same emergencies"))] = 1,
    cut: Annotated[
        str | None,
        typer.Option(metavar="TIME", help=say("그 뒤를 버리고 72시간 더 봄", "drop what follows, and look on for 72 h")),
    ] = None,
    off: Annotated[
        str, typer.Option(help=say("동작 센서의 OFF: auto, life, timer", "what OFF of a motion sensor is: auto, life, timer"))
    ] = "auto",
    as_json: AsJson = False,
) -> None:
    """Run and print."""
    from anbu.backtest.run import NothingToRun, Plan, run_backtest
    from anbu.logs import set_up_logs
    from ingest.clock import SystemClock, parse_local
    from ingest.journal.export import NotAnExport
    from rules.reader import RulesWrong
    from rules.table import load_table
    from simulators.recorded import LogUnreadable

    if off not in ("auto", "life", "timer"):
        raise Refusal(f"--off {off}", "auto, life, timer")
    missing = [str(path) for path in [*logs, *([rules] if rules else [])] if not path.is_file()]
    if missing:
        raise Refusal(say(f"파일이 없습니다: {', '.join(missing)}", f"no such file: {', '.join(missing)}"))
    try:
        at = None if cut is None else parse_local(cut)
    except ValueError as error:
        raise Refusal(f"--cut {cut}", "2026-01-01T00:00, 2026-01-01T00:00+09:00") from error
    set_up_logs("warning", "console", SystemClock())
    try:
        plan = Plan(logs=logs, table=load_table(rules), train_days=train_days, injections=injections, seed=seed, cut=at, off=off)
        run_backtest(plan, as_json=as_json)
    except NothingToRun as error:
        raise Refusal(
            say("이 기록에는 그때까지 등록된 가구가 없습니다", "no home was enrolled in these logs by then"),
            say("--cut 을 기록된 날들 안으로", "a --cut within the recorded days") if cut else "",
        ) from error
    except RulesWrong as error:
        raise Refusal(error.said(say("ko", "en"))) from error
    except (LogUnreadable, NotAnExport) as error:
        raise Refusal(str(error)) from error
