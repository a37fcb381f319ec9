"""`anbu token`, `anbu calls` and `anbu rejections`: what comes without MQTT, and what could not be taken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anbu.commands.options import AsJson, By, Config, DryRun
from anbu.ending import Refusal, orderly
from anbu.language import say

token = typer.Typer(no_args_is_help=True, help=say("API 토큰", "API tokens"))
calls = typer.Typer(no_args_is_help=True, help=say("통화 기록 파일", "files of call records"))
rejections = typer.Typer(no_args_is_help=True, help=say("받지 못한 메시지", "messages that could not be taken"))

_Device = Annotated[str | None, typer.Option(metavar="ID", help=say("이 기기의 것만", "of this device alone"))]
_Reason = Annotated[str | None, typer.Option(metavar="REASON", help=say("이 사유만", "of this reason alone"))]


@token.command("add", help=say("토큰을 만듭니다", "make a token"))
@orderly
def add_token(
    name: Annotated[str, typer.Argument(help=say("누가 쓰는지", "who uses it"))],
    scope: Annotated[str, typer.Option(help="readings:write")] = "readings:write",
    dong: Annotated[str | None, typer.Option(metavar="CODE", help=say("이 동만 (기본: 전체)", "for this dong alone"))] = None,
    days: Annotated[int, typer.Option(min=1, help=say("며칠 동안", "for so many days"))] = 365,
    by: By = "console",
    config: Config = None,
) -> None:
    """Make a token and show it once."""
    from anbu import feeding
    from ingest.clock import to_iso

    made, text = feeding.add_token(config, name, scope=scope, dong=dong, days=days, by=by)
    print(say(f"토큰   {text}  (한 번만 보여 드립니다)", f"token   {text}  (shown this once)"))
    print(say(f"끝나는 때 {to_iso(made.expires_at)}", f"ends    {to_iso(made.expires_at)}"))


@token.command("list", help=say("토큰을 보여 줍니다", "show the tokens"))
@orderly
def list_tokens(as_json: AsJson = False, config: Config = None) -> None:
    """Every token, without its secret."""
    import msgspec

    from anbu import feeding
    from ingest.clock import to_iso

    found = feeding.all_tokens(config)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        ended = say("  폐기", "  revoked") if one.revoked_at is not None else ""
        print(f"{one.id}  {one.scope}  {one.dong_code or '*'}  {to_iso(one.expires_at)}  {one.created_by}  {one.name}{ended}")


@token.command("revoke", help=say("토큰을 끝냅니다", "end a token"))
@orderly
def revoke_token(token_id: Annotated[str, typer.Argument(metavar="ID")], config: Config = None) -> None:
    """From now on it opens nothing."""
    from anbu import feeding

    feeding.revoke_token(config, token_id)
    print(token_id)


@calls.command(
    "import", help=say("통신사의 통화 기록을 가져옵니다 (docs/feeds.md)", "bring in a carrier's call records (docs/feeds.md)")
)
@orderly
def import_calls(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, XLSX")],
    dry_run: DryRun = False,
    again: Annotated[
        bool, typer.Option("--again", help=say("이미 가져온 파일도 다시", "even a file that was imported before"))
    ] = False,
    as_json: AsJson = False,
    by: By = "console",
    config: Config = None,
) -> None:
    """Match each row with a household by the hash of its number, and report what did not match."""
    import msgspec

    from anbu import feeding
    from anbu.row_faults import outcome

    report = feeding.import_calls(config, file, dry_run=dry_run, again=again, by=by)
    if as_json:
        print(msgspec.json.encode(report).decode())
        return
    if report.seen_before:
        print(say("이미 가져온 파일입니다. 다시 가져오려면 --again", "this file was imported before; --again takes it once more"))
        return
    for row in report.refused:
        print(f"{say('행', 'line')} {row.line:>6}  {outcome(row.outcome)}  {'*' + row.tail if row.tail else ''}".rstrip())
    done = say("맞은 행", "rows matched") if not dry_run else say("맞을 행", "rows would match")
    print(f"{done} {report.matched}/{report.rows}, {say('처음 듣는 가구', 'homes heard for the first time')} {report.new_homes}")


@calls.command("key", help=say("통신사가 번호를 해시할 열쇠", "the key with which a carrier hashes numbers"))
@orderly
def show_key(config: Config = None) -> None:
    """Print the derived key; the site's own key cannot be found from it."""
    from anbu import feeding

    print(feeding.phone_key(config))


@rejections.command("list", help=say("받지 못한 메시지를 보여 줍니다", "show what could not be taken"))
@orderly
def list_rejections(
    device: _Device = None,
    reason: _Reason = None,
    retried: Annotated[bool, typer.Option("--retried", help=say("다시 읽게 한 것도", "those read again too"))] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """The newest first."""
    import msgspec

    from anbu import feeding
    from anbu.showing import plain
    from ingest.clock import to_iso

    found = feeding.rejections(config, device=device, reason=reason, retried=retried, limit=limit)
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    for one in found:
        print(
            f"{one.offset:>10}.{one.index}  {to_iso(one.received_at)}  {one.reason:<17} {plain(one.topic)}  {plain(one.detail)}"
        )


@rejections.command("show", help=say("한 메시지를 자세히", "one message in full"))
@orderly
def show_rejection(offset: Annotated[int, typer.Argument(metavar="OFFSET")], config: Config = None) -> None:
    """Reason, topic and payload of the message at this offset of the journal."""
    from anbu import feeding
    from anbu.showing import plain
    from ingest.clock import to_iso

    found = feeding.rejections_at(config, offset)
    print(f"{found[0].offset}  {to_iso(found[0].received_at)}  {plain(found[0].topic)}")
    for one in found:
        print(f"  {one.index}  {one.reason}  {one.device_id or '-'}  {plain(one.detail)}")
    print(plain(found[0].payload))


@rejections.command("retry", help=say("지금 아는 것으로 다시 읽게 합니다", "have them read again by what is known now"))
@orderly
def retry_rejections(
    offsets: Annotated[list[int] | None, typer.Argument(metavar="OFFSET...")] = None,
    device: _Device = None,
    reason: _Reason = None,
    by: By = "console",
    config: Config = None,
) -> None:
    """By offset, device or reason; `anbu serve` reads them."""
    from anbu import feeding

    if not offsets and device is None and reason is None:
        raise Refusal(say("무엇을 다시 읽을지 말하십시오", "say what to read again"), "OFFSET, --device, --reason")
    count = feeding.retry_rejections(config, offsets or (), device=device, reason=reason, by=by)
    print(say(f"{count}건을 다시 읽게 했습니다. anbu serve 가 읽습니다.", f"{count} to be read again; anbu serve reads them."))
