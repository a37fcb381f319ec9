"""`anbu bench`: what this machine can carry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson
from anbu.ending import Refusal, orderly
from anbu.language import say

bench = typer.Typer(no_args_is_help=True, help=say("이 컴퓨터의 성능을 잽니다", "what this machine can carry"))


@bench.command("ingest", help=say("메시지를 초당 몇 개 받는지 잽니다", "how many messages a second are taken in"))
@orderly
def ingest(
    broker: Annotated[str, typer.Option(help="mosquitto, nats")] = "mosquitto",
    households: Annotated[int, typer.Option(min=1_000, max=100_000, help=say("가구 수", "households"))] = 10_000,
    messages: Annotated[int, typer.Option(min=1_000, help=say("한 차례의 메시지 수", "messages in a round"))] = 150_000,
    rounds: Annotated[int, typer.Option(min=1, max=20, help=say("차례", "rounds"))] = 2,
    readings: Annotated[
        int, typer.Option(min=10_000, help=say("100개 묶음으로 보내는 측정값 수", "readings sent in packs of 100"))
    ] = 1_000_000,
    sos_seconds: Annotated[
        float, typer.Option(min=1.0, max=300.0, help=say("SOS를 재는 시간(초)", "seconds of SOS over a background"))
    ] = 20.0,
    inflight: Annotated[
        int, typer.Option(min=20, max=16_000, help=say("확인 전 메시지 수 (mosquitto)", "messages in flight (mosquitto)"))
    ] = 500,
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=say("재려는 디스크의 폴더", "a folder on the disk to measure"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure and print."""
    from anbu.bench.ingest import Plan, run_ingest
    from anbu.logs import set_up_logs
    from ingest.clock import SystemClock

    if broker not in ("mosquitto", "nats"):
        raise Refusal(f"--broker {broker}", "mosquitto, nats")
    set_up_logs("error", "console", SystemClock())
    plan = Plan(
        broker=broker,
        households=households,
        messages=messages,
        rounds=rounds,
        packs=readings // 100,
        sos_seconds=sos_seconds,
        inflight=inflight,
        folder=folder,
    )
    raise typer.Exit(run_ingest(plan, as_json=as_json))


@bench.command("history", help=say("그래프가 얼마나 기다리게 하는지 잽니다", "how long a chart waits for its readings"))
@orderly
def history(
    homes: Annotated[int, typer.Option(min=0, max=100_000, help=say("보통 가구 수", "ordinary homes"))] = 1_000,
    days: Annotated[int, typer.Option(min=1, max=3_650, help=say("날 수", "days"))] = 90,
    questions: Annotated[int, typer.Option(min=10, help=say("저장소마다 묻는 횟수", "questions to each store"))] = 200,
    url: Annotated[
        str | None,
        typer.Option(help=say("빈 InfluxDB (없으면 influxd 를 직접 실행)", "an empty InfluxDB (else an influxd of our own)")),
    ] = None,
    token_from: Annotated[
        str, typer.Option("--token-env", metavar="NAME", help=say("토큰이 든 환경 변수", "variable that holds its token"))
    ] = "ANBU_HISTORY__TOKEN",
    org: Annotated[str, typer.Option()] = "-",
    raw_bucket: Annotated[str, typer.Option()] = "anbu",
    hours_bucket: Annotated[str, typer.Option()] = "anbu-hours",
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help=say("재려는 디스크의 폴더", "a folder on the disk to measure"))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure and print."""
    import os
    import sys

    import msgspec

    from anbu.bench.history import Plan, run_history
    from anbu.logs import set_up_logs
    from ingest.clock import SystemClock
    from ingest.history.influx_wire import Address

    set_up_logs("error", "console", SystemClock())
    influx = None
    if url is not None:
        token = os.environ.get(token_from, "")
        influx = Address(url=url, token=token, org=org, raw_bucket=raw_bucket, hours_bucket=hours_bucket)
    plan = Plan(homes=homes, days=days, questions=questions, folder=folder, influx=influx)
    report = run_history(plan, lambda line: print(line, file=sys.stderr, flush=True))
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    for store in report.stores:
        print(f"{store.name:<9} {store.readings:>12,}  p50 {store.all.p50_ms:7.1f} ms   p99 {store.all.p99_ms:7.1f} ms")
        for length, waits in store.by_range.items():
            print(f"{'':<9} {length:>12}  p50 {waits.p50_ms:7.1f} ms   p99 {waits.p99_ms:7.1f} ms")
    for name, why in report.left_out.items():
        print(f"{name:<9} {why}")


@bench.command("rules", help=say("판정 규칙이 가구 몇을 견디는지 잽니다", "how many households the rules bear"))
@orderly
def rules(
    households: Annotated[
        list[int] | None,
        typer.Option("--households", "-n", min=100, help=say("가구 수 (여러 번)", "households (several times)")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure and print; the largest of the numbers measured without being asked takes 14 GB."""
    import sys

    import msgspec

    from anbu.bench.rules import HOUSEHOLDS, run_rules
    from ingest.clock import SystemClock

    found = run_rules(households or HOUSEHOLDS, SystemClock(), lambda line: print(line, file=sys.stderr, flush=True))
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for count, sizes in found.items():
        print(
            f"{int(count):>12,}  sweep {sizes.sweep_ms:8.3f} ms  fold {sizes.fold_ms:8.2f} ms  "
            f"{sizes.bytes_per_household:.0f} B  snapshot {sizes.snapshot_s:.2f} s  restore {sizes.restore_s:.2f} s  "
            f"dictionary x{sizes.dict_ratio:.0f}"
        )
