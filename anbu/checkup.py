"""Whether a site could run: settings, key, store, folders, broker and clock, each with the next step where it could not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
from sqlalchemy import Engine, LargeBinary, Table, func, select

from alerts.ladder import load_ladder
from anbu.broker import BrokerFailed, nats_server
from anbu.broker_probe import probe_broker
from anbu.broker_site import BrokerFolder
from anbu.certificate_look import say_certificate
from anbu.channels import look_at_channels
from anbu.database import describe
from anbu.ending import Refusal
from anbu.histories import look_at_history
from anbu.language import say
from anbu.opening import open_key, opened_store, refuse_unmigrated
from anbu.sections import Broker
from anbu.settings import Settings, SettingsWrong, load_settings
from dashboard_api.tables import account
from ingest.clock import SECOND, Millis, SystemClock, to_iso
from ingest.register.tables import dong, guardian, resident
from ingest.seal import KEY_ID_AT, Sealer
from ingest.store import reading
from rules.reader import RulesWrong
from rules.table import load_table

ROOM_BYTES = 1024**3
"""Less free disk than this is a problem: a full disk stops us from acknowledging anything."""

CLOCK_TOLERANCE: Millis = 5 * SECOND


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at; `next_step` is empty where it is well."""

    name: str
    ok: bool
    detail: str
    next_step: str = ""


def check_site(config: Path | None) -> list[Line]:
    """Look at everything, whatever else is wrong; nothing is changed, no personal field is opened."""
    try:
        settings = load_settings(config)
    except SettingsWrong as wrong:
        steps = say("고친 뒤 anbu check 를 다시 실행하십시오", "mend it, then anbu check again")
        return [Line(name="settings", ok=False, detail=str(problem), next_step=steps) for problem in wrong.problems]
    # The clock's own first reading is the one later looks are measured against.
    clock = SystemClock()
    looks: list[tuple[str, Callable[[], str]]] = [
        ("rules", lambda: _rules(settings)),
        ("key", lambda: _key(settings)),
        ("store", lambda: _store(settings)),
        ("seals", lambda: _seals(settings)),
        ("ladder", lambda: _ladder(settings)),
        ("folders", lambda: _folders(settings)),
        ("history", lambda: look_at_history(settings, clock)),
        ("broker", lambda: _broker(settings.broker)),
        ("channels", lambda: look_at_channels(settings, clock)),
        ("clock", lambda: _clock(settings, clock)),
    ]
    folder = BrokerFolder(settings.broker_folder)
    if folder.server_crt.exists():
        looks.append(("certificate", lambda: say_certificate(folder, clock.machine_now())))
    well = Line(name="settings", ok=True, detail=say("모든 설정이 맞습니다", "all settings are right"))
    return [well, *(_looked(name, look) for name, look in looks)]


def _looked(name: str, look: Callable[[], str]) -> Line:
    try:
        return Line(name=name, ok=True, detail=look())
    except Refusal as refusal:
        return Line(name=name, ok=False, detail=refusal.wrong, next_step=refusal.next_step)


def _rules(settings: Settings) -> str:
    file = settings.rules.file
    try:
        load_table(file)
    except (RulesWrong, OSError) as error:
        step = say("기준표를 고치십시오", "mend the table of limits")
        raise Refusal(_said(error), f"{step}: {file}") from error
    return str(file) if file else say("기본 기준표", "the table as shipped")


def _ladder(settings: Settings) -> str:
    file = settings.alerts.ladder
    try:
        ladder = load_ladder(file)
    except (RulesWrong, OSError) as error:
        raise Refusal(_said(error), say(f"확인 단계를 고치십시오: {file}", f"mend the ladder: {file}")) from error
    return f"{file or say('기본 확인 단계', 'the ladder as shipped')} ({ladder.version})"


def _said(error: RulesWrong | OSError) -> str:
    return error.said(say("ko", "en")) if isinstance(error, RulesWrong) else str(error)


def _key(settings: Settings) -> str:
    sealer = open_key(settings)
    return say(f"열쇠 {sealer.key_id.hex()}", f"key {sealer.key_id.hex()}")


def _seals(settings: Settings) -> str:
    sealer = open_key(settings)
    with opened_store(settings) as engine:
        refuse_unmigrated(engine)
        others = [table.name for table in (resident, guardian) if not _fits(engine, sealer, table)]
    if others:
        raise Refusal(
            say(
                f"저장된 개인정보({', '.join(others)})는 다른 열쇠로 잠겨 있습니다",
                f"{', '.join(others)}: sealed under another key",
            ),
            say(
                f"그 열쇠를 {settings.key_source} 에 되돌려 놓으십시오. 새 열쇠로는 열 수 없습니다",
                f"put that key back to {settings.key_source}; a new one opens nothing",
            ),
        )
    return say("개인정보가 이 열쇠로 잠겨 있습니다", "personal fields are sealed under this key")


def _fits(engine: Engine, sealer: Sealer, table: Table) -> bool:
    at, length = KEY_ID_AT
    key_id = func.substr(table.c.sealed, at + 1, length, type_=LargeBinary)
    with reading(engine).begin() as connection:
        return not connection.scalar(select(func.count()).select_from(table).where(key_id != sealer.key_id))


def _store(settings: Settings) -> str:
    with opened_store(settings) as engine:
        refuse_unmigrated(engine)
        with reading(engine).begin() as connection:
            database = describe(connection)
            dongs, accounts = (connection.scalar(select(func.count()).select_from(table)) for table in (dong, account))
    if not dongs:
        raise Refusal(say("동이 하나도 없습니다", "there is no dong"), "anbu dong add CODE NAME")
    if not accounts:
        raise Refusal(say("계정이 하나도 없습니다", "there is no account"), "anbu user add LOGIN")
    held = say(f"최신 구조, 동 {dongs}개, 계정 {accounts}개", f"newest schema, {dongs} dongs, {accounts} accounts")
    return f"{database}, {held}"


def _folders(settings: Settings) -> str:
    free = []
    for folder in {settings.data, settings.journal_folder, settings.history_file.parent}:
        # What is not there yet is made by the first start, where its parent lets us.
        there = next(place for place in (folder, *folder.parents) if place.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            raise Refusal(
                say(f"{there} 에 쓸 수 없습니다", f"{there} cannot be written to"),
                say("실행할 계정에게 쓰기 권한을 주십시오", "give the account we run under the right to write there"),
            )
        free.append(shutil.disk_usage(there).free)
    if min(free) < ROOM_BYTES:
        raise Refusal(
            say(f"남은 공간이 {min(free) // 1024**2} MiB 입니다", f"{min(free) // 1024**2} MiB are free"),
            say("공간을 늘리십시오. 가득 차면 수신을 멈춥니다", "make room; on a full disk nothing is taken any more"),
        )
    return say(f"쓸 수 있음, {min(free) // 1024**3} GiB 남음", f"writable, {min(free) // 1024**3} GiB free")


def _broker(broker: Broker) -> str:
    where = f"{broker.host}:{broker.port}"
    probe = probe_broker(broker)
    if probe.error is None:
        shared = say(" (이 사용자에게 세션이 하나뿐인 브로커)", " (one session per user)") if probe.shares_session else ""
        return say(f"{where} 접속과 구독이 됩니다", f"{where} takes our connection and subscription") + shared
    if broker.embedded:
        try:
            return say(f"anbu serve 가 {nats_server()} 를 실행합니다", f"anbu serve starts {nats_server()}")
        except BrokerFailed as error:
            raise Refusal(str(error), say("make setup 을 다시 하십시오", "set up again")) from error
    raise Refusal(
        f"{where}: {probe.error}",
        say(
            "브로커가 켜져 있는지, [broker] 의 host, port, username, password 가 맞는지 보십시오",
            "see that the broker runs and that host, port, username and password in [broker] are right",
        ),
    )


def _clock(settings: Settings, clock: SystemClock) -> str:
    step = say("시각 동기(NTP)를 확인하십시오", "see to time synchronisation (NTP)")
    now = clock.machine_now()
    if abs(clock.wall_drift()) > CLOCK_TOLERANCE:
        raise Refusal(say("시계가 검사하는 동안 건너뛰었습니다", "the clock jumped while we looked"), step)
    # This program was installed, and our files were written, in the past.
    written, newest = max((_written(file), file) for file in (Path(__file__), *settings.data.rglob("*")))
    if written - now > CLOCK_TOLERANCE:
        raise Refusal(
            say(f"지금이 {to_iso(now)} 인데 {newest} 은(는) 그 뒤의 것입니다", f"now is {to_iso(now)}, yet {newest} is later"),
            step,
        )
    return to_iso(now)


def _written(file: Path) -> Millis:
    try:
        return file.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:  # a running site closes files while we look
        return 0
