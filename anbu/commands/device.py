"""`anbu device`: what stands in the homes, how it comes in, and what publishes without being known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anbu.commands.options import AsJson, By, Config
from anbu.ending import Refusal, orderly
from anbu.language import say

if TYPE_CHECKING:
    from anbu.installing import Installed

_Certificate = Annotated[
    bool, typer.Option("--certificate", help=say("비밀번호 대신 클라이언트 인증서", "a client certificate instead of a password"))
]
_Out = Annotated[Path, typer.Option(metavar="FOLDER", help=say("라벨과 인증서를 둘 폴더", "where label and certificate go"))]

device = typer.Typer(no_args_is_help=True, help=say("기기", "devices"))


@device.command("enrol", help=say("기기를 등록하고 접속 정보와 QR 라벨을 만듭니다", "enrol a device: credential and QR label"))
@orderly
def enrol_device(
    household: Annotated[str, typer.Option(metavar="ID", help=say("가구", "its household"))],
    model: Annotated[str, typer.Option(help=say("모델", "model"))],
    device_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help=say("기기 번호 (기본: 새로 만듦)", "its id (else a new one)"))
    ] = None,
    signal: Annotated[
        list[str] | None, typer.Option(help=say("신호 (기본: 모델의 것)", "its signals (else the model's)"))
    ] = None,
    every: Annotated[int | None, typer.Option(metavar="SECONDS", help=say("보고 간격", "report interval"))] = None,
    certificate: _Certificate = False,
    topic: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILTER",
            help=say(
                "다른 회사 게이트웨이가 쓸 토픽, 예: zigbee2mqtt/# (여러 번 쓸 수 있음)",
                "what a vendor's gateway may write besides, such as zigbee2mqtt/#; may be repeated",
            ),
        ),
    ] = None,
    out: _Out = Path(),
    by: By = "console",
    config: Config = None,
) -> None:
    """Again for a device that stands there: a new credential in place of the old one."""
    from anbu.installing import Wanted, enrol

    wanted = Wanted(
        household=household,
        model=model,
        device_id=device_id,
        signals=signal or (),
        every=every,
        certificate=certificate,
        topics=topic or (),
        out=out,
    )
    _tell(enrol(config, wanted, by=by))


@device.command("replace", help=say("고장 난 기기를 새 기기로 바꿉니다", "put a new device in the place of one"))
@orderly
def replace_device(
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    new_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help=say("새 기기 번호 (기본: 새로 만듦)", "the new id (else made)"))
    ] = None,
    certificate: _Certificate = False,
    out: _Out = Path(),
    by: By = "console",
    config: Config = None,
) -> None:
    """Same household, same signals; what was recorded stays with the household."""
    from anbu.installing import replace

    _tell(replace(config, device_id, new_id, certificate=certificate, out=out, by=by))


@device.command("move", help=say("기기를 다른 가구로 옮깁니다", "move a device to another household"))
@orderly
def move_device(
    device_id: Annotated[str, typer.Argument(metavar="ID")],
    household: Annotated[str, typer.Option(metavar="ID", help=say("새 가구", "its new household"))],
    out: _Out = Path(),
    config: Config = None,
) -> None:
    """Its credential stays; its topics change, so there is a new label."""
    from anbu.installing import move

    _tell(move(config, device_id, household, out=out))


@device.command("revoke", help=say("기기의 접속을 막고 가구에서 뺍니다", "shut a device out and take it out of its household"))
@orderly
def revoke_device(device_id: Annotated[str, typer.Argument(metavar="ID")], config: Config = None) -> None:
    """From the broker's next reload on it does not come in."""
    from anbu.installing import revoke

    revoke(config, device_id)
    print(device_id)
    _reload()


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
    dialect: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=say("다른 회사 기기의 방언 (docs/dialects.md)", "a vendor's dialect (docs/dialects.md)")
        ),
    ] = None,
    address: Annotated[
        str | None, typer.Option(help=say("그 방언에서의 이름이나 EUI", "its name or EUI in that dialect"))
    ] = None,
    zone: Annotated[str, typer.Option(help=say("기기 시계의 시간대", "zone of the device's own clock"))] = "Asia/Seoul",
    config: Config = None,
) -> None:
    """Put the device into the household from now on; a vendor's by the name the vendor gives it."""
    from anbu.enrolling import now, open_register, vendor_address

    if (dialect is None) != (address is None):
        raise Refusal(say("--dialect 와 --address 는 함께 씁니다", "--dialect and --address go together"))
    with open_register(config) as register:
        register.enrol_device(
            device_id,
            household,
            model=model,
            signals=signal,
            report_interval_s=every,
            at=now(),
            address=vendor_address(dialect, address),
            zone=zone,
        )
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


def _tell(made: Installed) -> None:
    print(f"{made.device.id}  {made.device.household_id}  {','.join(made.device.signals)}")
    if made.topic is not None:
        print(say(f"토픽     {made.topic}/...", f"topic     {made.topic}/..."))
    if made.password is not None:
        print(say(f"비밀번호 {made.password}  (한 번만 보여 드립니다)", f"password  {made.password}  (shown this once)"))
    for file in made.files:
        print(say(f"인증서   {file}", f"file      {file}"))
    if made.label is not None:
        print(say(f"QR 라벨  {made.label}", f"QR label  {made.label}"))
        _reload()


def _reload() -> None:
    print(
        say("브로커가 다시 읽게 하십시오: systemctl reload mosquitto", "let the broker read it again: systemctl reload mosquitto")
    )
