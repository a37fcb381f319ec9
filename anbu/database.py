"""Which database the relational store is, and whether it keeps what we commit."""

from __future__ import annotations

from sqlalchemy import Connection, text

from anbu.ending import Refusal
from anbu.language import say

_SETTINGS = "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')"

OLDEST = 13
"""The oldest PostgreSQL that its makers still mended when this was written."""


def describe(connection: Connection) -> str:
    """Its name and version; Refusal where a crash or a power cut would take back what we told people is kept."""
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
    number = connection.scalar(text("SELECT current_setting('server_version_num')::int")) or 0
    name = f"PostgreSQL {number // 10_000}.{number % 10_000}"
    if number < OLDEST * 10_000:
        raise Refusal(
            say(f"{name}: 너무 오래된 버전입니다", f"{name} is too old"),
            say(f"{OLDEST} 이상을 쓰십시오", f"use {OLDEST} or newer"),
        )
    encoding = connection.scalar(text("SELECT current_setting('server_encoding')"))
    if encoding != "UTF8":
        raise Refusal(
            say(f"{name}: 문자 인코딩이 {encoding} 입니다", f"{name} encodes text as {encoding}"),
            say("UTF8 로 데이터베이스를 다시 만드십시오", "make the database anew with UTF8"),
        )
    off = sorted(row.name for row in connection.execute(text(_SETTINGS)) if row.setting == "off")
    if off:
        raise Refusal(
            say(f"{name}: {', '.join(off)} 이(가) 꺼져 있습니다", f"{name}: {', '.join(off)} off"),
            say("postgresql.conf 에서 켜십시오. 정전 때 기록을 잃습니다", "turn it on: a power cut loses what was committed"),
        )
    return name
