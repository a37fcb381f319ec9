"""How a site begins: settings file, key, store with its first dongs and first account; all of it or nothing."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from anbu.ending import Refusal
from anbu.language import say
from anbu.opening import open_key, opened_store, sqlite_file
from anbu.schema import migrate
from anbu.settings import Settings, load_settings
from dashboard_api.accounts import AccountRefused, Accounts
from ingest.clock import SystemClock
from ingest.register.homes import AlreadyRegistered, EntryWrong
from ingest.register.register import Register
from ingest.seal import new_key, write_key

TEMPLATE = """\
# anbu 설정 (settings of one site). 모든 항목은 환경 변수로도 정할 수 있습니다: ANBU_BROKER__PORT=1884
# 상대 경로는 이 파일이 있는 폴더 기준입니다 (relative paths are meant from this file's folder).
# 고친 뒤에는 anbu check 로 확인하십시오 (after a change: anbu check).

data = "data"  # 저널, 저장소, 이력이 쌓이는 폴더 (everything durable)

[site]
name = {site}

[broker]  # 센서가 보내는 MQTT 브로커 (where devices publish)
host = {host}
port = {port}
client_id = "anbu"  # 브로커가 우리 몫의 메시지를 이 이름으로 보관합니다 (our session; never two of the same)
# username = "anbu"
# password = ""  # 파일보다 환경 변수 ANBU_BROKER__PASSWORD 를 권합니다
# acks_username = "anbu-acks"  # 기기에 수신 확인을 보내는, 위와 다른 계정 (acknowledges; never the same account)
# tls = true
# ca_file = "ca.pem"
embedded = {embedded}  # true: 내장 브로커를 함께 실행 (start our own nats-server)

[web]  # 직원 화면 (the staff page)
host = "127.0.0.1"
port = 8080
https = false  # 앞에 https 프록시가 있으면 true (a proxy in front speaks https)
# base_url = "https://anbu.example.go.kr"  # 알림에 넣을 주소 (links in alerts)

[keys]  # 개인정보를 잠그는 열쇠. 백업은 데이터와 다른 곳에 두십시오 (keep its backup apart from the data)
# file = "anbu.key"
# env = "ANBU_KEY"  # 파일 대신 환경 변수 이름, 값은 base64 (둘 중 하나만)

[store]
# url = "sqlite:///data/anbu.sqlite3"

[journal]  # 받은 모든 것의 기록 (docs/journal.md)
segment_mib = 64
keep_days = 365  # 이보다 오래된 것은 지움, 0: 모두 보관 (0: keep everything)

[backup]  # anbu backup 을 이 폴더에 하루 한 번 (cron); 없으면 시스템 경보 (docs/operating.md)
# folder = "/srv/backup"  # 새 백업이 없으면 알림 (told when none is younger than every_hours)
# every_hours = 26

[history]  # 그래프에 쓰는 측정값 (readings for charts; docs/history.md)
kind = "embedded"  # embedded, influxdb
# url = "http://127.0.0.1:8086"
# token = ""  # ANBU_HISTORY__TOKEN 을 권합니다; InfluxDB 1.x 는 user:password
# org = "-"
# raw_bucket = "anbu"
# hours_bucket = "anbu-hours"

[alerts]  # 화면 밖으로 보내는 알림 (alerts besides the page)
# webhook_url = "https://..."
# webhook_secret = ""  # 16자 이상; ANBU_ALERTS__WEBHOOK_SECRET 를 권합니다
# recipients = ["night-desk"]

[rules]
# file = "rules.toml"  # 없으면 기본 기준표 (the table as shipped)

[log]
level = "info"  # debug, info, warning, error
format = "console"  # console, json
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the first start of a site is told."""

    config: Path
    site: str
    dongs: tuple[tuple[str, str], ...]  # code, name
    login: str
    role: str
    dong_code: str | None  # of an officer
    password: str | None  # None: made here
    broker_host: str = "127.0.0.1"
    broker_port: int = 1883
    embedded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """The site as it was made; `password` is to be shown once."""

    settings: Settings
    password: str


def found(plan: Plan) -> Founded:
    """Make the site; Refusal, with nothing left behind, when any part of it exists or cannot be made."""
    _refuse_existing(plan.config)
    with ExitStack() as undo:
        undo.callback(plan.config.unlink, missing_ok=True)
        _write_settings(plan)
        settings = load_settings(plan.config)
        _refuse_existing(*(file for file in (_key_file(settings), sqlite_file(settings.store_url)) if file))
        password = plan.password or secrets.token_urlsafe(12)
        _make(plan, settings, password, undo)
        undo.pop_all()
    return Founded(settings=settings, password=password)


def _refuse_existing(*files: Path) -> None:
    for file in files:
        if file.exists():
            raise Refusal(
                say(f"{file} 이(가) 이미 있습니다. 덮어쓰지 않습니다.", f"{file} exists already; nothing is overwritten.")
            )


def _write_settings(plan: Plan) -> None:
    text = TEMPLATE.format(
        site=json.dumps(plan.site, ensure_ascii=False),
        host=json.dumps(plan.broker_host),
        port=plan.broker_port,
        embedded="true" if plan.embedded else "false",
    )
    try:
        plan.config.parent.mkdir(parents=True, exist_ok=True)
        # Passwords may be written into it later.
        descriptor = os.open(plan.config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Refusal(
            say(f"{plan.config} 을(를) 쓸 수 없습니다: {error.strerror}", f"cannot write {plan.config}: {error.strerror}")
        ) from error


def _key_file(settings: Settings) -> Path | None:
    return settings.key_source if isinstance(settings.key_source, Path) else None


def _make(plan: Plan, settings: Settings, password: str, undo: ExitStack) -> None:
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        if key_file := _key_file(settings):
            undo.callback(key_file.unlink, missing_ok=True)
            write_key(key_file, new_key())
        if store_file := sqlite_file(settings.store_url):
            for suffix in ("", "-wal", "-shm"):
                undo.callback(store_file.with_name(store_file.name + suffix).unlink, missing_ok=True)
        sealer = open_key(settings)
        with opened_store(settings, create=True) as engine:
            migrate(engine)
            clock = SystemClock()
            register = Register(engine, sealer, clock)
            for code, name in plan.dongs:
                register.add_dong(code, name)
            Accounts(engine, clock).add(plan.login, password, plan.role, plan.dong_code)
    except (EntryWrong, AlreadyRegistered, AccountRefused) as error:
        raise Refusal(str(error)) from error
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from error
