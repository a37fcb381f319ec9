"""`anbu device check` and `anbu device asyncapi`: for those who make devices."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from anbu.commands.options import AsJson
from anbu.ending import Refusal, orderly
from anbu.language import say


@orderly
def check_device(
    topic: Annotated[str, typer.Option("--topic", help=say("MQTT 토픽", "MQTT topic"))],
    payload: Annotated[
        str,
        typer.Option(
            "--payload",
            help=say(
                "내용, - 는 표준 입력, hex:... 는 16진수(Sparkplug B)",
                "payload, - for standard input, hex:... for bytes (Sparkplug B)",
            ),
        ),
    ],
    retain: Annotated[bool, typer.Option("--retain", help=say("retain 표시와 함께", "with the retain flag"))] = False,
    dup: Annotated[bool, typer.Option("--dup", help=say("DUP 표시와 함께", "with the DUP flag"))] = False,
    zone: Annotated[str, typer.Option(help=say("기기 시계의 시간대", "zone of the device's own clock"))] = "Asia/Seoul",
    as_json: AsJson = False,
) -> None:
    """Ends with 0 where something was taken and nothing refused, else with 1."""
    import msgspec

    from anbu.device_check import check_message
    from anbu.enrolling import now
    from anbu.showing import plain
    from ingest.register.homes import EntryWrong, check_address

    try:
        check_address(None, zone)
    except EntryWrong as error:
        raise Refusal(str(error)) from error
    verdict = check_message(topic, _bytes(payload), at=now(), retain=retain, dup=dup, zone=zone)
    if as_json:
        print(msgspec.json.encode(verdict).decode())
        raise typer.Exit(0 if verdict.well else 1)
    print(
        say(
            f"방언 {verdict.dialect or '모름'}  주소 {plain(verdict.address or '-')}  기기 {verdict.device or '-'}",
            f"dialect {verdict.dialect or 'unknown'}  address {plain(verdict.address or '-')}  device {verdict.device or '-'}",
        )
    )
    for value in verdict.values:
        life = say("생활신호", "sign of life") if value.life else say("생활신호 아님", "no sign of life")
        skewed = say("  (기기 시계가 앞섬: 수신 시각)", "  (clock ahead: time of receipt)") if value.skewed else ""
        print(f"  {value.device}  {value.signal} = {value.value:g}  {value.observed_at}  {life}{skewed}")
    for refusal in verdict.refusals:
        print(say(f"  거절 {refusal.reason}: {refusal.detail}", f"  refused {refusal.reason}: {refusal.detail}"))
    if not verdict.values and not verdict.refusals:
        print(say("  읽을 것이 없는 메시지입니다", "  says nothing that we read"))
    raise typer.Exit(0 if verdict.well else 1)


@orderly
def print_asyncapi() -> None:
    """The document as JSON."""
    from anbu.asyncapi import document_text

    print(document_text(), end="")


def _bytes(payload: str) -> bytes:
    if payload == "-":
        return sys.stdin.buffer.read()
    if payload.startswith("hex:"):
        try:
            return bytes.fromhex(payload[4:])
        except ValueError as error:
            raise Refusal("--payload hex:", "0-9, a-f") from error
    return payload.encode(errors="surrogateescape")
